"""WebP."""

from PIL import Image

from corpus_kinds.common import gray, orientation_exif, picture, put, rgb, saved


def webp():
    for height, width in ((1, 1), (7, 9), (33, 50)):
        put(f"webp/lossless_{height}x{width}.webp", saved(rgb(height, width), "WEBP", lossless=True))
        put(f"webp/lossy_{height}x{width}.webp", saved(rgb(height, width), "WEBP", quality=80))
    put("webp/lossy_q10.webp", saved(rgb(40, 40), "WEBP", quality=10))
    put("webp/lossy_q100.webp", saved(rgb(40, 40), "WEBP", quality=100))
    put("webp/lossless_few_colours.webp", saved(rgb(33, 50).quantize(12).convert("RGB"), "WEBP", lossless=True))
    put("webp/lossless_gray.webp", saved(gray(20, 30), "WEBP", lossless=True))
    rgba = picture(20, 30, 4)
    rgba[:5, :, 3] = 0
    put("webp/lossless_alpha.webp", saved(Image.fromarray(rgba, "RGBA"), "WEBP", lossless=True))
    put("webp/lossless_alpha_exact.webp", saved(Image.fromarray(rgba, "RGBA"), "WEBP", lossless=True, exact=True))
    put("webp/lossy_alpha.webp", saved(Image.fromarray(rgba, "RGBA"), "WEBP", quality=80))
    put("webp/animated.webp", saved(rgb(12, 15), "WEBP", lossless=True, save_all=True, append_images=[rgb(12, 15, 3)]))
    put("webp/orientation.webp", saved(rgb(6, 10), "WEBP", lossless=True, exif=orientation_exif(6)))
    data = saved(rgb(33, 50), "WEBP", lossless=True)
    put("webp/truncated.webp", data[: len(data) // 2])
