"""Writes tests/corpus: small images of every kind and a manifest with Pillow's pixels of each.

Needs Pillow 13 and numpy. Deterministic: the same Pillow writes the same files.

    python tests/make_corpus.py

manifest.json: one entry per file with "height", "width" and "sha256" of the RGB bytes that
`ImageOps.exif_transpose(Image.open(file)).convert("RGB")` gives, or "error" with Pillow's message.
"draft" has the digests of Pillow's scaled JPEG decodes by denominator. Lossy WebP entries carry a "png" with Pillow's pixels, to measure the distance.
"""

import hashlib
import io
import json
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, ImageOps

HERE = Path(__file__).parent / "corpus"
FILES = {}


def picture(height, width, channels=3, seed=0):
    """Smooth waves, an edge and some noise: every block type of a codec, small files."""
    rng = np.random.default_rng(seed + 1000 * height + width)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    planes = []
    for c in range(channels):
        wave = 127 + 80 * np.sin(x / (5 + c) + c) * np.cos(y / (7 - c)) + 40 * (x > y + 3 * c)
        planes.append(wave + rng.normal(0, 6, (height, width)))
    return np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8)


def put(name, data):
    assert name not in FILES, name
    FILES[name] = bytes(data)


def saved(image, format, **options):
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def rgb(height, width, seed=0):
    return Image.fromarray(picture(height, width, 3, seed))


def gray(height, width, seed=0):
    return Image.fromarray(picture(height, width, 1, seed)[..., 0])


def orientation_exif(value):
    exif = Image.Exif()
    exif[0x0112] = value
    return exif.tobytes()


# --- JPEG ---------------------------------------------------------------------------------------------
def jpeg():
    for subsampling in ("4:4:4", "4:2:2", "4:2:0"):
        tag = subsampling.replace(":", "")
        for height, width in ((1, 1), (2, 3), (7, 9), (16, 16), (17, 31), (33, 50)):
            put(f"jpeg/{tag}_{height}x{width}.jpg", saved(rgb(height, width), "JPEG", quality=85, subsampling=subsampling))
        put(f"jpeg/{tag}_progressive.jpg", saved(rgb(45, 61), "JPEG", quality=80, subsampling=subsampling, progressive=True))
        put(f"jpeg/{tag}_restart_rows.jpg", saved(rgb(45, 61), "JPEG", quality=80, subsampling=subsampling, restart_marker_rows=1))
        put(f"jpeg/{tag}_restart_blocks.jpg", saved(rgb(45, 61), "JPEG", quality=80, subsampling=subsampling, restart_marker_blocks=2))
        put(f"jpeg/{tag}_q10.jpg", saved(rgb(40, 40), "JPEG", quality=10, subsampling=subsampling))
        put(f"jpeg/{tag}_q100_optimize.jpg", saved(rgb(24, 24), "JPEG", quality=100, subsampling=subsampling, optimize=True))
    put("jpeg/440.jpg", as_440(saved(rgb(32, 64), "JPEG", quality=80, subsampling="4:2:2")))
    put("jpeg/keep_rgb.jpg", saved(rgb(23, 29), "JPEG", quality=90, keep_rgb=True))
    put("jpeg/gray.jpg", saved(gray(37, 43), "JPEG", quality=85))
    put("jpeg/gray_progressive.jpg", saved(gray(37, 43), "JPEG", quality=85, progressive=True))
    put("jpeg/gray_1x1.jpg", saved(gray(1, 1), "JPEG"))
    put("jpeg/gray_sampled_2x2.jpg", gray_sampling(saved(gray(21, 19), "JPEG")))
    cmyk = Image.frombytes("CMYK", (34, 26), picture(26, 34, 4).tobytes())
    put("jpeg/cmyk_adobe.jpg", saved(cmyk, "JPEG", quality=85))
    put("jpeg/cmyk_progressive.jpg", saved(cmyk, "JPEG", quality=85, progressive=True))
    put("jpeg/cmyk_no_adobe.jpg", without_app(saved(cmyk, "JPEG", quality=85), 0xEE))
    put("jpeg/ycck.jpg", adobe_transform(saved(cmyk, "JPEG", quality=85), 2))
    for subsampling in ("4:2:2", "4:2:0"):
        tag = subsampling.replace(":", "")
        sampled = saved(cmyk, "JPEG", quality=85, subsampling=subsampling)
        put(f"jpeg/cmyk_{tag}.jpg", sampled)
        put(f"jpeg/ycck_{tag}.jpg", adobe_transform(sampled, 2))
    put("jpeg/rgb_adobe_transform_0.jpg", insert_adobe(saved(rgb(18, 22), "JPEG", quality=85, subsampling="4:4:4"), 0))
    put("jpeg/no_jfif.jpg", without_app(saved(rgb(18, 22), "JPEG", quality=85), 0xE0))
    for value in range(0, 10):
        put(f"jpeg/orientation_{value}.jpg", saved(rgb(12, 20), "JPEG", quality=85, exif=orientation_exif(value)))
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    put("jpeg/orientation_xmp.jpg", saved(rgb(12, 20), "JPEG", quality=85, xmp=xmp))
    put("jpeg/orientation_420_progressive.jpg", saved(rgb(35, 50), "JPEG", quality=85, progressive=True, exif=orientation_exif(8)))
    base = saved(rgb(33, 50), "JPEG", quality=85)
    put("jpeg/trailing_bytes.jpg", base + b"\0" * 64 + b"tail")
    put("jpeg/no_eoi.jpg", base[:-2])
    put("jpeg/early_eoi.jpg", base[: len(base) * 2 // 3] + b"\xff\xd9")
    put("jpeg/truncated.jpg", base[: len(base) * 2 // 3])
    progressive = saved(rgb(45, 61), "JPEG", quality=80, progressive=True)
    put("jpeg/progressive_truncated.jpg", progressive[: len(progressive) // 2])
    put("jpeg/progressive_early_eoi.jpg", progressive[: len(progressive) // 2] + b"\xff\xd9")
    put("jpeg/progressive_dc_only.jpg", dc_only(progressive))
    broken = bytearray(base)
    for at in range(len(base) * 2 // 3, len(base) * 2 // 3 + 12):
        broken[at] = broken[at] ^ 0x55 if broken[at] ^ 0x55 != 0xFF else 0x11
    put("jpeg/corrupt_scan.jpg", broken)
    restart = saved(rgb(45, 61), "JPEG", quality=80, restart_marker_rows=1)
    at = restart.index(b"\xff\xd1")
    put("jpeg/missing_restart.jpg", restart[:at] + restart[at + 2 :])
    put("jpeg/extra_bytes_before_marker.jpg", base[:2] + b"\xff\xff\xff" + base[3:])
    put("jpeg/mpo.mpo", saved(rgb(14, 18), "MPO", save_all=True, append_images=[rgb(14, 18, 5)]))
    put("jpeg/twelve_bit.jpg", precision(base, 12))
    put("jpeg/two_components.jpg", base.replace(b"\x00\x32\x03\x01", b"\x00\x32\x02\x01"))
    put("jpeg/wrong_extension.png", base)


def segments(data):
    """(marker, start, end) of each header segment up to and with SOS."""
    at = 2
    while True:
        marker = data[at + 1]
        end = at + 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
        yield marker, at, end
        if marker == 0xDA:
            return
        at = end


def without_app(data, app):
    for marker, start, end in segments(data):
        if marker == app:
            return data[:start] + data[end:]
    raise AssertionError(hex(app))


def insert_adobe(data, transform):
    data = without_app(data, 0xE0)
    return data[:2] + b"\xff\xee\x00\x0eAdobe\x00\x64\0\0\0\0" + bytes([transform]) + data[2:]


def adobe_transform(data, transform):
    for marker, start, end in segments(data):
        if marker == 0xEE:
            return data[: end - 1] + bytes([transform]) + data[end:]
    raise AssertionError


def as_440(data):
    """A 4:2:2 file relabelled as 4:4:0: the same number of blocks, stacked instead of side by side."""
    out = bytearray(data)
    for marker, start, end in segments(data):
        if marker == 0xC0:
            assert out[start + 11] == 0x21
            out[start + 11] = 0x12
            return bytes(out)
    raise AssertionError


def gray_sampling(data):
    out = bytearray(data)
    for marker, start, end in segments(data):
        if marker == 0xC0:
            out[start + 11] = 0x22
            return bytes(out)
    raise AssertionError


def precision(data, bits):
    out = bytearray(data)
    for marker, start, end in segments(data):
        if marker == 0xC0:
            out[start] , out[start + 1], out[start + 4] = 0xFF, 0xC1, bits
            return bytes(out)
    raise AssertionError


def dc_only(data):
    """The first scan of a progressive file, closed: libjpeg smooths the blocks."""
    first = data.index(b"\xff\xda")
    second = data.index(b"\xff\xda", first + 2)
    cut = data.rindex(b"\xff\xc4", first, second) if b"\xff\xc4" in data[first:second] else second
    return data[:cut] + b"\xff\xd9"


# --- PNG ----------------------------------------------------------------------------------------------
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


# --- GIF ----------------------------------------------------------------------------------------------
def lzw(indices, bits):
    """Uncompressed LZW: a clear code often enough that codes never grow."""
    clear, stop = 1 << bits, (1 << bits) + 1
    codes = []
    for i, value in enumerate(indices):
        if i % ((1 << bits) - 2) == 0:
            codes.append(clear)
        codes.append(int(value))
    codes.append(stop)
    acc = n = 0
    out = bytearray()
    for code in codes:
        acc |= code << n
        n += bits + 1
        while n >= 8:
            out.append(acc & 255)
            acc >>= 8
            n -= 8
    if n:
        out.append(acc & 255)
    blocks = b"".join(bytes([len(out[i : i + 255])]) + out[i : i + 255] for i in range(0, len(out), 255))
    return bytes([bits]) + blocks + b"\0"


def gif_file(screen, frame, indices, bits=4, palette=None, local=None, transparent=None, interlaced=False, background=0, trailer=b";"):
    """screen (height, width); frame (top, left, height, width)."""
    flags = 0x80 | (bits - 1) if palette is not None else 0
    out = b"GIF89a" + struct.pack("<HHBBB", screen[1], screen[0], flags, background, 0) + (palette or b"")
    if transparent is not None:
        out += b"!\xf9\x04\x01\0\0" + bytes([transparent]) + b"\0"
    top, left, height, width = frame
    flags = (0x80 | (bits - 1) if local is not None else 0) | (0x40 if interlaced else 0)
    out += b"," + struct.pack("<HHHHB", left, top, width, height, flags) + (local or b"")
    rows = indices.reshape(height, width)
    if interlaced:
        order = [*range(0, height, 8), *range(4, height, 8), *range(2, height, 4), *range(1, height, 2)]
        rows = rows[order]
    return out + lzw(rows.reshape(-1), bits) + trailer


def gif():
    rng = np.random.default_rng(8)
    colours = rng.integers(0, 256, 48).astype(np.uint8).tobytes()
    other = rng.integers(0, 256, 48).astype(np.uint8).tobytes()
    full = rng.integers(0, 16, (11, 13))
    part = rng.integers(0, 16, (5, 6))
    whole = (0, 0, 11, 13)
    put("gif/plain.gif", gif_file((11, 13), whole, full, palette=colours))
    put("gif/interlaced.gif", gif_file((11, 13), whole, full, palette=colours, interlaced=True))
    put("gif/local_palette.gif", gif_file((11, 13), whole, full, palette=colours, local=other))
    put("gif/local_palette_only.gif", gif_file((11, 13), whole, full, local=other))
    put("gif/no_palette.gif", gif_file((11, 13), whole, full))
    put("gif/transparent.gif", gif_file((11, 13), whole, full, palette=colours, transparent=3))
    put("gif/partial.gif", gif_file((11, 13), (3, 4, 5, 6), part, palette=colours))
    put("gif/partial_background.gif", gif_file((11, 13), (3, 4, 5, 6), part, palette=colours, background=5))
    put("gif/partial_transparent.gif", gif_file((11, 13), (3, 4, 5, 6), part, palette=colours, transparent=7))
    put("gif/partial_local.gif", gif_file((11, 13), (3, 4, 5, 6), part, palette=colours, local=other))
    put("gif/partial_bottom_right.gif", gif_file((11, 13), (6, 7, 5, 6), part, palette=colours))
    put("gif/over_the_screen.gif", gif_file((4, 5), (3, 4, 5, 6), part, palette=colours))
    put("gif/gray_ramp.gif", gif_file((11, 13), whole, full, palette=np.repeat(np.arange(16), 3).astype(np.uint8).tobytes()))
    put("gif/index_beyond_palette.gif", gif_file((11, 13), whole, rng.integers(0, 16, (11, 13)), palette=None, local=None)[:10] + b"\x81" + b"\0\0" + colours[:12] + gif_file((11, 13), whole, full)[13:])
    animated = [rgb(12, 15, s).quantize(32) for s in range(3)]
    put("gif/animated.gif", saved(animated[0], "GIF", save_all=True, append_images=animated[1:]))
    put("gif/gif87.gif", saved(rgb(12, 15).quantize(64), "GIF"))
    put("gif/1x1.gif", saved(rgb(1, 1).quantize(2), "GIF"))
    data = gif_file((11, 13), whole, full, palette=colours)
    put("gif/no_trailer.gif", data[:-1])
    put("gif/truncated.gif", data[:-30])
    put("gif/trailing_bytes.gif", data + b"tail")
    put("gif/no_end_code.gif", data[:-4] + b"\0;")


# --- BMP ----------------------------------------------------------------------------------------------
def bmp_file(height, width, bits, pixels, compression=0, palette=b"", masks=b"", size=40, top_down=False, colours=0):
    header = struct.pack("<iiHHIIiiII", width, -height if top_down else height, 1, bits, compression, len(pixels), 0, 0, colours, 0)
    header = struct.pack("<I", size) + header + (masks + bytes(size))[: size - 40]
    extra = masks if size == 40 else b""
    offset = 14 + len(header) + len(extra) + len(palette)
    return b"BM" + struct.pack("<IHHI", offset + len(pixels), 0, 0, offset) + header + extra + palette + pixels


def rows_of(height, width, bits, seed):
    stride = ((width * bits + 31) // 32) * 4
    return np.random.default_rng(seed).integers(0, 256, height * stride).astype(np.uint8).tobytes()


def bmp():
    rng = np.random.default_rng(9)
    for bits in (1, 4, 8):
        colours = rng.integers(0, 256, 4 << bits).astype(np.uint8).tobytes()
        for top_down in (False, True):
            put(f"bmp/{bits}bit_{'top' if top_down else 'bottom'}.bmp", bmp_file(7, 11, bits, rows_of(7, 11, bits, bits), palette=colours, top_down=top_down))
    put("bmp/8bit_few_colours.bmp", bmp_file(7, 11, 8, rows_of(7, 11, 8, 3), palette=rng.integers(0, 256, 40).astype(np.uint8).tobytes(), colours=10))
    put("bmp/8bit_gray.bmp", saved(gray(9, 10), "BMP"))
    put("bmp/1bit_black_white.bmp", saved(gray(9, 10).convert("1"), "BMP"))
    put("bmp/1bit_white_black.bmp", bmp_file(7, 11, 1, rows_of(7, 11, 1, 1), palette=b"\xff\xff\xff\0\0\0\0\0"))
    put("bmp/16bit_555.bmp", bmp_file(7, 11, 16, rows_of(7, 11, 16, 4)))
    put("bmp/16bit_565.bmp", bmp_file(7, 11, 16, rows_of(7, 11, 16, 4), 3, masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F)))
    put("bmp/16bit_555_masks.bmp", bmp_file(7, 11, 16, rows_of(7, 11, 16, 4), 3, masks=struct.pack("<III", 0x7C00, 0x3E0, 0x1F)))
    put("bmp/16bit_444_masks.bmp", bmp_file(7, 11, 16, rows_of(7, 11, 16, 4), 3, masks=struct.pack("<III", 0xF00, 0xF0, 0xF)))
    put("bmp/24bit.bmp", saved(rgb(9, 10), "BMP"))
    put("bmp/24bit_top.bmp", bmp_file(7, 11, 24, rows_of(7, 11, 24, 5), top_down=True))
    put("bmp/32bit.bmp", bmp_file(7, 11, 32, rows_of(7, 11, 32, 6)))
    put("bmp/32bit_rgba.bmp", saved(Image.fromarray(picture(9, 10, 4), "RGBA"), "BMP"))
    for name, masks in {
        "bgrx": (0xFF0000, 0xFF00, 0xFF, 0), "xbgr": (0xFF000000, 0xFF0000, 0xFF00, 0), "bgxr": (0xFF000000, 0xFF00, 0xFF, 0),
        "abgr": (0xFF000000, 0xFF0000, 0xFF00, 0xFF), "rgba": (0xFF, 0xFF00, 0xFF0000, 0xFF000000),
        "bgra": (0xFF0000, 0xFF00, 0xFF, 0xFF000000), "bgar": (0xFF000000, 0xFF00, 0xFF, 0xFF0000), "zero": (0, 0, 0, 0),
    }.items():
        put(f"bmp/32bit_masks_{name}.bmp", bmp_file(7, 11, 32, rows_of(7, 11, 32, 7), 3, masks=struct.pack("<IIII", *masks), size=108))
    put("bmp/v5.bmp", bmp_file(7, 11, 24, rows_of(7, 11, 24, 5), size=124))
    put("bmp/os2_v2.bmp", bmp_file(7, 11, 24, rows_of(7, 11, 24, 5), size=64))
    core = struct.pack("<IHHHH", 12, 11, 7, 1, 4)
    put("bmp/os2_core.bmp", b"BM" + struct.pack("<IHHI", 0, 0, 0, 26 + 48) + core + rng.integers(0, 256, 48).astype(np.uint8).tobytes() + rows_of(7, 11, 4, 2))
    core24 = struct.pack("<IHHHH", 12, 11, 7, 1, 24)
    put("bmp/os2_core_24.bmp", b"BM" + struct.pack("<IHHI", 0, 0, 0, 26) + core24 + rows_of(7, 11, 24, 2))
    colours = rng.integers(0, 256, 1024).astype(np.uint8).tobytes()
    rle8 = b"\x05\x07\x06\x09\0\0" + b"\0\x05\1\2\3\4\5\0\x06\x21\0\0" + b"\x03\x0a\0\2\2\1\x04\x30\0\0" + b"\x0b\x40\0\0" * 3 + b"\x0b\x50\0\1"
    put("bmp/rle8.bmp", bmp_file(7, 11, 8, rle8, 1, palette=colours))
    rle4 = b"\x05\x7a\x06\x9b\0\0" + b"\0\x05\x12\x34\x50\0\x06\x21\0\0" + b"\x0b\x4c\0\0" * 4 + b"\x0b\x5d\0\1"
    put("bmp/rle4.bmp", bmp_file(7, 11, 4, rle4, 2, palette=colours[:64]))
    put("bmp/rle8_short.bmp", bmp_file(7, 11, 8, rle8[:20] + b"\0\1", 1, palette=colours))
    data = saved(rgb(9, 10), "BMP")
    put("bmp/truncated.bmp", data[:-40])
    put("bmp/trailing_bytes.bmp", data + b"tail")
    put("bmp/1x1.bmp", saved(rgb(1, 1), "BMP"))
    put("bmp/jpeg_compression.bmp", bmp_file(7, 11, 24, b"x" * 300, 4))
    put("bmp/2bit.bmp", bmp_file(7, 11, 2, rows_of(7, 11, 2, 5), palette=colours[:16]))


# --- TIFF ---------------------------------------------------------------------------------------------
def tiff_file(height, width, tags, strips, big=False):
    """tags: {number: (type, values)}; strips: list of bytes. Strip offsets and counts are filled in."""
    order = ">" if big else "<"
    tags = {256: (4, [width]), 257: (4, [height]), **tags}
    tags[279] = (4, [len(s) for s in strips])
    tags[273] = (4, [0] * len(strips))
    if 278 not in tags:
        tags[278] = (4, [height])
    sizes = {1: "B", 3: "H", 4: "I"}
    at = 8
    positions = []
    for strip in strips:
        positions.append(at)
        at += len(strip) + len(strip) % 2
    tags[273] = (4, positions)
    blob = b"".join(s + b"\0" * (len(s) % 2) for s in strips)
    ifd_at = 8 + len(blob)
    extra_at = ifd_at + 2 + 12 * len(tags) + 4
    entries, extra = b"", b""
    for number in sorted(tags):
        kind, values = tags[number]
        packed = struct.pack(order + str(len(values)) + sizes[kind], *values)
        if len(packed) <= 4:
            value = packed.ljust(4, b"\0")
        else:
            value = struct.pack(order + "I", extra_at + len(extra))
            extra += packed + b"\0" * (len(packed) % 2)
        entries += struct.pack(order + "HHI", number, kind, len(values)) + value
    head = (b"MM\0*" if big else b"II*\0") + struct.pack(order + "I", ifd_at)
    return head + blob + struct.pack(order + "H", len(tags)) + entries + b"\0\0\0\0" + extra


def tiff():
    for name, options in {
        "raw": {}, "lzw": {"compression": "tiff_lzw"}, "deflate": {"compression": "tiff_adobe_deflate"},
        "packbits": {"compression": "packbits"}, "predictor": {"compression": "tiff_lzw", "tiffinfo": {317: 2}},
    }.items():
        put(f"tiff/rgb_{name}.tif", saved(rgb(19, 23), "TIFF", **options))
        put(f"tiff/gray_{name}.tif", saved(gray(19, 23), "TIFF", **options))
        put(f"tiff/rgba_{name}.tif", saved(Image.fromarray(picture(9, 10, 4), "RGBA"), "TIFF", **options))
    for compression in ("group3", "group4", "tiff_ccitt"):
        put(f"tiff/1bit_{compression}.tif", saved(gray(19, 23).convert("1"), "TIFF", compression=compression))
    put("tiff/1bit.tif", saved(gray(19, 23).convert("1"), "TIFF"))
    put("tiff/la.tif", saved(Image.fromarray(picture(9, 10, 2), "LA"), "TIFF"))
    put("tiff/palette.tif", saved(rgb(19, 23).quantize(50), "TIFF"))
    put("tiff/palette_lzw.tif", saved(rgb(19, 23).quantize(50), "TIFF", compression="tiff_lzw"))
    put("tiff/cmyk.tif", saved(Image.frombytes("CMYK", (10, 9), picture(9, 10, 4).tobytes()), "TIFF"))
    put("tiff/cmyk_lzw.tif", saved(Image.frombytes("CMYK", (10, 9), picture(9, 10, 4).tobytes()), "TIFF", compression="tiff_lzw"))
    put("tiff/jpeg_ycbcr.tif", saved(rgb(19, 23), "TIFF", compression="jpeg"))
    put("tiff/ycbcr_lzw.tif", saved(rgb(16, 24).convert("YCbCr"), "TIFF", compression="tiff_lzw"))
    put("tiff/lab.tif", saved(Image.frombytes("LAB", (10, 9), picture(9, 10, 3).tobytes()), "TIFF"))
    deep = np.random.default_rng(1).integers(0, 600, (9, 10)).astype(np.uint16)
    put("tiff/gray16.tif", saved(Image.fromarray(deep), "TIFF"))
    put("tiff/gray16_lzw.tif", saved(Image.fromarray(deep), "TIFF", compression="tiff_lzw"))
    put("tiff/int32.tif", saved(Image.fromarray(deep.astype(np.int32) - 200), "TIFF"))
    put("tiff/float32.tif", saved(Image.fromarray(deep.astype(np.float32) / 2 - 30), "TIFF"))
    for value in range(1, 9):
        put(f"tiff/orientation_{value}.tif", saved(rgb(6, 10), "TIFF", tiffinfo={274: value}))
    rng = np.random.default_rng(10)

    def data(count):
        return rng.integers(0, 256, count).astype(np.uint8).tobytes()

    for big in (False, True):
        end = "be" if big else "le"
        put(f"tiff/rgb16_{end}.tif", tiff_file(7, 9, {258: (3, [16] * 3), 262: (3, [2]), 277: (3, [3])}, [data(7 * 9 * 6)], big))
        put(f"tiff/gray16_{end}.tif", tiff_file(7, 9, {258: (3, [16]), 262: (3, [1]), 277: (3, [1])}, [deep[:7, :9].astype(">u2" if big else "<u2").tobytes()], big))
        put(f"tiff/rgb8_strips_{end}.tif", tiff_file(7, 9, {258: (3, [8] * 3), 262: (3, [2]), 277: (3, [3]), 278: (4, [3])}, [data(81), data(81), data(27)], big))
        put(f"tiff/palette_{end}.tif", tiff_file(7, 9, {258: (3, [4]), 262: (3, [3]), 277: (3, [1]), 320: (3, [int(v) for v in rng.integers(0, 65536, 48)])}, [data(35)], big))
    for bits in (1, 2, 4, 8):
        for photometric in (0, 1):
            put(f"tiff/gray_{bits}bit_{'white' if photometric == 0 else 'black'}_is_zero.tif", tiff_file(5, 9, {258: (3, [bits]), 262: (3, [photometric]), 277: (3, [1])}, [data(5 * ((9 * bits + 7) // 8))]))
    put("tiff/gray16_white_is_zero.tif", tiff_file(5, 9, {258: (3, [16]), 262: (3, [0]), 277: (3, [1])}, [deep[:5, :9].astype("<u2").tobytes()]))
    for bits in (1, 2, 8):
        put(f"tiff/palette_{bits}bit.tif", tiff_file(5, 9, {258: (3, [bits]), 262: (3, [3]), 277: (3, [1]), 320: (3, [int(v) for v in rng.integers(0, 65536, 3 << bits)])}, [data(5 * ((9 * bits + 7) // 8))]))
    put("tiff/gray_fill_order_2.tif", tiff_file(5, 9, {258: (3, [1]), 262: (3, [1]), 266: (3, [2]), 277: (3, [1])}, [data(10)]))
    put("tiff/rgb_planar.tif", tiff_file(7, 9, {258: (3, [8] * 3), 262: (3, [2]), 277: (3, [3]), 284: (3, [2])}, [data(63), data(63), data(63)]))
    put("tiff/rgba_unspecified_extra.tif", tiff_file(5, 9, {258: (3, [8] * 4), 262: (3, [2]), 277: (3, [4]), 338: (3, [0])}, [data(180)]))
    put("tiff/rgba_associated.tif", tiff_file(5, 9, {258: (3, [8] * 4), 262: (3, [2]), 277: (3, [4]), 338: (3, [1])}, [data(180)]))
    put("tiff/rgba_unassociated.tif", tiff_file(5, 9, {258: (3, [8] * 4), 262: (3, [2]), 277: (3, [4]), 338: (3, [2])}, [data(180)]))
    put("tiff/rgba16.tif", tiff_file(5, 9, {258: (3, [16] * 4), 262: (3, [2]), 277: (3, [4]), 338: (3, [2])}, [data(360)]))
    put("tiff/cmyk16.tif", tiff_file(5, 9, {258: (3, [16] * 4), 262: (3, [5]), 277: (3, [4])}, [data(360)]))
    tiled = {258: (3, [8] * 3), 262: (3, [2]), 277: (3, [3])}
    put("tiff/rgb_tiled.tif", tiled_tiff(picture(40, 50), 16))
    put("tiff/multi_page.tif", saved(rgb(9, 10), "TIFF", save_all=True, append_images=[rgb(7, 8, 3)]))
    put("tiff/big_tiff.tif", saved(rgb(9, 10), "TIFF", big_tiff=True))
    put("tiff/truncated.tif", tiff_file(7, 9, tiled, [data(7 * 9 * 3)])[:8] + b"")
    put("tiff/strip_beyond_end.tif", tiff_file(7, 9, {**tiled}, [data(50)]))
    put("tiff/1x1.tif", saved(rgb(1, 1), "TIFF"))


def tiled_tiff(pixels, side):
    height, width, _ = pixels.shape
    tiles = []
    for y in range(0, height, side):
        for x in range(0, width, side):
            tile = np.zeros((side, side, 3), np.uint8)
            part = pixels[y : y + side, x : x + side]
            tile[: part.shape[0], : part.shape[1]] = part
            tiles.append(tile.tobytes())
    data = tiff_file(height, width, {258: (3, [8] * 3), 262: (3, [2]), 277: (3, [3])}, tiles)
    # The same layout with the tile tags in place of the strip tags.
    ifd = struct.unpack("<I", data[4:8])[0]
    count = struct.unpack("<H", data[ifd : ifd + 2])[0]
    entries = [data[ifd + 2 + 12 * i : ifd + 14 + 12 * i] for i in range(count)]
    out = []
    for entry in entries:
        number = struct.unpack("<H", entry[:2])[0]
        if number == 278:
            out.append(struct.pack("<HHII", 322, 4, 1, side))
            out.append(struct.pack("<HHII", 323, 4, 1, side))
        elif number in (273, 279):
            out.append(struct.pack("<H", 324 if number == 273 else 325) + entry[2:])
        else:
            out.append(entry)
    out.sort(key=lambda e: struct.unpack("<H", e[:2])[0])
    new_ifd = len(data)
    return data[:4] + struct.pack("<I", new_ifd) + data[8:] + struct.pack("<H", len(out)) + b"".join(out) + b"\0\0\0\0"


# --- WebP ---------------------------------------------------------------------------------------------
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


def not_images():
    put("other/empty.jpg", b"")
    put("other/text.png", b"this is no image\n")
    put("other/only_magic.jpg", b"\xff\xd8\xff")
    put("other/only_magic.png", b"\x89PNG\r\n\x1a\n")
    put("other/only_magic.gif", b"GIF89a")
    put("other/only_magic.bmp", b"BM")
    put("other/only_magic.tif", b"II*\0")
    put("other/only_magic.webp", b"RIFF\0\0\0\0WEBP")
    jpeg_header = bytearray(saved(rgb(16, 16), "JPEG"))
    for marker, start, end in segments(jpeg_header):
        if marker == 0xC0:
            zero = jpeg_header.copy()
            zero[start + 5 : start + 9] = b"\0\0\0\0"
            huge = jpeg_header.copy()
            huge[start + 5 : start + 9] = b"\xff\xff\xff\xff"
    put("other/jpeg_zero_size.jpg", zero)
    put("other/jpeg_65535.jpg", huge)
    put("other/png_zero_size.png", b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 0, 0, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""))
    put("other/png_65535.png", b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 65535, 65535, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""))
    put("other/bmp_65535.bmp", bmp_file(65535, 65535, 24, b""))
    put("other/gif_65535.gif", gif_file((65535, 65535), (0, 0, 2, 2), np.zeros((2, 2), int), palette=bytes(48)))
    put("other/tiff_65535.tif", tiff_file(65535, 65535, {258: (3, [8] * 3), 262: (3, [2]), 277: (3, [3])}, [b"x"]))


def entry(name, data):
    try:
        with Image.open(io.BytesIO(data)) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except Exception as error:  # noqa: BLE001: Pillow raises many kinds
        return {"error": f"{type(error).__name__}: {error}".replace(str(HERE), "").split(" at 0x")[0].split("<")[0]}
    pixels = np.asarray(upright)
    result = {
        "height": pixels.shape[0],
        "width": pixels.shape[1],
        "sha256": hashlib.sha256(pixels.tobytes()).hexdigest(),
    }
    if "lossy" in name:
        result["png"] = f"pixels/{Path(name).stem}.png"
        result["_pixels"] = saved(upright, "PNG", optimize=True)
    return result


def draft(data, denominator):
    """The digest of Pillow's own scaled decode."""
    with Image.open(io.BytesIO(data)) as image:
        image.draft(None, (image.width // denominator, image.height // denominator))
        pixels = np.asarray(image.convert("RGB"))
    return hashlib.sha256(pixels.tobytes()).hexdigest()


def main():
    for group in (jpeg, png, gif, bmp, tiff, webp, not_images):
        group()
    Image.MAX_IMAGE_PIXELS = 89478485
    manifest = {"pillow": PIL.__version__, "files": {}}
    total = 0
    for name, data in sorted(FILES.items()):
        path = HERE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        total += len(data)
        result = entry(name, data)
        if (png_data := result.pop("_pixels", None)) is not None:
            target = HERE / result["png"]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(png_data)
            total += len(png_data)
        manifest["files"][name] = result
    scaled = [f"jpeg/{tag}_{kind}.jpg" for tag in ("444", "422", "420") for kind in ("33x50", "progressive", "16x16")]
    scaled += ["jpeg/gray.jpg", "jpeg/cmyk_adobe.jpg", "jpeg/440.jpg"]
    drafts = {name: {d: draft(FILES[name], d) for d in (2, 4, 8)} for name in scaled}
    lines = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in manifest["files"].items())
    (HERE / "manifest.json").write_text(f'{{"pillow": "{PIL.__version__}", "draft": {json.dumps(drafts, indent=1)}, "files": {{\n{lines}\n}}}}\n')
    print(f"{len(FILES)} files, {total} bytes, Pillow {PIL.__version__}", file=sys.stderr)


main()
