"""Files that are no images, and headers of sizes that nothing has."""

import struct
import zlib

import numpy as np

from corpus_kinds.bmp import bmp_file
from corpus_kinds.common import put, rgb, saved
from corpus_kinds.gif import gif_file
from corpus_kinds.jpeg import segments
from corpus_kinds.png import chunk
from corpus_kinds.tiff import tiff_file


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
