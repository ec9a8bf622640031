//! Formats that are not read, by their first bytes: an error that says which one it is helps more than one
//! that says that it is none of ours.

use super::Format;
use crate::{ErrorKind, ImageError};

/// Why a file that begins with these bytes is not read.
pub(super) fn refusal(bytes: &[u8]) -> ImageError {
    let readable = Format::ALL.map(Format::name).join(", ");
    match recognise(bytes) {
        Some(Foreign::Image(name)) => ImageError::unsupported(format_args!("the file is {name}")).map(|e| {
            e.why(format_args!("only {readable} are read"))
                .fix("convert it to PNG with the program that wrote it, or with another one that reads this format")
        }),
        Some(Foreign::Other(name)) => {
            ImageError::new(ErrorKind::NotAnImage, format_args!("the file is {name}, no image"))
                .map(|e| e.why(format_args!("only {readable} are read")))
        }
        None => ImageError::new(
            ErrorKind::NotAnImage,
            "the first bytes are those of no image format",
        )
        .map(|e| e.expected_got(&readable, first_bytes(bytes))),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Foreign {
    Image(&'static str),
    Other(&'static str),
}

/// Where the bytes stand, the bytes, what they say.
const SIGNATURES: &[(usize, &[u8], Foreign)] = &[
    (0, b"\xff\x0a", Foreign::Image("a JPEG XL image")),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", Foreign::Image("a JPEG XL image")),
    (0, b"\0\0\0\x0cjP  ", Foreign::Image("a JPEG 2000 image")),
    (0, b"\xff\x4f\xff\x51", Foreign::Image("a JPEG 2000 codestream")),
    (0, b"\0\0\x01\0", Foreign::Image("a Windows icon (ICO)")),
    (0, b"\0\0\x02\0", Foreign::Image("a Windows cursor (CUR)")),
    (0, b"icns", Foreign::Image("an Apple icon (ICNS)")),
    (0, b"8BPS", Foreign::Image("a Photoshop document (PSD)")),
    (0, b"II\xbc\x01", Foreign::Image("a JPEG XR image")),
    (0, b"IIU\0", Foreign::Image("a Panasonic raw photo")),
    (0, b"IIRO", Foreign::Image("an Olympus raw photo")),
    (0, b"FUJIFILMCCD-RAW", Foreign::Image("a Fujifilm raw photo")),
    (0, b"DDS ", Foreign::Image("a DirectDraw surface (DDS)")),
    (0, b"qoif", Foreign::Image("a QOI image")),
    (0, b"v/1\x01", Foreign::Image("an OpenEXR image")),
    (0, b"#?RADIANCE", Foreign::Image("a Radiance HDR image")),
    (0, b"#?RGBE", Foreign::Image("a Radiance HDR image")),
    (0, b"farbfeld", Foreign::Image("a farbfeld image")),
    (0, b"\x0a\x05\x01", Foreign::Image("a PCX image")),
    (0, b"\x01\xda", Foreign::Image("an SGI image")),
    (0, b"\x59\xa6\x6a\x95", Foreign::Image("a Sun raster image")),
    (0, b"SIMPLE  =", Foreign::Image("a FITS image")),
    (0, b"\x8aMNG\r\n\x1a\n", Foreign::Image("an MNG animation")),
    (0, b"%!PS", Foreign::Image("a PostScript file (EPS)")),
    (0, b"<svg", Foreign::Image("an SVG drawing")),
    (0, b"/* XPM", Foreign::Image("an XPM image")),
    (128, b"DICM", Foreign::Image("a DICOM image")),
    (0, b"%PDF", Foreign::Other("a PDF document")),
    (0, b"\x1f\x8b", Foreign::Other("gzip data")),
    (0, b"PK\x03\x04", Foreign::Other("a ZIP archive")),
    (0, b"<!DOCTYPE html", Foreign::Other("an HTML page")),
    (0, b"<html", Foreign::Other("an HTML page")),
    (0, b"<?xml", Foreign::Other("XML text")),
    (
        0,
        b"version https://git-lfs",
        Foreign::Other("a Git LFS pointer, not the file itself"),
    ),
    (0, b"\x1a\x45\xdf\xa3", Foreign::Other("a Matroska or WebM video")),
];

fn recognise(bytes: &[u8]) -> Option<Foreign> {
    let by_signature = SIGNATURES
        .iter()
        .find(|(at, signature, _)| bytes.get(*at..).is_some_and(|rest| rest.starts_with(signature)));
    if let Some(&(_, _, foreign)) = by_signature {
        return Some(foreign);
    }
    match bytes {
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => Some(by_brands(bytes)),
        [b'P', kind, blank, ..] if blank.is_ascii_whitespace() => match kind {
            b'1' | b'4' => Some(Foreign::Image("a PBM image")),
            b'2' | b'5' => Some(Foreign::Image("a PGM image")),
            b'3' | b'6' => Some(Foreign::Image("a PPM image")),
            b'7' => Some(Foreign::Image("a PAM image")),
            b'f' | b'F' => Some(Foreign::Image("a PFM image")),
            _ => None,
        },
        _ => is_targa(bytes).then_some(Foreign::Image("a Targa image (TGA)")),
    }
}

/// ISO base media files: the major brand, then the compatible ones.
fn by_brands(bytes: &[u8]) -> Foreign {
    let size = bytes
        .first_chunk::<4>()
        .map_or(0, |size| u32::from_be_bytes(*size) as usize);
    let box_end = size.clamp(16, 16 + 4 * 64).min(bytes.len());
    let (brands, _) = bytes.get(8..box_end).unwrap_or_default().as_chunks::<4>();
    let is = |names: &[&[u8; 4]]| brands.iter().any(|brand| names.contains(&brand));
    if is(&[b"avif", b"avis"]) {
        Foreign::Image("an AVIF image")
    } else if is(&[
        b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs",
    ]) {
        Foreign::Image("a HEIC photo")
    } else if is(&[b"mif1", b"msf1", b"mif2", b"miaf"]) {
        Foreign::Image("a HEIF image")
    } else if is(&[b"crx "]) {
        Foreign::Image("a Canon raw photo")
    } else if is(&[b"jp2 ", b"jpx ", b"jpm "]) {
        Foreign::Image("a JPEG 2000 image")
    } else {
        Foreign::Other("a video or audio file (MP4, MOV)")
    }
}

/// Targa has no signature at its begin: the one at its end, or a header in which every field makes sense.
fn is_targa(bytes: &[u8]) -> bool {
    if bytes.ends_with(b"TRUEVISION-XFILE.\0") {
        return true;
    }
    let Some(
        &[
            _,
            map,
            kind,
            _,
            _,
            _,
            _,
            entry,
            _,
            _,
            _,
            _,
            w0,
            w1,
            h0,
            h1,
            depth,
            flags,
        ],
    ) = bytes.first_chunk::<18>()
    else {
        return false;
    };
    let mapped = map == 1 && matches!(kind, 1 | 9) && matches!(entry, 15 | 16 | 24 | 32) && depth == 8;
    let direct = map == 0 && entry == 0 && matches!((kind, depth), (2 | 10, 16 | 24 | 32) | (3 | 11, 8 | 16));
    (mapped || direct) && (w0 | w1) != 0 && (h0 | h1) != 0 && flags & 0xC0 == 0
}

fn first_bytes(bytes: &[u8]) -> String {
    let shown: Vec<String> = bytes.iter().take(8).map(|byte| format!("{byte:02X}")).collect();
    shown.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(bytes: &[u8]) -> Option<&'static str> {
        recognise(bytes).map(|foreign| match foreign {
            Foreign::Image(name) | Foreign::Other(name) => name,
        })
    }

    #[test]
    fn every_signature_is_found_at_its_place_and_nowhere_else() {
        for (at, signature, foreign) in SIGNATURES {
            let whole = [vec![0xEE; *at], signature.to_vec(), vec![0xEE; 40]].concat();
            assert_eq!(recognise(&whole), Some(*foreign), "{signature:?}");
            assert_eq!(recognise(&whole[..at + signature.len()]), Some(*foreign));
            let moved = [vec![0xEE; at + 1], signature.to_vec(), vec![0xEE; 40]].concat();
            assert_eq!(recognise(&moved), None, "{signature:?}");
        }
    }

    /// None of ours would be taken for another, and all that are refused by name are in the message.
    #[test]
    fn no_signature_is_one_of_a_format_that_is_read() {
        for (at, signature, _) in SIGNATURES {
            let whole = [vec![0; *at], signature.to_vec(), vec![0; 40]].concat();
            assert_eq!(Format::sniff(&whole), None, "{signature:?}");
        }
    }

    #[test]
    fn brands_tell_the_formats_of_one_container() {
        let file = |brands: &[&[u8; 4]]| {
            let mut bytes = (8 + 4 * brands.len() as u32).to_be_bytes().to_vec();
            bytes.extend(b"ftyp");
            bytes.extend(brands.iter().copied().flatten());
            bytes.extend([0; 30]);
            bytes
        };
        for (brands, expected) in [
            (&[b"avif", b"\0\0\0\0", b"mif1"][..], "an AVIF image"),
            (&[b"avis", b"\0\0\0\0"], "an AVIF image"),
            (&[b"heic", b"\0\0\0\0", b"mif1"], "a HEIC photo"),
            (&[b"mif1", b"\0\0\0\0", b"heic"], "a HEIC photo"),
            (&[b"mif1", b"\0\0\0\0", b"miaf"], "a HEIF image"),
            (&[b"crx ", b"\0\0\0\0"], "a Canon raw photo"),
            (
                &[b"isom", b"\0\0\0\0", b"mp42"],
                "a video or audio file (MP4, MOV)",
            ),
        ] {
            assert_eq!(name(&file(brands)), Some(expected), "{brands:?}");
        }
        // A brand behind the box counts for nothing.
        let mut behind = file(&[b"isom", b"\0\0\0\0"]);
        behind.extend(b"avif");
        assert_eq!(name(&behind), Some("a video or audio file (MP4, MOV)"));
    }

    #[test]
    fn portable_maps_and_targa_are_told_by_their_headers() {
        for (bytes, expected) in [
            (&b"P6\n2 2\n255\n"[..], Some("a PPM image")),
            (b"P5 2 2 255 ", Some("a PGM image")),
            (b"P1\t", Some("a PBM image")),
            (b"P7\nWIDTH", Some("a PAM image")),
            (b"Pf\n", Some("a PFM image")),
            (b"P6x", None),
            (b"P8\n", None),
        ] {
            assert_eq!(name(bytes), expected, "{bytes:?}");
        }
        let header = |map: u8, kind: u8, depth: u8| {
            let mut bytes = vec![0; 18];
            (bytes[1], bytes[2], bytes[7]) = (map, kind, if map == 1 { 24 } else { 0 });
            (bytes[12], bytes[14], bytes[16]) = (5, 4, depth);
            bytes
        };
        for (bytes, is) in [
            (header(0, 2, 24), true),
            (header(0, 10, 32), true),
            (header(0, 3, 8), true),
            (header(1, 1, 8), true),
            (header(0, 2, 8), false),
            (header(1, 2, 24), false),
            (header(0, 9, 8), false),
            ([vec![7; 40], b"TRUEVISION-XFILE.\0".to_vec()].concat(), true),
        ] {
            assert_eq!(is_targa(&bytes), is, "{bytes:?}");
        }
    }

    #[test]
    fn what_is_none_of_them_is_said_with_its_first_bytes() {
        let error = refusal(b"hello, you");
        assert_eq!(error.kind(), ErrorKind::NotAnImage);
        assert!(
            error.to_string().ends_with("got 68 65 6C 6C 6F 2C 20 79"),
            "{error}"
        );
        assert!(refusal(b"").to_string().contains("no image format"));
        assert_eq!(refusal(b"8BPS\0\x01").kind(), ErrorKind::Unsupported);
        assert_eq!(refusal(b"PK\x03\x04").kind(), ErrorKind::NotAnImage);
    }
}
