"""WebP, PNG, GIF and BMP files whose containers are odd, for comparison with Pillow:

    python loader/tests/matrix/containers.py FOLDER
    python loader/tests/compare_pillow.py target/release/examples/digests FOLDER --list
"""

import io
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from orientation import chunk, webp_chunk


def pixels(height, width, channels, seed=0):
    y, x = np.mgrid[0:height, 0:width]
    planes = [(x * (9 + c) + y * (5 + 3 * c) + 40 * seed + (x * y) % (7 + c)) % 256 for c in range(channels)]
    return np.stack(planes, -1).astype(np.uint8)


# --- WebP ---------------------------------------------------------------------------------------------
def bitstream(height, width, lossless, alpha, seed=0):
    """The chunks of a picture without its container."""
    out = io.BytesIO()
    mode = "RGBA" if alpha else "RGB"
    Image.fromarray(pixels(height, width, 4 if alpha else 3, seed), mode).save(out, "WEBP", lossless=lossless, exact=True)
    data = out.getvalue()
    start = 30 if data[12:16] == b"VP8X" else 12
    return data[start:]


def le24(value):
    return struct.pack("<I", value)[:3]


def riff(body):
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def extended(flags, height, width, body):
    return riff(webp_chunk(b"VP8X", bytes([flags, 0, 0, 0]) + le24(width - 1) + le24(height - 1)) + body)


ANIMATION, ALPHA = 2, 16


def frame(top, left, height, width, data, blend=0, dispose=0):
    """blend 0: over what is there; 1: in its place."""
    fields = le24(left // 2) + le24(top // 2) + le24(width - 1) + le24(height - 1) + le24(100) + bytes([blend << 1 | dispose])
    return webp_chunk(b"ANMF", fields + data)


def animation(flags, canvas, frames, background=(10, 20, 30, 40), loop=0):
    head = webp_chunk(b"ANIM", bytes(background) + struct.pack("<H", loop))
    return extended(flags | ANIMATION, *canvas, head + b"".join(frames))


def webps():
    for lossless in (False, True):
        for alpha in (False, True):
            kind = ("lossless" if lossless else "lossy") + ("_alpha" if alpha else "")
            whole = bitstream(12, 16, lossless, alpha)
            part = bitstream(6, 8, lossless, alpha, 1)
            second = frame(0, 0, 12, 16, bitstream(12, 16, lossless, alpha, 2))
            for flag in (0, ALPHA):
                for blend in (0, 1):
                    for dispose in (0, 1):
                        tag = f"{kind}_{'flag' if flag else 'noflag'}_blend{blend}_dispose{dispose}"
                        yield f"anim_whole_{tag}", animation(flag, (12, 16), [frame(0, 0, 12, 16, whole, blend, dispose), second])
                        yield f"anim_part_{tag}", animation(flag, (12, 16), [frame(2, 4, 6, 8, part, blend, dispose), second])
                yield f"anim_corner_{kind}_{flag}", animation(flag, (12, 16), [frame(6, 8, 6, 8, part), second])
                yield f"still_{kind}_{flag}", extended(flag, 12, 16, whole)
            yield f"anim_lone_{kind}", animation(ALPHA, (12, 16), [frame(2, 4, 6, 8, part)])
            yield f"anim_beyond_{kind}", animation(ALPHA, (12, 16), [frame(8, 4, 6, 8, part), second])
            yield f"anim_frame_size_differs_{kind}", animation(ALPHA, (12, 16), [frame(2, 4, 4, 4, part), second])
            yield f"still_canvas_differs_{kind}", extended(ALPHA, 14, 16, whole)
            yield f"simple_{kind}", riff(whole)
            yield f"behind_riff_{kind}", riff(whole) + b"trailing bytes"
            yield f"unknown_chunk_first_{kind}", extended(ALPHA, 12, 16, webp_chunk(b"ABCD", b"odd") + whole)
            yield f"cut_{kind}", riff(whole)[:-9]
            yield f"anim_no_anim_chunk_{kind}", extended(ANIMATION | ALPHA, 12, 16, frame(0, 0, 12, 16, whole))
            yield f"anim_flag_missing_{kind}", extended(ALPHA, 12, 16, webp_chunk(b"ANIM", bytes(6)) + frame(0, 0, 12, 16, whole))
            yield f"anim_flag_still_{kind}", extended(ANIMATION, 12, 16, whole)
            yield f"two_pictures_{kind}", extended(ALPHA, 12, 16, whole + bitstream(12, 16, lossless, alpha, 3))
    yield "anim_mixed", animation(ALPHA, (12, 16), [frame(2, 4, 6, 8, bitstream(6, 8, True, True)), frame(0, 0, 12, 16, bitstream(12, 16, False, False))])


# --- PNG ----------------------------------------------------------------------------------------------
def png_pixels(color=3, depth=8, width=16, height=16, interlace=0):
    data = bytearray()
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color]
    row = pixels(1, width, channels)[0].reshape(-1)
    for y in range(height):
        line = ((row.astype(int) + y * 16) % 256).astype(np.uint8)
        data += b"\0" + line.tobytes()[: (width * channels * depth + 7) // 8]
    return zlib.compress(bytes(data))


def header(color=3, depth=8, width=16, height=16, method=0, filters=0, interlace=0):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, method, filters, interlace))


def png(*chunks):
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def bad_checksum(data):
    return data[:-4] + bytes([data[-4] ^ 1]) + data[-3:]


def pngs():
    colours = bytes((i * 7 + 3) % 256 for i in range(1024))
    data, end = chunk(b"IDAT", png_pixels()), chunk(b"IEND", b"")
    for length in (0, 1, 2, 3, 4, 10, 47, 48, 49, 765, 766, 767, 768, 769, 770, 771, 900):
        yield f"palette_{length}", png(header(), chunk(b"PLTE", colours[:length]), data, end)
    for depth in (1, 2, 4):
        yield f"palette_256_depth_{depth}", png(header(depth=depth), chunk(b"PLTE", colours[:768]), chunk(b"IDAT", png_pixels(depth=depth)), end)
        yield f"palette_1_depth_{depth}", png(header(depth=depth), chunk(b"PLTE", colours[:3]), chunk(b"IDAT", png_pixels(depth=depth)), end)
    plte = chunk(b"PLTE", colours[:768])
    yield "palette_twice", png(header(), chunk(b"PLTE", colours[6:768]), plte, data, end)
    yield "palette_behind", png(header(), data, plte, end)
    for color in (0, 2, 4, 6):
        pixel = chunk(b"IDAT", png_pixels(color))
        yield f"palette_in_color_{color}", png(header(color), chunk(b"PLTE", colours[:10]), pixel, end)
        yield f"palette_behind_color_{color}", png(header(color), pixel, chunk(b"PLTE", colours[:10]), end)
        yield f"transparency_long_{color}", png(header(color), chunk(b"tRNS", bytes(30)), pixel, end)
    rgb = chunk(b"IDAT", png_pixels(2))
    yield "data_bad_checksum", png(header(2), bad_checksum(rgb), end)
    yield "end_bad_checksum", png(header(2), rgb, bad_checksum(end))
    yield "no_end", png(header(2), rgb)
    yield "unknown_critical", png(header(2), chunk(b"ABCD", b"x"), rgb, end)
    yield "unknown_ancillary", png(header(2), chunk(b"abcd", b"x"), rgb, end)
    yield "unknown_bad_checksum", png(header(2), bad_checksum(chunk(b"abcd", b"x")), rgb, end)
    yield "digits_in_name", png(header(2), chunk(b"a1_d", b"x"), rgb, end)
    yield "no_name", png(header(2), chunk(b"a d\0", b"x"), rgb, end)
    yield "method_1", png(header(2, method=1), rgb, end)
    yield "filters_1", png(header(2, filters=1), rgb, end)
    yield "header_long", png(chunk(b"IHDR", header(2)[8:21] + b"more"), rgb, end)
    yield "header_twice", png(header(2, height=8), header(2), rgb, end)
    yield "header_late", png(chunk(b"abcd", b"x"), header(2), rgb, end)
    half = len(png_pixels(2)) // 2
    parts = [chunk(b"IDAT", png_pixels(2)[:half]), chunk(b"IDAT", png_pixels(2)[half:])]
    yield "data_in_two", png(header(2), *parts, end)
    yield "data_with_empty", png(header(2), chunk(b"IDAT", b""), parts[0], chunk(b"IDAT", b""), parts[1], chunk(b"IDAT", b""), end)
    yield "data_interrupted", png(header(2), parts[0], chunk(b"abcd", b"x"), parts[1], end)
    yield "data_more_behind", png(header(2), rgb, chunk(b"abcd", b"x"), parts[1], end)
    yield "gamma_short", png(header(2), chunk(b"gAMA", b"\0"), rgb, end)
    yield "profile_damaged", png(header(2), chunk(b"iCCP", b"x\0\0not zlib"), rgb, end)
    yield "text_damaged", png(header(2), chunk(b"zTXt", b"Comment\0\0not zlib"), rgb, end)
    control = lambda number, *box: chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, *box, 1, 10, 0, 0))
    animated = chunk(b"acTL", struct.pack(">II", 2, 0))
    second = chunk(b"fdAT", struct.pack(">I", 2) + png_pixels(2))
    yield "animation", png(header(2), animated, control(0, 16, 16, 0, 0), rgb, control(1, 16, 16, 0, 0), second, end)
    yield "animation_first_small", png(header(2), animated, control(0, 8, 8, 2, 2), chunk(b"IDAT", png_pixels(2, width=8, height=8)), control(1, 16, 16, 0, 0), second, end)
    yield "animation_exif_behind_frame", png(header(2), animated, control(0, 16, 16, 0, 0), rgb, control(1, 16, 16, 0, 0), second, chunk(b"eXIf", b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"), end)
    yield "animation_no_frames", png(header(2), chunk(b"acTL", bytes(8)), rgb, end)


# --- GIF ----------------------------------------------------------------------------------------------
def lzw(indices, bits):
    clear, stop = 1 << bits, (1 << bits) + 1
    codes = []
    for i, value in enumerate(indices):
        codes += ([clear] if i % ((1 << bits) - 2) == 0 else []) + [int(value)]
    acc = n = 0
    out = bytearray()
    for code in [*codes, stop]:
        acc |= code << n
        n += bits + 1
        while n >= 8:
            out.append(acc & 255)
            acc >>= 8
            n -= 8
    out += bytes([acc & 255]) if n else b""
    return bytes([bits]) + b"".join(bytes([len(out[i : i + 255])]) + out[i : i + 255] for i in range(0, len(out), 255)) + b"\0"


def gif(*blocks, screen=(8, 9), colours=None, background=0):
    flags = 0x80 | (len(colours) // 3).bit_length() - 2 if colours else 0
    return b"GIF89a" + struct.pack("<HHBBB", screen[1], screen[0], flags, background, 0) + (colours or b"") + b"".join(blocks)


def gif_image(top=0, left=0, height=8, width=9, bits=4, colours=None, interlaced=False):
    flags = (0x80 | (len(colours) // 3).bit_length() - 2 if colours else 0) | 0x40 * interlaced
    indices = pixels(height, width, 1)[..., 0].astype(int) % (1 << bits)
    return b"," + struct.pack("<HHHHB", left, top, width, height, flags) + (colours or b"") + lzw(indices.reshape(-1), bits)


def extension(label, *blocks):
    return b"!" + bytes([label]) + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"


def gifs():
    colours = bytes((i * 11 + 5) % 256 for i in range(48))
    ramp = bytes(i // 3 for i in range(48))
    image = gif_image(2, 3, 5, 4)
    control = lambda *data: extension(0xF9, bytes(data))
    make = lambda *blocks, **options: gif(*blocks, image, b";", colours=colours, **options)
    yield "plain", make()
    yield "control", make(control(1, 0, 0, 7))
    for length in (0, 1, 2, 3, 5, 8, 200):
        yield f"control_{length}_bytes", make(control(*([1, 0, 0, 7] + [9] * 200)[:length]))
    yield "control_two_blocks", make(extension(0xF9, b"\1\0\0\7", b"\1\0\0\3"))
    yield "control_empty_first", make(b"!\xf9\0\4\1\0\0\7\0")
    yield "control_twice", make(control(1, 0, 0, 7), control(1, 0, 0, 3))
    yield "control_then_opaque", make(control(1, 0, 0, 7), control(0, 0, 0, 3))
    yield "transparent_beyond_palette", make(control(1, 0, 0, 200))
    yield "comment", make(extension(0xFE, b"hello", b"again"))
    yield "comment_empty", make(extension(0xFE))
    yield "application", make(extension(0xFF, b"NETSCAPE2.0", b"\1\0\0"))
    yield "application_short", make(extension(0xFF, b"NETSCAPE2.0", b"\1"))
    yield "application_odd", make(extension(0xFF, b"x" * 30, b"y"))
    yield "plain_text", make(extension(0x01, b"x" * 12, b"text"))
    yield "unknown_extension", make(extension(0x42, b"abc"))
    yield "bytes_between", make(b"\0\0\x11", control(1, 0, 0, 7), b"\0")
    yield "no_palette", gif(image, b";")
    yield "no_palette_transparent", gif(control(1, 0, 0, 7), image, b";")
    yield "ramp", gif(image, b";", colours=ramp)
    yield "local", gif(gif_image(2, 3, 5, 4, colours=colours[::-1]), b";", colours=colours)
    yield "local_ramp", gif(gif_image(2, 3, 5, 4, colours=ramp), b";", colours=colours)
    yield "local_only", gif(gif_image(2, 3, 5, 4, colours=colours), b";")
    yield "local_short", gif(gif_image(2, 3, 5, 4, colours=colours[:12]), b";", colours=colours)
    yield "over_the_screen", gif(gif_image(4, 6, 8, 9), b";", colours=colours)
    yield "screen_zero", gif(gif_image(), b";", colours=colours, screen=(0, 0))
    yield "interlaced", gif(gif_image(interlaced=True), b";", colours=colours)
    yield "interlaced_part", gif(gif_image(1, 2, 7, 5, interlaced=True), b";", colours=colours)
    yield "two_images", gif(image, gif_image(), b";", colours=colours)
    yield "end_first", gif(b";", image, colours=colours)
    yield "no_image", gif(extension(0xFE, b"x"), b";", colours=colours)
    yield "frame_empty", gif(gif_image(0, 0, 0, 0), b";", colours=colours)
    yield "background", gif(image, b";", colours=colours, background=9)
    for bits in (1, 2, 3, 5, 8):
        yield f"code_size_{bits}", gif(gif_image(bits=max(bits, 2)), b";", colours=colours)


# --- BMP ----------------------------------------------------------------------------------------------
def bmps():
    for bits in (1, 4, 8, 16, 24, 32):
        for size in (40, 52, 56, 64, 108, 124):
            for top_down in (False, True):
                height, width = 7, 11
                stride = (width * bits + 31) // 32 * 4
                data = pixels(height, stride, 1).tobytes()
                colours = bytes((i * 13 + 9) % 256 for i in range(4 << bits)) if bits <= 8 else b""
                fields = struct.pack("<iiHHIIiiII", width, -height if top_down else height, 1, bits, 0, len(data), 0, 0, 0, 0)
                dib = struct.pack("<I", size) + fields.ljust(size - 4, b"\0") + colours + data
                name = f"{bits}bit_{size}_{'top' if top_down else 'bottom'}"
                yield f"{name}.dib", dib
                yield f"{name}.bmp", b"BM" + struct.pack("<IHHI", 14 + len(dib), 0, 0, 14 + size + len(colours)) + dib
    core = struct.pack("<IHHHH", 12, 11, 7, 1, 8) + bytes((i * 13 + 9) % 256 for i in range(768)) + pixels(7, 12, 1).tobytes()
    yield "core.dib", core
    masks = struct.pack("<III", 0xF800, 0x7E0, 0x1F)
    for size in (40, 52, 56, 108):
        fields = struct.pack("<iiHHIIiiII", 11, 7, 1, 16, 3, 0, 0, 0, 0, 0)
        yield f"masks_{size}.dib", struct.pack("<I", size) + (fields + masks).ljust(max(size - 4, 48), b"\0") + pixels(7, 24, 1).tobytes()


def everything():
    for extension_, files in (("webp", webps()), ("png", pngs()), ("gif", gifs())):
        for name, data in files:
            yield f"{name}.{extension_}", data
    yield from bmps()


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    total = 0
    for name, data in everything():
        (folder / name).write_bytes(data)
        total += 1
    print(f"{total} files")


if __name__ == "__main__":
    main()
