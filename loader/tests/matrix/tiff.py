"""TIFF files of every combination of tags, for comparison with Pillow:

    python loader/tests/matrix/tiff.py FOLDER
    python loader/tests/compare_pillow.py target/release/examples/digests FOLDER --list

photometric x bits x samples x extra samples x compression x predictor x planes x strips or tiles x byte order.
`make_corpus.py` takes a few of them into the corpus. The names say the combination:
p2_b8_s4_x0_c5_pr2_pl1_be_tile.tif has photometric 2, 8 bits, 4 samples, one unspecified extra sample ("n": no
tag), LZW, predictor 2, one plane, the high byte first, tiles.
"""

import io
import itertools
import lzma
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

TYPES = {1: "B", 2: "s", 3: "H", 4: "I", 16: "Q"}


def file(tags, blocks, big_endian=False, big=False, magic=None):
    """tags: {number: (type, values)}, "offsets" in the place of values stands for those of the blocks."""
    order = ">" if big_endian else "<"
    head = 16 if big else 8
    places, at = [], head
    for block in blocks:
        places.append(at)
        at += len(block) + len(block) % 2
    body = b"".join(block + b"\0" * (len(block) % 2) for block in blocks)
    entry, inline = (20, 8) if big else (12, 4)
    extra_at = head + len(body) + (8 if big else 2) + entry * len(tags) + inline
    entries, extra = b"", b""
    for number, (kind, values) in sorted(tags.items()):
        values = places if values == "offsets" else values
        packed = struct.pack(order + str(len(values)) + TYPES[kind], *values)
        if len(packed) > inline:
            where = struct.pack(order + ("Q" if big else "I"), extra_at + len(extra))
            extra += packed + b"\0" * (len(packed) % 2)
            packed = where
        entries += struct.pack(order + ("HHQ" if big else "HHI"), number, kind, len(values)) + packed.ljust(inline, b"\0")
    count = struct.pack(order + ("Q" if big else "H"), len(tags))
    mark = b"MM" if big_endian else b"II"
    version = struct.pack(order + "H", 43 if big else 42) if magic is None else magic
    start = struct.pack(order + ("HHQ" if big else "I"), *((8, 0) if big else ()), head + len(body))
    return mark + version + start + body + count + entries + b"\0" * inline + extra


def packbits(data):
    """Literals, and runs where three bytes are equal."""
    out, i = bytearray(), 0
    while i < len(data):
        run = 1
        while i + run < len(data) and run < 128 and data[i + run] == data[i]:
            run += 1
        if run >= 3:
            out += bytes([257 - run, data[i]])
            i += run
            continue
        start = i
        while i < len(data) and i - start < 128 and not (i + 2 < len(data) and data[i] == data[i + 1] == data[i + 2]):
            i += 1
        out += bytes([i - start - 1]) + data[start:i]
    return bytes(out)


def lzw(data, old=False):
    """TIFF's LZW; `old` puts the lowest bit first and widens codes one later."""
    acc = n = 0
    out = bytearray()

    def put(code, width):
        nonlocal acc, n
        if old:
            acc |= code << n
        else:
            acc = acc << width | code
        n += width
        while n >= 8:
            if old:
                out.append(acc & 255)
                acc >>= 8
            else:
                out.append(acc >> (n - 8) & 255)
                acc &= (1 << (n - 8)) - 1
            n -= 8

    table, width, prefix = {}, 9, b""
    put(256, 9)
    early = 0 if old else 1
    for value in data:
        longer = prefix + bytes([value])
        if len(longer) == 1 or longer in table:
            prefix = longer
            continue
        put(table[prefix] if len(prefix) > 1 else prefix[0], width)
        table[longer] = 258 + len(table)
        if 258 + len(table) - 1 + early >= 1 << width and width < 12:
            width += 1
        if 258 + len(table) >= 4094:
            put(256, width)
            table, width = {}, 9
        prefix = bytes([value])
    if prefix:
        put(table[prefix] if len(prefix) > 1 else prefix[0], width)
        if 258 + len(table) + early >= 1 << width and width < 12:
            width += 1
    put(257, width)
    if n:
        out.append((acc & 255) if old else (acc << (8 - n)) & 255)
    return bytes(out)


def zstd(data):
    """A frame of raw blocks, or of one repeated byte: what needs no encoder."""
    frame = struct.pack("<IBI", 0xFD2FB528, 0xA0, len(data))
    blocks = [data[i : i + 65536] for i in range(0, len(data), 65536)] or [b""]
    for i, block in enumerate(blocks):
        last = int(i == len(blocks) - 1)
        if len(set(block)) == 1:
            frame += struct.pack("<I", last | 1 << 1 | len(block) << 3)[:3] + block[:1]
        else:
            frame += struct.pack("<I", last | len(block) << 3)[:3] + block
    return frame


COMPRESSIONS = {
    1: lambda d: d, 5: lzw, 8: zlib.compress, 32946: zlib.compress, 32773: packbits, 34925: lzma.compress, 50000: zstd,
    "old lzw": lambda d: lzw(d, old=True),
}


def predicted(rows, predictor, stride):
    """rows: height x (width * samples) integers or floats, in their own type."""
    if predictor == 2:
        out = rows.copy()
        out[:, stride:] = rows[:, stride:] - rows[:, :-stride]
        return out
    if predictor == 3:
        raw = rows.astype(">f4").view(np.uint8).reshape(len(rows), -1, 4).transpose(0, 2, 1).reshape(len(rows), -1)
        out = raw.copy()
        out[:, stride:] = raw[:, stride:] - raw[:, :-stride]
        return out
    return rows


def packed(samples, bits, order):
    """Rows of samples to bytes."""
    if samples.dtype == np.uint8 and bits == 8:
        return [row.tobytes() for row in samples]
    if bits >= 16:
        return [row.astype(samples.dtype.newbyteorder(order)).tobytes() for row in samples]
    rows = []
    for row in samples:
        flat = ((row[:, None] >> np.arange(bits - 1, -1, -1)) & 1).astype(np.uint8).reshape(-1)
        rows.append(np.packbits(flat).tobytes())
    return rows


def image(samples, bits, photometric, *, extra=None, compression=1, predictor=1, planes=1, tile=None, rows=None, big_endian=False, tags=(), **options):
    """samples: height x width x count. tile: (rows, columns); rows: of a strip."""
    height, width, count = samples.shape
    order = ">" if big_endian else "<"
    layers = [samples[..., i : i + 1] for i in range(count)] if planes == 2 else [samples]
    blocks = []
    for layer in layers:
        if tile:
            padded = np.zeros((-(-height // tile[0]) * tile[0], -(-width // tile[1]) * tile[1], layer.shape[2]), samples.dtype)
            padded[:height, :width] = layer
            parts = [padded[y : y + tile[0], x : x + tile[1]] for y in range(0, height, tile[0]) for x in range(0, width, tile[1])]
        else:
            parts = [layer[y : y + (rows or height)] for y in range(0, height, rows or height)]
        for part in parts:
            flat = predicted(part.reshape(len(part), -1), predictor, part.shape[2])
            data = b"".join(packed(flat, bits if predictor != 3 else 8, order))
            blocks.append(COMPRESSIONS[compression](data))
    number = 5 if compression == "old lzw" else compression
    entries = {
        256: (4, [width]), 257: (4, [height]), 258: (3, [bits] * count), 259: (3, [number]),
        262: (3, [photometric]), 277: (3, [count]), 284: (3, [planes]),
    }
    if predictor != 1:
        entries[317] = (3, [predictor])
    if extra is not None:
        entries[338] = (3, extra)
    if samples.dtype == np.float32:
        entries[339] = (3, [3])
    elif samples.dtype.kind == "i":
        entries[339] = (3, [2] * count)
    lengths = [len(block) for block in blocks]
    if tile:
        entries |= {322: (3, [tile[1]]), 323: (3, [tile[0]]), 324: (4, "offsets"), 325: (4, lengths)}
    else:
        entries |= {273: (4, "offsets"), 278: (4, [rows or height]), 279: (4, lengths)}
    if photometric == 3:
        entries[320] = (3, [int(v) for v in np.random.default_rng(bits).integers(0, 65536, 3 << bits)])
    for tag, value in dict(tags).items():
        if value is None:
            entries.pop(tag, None)
        else:
            entries[tag] = value
    return file(entries, blocks, big_endian, **options)


def content(height, width, count, bits, kind="u", seed=0):
    rng = np.random.default_rng([seed, height, width, count, bits])
    if kind == "f":
        return rng.uniform(-20, 300, (height, width, count)).astype(np.float32)
    dtype = np.uint16 if bits == 12 else {8: np.uint8, 16: np.uint16, 32: np.uint32}[max(8, bits)]
    high = min(2**bits, 600) if count == 1 else 2**bits
    values = rng.integers(0, high, (height, width, count), dtype=np.uint64).astype(dtype)
    if kind == "i":
        values = (values.astype(np.int64) - 80).astype({8: np.int8, 16: np.int16, 32: np.int32}[bits])
    if count == 4 and bits in (8, 16):
        values[0, :, 3] = 0
        values[1, :, 3] = 2**bits - 1
    return values


# photometric, bits, samples, extra samples, kind
MODES = [
    *((p, b, 1, None, "u") for p in (0, 1) for b in (1, 2, 4, 8, 16, 32)),
    (1, 12, 1, None, "u"), (0, 12, 1, None, "u"), (1, 16, 1, None, "i"), (1, 32, 1, None, "i"), (1, 8, 1, None, "i"),
    (1, 32, 1, None, "f"), (0, 32, 1, None, "f"),
    *((1, 8, 2, x, "u") for x in ([0], [1], [2], None)), (1, 16, 2, [2], "u"),
    *((2, b, 3, None, "u") for b in (8, 16)),
    *((2, b, 4, x, "u") for b in (8, 16) for x in (None, [0], [1], [2])), (2, 8, 4, [999], "u"),
    *((2, 8, 5, [x, 0], "u") for x in (0, 1, 2)), *((2, 8, 6, [x, 0, 0], "u") for x in (0, 1, 2)), (2, 8, 5, [2, 2], "u"),
    *((3, b, 1, None, "u") for b in (1, 2, 4, 8)), (3, 8, 2, [0], "u"), (3, 8, 2, [2], "u"), (3, 8, 2, [1], "u"),
    *((5, b, 4, None, "u") for b in (8, 16)), (5, 8, 5, [0], "u"), (5, 8, 6, [0, 0], "u"), (5, 8, 5, [2], "u"),
]


def matrix():
    """(name, bytes) of every combination that can be written."""
    for photometric, bits, count, extra, kind in MODES:
        for compression, planes, big_endian, layout in itertools.product(COMPRESSIONS, (1, 2), (False, True), ("strip", "strips", "tile")):
            for predictor in (1, 2, 3):
                differences = compression in (5, 8, 34925, 50000) and bits in (8, 16, 32) and kind != "f"
                if predictor == 2 and not differences or predictor == 3 and not (kind == "f" and compression == 8):
                    continue
                # 12 bits and packed samples need rows of whole bytes.
                samples = content(21, 37, count, bits, kind)
                shape = {"strip": {}, "strips": {"rows": 5}, "tile": {"tile": (16, 32)}}[layout]
                x = "n" if extra is None else "".join(map(str, extra))
                c = "old5" if compression == "old lzw" else compression
                name = f"p{photometric}_b{bits}{kind}_s{count}_x{x}_c{c}_pr{predictor}_pl{planes}_{'be' if big_endian else 'le'}_{layout}.tif"
                yield name, image(samples, bits, photometric, extra=extra, compression=compression, predictor=predictor, planes=planes, big_endian=big_endian, **shape)


def wrong_in_pillow(name):
    """Why Pillow's pixels of a combination are not those that the tags say, or None."""
    part = dict(zip(("photometric", "bits", "samples", "extra", "compression", "predictor", "planes", "order"), name.removesuffix(".tif").split("_")))
    bits, kind = part["bits"][1:-1], part["bits"][-1]
    raw = part["compression"] == "c1"
    if raw and part["planes"] == "pl2" and (part["photometric"] == "p0" or (bits != "8" and not name.startswith("p1_b1u"))):
        return "planes without compression: Pillow takes the first letter of the mode for that of a plane"
    if raw and part["planes"] == "pl2" and name.endswith("_tile.tif") and name.startswith("p2_b8u_s4_xn"):
        return "tiles in planes: Pillow divides the length of a row by three samples where there are four"
    if not raw and part["order"] == "be" and kind in "if" and bits != "8":
        return "Pillow swaps the bytes that libtiff has swapped already"
    return None


def plain_name(name):
    """The same samples in one plane, one strip, without compression."""
    photometric, bits, samples, extra, _, _, _, order, _ = name.split("_")
    return f"{photometric}_{bits}_{samples}_{extra}_c1_pr1_pl1_{order}_strip.tif"


def facsimile(kind, height=19, width=53):
    """A bilevel picture, and what Pillow's libtiff writes of it."""
    y, x = np.mgrid[0:height, 0:width]
    bits = ((x * 7 + y * 3) % 11 < 4) | (x == y) | ((y == 4) & (x > 9)) | ((y > 9) & (y < 13))
    picture = Image.fromarray(bits)
    out = io.BytesIO()
    picture.save(out, "TIFF", compression=kind)
    return out.getvalue()


def odd():
    """Rules that no axis of the matrix has."""
    rgb = content(9, 14, 3, 8)
    gray = content(9, 14, 1, 8)
    for kind in ("group3", "group4", "tiff_ccitt"):
        data = facsimile(kind)
        yield f"fax_{kind}.tif", data
        for name, change in {"rows_max": {278: 0xFFFFFFFF}, "rows_none": {278: None}}.items():
            yield f"fax_{kind}_{name}.tif", changed(data, change)
        yield f"fax_{kind}_black_is_zero.tif", changed(data, {262: 1})
        yield f"fax_{kind}_fill_order_2.tif", fill_order(data)
    for compression in (1, 5, 8):
        yield f"counts_zero_c{compression}.tif", image(rgb, 8, 2, compression=compression, tags={279: (4, [0])})
        yield f"counts_none_c{compression}.tif", image(rgb, 8, 2, compression=compression, tags={279: None})
        yield f"rows_none_c{compression}.tif", image(rgb, 8, 2, compression=compression, tags={278: None})
        yield f"rows_max_c{compression}.tif", image(rgb, 8, 2, compression=compression, tags={278: (4, [0xFFFFFFFF])})
        yield f"photometric_none_c{compression}.tif", image(gray, 8, 1, compression=compression, tags={262: None})
        yield f"bits_once_c{compression}.tif", image(rgb, 8, 2, compression=compression, tags={258: (3, [8])})
        yield f"samples_none_c{compression}.tif", image(gray, 8, 1, compression=compression, tags={277: None})
        yield f"fill_order_2_c{compression}.tif", image(gray, 8, 1, compression=compression, tags={266: (3, [2])})
        yield f"fill_order_2_rgb_c{compression}.tif", image(rgb, 8, 2, compression=compression, tags={266: (3, [2])})
        for big_endian in (False, True):
            end = "be" if big_endian else "le"
            yield f"big_rgb_c{compression}_{end}.tif", image(rgb, 8, 2, compression=compression, big_endian=big_endian, big=True)
            yield f"big_palette_c{compression}_{end}.tif", image(content(9, 14, 1, 4), 4, 3, compression=compression, big_endian=big_endian, big=True)
    yield "swapped_42_le.tif", image(rgb, 8, 2, magic=b"\0*")
    yield "swapped_42_be.tif", image(rgb, 8, 2, big_endian=True, magic=b"*\0")
    yield "lone_tile.tif", image(rgb, 8, 2, tile=(16, 16))
    yield "tile_of_image_size.tif", image(content(16, 32, 3, 8), 8, 2, tile=(16, 32))
    yield "orientation_6.tif", image(rgb, 8, 2, tags={274: (3, [6])})
    yield "orientation_6_long.tif", image(rgb, 8, 2, tags={274: (4, [6])})
    yield "orientation_6_byte.tif", image(rgb, 8, 2, tags={274: (1, [6])})
    xmp = b'<x tiff:Orientation="8"/>'
    yield "orientation_8_xmp.tif", image(rgb, 8, 2, tags={700: (1, list(xmp))})
    yield "orientation_8_xmp_lzw.tif", image(rgb, 8, 2, compression=5, tags={700: (1, list(xmp))})
    yield "bits_8_8_16.tif", image(rgb, 8, 2, tags={258: (3, [8, 8, 16])})
    yield "formats_mixed.tif", image(rgb, 8, 2, tags={339: (3, [1, 1, 2])})
    yield "ycbcr.tif", image(rgb, 8, 6)
    yield "lab.tif", image(rgb, 8, 8)


def changed(data, changes):
    """A classic little-endian file with other values of SHORT or LONG tags; None leaves a tag out."""
    at = struct.unpack("<I", data[4:8])[0]
    count = struct.unpack("<H", data[at : at + 2])[0]
    entries = [data[at + 2 + 12 * i : at + 14 + 12 * i] for i in range(count)]
    out = []
    for entry in entries:
        number = struct.unpack("<H", entry[:2])[0]
        if number not in changes:
            out.append(entry)
        elif changes[number] is not None:
            out.append(struct.pack("<HHII", number, 4, 1, changes[number]))
    return data[:4] + struct.pack("<I", len(data)) + data[8:] + struct.pack("<H", len(out)) + b"".join(out) + b"\0\0\0\0"


def fill_order(data):
    """The same strips with the lowest bit first."""
    tags = Image.open(io.BytesIO(data)).tag_v2
    data = bytearray(data)
    table = bytes(int(f"{i:08b}"[::-1], 2) for i in range(256))
    for offset, length in zip(tags[273], tags[279]):
        data[offset : offset + length] = data[offset : offset + length].translate(table)
    at = struct.unpack("<I", data[4:8])[0]
    count = struct.unpack("<H", data[at : at + 2])[0]
    entries = [bytes(data[at + 2 + 12 * i : at + 14 + 12 * i]) for i in range(count)]
    entries = [e for e in entries if struct.unpack("<H", e[:2])[0] != 266] + [struct.pack("<HHII", 266, 3, 1, 2)]
    entries.sort(key=lambda e: struct.unpack("<H", e[:2])[0])
    tail = struct.pack("<H", len(entries)) + b"".join(entries) + b"\0\0\0\0"
    return bytes(data[:4]) + struct.pack("<I", len(data)) + bytes(data[8:]) + tail


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    total = 0
    for name, data in itertools.chain(matrix(), odd()):
        # Where Pillow is wrong there is nothing to compare with: `make_matrix.py` takes the plain form.
        if name[0] == "p" and "_c" in name and name[1].isdigit() and wrong_in_pillow(name):
            continue
        (folder / name).write_bytes(data)
        total += 1
    print(f"{total} files")


if __name__ == "__main__":
    main()
