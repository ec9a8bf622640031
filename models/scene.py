"""Photo-like scenes and fractal noise, drawn with numpy alone. Arrays are float64 (H, W, 3) in 0..255."""

import numpy as np


def fractal_noise(rng, height, width, cell, octaves=5, gain=0.55):
    """Sum of smoothly interpolated value-noise lattices, in 0..1, (H, W). `cell` is the size of the coarsest cell in pixels."""
    total = np.zeros((height, width))
    weight, amplitude = 0.0, 1.0
    for _ in range(octaves):
        y = np.arange(height) / cell
        x = np.arange(width) / cell
        lattice = rng.random((int(y[-1]) + 2, int(x[-1]) + 2))
        y0, x0 = y.astype(int), x.astype(int)
        fy, fx = y - y0, x - x0
        fy, fx = (fy * fy * (3 - 2 * fy))[:, None], (fx * fx * (3 - 2 * fx))[None, :]
        top = lattice[y0][:, x0] * (1 - fx) + lattice[y0][:, x0 + 1] * fx
        bottom = lattice[y0 + 1][:, x0] * (1 - fx) + lattice[y0 + 1][:, x0 + 1] * fx
        total += amplitude * (top * (1 - fy) + bottom * fy)
        weight += amplitude
        amplitude *= gain
        cell = max(cell / 2, 1.5)
    return total / weight


def mix(image, colour, alpha):
    """Blend a colour (3,) or an image over `image`; `alpha` (H, W) in 0..1."""
    return image + (np.asarray(colour, float) - image) * alpha[..., None]


def soft_edge(distance, softness=1.0):
    """Coverage of the region where `distance` (pixels) is below zero, with an edge `softness` pixels wide."""
    return np.clip(0.5 - distance / softness, 0, 1)


def sphere(image, cx, cy, radius, colour, light=(-0.5, -0.7, 0.5)):
    """A shaded ball with a highlight and a soft shadow on the ground to its right."""
    height, width, _ = image.shape
    y, x = np.mgrid[0:height, 0:width].astype(float)
    shadow = np.hypot((x - cx - 0.7 * radius) / 1.6, (y - cy - 0.85 * radius) / 0.35) - radius * 0.8
    image = mix(image, (20, 22, 30), 0.55 * np.clip(0.5 - shadow / radius, 0, 1))
    nx, ny = (x - cx) / radius, (y - cy) / radius
    nz = np.sqrt(np.clip(1 - nx * nx - ny * ny, 0, 1))
    unit = np.asarray(light) / np.linalg.norm(light)
    diffuse = np.clip(nx * unit[0] + ny * unit[1] + nz * unit[2], 0, 1)
    shaded = np.asarray(colour, float) * (0.22 + 0.78 * diffuse)[..., None] + 190 * (diffuse**24)[..., None]
    cover = soft_edge(np.hypot(x - cx, y - cy) - radius)
    return mix(image, shaded, cover)


def landscape(seed, width, height, grain=1.0):
    """Sky with clouds, hazy ridges, textured ground, a fence and balls. `grain` is the sensor noise in levels."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(float)
    v = y / max(height - 1, 1)
    image = (1 - v[..., None]) * np.array([70.0, 120, 200]) + v[..., None] * np.array([225.0, 200, 170])
    clouds = fractal_noise(rng, height, width, width / 4)
    image = mix(image, (250, 248, 244), np.clip((clouds - 0.5) * 3.5, 0, 0.9) * (1 - v))
    for layer in range(4):
        ridge = fractal_noise(rng, 1, width, width / (3 + layer), octaves=6)[0]
        base = height * (0.38 + 0.09 * layer) - (ridge - 0.5) * height * (0.32 - 0.05 * layer)
        haze = layer / 3
        colour = np.array([140.0, 155, 175]) * (1 - haze) + np.array([60.0, 85, 50]) * haze
        image = mix(image, colour, soft_edge(base[None, :] - y, 1.5))
    ground = height * 0.70
    texture = fractal_noise(rng, height, width, 24, octaves=5, gain=0.75)
    soil = np.array([118.0, 96, 62]) * (0.55 + 0.9 * texture)[..., None]
    image = mix(image, soil, soft_edge(ground - y, 2))
    for post in np.arange(width * 0.04, width, max(width / 14, 6)):
        cover = soft_edge(np.abs(x - post) - max(width / 220, 0.8)) * soft_edge(ground - 0.09 * height - y) * soft_edge(y - ground - 0.02 * height)
        image = mix(image, (70, 48, 34), cover)
    for rail in (0.05, 0.02):
        image = mix(image, (88, 62, 44), soft_edge(np.abs(y - ground + rail * height) - max(height / 260, 0.6)))
    colours = [(205, 40, 36), (34, 92, 190), (236, 190, 40), (60, 160, 80)]
    for index in range(3):
        radius = min(width, height) * rng.uniform(0.06, 0.13)
        cx, cy = width * (0.18 + 0.3 * index + rng.uniform(-0.05, 0.05)), height * rng.uniform(0.76, 0.86)
        image = sphere(image, cx, cy, radius, colours[(index + seed) % 4])
    vignette = 1 - 0.25 * (((x / width - 0.5) * 2) ** 2 + ((y / height - 0.5) * 2) ** 2) / 2
    return image * vignette[..., None] + rng.normal(0, 1, image.shape) * grain
