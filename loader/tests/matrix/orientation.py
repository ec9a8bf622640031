"""JPEG, PNG, WebP and TIFF files that tell their orientation in every way, for comparison with Pillow:

    python loader/tests/matrix/orientation.py FOLDER
    python loader/tests/compare_pillow.py target/release/examples/digests FOLDER --list

EXIF by type of the tag, duplicate entries, cut and garbage blocks, byte order marks, EXIF over several segments;
XMP; and the chunks, flags and orders in which each container may hold them. All of them are in the corpus.
"""

import io
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

TAG = 0x0112
XMP_KEY = b"http://ns.adobe.com/xap/1.0/\0"
EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\0"


def picture():
    y, x = np.mgrid[0:6, 0:10]
    return Image.fromarray(np.stack([x * 25, y * 40, (x + y) * 10], -1).astype(np.uint8))


def saved(format, **options):
    out = io.BytesIO()
    picture().save(out, format, **options)
    return out.getvalue()


def xmp(value, form='tiff:Orientation="{}"'):
    return b"<x:xmpmeta><rdf:Description " + form.format(value).encode() + b"/></x:xmpmeta>"


# --- EXIF blocks --------------------------------------------------------------------------------------
def block(entries, order="<", mark=None, head=8, count=None, tail=b"\0\0\0\0"):
    """entries: (tag, type, count, packed value); longer values go behind the directory."""
    mark = {"<": b"II*\0", ">": b"MM\0*"}[order] if mark is None else mark
    at = head + 2 + 12 * len(entries) + len(tail)
    out, extra = b"", b""
    for tag, kind, number, value in entries:
        if len(value) > 4:
            place = struct.pack(order + "I", at + len(extra))
            extra += value
            value = place
        out += struct.pack(order + "HHI", tag, kind, number) + value.ljust(4, b"\0")
    number = len(entries) if count is None else count
    return mark + struct.pack(order + "I", head) + bytes(head - 8) + struct.pack(order + "H", number) + out + tail + extra


def exif_blocks():
    """(name, block without its prefix)"""
    for order, end in (("<", "le"), (">", "be")):
        p = lambda form, *values: struct.pack(order + form, *values)
        for name, kind, value in (
            ("byte", 1, b"\6"), ("ascii", 2, b"6\0"), ("short", 3, p("H", 6)), ("long", 4, p("I", 6)),
            ("rational", 5, p("II", 6, 1)), ("rational26", 5, p("II", 12, 2)), ("rational_fraction", 5, p("II", 13, 2)),
            ("rational_zero", 5, p("II", 6, 0)), ("sbyte", 6, b"\6"), ("undefined", 7, b"\6"), ("sshort", 8, p("h", 6)),
            ("sshort_negative", 8, p("h", -6)), ("slong", 9, p("i", 6)), ("srational", 10, p("ii", -12, -2)),
            ("float", 11, p("f", 6)), ("float_fraction", 11, p("f", 6.5)), ("double", 12, p("d", 6)),
            ("ifd", 13, p("I", 6)), ("type14", 14, p("I", 6)), ("long8", 16, p("Q", 6)), ("type0", 0, p("I", 6)),
        ):
            yield f"type_{name}_{end}", block([(TAG, kind, 1, value)], order)
        short = lambda value: (TAG, 3, 1, p("H", value))
        for value in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x0600, 65535):
            yield f"value_{value}_{end}", block([short(value)], order)
        yield f"two_values_{end}", block([(TAG, 3, 2, p("HH", 6, 3))], order)
        yield f"three_values_{end}", block([(TAG, 3, 3, p("HHH", 6, 3, 8))], order)
        yield f"no_values_{end}", block([(TAG, 3, 0, p("H", 6))], order)
        yield f"dup_3_6_{end}", block([short(3), short(6)], order)
        yield f"dup_bad_6_{end}", block([(TAG, 99, 1, p("H", 3)), short(6)], order)
        yield f"dup_empty_6_{end}", block([(TAG, 3, 0, p("H", 3)), short(6)], order)
        yield f"dup_sshort_6_{end}", block([(TAG, 8, 1, p("h", 3)), short(6)], order)
        yield f"dup_byte_6_{end}", block([(TAG, 1, 1, b"\3"), short(6)], order)
        far = (TAG, 4, 2, p("I", 0x7FFFFF00))
        yield f"dup_far_6_{end}", block([(TAG, 4, 1 << 20, p("I", 8)), short(6)], order)
        yield f"beyond_end_6_{end}", block([far, short(6)], order)
        yield f"other_far_6_{end}", block([(0x010F, 2, 200, p("I", 60)), short(6)], order)
        yield f"other_cut_6_{end}", block([(0x010F, 2, 20, p("I", 30)), short(6)], order) + b"xx"
        yield f"other_cut_behind_6_{end}", block([short(6), (0x010F, 2, 20, p("I", 30))], order) + b"xx"
        yield f"count_too_large_{end}", block([short(6)], order, count=9)
        yield f"count_too_large_first_{end}", block([(0x010F, 3, 1, p("H", 1)), short(6)], order, count=9, tail=b"")
        yield f"count_zero_{end}", block([short(6)], order, count=0)
        yield f"no_next_{end}", block([short(6)], order, tail=b"")
        yield f"cut_in_entry_{end}", block([short(6)], order, tail=b"")[:-3]
        yield f"late_directory_{end}", block([short(6)], order, head=32)
        yield f"directory_beyond_end_{end}", {"<": b"II*\0", ">": b"MM\0*"}[order] + p("I", 5000)
        many = [(0x9000 + i, 3, 1, p("H", i)) for i in range(60)]
        yield f"unsorted_{end}", block([*many, short(6)], order)
        yield f"total_too_large_{end}", block([(0x9000 + i, 7, 30, p("I", 8)) for i in range(9)] + [short(6)], order)
    for name, mark in {"II002a": b"II\0*", "MM2a00": b"MM*\0", "MM002b": b"MM\0+", "II2b00": b"II+\0", "IM2a00": b"IM*\0", "ii2a00": b"ii*\0"}.items():
        order = ">" if mark[:1] == b"M" else "<"
        yield f"magic_{name}", block([(TAG, 3, 1, struct.pack(order + "H", 6))], order, mark=mark)
    yield "garbage", b"this is no directory at all"
    yield "empty", b""
    yield "mark_only", b"II*\0"
    yield "twice_prefixed", b"Exif\0\0" + block([(TAG, 3, 1, b"\6\0")])
    yield "thrice_prefixed", b"Exif\0\0Exif\0\0" + block([(TAG, 3, 1, b"\6\0")])


def exif(value=6):
    return block([(TAG, 3, 1, struct.pack("<H", value))])


NO_TAG = block([(0x010F, 3, 1, b"\1\0")])
XMPS = {
    "attribute": xmp(6), "element": b"<rdf><tiff:Orientation>6</tiff:Orientation></rdf>", "single_quotes": xmp(6, "tiff:Orientation='{}'"),
    "other_prefix": xmp(6, 'exif:Orientation="{}"'), "blank": xmp(6, 'tiff:Orientation = "{}"'), "nine": xmp(9), "zero": xmp(0),
    "two_digits": xmp(36), "second_counts": xmp("x") + xmp(6), "first_counts": xmp(3) + xmp(6), "not_utf8": b"\xff\xfe" + xmp(6), "empty": b"",
    "element_blank": b"<rdf><tiff:Orientation> 6</tiff:Orientation></rdf>",
}


# --- containers ---------------------------------------------------------------------------------------
def segment(code, data):
    return b"\xff" + bytes([code]) + struct.pack(">H", len(data) + 2) + data


def jpeg(*segments, jfif=False, before=b"", after=b""):
    data = saved("JPEG", quality=90, subsampling=0)
    jfif_end = 20
    head = data[:jfif_end] if jfif else data[:2]
    scan = data.index(b"\xff\xda")
    scan_data = scan + 2 + struct.unpack(">H", data[scan + 2 : scan + 4])[0]
    del scan_data
    return head + b"".join(segments) + data[jfif_end:scan] + before + data[scan:-2] + after + data[-2:]


def app1_exif(data):
    return segment(0xE1, b"Exif\0\0" + data)


def app1_xmp(data):
    return segment(0xE1, XMP_KEY + data)


def jpegs():
    for name, data in exif_blocks():
        yield f"exif_{name}", jpeg(app1_exif(data))
        yield f"exif_{name}_xmp", jpeg(app1_exif(data), app1_xmp(xmp(8)))
    for name, data in XMPS.items():
        yield f"xmp_{name}", jpeg(app1_xmp(data))
    six = exif(6)
    yield "split", jpeg(app1_exif(six[:14]), app1_exif(six[14:]))
    yield "split_in_three", jpeg(app1_exif(six[:9]), app1_exif(six[9:20]), app1_exif(six[20:]))
    yield "split_around_xmp", jpeg(app1_exif(six[:14]), app1_xmp(xmp(3)), app1_exif(six[14:]))
    yield "empty_then_6", jpeg(app1_exif(b""), app1_exif(six))
    yield "three_then_6", jpeg(app1_exif(exif(3)), app1_exif(six))
    yield "garbage_then_6", jpeg(app1_exif(b"garbage!"), app1_exif(six))
    yield "no_tag_xmp", jpeg(app1_exif(NO_TAG), app1_xmp(xmp(6)))
    yield "xmp_before_exif", jpeg(app1_xmp(xmp(8)), app1_exif(six))
    yield "xmp_two_3_6", jpeg(app1_xmp(xmp(3)), app1_xmp(xmp(6)))
    yield "xmp_none_then_6", jpeg(app1_xmp(b"<x/>"), app1_xmp(xmp(6)))
    yield "xmp_6_then_none", jpeg(app1_xmp(xmp(6)), app1_xmp(b"<x/>"))
    yield "xmp_extended", jpeg(segment(0xE1, EXTENDED_XMP + b"0" * 32 + struct.pack(">II", 40, 0) + xmp(6)))
    yield "xmp_no_end_of_key", jpeg(segment(0xE1, XMP_KEY[:-1] + xmp(6)))
    yield "exif_lower_case", jpeg(segment(0xE1, b"exif\0\0" + six))
    yield "exif_one_zero", jpeg(segment(0xE1, b"Exif\0x" + six))
    yield "exif_in_app2", jpeg(segment(0xE2, b"Exif\0\0" + six))
    yield "before_scan", jpeg(before=app1_exif(six))
    yield "after_scan", jpeg(after=app1_exif(six))
    yield "jfif_first", jpeg(app1_exif(six), jfif=True)
    yield "fill_bytes", jpeg(b"\xff\xff" + app1_exif(six))
    yield "junk_before", jpeg(b"\x01\x02\x03" + app1_exif(six))
    yield "restart_before", jpeg(b"\xff\xd0" + app1_exif(six))
    yield "comment_holds_exif", jpeg(segment(0xFE, app1_exif(six)))
    yield "thumbnail", jpeg(app1_exif(block([(TAG, 3, 1, b"\6\0")]) + jpeg(app1_exif(exif(3)))))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(before=b"", after=b""):
    data = saved("PNG")
    place = data.index(b"IDAT") - 4
    return data[:place] + before + data[place:-12] + after + data[-12:]


def text(key, value):
    return chunk(b"tEXt", key + b"\0" + value)


def ztext(key, value, method=0):
    return chunk(b"zTXt", key + b"\0" + bytes([method]) + zlib.compress(value))


def itext(key, value, compressed=0, method=0, language=b"", translated=b""):
    value = zlib.compress(value) if compressed and method == 0 else value
    return chunk(b"iTXt", key + b"\0" + bytes([compressed, method]) + language + b"\0" + translated + b"\0" + value)


def raw_profile(data, line=36):
    digits = data.hex()
    lines = "\n".join(digits[i : i + 2 * line] for i in range(0, len(digits), 2 * line))
    return f"\nexif\n{len(data):8}\n{lines}\n".encode()


def pngs():
    key = b"XML:com.adobe.xmp"
    raw = b"Raw profile type exif"
    for name, data in exif_blocks():
        yield f"exif_{name}", png(chunk(b"eXIf", data))
    for name, data in XMPS.items():
        yield f"xmp_{name}", png(itext(key, data))
    for place in ("before", "after"):
        put = lambda data: png(**{place: data})
        yield f"exif_{place}", put(chunk(b"eXIf", exif()))
        yield f"exif_two_3_6_{place}", put(chunk(b"eXIf", exif(3)) + chunk(b"eXIf", exif(6)))
        yield f"exif_none_then_xmp_{place}", put(chunk(b"eXIf", NO_TAG) + itext(key, xmp(6)))
        yield f"itxt_{place}", put(itext(key, xmp(6)))
        yield f"itxt_compressed_{place}", put(itext(key, xmp(6), compressed=1))
        yield f"itxt_compressed_2_{place}", put(itext(key, xmp(6), compressed=2))
        yield f"itxt_method_1_{place}", put(itext(key, xmp(6), compressed=1, method=1))
        yield f"itxt_language_{place}", put(itext(key, xmp(6), language=b"de", translated="Größe".encode()))
        yield f"itxt_language_not_utf8_{place}", put(itext(key, xmp(6), language=b"\xff"))
        yield f"itxt_two_3_6_{place}", put(itext(key, xmp(3)) + itext(key, xmp(6)))
        yield f"itxt_3_then_not_utf8_6_{place}", put(itext(key, xmp(3)) + itext(key, xmp(6) + b"\xff"))
        yield f"itxt_6_then_empty_{place}", put(itext(key, xmp(6)) + itext(key, b""))
        yield f"text_{place}", put(text(key, xmp(6)))
        yield f"ztxt_{place}", put(ztext(key, xmp(6)))
        yield f"ztxt_damaged_{place}", put(chunk(b"zTXt", key + b"\0\0" + b"not zlib"))
        yield f"ztxt_cut_{place}", put(chunk(b"zTXt", key + b"\0\0" + zlib.compress(xmp(6) + bytes(range(256)))[:-30]))
        yield f"itxt_then_text_{place}", put(itext(key, xmp(3)) + text(key, xmp(6)))
        yield f"text_then_ztxt_{place}", put(text(key, xmp(3)) + ztext(key, xmp(6)))
        yield f"raw_profile_text_{place}", put(text(raw, raw_profile(exif())))
        yield f"raw_profile_ztxt_{place}", put(ztext(raw, raw_profile(exif())))
        yield f"raw_profile_itxt_{place}", put(itext(raw, raw_profile(exif())))
        yield f"raw_profile_prefixed_{place}", put(ztext(raw, raw_profile(b"Exif\0\0" + exif())))
        yield f"raw_profile_and_exif_{place}", put(ztext(raw, raw_profile(exif(3))) + chunk(b"eXIf", exif(6)))
        yield f"raw_profile_and_xmp_{place}", put(ztext(raw, raw_profile(NO_TAG)) + itext(key, xmp(6)))
        yield f"raw_profile_app1_{place}", put(ztext(b"Raw profile type APP1", raw_profile(b"Exif\0\0" + exif())))
        yield f"text_exif_key_{place}", put(text(b"exif", exif()))
        yield f"text_xmp_element_{place}", put(text(key, XMPS["element"]))
        yield f"other_key_{place}", put(text(b"Comment", xmp(6)))
    yield "exif_before_3_after_6", png(chunk(b"eXIf", exif(3)), chunk(b"eXIf", exif(6)))
    yield "itxt_before_3_after_6", png(itext(key, xmp(3)), itext(key, xmp(6)))
    yield "exif_bad_checksum_after", png(after=chunk(b"eXIf", exif())[:-1] + b"?")


def webp_chunk(kind, data):
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def webp(flags, *behind, before=(), lossless=True):
    data = saved("WEBP", lossless=lossless)
    size = struct.pack("<BHBHB", 0, 9, 0, 5, 0)[1:]
    body = b"WEBP" + webp_chunk(b"VP8X", bytes([flags, 0, 0, 0]) + struct.pack("<I", 9)[:3] + struct.pack("<I", 5)[:3])
    del size
    body += b"".join(before) + data[12:] + b"".join(behind)
    return b"RIFF" + struct.pack("<I", len(body)) + body


EXIF, XMP, ALPHA, ICC = 8, 4, 16, 32


def webps():
    e, x = webp_chunk(b"EXIF", exif()), webp_chunk(b"XMP ", xmp(8))
    for name, data in exif_blocks():
        yield f"exif_{name}", webp(EXIF, webp_chunk(b"EXIF", data))
    for name, data in XMPS.items():
        yield f"xmp_{name}", webp(XMP, webp_chunk(b"XMP ", data))
    for flags, name in ((0, "none"), (EXIF, "exif"), (XMP, "xmp"), (EXIF | XMP, "both"), (ALPHA, "alpha"), (EXIF | ALPHA | ICC, "exif_alpha_icc")):
        yield f"flags_{name}_nothing", webp(flags)
        yield f"flags_{name}_exif", webp(flags, e)
        yield f"flags_{name}_xmp", webp(flags, x)
        yield f"flags_{name}_exif_xmp", webp(flags, e, x)
        yield f"flags_{name}_before", webp(flags, before=(e, x))
    yield "exif_two_3_6", webp(EXIF, webp_chunk(b"EXIF", exif(3)), e)
    yield "exif_no_tag_xmp", webp(EXIF | XMP, webp_chunk(b"EXIF", NO_TAG), x)
    yield "exif_prefixed", webp(EXIF, webp_chunk(b"EXIF", b"Exif\0\0" + exif()))
    yield "names_lower_case", webp(EXIF | XMP, webp_chunk(b"exif", exif()), webp_chunk(b"xmp ", xmp(8)))
    yield "xmp_without_blank", webp(XMP, webp_chunk(b"XMP\0", xmp(8)))
    yield "unknown_flag", webp(EXIF | 64, e)
    yield "reserved_flag", webp(EXIF | 1, e)
    yield "odd_length", webp(EXIF | XMP, webp_chunk(b"ABCD", b"x"), e, webp_chunk(b"XMP ", xmp(8) + b" "))
    yield "lossy", webp(EXIF, e, lossless=False)


def everything():
    for extension, files in (("jpg", jpegs()), ("png", pngs()), ("webp", webps())):
        for name, data in files:
            yield f"{name}.{extension}", data


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    total = 0
    for name, data in everything():
        assert not (folder / name).exists() or sys.argv[2:] == ["--force"], name
        (folder / name).write_bytes(data)
        total += 1
    print(f"{total} files")


if __name__ == "__main__":
    main()
