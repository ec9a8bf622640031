"""GIF."""

import struct

import numpy as np

from corpus_kinds.common import put, rgb, saved


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
