"""TIFF."""

import struct

import numpy as np
from PIL import Image

from corpus_kinds.common import gray, picture, put, rgb, saved


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
