"""BMP."""

import struct

import numpy as np
from PIL import Image

from corpus_kinds.common import gray, picture, put, rgb, saved


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
