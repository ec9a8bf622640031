"""PNG."""

import struct
import zlib

import numpy as np

from corpus_kinds.common import orientation_exif, put, rgb, saved

ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


def png_file(samples, depth, color, interlaced=False, palette=None, transparency=None, before=b"", after=b"", filters=True):
    """A PNG of any type: `samples` is height x width x channels of integers below 2**depth."""
    height, width, channels = samples.shape

    def packed(part):
        raw = bytearray()
        bpp = max(1, channels * depth // 8)
        previous = None
        for index, row in enumerate(part):
            flat = row.reshape(-1)
            if depth == 16:
                line = flat.astype(">u2").tobytes()
            elif depth == 8:
                line = flat.astype(np.uint8).tobytes()
            else:
                bits = ((flat[:, None] >> np.arange(depth - 1, -1, -1)) & 1).astype(np.uint8).reshape(-1)
                line = np.packbits(bits).tobytes()
            kind = index % 5 if filters else 0
            raw.append(kind)
            raw += filtered(kind, line, previous or bytes(len(line)), bpp)
            previous = line
        return bytes(raw)

    if interlaced:
        data = b"".join(
            packed(samples[y0::dy, x0::dx])
            for y0, x0, dy, dx in ADAM7
            if samples[y0::dy, x0::dx].size
        )
    else:
        data = packed(samples)
    out = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, int(interlaced)))
    if palette is not None:
        out += chunk(b"PLTE", bytes(palette))
    if transparency is not None:
        out += chunk(b"tRNS", transparency)
    return out + before + chunk(b"IDAT", zlib.compress(data, 9)) + after + chunk(b"IEND", b"")


def filtered(kind, line, up, bpp):
    out = bytearray()
    for i, value in enumerate(line):
        a = line[i - bpp] if i >= bpp else 0
        b = up[i]
        c = up[i - bpp] if i >= bpp else 0
        if kind == 0:
            guess = 0
        elif kind == 1:
            guess = a
        elif kind == 2:
            guess = b
        elif kind == 3:
            guess = (a + b) // 2
        else:
            p = a + b - c
            guess = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
        out.append((value - guess) & 255)
    return bytes(out)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png():
    colors = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
    for color, depths in colors.items():
        for depth in depths:
            for interlaced in (False, True):
                rng = np.random.default_rng(color * 100 + depth)
                samples = rng.integers(0, 2**depth, (11, 13, channels[color]))
                if color == 0 and depth == 16:
                    samples[::2] %= 400
                palette = rng.integers(0, 256, 3 * 2**depth).astype(np.uint8).tobytes() if color == 3 else None
                kind = "interlaced" if interlaced else "plain"
                put(f"png/color{color}_{depth}bit_{kind}.png", png_file(samples, depth, color, interlaced, palette))
    rng = np.random.default_rng(5)
    for size in (1, 2, 3, 5, 8):
        put(f"png/interlaced_{size}x{size}.png", png_file(rng.integers(0, 256, (size, size, 3)), 8, 2, True))
    put("png/1x1.png", png_file(rng.integers(0, 256, (1, 1, 3)), 8, 2))
    colours = rng.integers(0, 256, 30).astype(np.uint8).tobytes()
    indices = rng.integers(0, 10, (9, 9, 1))
    put("png/palette_transparency.png", png_file(indices, 8, 3, False, colours, bytes([0, 128, 255, 3])))
    put("png/palette_short.png", png_file(rng.integers(0, 16, (9, 9, 1)), 4, 3, False, colours))
    put("png/palette_short_8bit.png", png_file(rng.integers(0, 256, (9, 9, 1)), 8, 3, False, colours))
    put("png/palette_gray.png", png_file(rng.integers(0, 16, (9, 9, 1)), 4, 3, False, np.repeat(np.arange(16), 3).astype(np.uint8).tobytes()))
    put("png/gray_transparency.png", png_file(rng.integers(0, 256, (9, 9, 1)), 8, 0, False, None, b"\0\x20"))
    put("png/gray16_transparency.png", png_file(rng.integers(0, 500, (9, 9, 1)), 16, 0, False, None, b"\0\x20"))
    put("png/gray1_transparency.png", png_file(rng.integers(0, 2, (9, 9, 1)), 1, 0, False, None, b"\0\1"))
    put("png/rgb_transparency.png", png_file(rng.integers(0, 256, (9, 9, 3)), 8, 2, False, None, b"\0\1\0\2\0\3"))
    put("png/rgb_suggested_palette.png", png_file(rng.integers(0, 256, (9, 9, 3)), 8, 2, False, colours))
    put("png/gamma_srgb.png", png_file(rng.integers(0, 256, (6, 6, 3)), 8, 2, before=chunk(b"gAMA", struct.pack(">I", 45455)) + chunk(b"sRGB", b"\0")))
    small = rng.integers(0, 256, (6, 10, 3))
    exif = orientation_exif(6)
    tiff = exif[6:] if exif.startswith(b"Exif\0\0") else exif
    put("png/orientation_before.png", png_file(small, 8, 2, before=chunk(b"eXIf", tiff)))
    put("png/orientation_after.png", png_file(small, 8, 2, after=chunk(b"eXIf", tiff)))
    put("png/orientation_interlaced.png", png_file(small, 8, 2, True, before=chunk(b"eXIf", orientation_exif(3)[6:])))
    xmp = b'XML:com.adobe.xmp\0\0\0\0\0<rdf tiff:Orientation="8"/>'
    put("png/orientation_xmp.png", png_file(small, 8, 2, before=chunk(b"iTXt", xmp)))
    put("png/apng.png", saved(rgb(9, 12), "PNG", save_all=True, append_images=[rgb(9, 12, 3)], default_image=False))
    put("png/apng_default_image.png", saved(rgb(9, 12), "PNG", save_all=True, append_images=[rgb(9, 12, 3)], default_image=True))
    plain = png_file(small, 8, 2)
    put("png/truncated.png", plain[: len(plain) - 40])
    put("png/no_iend.png", plain[:-12])
    put("png/trailing_bytes.png", plain + b"tail")
    idat = plain.index(b"IDAT")
    put("png/bad_idat_crc.png", plain[:-16] + b"\0\0\0\0" + plain[-12:])
    put("png/bad_ihdr_crc.png", plain[:29] + b"\0\0\0\0" + plain[33:])
    put("png/bad_ancillary_crc.png", plain[: idat - 4] + chunk(b"gAMA", struct.pack(">I", 45455))[:-4] + b"\0\0\0\0" + plain[idat - 4 :])
    body = bytearray(zlib.decompress(plain[idat + 4 : -16]))
    body[0] = 9
    put("png/bad_filter.png", plain[: idat - 4] + chunk(b"IDAT", zlib.compress(bytes(body))) + chunk(b"IEND", b""))
    put("png/idat_too_long.png", plain[: idat - 4] + chunk(b"IDAT", zlib.compress(zlib.decompress(plain[idat + 4 : -16]) + bytes(100))) + chunk(b"IEND", b""))
    put("png/idat_too_short.png", plain[: idat - 4] + chunk(b"IDAT", zlib.compress(zlib.decompress(plain[idat + 4 : -16])[:-40])) + chunk(b"IEND", b""))
    split = plain[idat + 4 : -16]
    parts = b"".join(chunk(b"IDAT", split[i : i + 7]) for i in range(0, len(split), 7))
    put("png/many_idat.png", plain[: idat - 4] + parts + chunk(b"IEND", b""))
    put("png/adler_wrong.png", plain[: idat - 4] + chunk(b"IDAT", split[:-1] + bytes([split[-1] ^ 1])) + chunk(b"IEND", b""))
