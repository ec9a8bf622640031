"""JPEG."""

import struct

from PIL import Image

from corpus_kinds.common import gray, orientation_exif, picture, put, rgb, saved


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
    # Large enough for the loader and the op to decode it on several threads.
    large = rgb(52, 80).resize((1920, 1104), Image.Resampling.BICUBIC)
    put("jpeg/420_large_restart_rows.jpg", saved(large, "JPEG", quality=20, subsampling="4:2:0", restart_marker_rows=1))
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
