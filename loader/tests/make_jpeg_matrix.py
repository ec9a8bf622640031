"""Makes a matrix of JPEG files that no usual encoder writes, and compares a decoder with Pillow on it.

    python tests/make_jpeg_matrix.py FOLDER                       # writes the files
    python tests/make_jpeg_matrix.py FOLDER --compare DIGESTS     # and compares
    python tests/make_jpeg_matrix.py FOLDER --mutate 5000 --compare DIGESTS   # also damaged copies of them
    python tests/make_jpeg_matrix.py --corpus                     # writes the part that the tests read

DIGESTS is the program of `cargo build --release --example digests`. Needs Pillow 13 and numpy. Deterministic.
The encoder here is small and slow: any sampling, any split into scans, progression, restart intervals,
tables of any width, and damage after the fact. `--corpus` writes a few of each kind to tests/corpus/jpeg_odd,
and manifest.json beside them: "height", "width" and "sha256" of Pillow's pixels or its "error", and "draft" with the
digests of its scaled decodes by denominator.
"""

import argparse
import hashlib
import io
import json
import random
import struct
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np

ZIGZAG = [0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14,
          21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53,
          60, 61, 54, 47, 55, 62, 63]
# Flat codes. Of averages, 5 bits: the 12 categories that samples of 8 bits need, or 16. Of other coefficients: the symbols
# of up to 10 bits of value, in 8 bits each; or all 256, so that any coefficient can be written.
DC_BITS = 5
USUAL_AC = [symbol for symbol in range(256) if symbol & 15 <= 10]
DCT = np.array([[np.cos((2 * x + 1) * u * np.pi / 16) * (0.5 if u else 0.5 / np.sqrt(2)) for x in range(8)] for u in range(8)])


def segment(code, data):
    return bytes([0xFF, code]) + struct.pack(">H", len(data) + 2) + data


class Bits:
    def __init__(self):
        self.bits, self.out = [], bytearray()

    def put(self, value, count):
        for i in range(count - 1, -1, -1):
            self.bits.append(value >> i & 1)

    def flush(self):
        self.bits += [1] * (-len(self.bits) % 8)
        for i in range(0, len(self.bits), 8):
            byte = int("".join(map(str, self.bits[i : i + 8])), 2)
            self.out.append(byte)
            if byte == 0xFF:
                self.out.append(0)
        self.bits = []

    def marker(self, code):
        self.flush()
        self.out += bytes([0xFF, code])


def magnitude(value):
    size = abs(int(value)).bit_length()
    return size, (value if value >= 0 else value + (1 << size) - 1)


class Jpeg:
    """One image. `sampling`: (h, v) per component. `scans`: lists of component indices, or tuples
    (components, first, last, high, low) of a progression. `own_codes`: no code for symbols that do not occur."""

    def __init__(self, width=67, height=53, sampling=((2, 2), (1, 1), (1, 1)), scans=None, quality=6, restart=0,
                 ids=None, head="jfif", quant=None, progressive=False, seed=0, sof=None, amplitude=1.0, noise=6, own_codes=False):
        self.width, self.height, self.sampling = width, height, list(sampling)
        self.n = len(self.sampling)
        self.scans = scans or [list(range(self.n))]
        self.restart, self.head, self.progressive, self.own_codes = restart, head, progressive, own_codes
        self.ids = ids or list(range(1, self.n + 1))
        self.sof = sof if sof is not None else (0xC2 if progressive else 0xC0)
        self.quant = quant or {0: [quality + i // 4 for i in range(64)], 1: [quality + 2 + i // 3 for i in range(64)]}
        self.tables = [0] + [1 if 1 in self.quant else 0] * (self.n - 1)
        self.before_scan = {}
        self.max_h = max(h for h, _ in self.sampling)
        self.max_v = max(v for _, v in self.sampling)
        rng = np.random.default_rng(seed + 131 * width + height)
        self.coefficients = []
        for c, (h, v) in enumerate(self.sampling):
            rows = -(-height // (8 * self.max_v)) * v
            columns = -(-width // (8 * self.max_h)) * h
            y, x = np.mgrid[0 : rows * 8, 0 : columns * 8].astype(np.float64)
            y, x = y * self.max_v / v, x * self.max_h / h
            plane = 80 * np.sin(x / (5 + c) + c) * np.cos(y / (7 - c)) + 40 * (x > y + 3 * c) + rng.normal(0, noise, x.shape)
            table = np.array(self.quant[self.tables[c]], np.float64)
            natural = np.empty(64)
            natural[ZIGZAG] = table
            blocks = plane.reshape(rows, 8, columns, 8).transpose(0, 2, 1, 3) * amplitude
            spectrum = np.einsum("ui,rcij,vj->rcuv", DCT, blocks, DCT).reshape(rows, columns, 64) / natural
            self.coefficients.append(np.clip(np.rint(spectrum), -32767, 32767).astype(np.int64)[:, :, ZIGZAG])

    def blocks_of(self, c):
        h, v = self.sampling[c]
        return -(-self.width * h // (8 * self.max_h)), -(-self.height * v // (8 * self.max_v))

    def head_bytes(self):
        out = b"\xff\xd8"
        if self.head == "jfif":
            out += segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0")
        elif self.head.startswith("adobe"):
            out += segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([int(self.head[5:])]))
        for number, table in self.quant.items():
            out += self.dqt(number, table)
        out += segment(self.sof, struct.pack(">BHHB", 8, self.height, self.width, self.n) + b"".join(
            bytes([self.ids[c], h << 4 | v, self.tables[c]]) for c, (h, v) in enumerate(self.sampling)))
        out += self.huffman_tables()
        if self.restart:
            out += segment(0xDD, struct.pack(">H", self.restart))
        return out

    @staticmethod
    def dqt(number, table):
        if max(table) > 255:
            return segment(0xDB, bytes([0x10 | number]) + struct.pack(">64H", *table))
        return segment(0xDB, bytes([number]) + bytes(table))

    def usual(self):
        """Whether samples of 8 bits could have these coefficients at a step of 1."""
        return max(int(abs(blocks).max()) for blocks in self.coefficients) < 1024

    def huffman_tables(self):
        counts = lambda bits, n: bytes([n if i in bits else 0 for i in range(1, 17)])
        categories = 12 if self.usual() else 16
        out = segment(0xC4, bytes([0x00]) + counts([DC_BITS], categories) + bytes(range(categories)))
        if self.codes is not None:
            return out + segment(0xC4, bytes([0x10]) + counts([8], len(self.codes)) + bytes(self.codes))
        # 256 does not fit into a byte: half of 9 bits, half of 10.
        return out + segment(0xC4, bytes([0x10]) + counts([9, 10], 128) + bytes(range(256)))

    def put_ac(self, bits, symbol):
        self.used.add(symbol)
        if self.codes is not None:
            bits.put(self.codes.index(symbol), 8)
        else:
            bits.put(symbol, 9) if symbol < 128 else bits.put(256 + symbol - 128, 10)

    def scan(self, entry):
        components, first, last, high, low = entry if isinstance(entry, tuple) else (entry, 0, 63, 0, 0)
        header = bytes([len(components)]) + b"".join(bytes([self.ids[c], 0]) for c in components) + bytes([first, last, high << 4 | low])
        bits, before, todo, number = Bits(), [0] * self.n, self.restart, 0
        if len(components) == 1:
            columns, rows = self.blocks_of(components[0])
        else:
            columns, rows = -(-self.width // (8 * self.max_h)), -(-self.height // (8 * self.max_v))
        for row in range(rows):
            for column in range(columns):
                if self.restart and todo == 0:
                    bits.marker(0xD0 + number)
                    before, todo, number = [0] * self.n, self.restart, (number + 1) & 7
                todo -= 1
                for c in components:
                    h, v = self.sampling[c] if len(components) > 1 else (1, 1)
                    for y in range(v):
                        for x in range(h):
                            block = self.coefficients[c][row * v + y][column * h + x]
                            self.block(bits, block, before, c, first, last, high, low)
        bits.flush()
        return segment(0xDA, header) + bytes(bits.out)

    def block(self, bits, block, before, c, first, last, high, low):
        if first == 0:
            value = int(block[0]) >> low
            if high:
                bits.put(value & 1, 1)
            else:
                size, code = magnitude(value - before[c])
                before[c] = value
                bits.put(size, DC_BITS)
                bits.put(int(code), size)
        if last == 0:
            return
        cut = [int(abs(value) >> low) * (1 if value >= 0 else -1) for value in map(int, block)]
        if high:
            return self.refine(bits, cut, max(first, 1), last)
        run = 0
        for k in range(max(first, 1), last + 1):
            if cut[k] == 0:
                run += 1
                continue
            while run > 15:
                self.put_ac(bits, 0xF0)
                run -= 16
            size, code = magnitude(cut[k])
            self.put_ac(bits, run << 4 | size)
            bits.put(code, size)
            run = 0
        if run:
            self.put_ac(bits, 0)

    def refine(self, bits, cut, first, last):
        run, pending = 0, []
        new = [k for k in range(first, last + 1) if abs(cut[k]) == 1]
        for k in range(first, last + 1):
            if cut[k] == 0:
                run += 1
                # A run of 16 zeros is only told where a new coefficient follows it.
                if run == 16 and any(n > k for n in new):
                    self.put_ac(bits, 0xF0)
                    for bit in pending:
                        bits.put(bit, 1)
                    run, pending = 0, []
            elif abs(cut[k]) > 1:
                pending.append(abs(cut[k]) & 1)
            else:
                self.put_ac(bits, run << 4 | 1)
                bits.put(1 if cut[k] > 0 else 0, 1)
                for bit in pending:
                    bits.put(bit, 1)
                run, pending = 0, []
        if run or pending:
            self.put_ac(bits, 0)
            for bit in pending:
                bits.put(bit, 1)

    def bytes(self, eoi=True):
        self.codes, self.used = USUAL_AC if self.usual() else None, set()
        if self.own_codes:
            for entry in self.scans:
                self.scan(entry)
            self.codes = sorted(self.used)
        out = self.head_bytes()
        for i, entry in enumerate(self.scans):
            out += self.before_scan.get(i, b"") + self.scan(entry)
        return out + (b"\xff\xd9" if eoi else b"")


def progression(n, interleaved=True):
    """A usual script: averages, bands, then one bit more of each."""
    dc = [(list(range(n)), 0, 0, 0, 1)] if interleaved else [([c], 0, 0, 0, 1) for c in range(n)]
    bands = [([c], a, b, 0, 2) for c in range(n) for a, b in ((1, 5), (6, 63))]
    finer = [([c], 1, 63, 2, 1) for c in range(n)] + [(list(range(n)), 0, 0, 1, 0)] + [([c], 1, 63, 1, 0) for c in range(n)]
    return dc + bands + finer


def lossless(planes, predictor=1, head="none", restart=0, point=0):
    """A lossless file of `planes` of one size: the differences from a predictor, T.81 annex H."""
    height, width = planes[0].shape
    out = b"\xff\xd8" + (segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0") if head == "jfif" else b"")
    frame = b"".join(bytes([c + 1, 0x11, 0]) for c in range(len(planes)))
    out += segment(0xC3, struct.pack(">BHHB", 8, height, width, len(planes)) + frame)
    out += segment(0xC4, bytes([0]) + bytes([17 if i == 5 else 0 for i in range(1, 17)]) + bytes(range(17)))
    if restart:
        out += segment(0xDD, struct.pack(">H", restart * width))
    scan = b"".join(bytes([c + 1, 0]) for c in range(len(planes)))
    out += segment(0xDA, bytes([len(planes)]) + scan + bytes([predictor, 0, point]))
    bits = Bits()
    shifted = [plane.astype(int) >> point for plane in planes]
    for y in range(height):
        first = y == 0 or (restart and y % restart == 0)
        if first and y:
            bits.marker(0xD0 + (y // restart - 1) % 8)
        for x in range(width):
            for plane in shifted:
                left, above, corner = (plane[y, x - 1] if x else 0), (plane[y - 1, x] if y else 0), (plane[y - 1, x - 1] if x and y else 0)
                guess = [0, left, above, corner, left + above - corner, left + (above - corner >> 1), above + (left - corner >> 1), left + above >> 1][predictor]
                if first:
                    guess = left if x else 1 << 7 - point
                elif not x:
                    guess = above
                size, code = magnitude(plane[y, x] - guess)
                bits.put(size, 5)
                bits.put(int(code), size)
    bits.flush()
    return out + bytes(bits.out) + b"\xff\xd9"


def restart_damages(data):
    """One marker removed, doubled, renumbered, a segment lost or emptied, bytes before a marker."""
    places = [i for i in range(data.index(b"\xff\xda"), len(data) - 1) if data[i] == 0xFF and 0xD0 <= data[i + 1] <= 0xD7]
    for name, at in (("first", places[0]), ("middle", places[len(places) // 2]), ("last", places[-1])):
        i = places.index(at)
        after = places[i + 1] if i + 1 < len(places) else len(data) - 2
        yield f"{name}_removed", data[:at] + data[at + 2 :]
        yield f"{name}_doubled", data[:at] + data[at : at + 2] + data[at:]
        yield f"{name}_lost", data[:at] + data[after:]
        yield f"{name}_emptied", data[: at + 2] + data[after:]
        yield f"{name}_garbage", data[:at] + b"\x12\x34\x56\xff\x00" + data[at:]
        yield f"{name}_filled", data[:at] + b"\xff\xff" + data[at:]
        yield f"{name}_half", data[: at + 2 + (after - at - 2) // 2] + data[after:]
        for by in range(1, 8):
            yield f"{name}_plus{by}", data[: at + 1] + bytes([0xD0 | (data[at + 1] + by) & 7]) + data[at + 2 :]
        for code in (0x01, 0xC0, 0xC4, 0xD9, 0xDA, 0xDB, 0xE5, 0xFE):
            yield f"{name}_is_{code:02x}", data[: at + 1] + bytes([code]) + data[at + 2 :]


def matrix():
    sizes = ((67, 53), (17, 16), (1, 1), (8, 9), (3, 40))
    three = {
        "444": ((1, 1),) * 3, "422": ((2, 1), (1, 1), (1, 1)), "420": ((2, 2), (1, 1), (1, 1)), "440": ((1, 2), (1, 1), (1, 1)),
        "411": ((4, 1), (1, 1), (1, 1)), "410": ((4, 2), (1, 1), (1, 1)), "441": ((1, 4), (1, 1), (1, 1)), "424": ((2, 4), (1, 1), (1, 1)),
        "14b": ((1, 1), (1, 4), (1, 4)), "33": ((3, 3), (1, 1), (1, 1)), "31": ((3, 1), (1, 1), (1, 1)), "32": ((3, 2), (1, 1), (1, 1)),
        "asym": ((2, 2), (2, 1), (1, 1)), "asym2": ((2, 2), (1, 2), (2, 1)), "asym3": ((2, 2), (1, 1), (2, 2)), "asym4": ((2, 1), (2, 1), (1, 1)),
        "22all": ((2, 2),) * 3, "21all": ((2, 1),) * 3, "12all": ((1, 2),) * 3, "44all": ((1, 4),) * 3,
        "ylow": ((1, 1), (2, 2), (2, 2)), "ylow2": ((1, 1), (2, 1), (2, 1)), "ylow3": ((1, 1), (1, 2), (1, 2)), "ylow4": ((1, 1), (2, 2), (1, 1)),
        "ylow5": ((1, 2), (2, 1), (2, 2)), "4221": ((4, 1), (2, 1), (1, 1)), "4242": ((4, 2), (2, 2), (1, 1)), "2412": ((2, 4), (1, 2), (1, 1)),
        "fract": ((3, 1), (2, 1), (1, 1)), "fract2": ((2, 2), (1, 3), (1, 1)), "fract3": ((3, 2), (2, 2), (1, 1)), "large": ((4, 4), (1, 1), (1, 1)),
    }
    splits = {"all": [[0, 1, 2]], "y_cc": [[0], [1, 2]], "cc_y": [[1, 2], [0]], "each": [[0], [1], [2]], "back": [[2], [1], [0]],
              "yc_c": [[0, 1], [2]], "y_c": [[0], [1]], "twice": [[0], [0], [1, 2]], "wrong": [[1, 0], [2]]}
    for tag, sampling in three.items():
        for width, height in sizes:
            for split, scans in splits.items():
                if split not in ("all", "y_cc", "each") and (width, height) != (67, 53):
                    continue
                yield f"s_{tag}_{split}_{width}x{height}", Jpeg(width, height, sampling, scans, head="none").bytes()
            yield f"s_{tag}_prog_{width}x{height}", Jpeg(width, height, sampling, progression(3), progressive=True).bytes()
    for tag in ("444", "420", "ylow", "asym"):
        yield f"s_{tag}_prog_each", Jpeg(sampling=three[tag], scans=progression(3, False), progressive=True).bytes()
        for restart in (1, 2, 5, 9):
            yield f"s_{tag}_restart{restart}", Jpeg(sampling=three[tag], restart=restart).bytes()
            yield f"s_{tag}_each_restart{restart}", Jpeg(sampling=three[tag], scans=[[0], [1], [2]], restart=restart).bytes()
            yield f"s_{tag}_prog_restart{restart}", Jpeg(sampling=three[tag], scans=progression(3), progressive=True, restart=restart).bytes()
    # Gray, RGB, four components.
    for factors in ((1, 1), (2, 2), (1, 2), (3, 1), (4, 4)):
        for width, height in sizes:
            yield f"gray_{factors[0]}{factors[1]}_{width}x{height}", Jpeg(width, height, [factors]).bytes()
    for head in ("none", "jfif", "adobe0", "adobe1", "adobe2", "adobe7"):
        for ids in ([1, 2, 3], [82, 71, 66], [0, 1, 2], [7, 7, 9], [7, 9, 7], [5, 5, 5], [1, 2, 2], [3, 2, 1]):
            for tag in ("444", "420"):
                name = f"ids_{head}_{'_'.join(map(str, ids))}_{tag}"
                yield name, Jpeg(head=head, ids=ids, sampling=three[tag]).bytes()
                yield name + "_each", Jpeg(head=head, ids=ids, sampling=three[tag], scans=[[0], [1], [2]]).bytes()
        for tag, sampling in (("1", ((1, 1),) * 4), ("2", ((2, 2), (1, 1), (1, 1), (2, 2))), ("3", ((2, 1), (1, 1), (1, 1), (2, 1))),
                              ("4", ((1, 1), (2, 2), (1, 1), (1, 1))), ("5", ((2, 2), (1, 1), (1, 1), (1, 1))), ("6", ((3, 1), (1, 1), (1, 1), (3, 1)))):
            yield f"four_{head}_{tag}", Jpeg(41, 37, sampling, head=head).bytes()
            yield f"four_{head}_{tag}_split", Jpeg(41, 37, sampling, head=head, scans=[[0, 3], [1, 2]]).bytes()
            yield f"four_{head}_{tag}_split2", Jpeg(41, 37, sampling, head=head, scans=[[0], [1, 2], [3]]).bytes()
    yield "five", Jpeg(20, 20, ((1, 1),) * 5, scans=[[0, 1, 2, 3]]).bytes()
    yield "two", Jpeg(20, 20, ((1, 1),) * 2).bytes()
    # Quantisation tables redefined between scans.
    flat = lambda value: [value] * 64
    for tag in ("444", "420", "422"):
        for split in ("each", "y_cc", "twice"):
            for at in (1, 2):
                for number in (0, 1):
                    jpeg = Jpeg(sampling=three[tag], scans=splits[split])
                    jpeg.before_scan[at] = jpeg.dqt(number, flat(25))
                    yield f"dqt_{tag}_{split}_{at}_{number}", jpeg.bytes()
        for at in (1, 3, 7):
            jpeg = Jpeg(sampling=three[tag], scans=progression(3), progressive=True)
            jpeg.before_scan[at] = jpeg.dqt(0, flat(25)) + jpeg.dqt(1, flat(3))
            yield f"dqt_{tag}_prog_{at}", jpeg.bytes()
    jpeg = Jpeg(scans=[[0], [1], [2]])
    jpeg.before_scan[1] = segment(0xDD, struct.pack(">H", 4))
    yield "dri_between_lies", jpeg.bytes()
    # Coefficients beyond what encoders write.
    for name, quant, amplitude in (("q255", 255, 1), ("q255_loud", 255, 40), ("q1_loud", 1, 40), ("q1_louder", 1, 300), ("q4000", 4000, 60),
                                   ("q40000", 40000, 300), ("q65535", 65535, 500), ("q100_loud", 100, 30), ("q16_loud", 16, 8)):
        for tag in ("444", "420"):
            yield f"loud_{name}_{tag}", Jpeg(sampling=three[tag], quant={0: flat(quant), 1: flat(quant)}, amplitude=amplitude, sof=0xC1).bytes()
            yield f"loud_{name}_{tag}_flat", Jpeg(sampling=three[tag], quant={0: flat(quant)}, amplitude=amplitude, noise=0, seed=3).bytes()
        yield f"loud_{name}_prog", Jpeg(scans=progression(3), progressive=True, quant={0: flat(quant)}, amplitude=min(amplitude, 60)).bytes()
        steps = [1] + [quant] * 63
        yield f"loud_{name}_dc", Jpeg(quant={0: steps}, amplitude=amplitude).bytes()
    # Blocks with coefficients in the first row alone, whose products leave 16 bits.
    for step in (1, 8, 16, 32, 64, 96):
        for limit in (200, 1000, 2000, 8000):
            for tag, script in (("444", None), ("420", None), ("444", progression(3))):
                jpeg = Jpeg(48, 48, three[tag], scans=script, progressive=script is not None, quant={0: flat(step)}, own_codes=True)
                rng = np.random.default_rng(step + limit)
                for blocks in jpeg.coefficients:
                    loud = rng.integers(-limit, limit + 1, blocks.shape) * (rng.random(blocks.shape) < 0.5)
                    blocks[:] = np.where(np.array(ZIGZAG) < 8, loud, 0)
                yield f"row_{step}_{limit}_{tag}{'_prog' if script else ''}", jpeg.bytes()
    # Lossless coding.
    y, x = np.mgrid[0:19, 0:23]
    planes = [(x * 9 + y * (3 + c) + (x * y * (7 + c)) % 31).astype(np.uint8) for c in range(3)]
    for predictor in range(1, 8):
        yield f"lossless_gray_{predictor}", lossless(planes[:1], predictor)
        yield f"lossless_rgb_{predictor}", lossless(planes, predictor)
    yield "lossless_gray_restart", lossless(planes[:1], 4, restart=3)
    yield "lossless_rgb_restart", lossless(planes, 7, restart=1)
    yield "lossless_gray_point", lossless(planes[:1], 6, point=2)
    yield "lossless_ycc", lossless(planes, 5, head="jfif")
    # Unfinished progressions.
    for tag in ("444", "420", "ylow"):
        script = progression(3)
        for count in range(1, len(script)):
            for height in (53, 30):
                whole = Jpeg(height=height, sampling=three[tag], scans=script[:count], progressive=True, quality=12).bytes()
                yield f"unfinished_{tag}_{count}_{height}", whole
                if count in (1, 4, 9):
                    last = whole.rindex(b"\xff\xda")
                    yield f"unfinished_{tag}_{count}_{height}_cut", whole[: last + (len(whole) - last) // 2] + b"\xff\xd9"
    # Restart damage.
    for tag, scans, progressive in (("420", None, False), ("444", None, False), ("422", [[0], [1, 2]], False), ("420", progression(3), True)):
        for restart in (1, 3):
            data = Jpeg(sampling=three[tag], scans=scans, progressive=progressive, restart=restart).bytes()
            for name, damaged in restart_damages(data):
                yield f"rst_{tag}_{'prog' if progressive else 'split' if scans else 'all'}_{restart}_{name}", damaged
    # No end, and what follows the data.
    for tag in ("444", "420"):
        for kind, jpeg in (("all", Jpeg(sampling=three[tag])), ("split", Jpeg(sampling=three[tag], scans=[[0], [1, 2]])),
                           ("prog", Jpeg(sampling=three[tag], scans=progression(3), progressive=True)), ("restart", Jpeg(sampling=three[tag], restart=2))):
            data = jpeg.bytes(eoi=False)
            for cut in (0, 1, 2, 3, 9, 40):
                cut_data = data[: len(data) - cut]
                for count in (0, 1, 2, 3, 5, 7, 8, 9, 16, 64, 6000):
                    yield f"noeoi_{tag}_{kind}_{cut}_zeros{count}", cut_data + bytes(count)
                yield f"noeoi_{tag}_{kind}_{cut}_text", cut_data + b"the camera wrote this " * 3
                yield f"noeoi_{tag}_{kind}_{cut}_mp4", cut_data + b"\0\0\0\x18ftypmp42\0\0\0\0" + bytes(range(256)) * 2
                yield f"noeoi_{tag}_{kind}_{cut}_ff", cut_data + b"\xff" * 20
                yield f"noeoi_{tag}_{kind}_{cut}_jpeg", cut_data + Jpeg(20, 20).bytes()
                yield f"noeoi_{tag}_{kind}_{cut}_rst", cut_data + b"\xff\xd3" + bytes(99)
                yield f"noeoi_{tag}_{kind}_{cut}_eoi", cut_data + b"\xff\xd9"
            yield f"after_{tag}_{kind}_dht", data + b"\xff\xc4\x00\x04\x00\x00\xff\xd9"
            yield f"after_{tag}_{kind}_com", data + segment(0xFE, b"after") + b"\xff\xd9"
            yield f"after_{tag}_{kind}_badcom", data + b"\xff\xfe\x00\x00" + b"\xff\xd9"
            yield f"after_{tag}_{kind}_sos", data + data[data.rindex(b"\xff\xda") :] + b"\xff\xd9"
            yield f"after_{tag}_{kind}_dnl", data + segment(0xDC, struct.pack(">H", 53)) + b"\xff\xd9"
    big = Jpeg(900, 700, three["420"], quality=2, noise=30).bytes(eoi=False)
    yield "big_noeoi", big
    yield "big_noeoi_zeros", big + bytes(100)
    yield "big_noeoi_dht", big + b"\xff\xc4\x00\x04\x00\x00"
    yield "big_noeoi_blocks", big + bytes(-len(big) % 65536) + b"\xff\xc4\x00\x04\x00\x00"
    # Bad lengths and odd markers in the headers.
    data = Jpeg().bytes()
    for code in (0xE1, 0xE2, 0xED, 0xEE, 0xFE, 0xDC):
        for length in (0, 1, 2, 3, 40):
            yield f"length_{code:02x}_{length}", data[:2] + bytes([0xFF, code]) + struct.pack(">H", length) + b"AB"[: max(0, length - 2)] + data[2:]
    for code in (0xC4, 0xDB, 0xDA, 0xC0):
        at = data.index(bytes([0xFF, code]))
        for by in (-2, -1, 1, 2):
            length = struct.unpack(">H", data[at + 2 : at + 4])[0]
            yield f"length_{code:02x}_by{by}", data[: at + 2] + struct.pack(">H", length + by) + data[at + 4 :]
    for code in (0x01, 0xD0, 0xD8, 0xD9, 0xC8, 0xF0, 0xDE, 0xDF, 0x42):
        yield f"marker_{code:02x}", data[:2] + bytes([0xFF, code]) + data[2:]
    yield "junk_between", data[:2] + b"\xff" + data[2:20] + b"\x00\x11\xff\x00\x22" + data[20:]
    tables = data[: data.index(b"\xff\xc0")]
    yield "tables_first", tables + b"\xff\xd9" + data
    for at in (0xDB, 0xC4):
        where = data.index(bytes([0xFF, at]))
        yield f"without_{at:02x}", data[:where] + data[where + 2 + struct.unpack(">H", data[where + 2 : where + 4])[0] :]
    for precision in (1, 7, 12, 16):
        yield f"precision_{precision}", data.replace(struct.pack(">BHH", 8, 53, 67), struct.pack(">BHH", precision, 53, 67))
    for sof in (0xC1, 0xC3, 0xC5, 0xC9, 0xCA, 0xCB, 0xCD):
        yield f"sof_{sof:02x}", Jpeg(sof=sof).bytes()
    yield "not_sequential", data.replace(b"\x03\x01\x00\x02\x00\x03\x00\x00\x3f\x00", b"\x03\x01\x00\x02\x00\x03\x00\x00\x00\x00")
    yield "height_0", data.replace(struct.pack(">BHH", 8, 53, 67), struct.pack(">BHH", 8, 0, 67))


# What the corpus has of it.
CORPUS = """
s_420_y_cc_67x53 s_420_cc_y_67x53 s_444_yc_c_67x53 s_422_each_17x16 s_420_y_c_67x53 s_420_wrong_67x53 s_420_twice_67x53
s_14b_all_17x16 s_441_all_17x16 s_411_all_17x16 s_33_all_17x16 s_4242_all_17x16 s_asym_y_cc_67x53 s_asym2_all_17x16
s_ylow_all_67x53 s_ylow_y_cc_17x16 s_ylow2_all_17x16 s_ylow3_all_17x16 s_ylow5_all_8x9 s_ylow_prog_17x16 s_fract_all_17x16
s_large_all_17x16 s_22all_all_17x16 s_420_each_restart5 s_ylow_prog_restart5 gray_31_17x16 gray_44_17x16
ids_jfif_7_7_9_420 ids_none_82_71_66_444_each ids_none_5_5_5_420 ids_none_7_9_7_420 ids_adobe7_1_2_3_444
four_none_1_split four_adobe2_2 four_adobe2_5_split2 four_adobe0_4 four_adobe0_6 five two
dqt_444_each_1_0 dqt_420_y_cc_1_1 dqt_420_each_2_0 dqt_422_prog_3
lossless_gray_4 lossless_rgb_7 lossless_rgb_restart lossless_gray_point lossless_ycc row_16_1000_444 row_16_1000_444_prog row_8_2000_420 row_96_8000_444 loud_q255_444 loud_q255_loud_420 loud_q4000_420 loud_q65535_444_flat loud_q255_loud_prog
unfinished_420_1_30 unfinished_444_4_53 unfinished_420_4_53_cut unfinished_ylow_9_30_cut
rst_420_all_1_middle_removed rst_420_all_1_first_doubled rst_420_all_1_last_plus1 rst_444_all_3_middle_lost
rst_420_all_3_middle_plus2 rst_420_all_3_middle_plus7 rst_420_all_1_middle_is_d9 rst_420_prog_3_first_removed
rst_422_split_3_middle_removed rst_420_all_1_middle_is_01 rst_420_all_1_middle_half
noeoi_420_all_0_zeros0 noeoi_420_all_0_zeros8 noeoi_420_all_0_zeros64 noeoi_420_all_0_text noeoi_420_all_0_mp4 noeoi_420_all_3_zeros64
noeoi_420_all_0_jpeg noeoi_420_restart_0_zeros64 noeoi_420_split_0_zeros64 noeoi_420_prog_0_zeros64 after_420_all_dht after_420_all_badcom
length_fe_0 length_fe_1 length_e1_0 length_ee_1 length_fe_40 length_c4_by1 marker_d0 marker_d8 marker_f0
junk_between tables_first without_c4 without_db precision_12 sof_c9 not_sequential dri_between_lies
""".split()


def write_corpus():
    folder = Path(__file__).parent / "corpus" / "jpeg_odd"
    folder.mkdir(parents=True, exist_ok=True)
    files, manifest = dict(matrix()), {}
    for name in CORPUS:
        data = files[name]
        (folder / f"{name}.jpg").write_bytes(data)
        outcome = pillow(data)
        if isinstance(outcome, str):
            manifest[f"{name}.jpg"] = {"error": outcome.split(" <")[0]}
            continue
        drafts = {denominator: pillow(data, denominator) for denominator in (2, 4, 8)}
        # Of lossless files Pillow's draft fails.
        drafts = {denominator: outcome[2] for denominator, outcome in drafts.items() if not isinstance(outcome, str)}
        manifest[f"{name}.jpg"] = dict(zip(("height", "width", "sha256"), outcome)) | {"draft": drafts}
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(entry)}" for name, entry in manifest.items())
    (folder / "manifest.json").write_text(f"{{\n{lines}\n}}\n")
    print(f"{len(CORPUS)} files, {sum(len(files[name]) for name in CORPUS)} bytes")


def pillow(data, denominator=1):
    from PIL import Image, ImageOps

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = Image.open(io.BytesIO(data))
            if denominator > 1:
                image.draft(None, (max(image.width // denominator, 1), max(image.height // denominator, 1)))
            image = ImageOps.exif_transpose(image).convert("RGB")
            return [image.height, image.width, hashlib.sha256(image.tobytes()).hexdigest()]
        except Exception as error:
            return str(error)[:80] or type(error).__name__


def damaged(files, count, seed=0):
    """Copies with flipped bits, other bytes, bytes left out or doubled, two files crossed."""
    rng = random.Random(seed)
    # Damage in lossless coding is an error here.
    names = sorted(name for name in files if len(files[name]) < 20000 and not name.startswith("lossless"))
    for i in range(count):
        name = rng.choice(names)
        data = bytearray(files[name])
        start = data.find(b"\xff\xda") if rng.random() < 0.8 else 2
        start = max(start, 2)
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            at = rng.randrange(start, len(data)) if len(data) > start else 0
            kind = rng.randrange(7)
            if kind == 0:
                data[at] ^= 1 << rng.randrange(8)
            elif kind == 1:
                data[at] = rng.choice((0, 0xFF, 0x7F, 0x80, rng.randrange(256)))
            elif kind == 2:
                del data[at : at + rng.randrange(1, 30)]
            elif kind == 3:
                data[at:at] = data[at : at + rng.randrange(1, 30)]
            elif kind == 4:
                data[at:at] = bytes([0xFF, rng.randrange(256)])
            elif kind == 5:
                data[at:at] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 20)))
            else:
                other = files[rng.choice(names)]
                cut = rng.randrange(len(other))
                data = data[:at] + other[cut:]
        yield f"m{i:06}_{name}", bytes(data)


def compare(folder, program):
    """Counts outcomes; prints every file whose pixels differ, or that only one of the two reads."""
    names = sorted(path.name for path in folder.glob("*.jpg"))
    lines = subprocess.run([program, str(folder)], capture_output=True, text=True, check=True).stdout.splitlines()
    ours = {}
    for line in lines:
        name, outcome = line.split("\t", 1)
        ours[Path(name).name] = outcome
    counts = {"equal": 0, "both refuse": 0, "differ": 0, "refused here": 0, "refused by Pillow": 0}
    rows = []
    for name in names:
        theirs, mine = pillow((folder / name).read_bytes()), ours[name]
        read = mine.split("\t")
        if isinstance(theirs, str):
            kind = "both refuse" if len(read) < 3 else "refused by Pillow"
        elif len(read) < 3:
            kind = "refused here"
        else:
            kind = "equal" if [int(read[0]), int(read[1]), read[2]] == theirs else "differ"
        counts[kind] += 1
        if kind not in ("equal", "both refuse"):
            rows.append((kind, name, theirs if isinstance(theirs, str) else "", mine if len(read) < 3 else ""))
    for row in sorted(rows):
        print("\t".join(row))
    print(json.dumps(counts))
    return counts["differ"] + counts["refused here"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--corpus", action="store_true")
    parser.add_argument("--mutate", type=int, default=0, metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--compare", metavar="DIGESTS")
    options = parser.parse_args()
    if options.corpus:
        return write_corpus()
    if options.folder is None:
        parser.error("FOLDER is missing")
    options.folder.mkdir(parents=True, exist_ok=True)
    files = dict(matrix())
    for name, data in files.items():
        (options.folder / f"{name}.jpg").write_bytes(data)
    print(f"{len(files)} files")
    if options.mutate:
        for name, data in damaged(files, options.mutate, options.seed):
            (options.folder / f"{name}.jpg").write_bytes(data)
    if options.compare:
        sys.exit(1 if compare(options.folder, options.compare) else 0)


if __name__ == "__main__":
    main()
