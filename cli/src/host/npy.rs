//! The .npy format of numpy, versions 1 to 3, C order.

use std::io::Write;
use std::path::Path;

use prep_onnx_pipeline::{Error, ErrorKind, Result};

use super::Array;

const MAGIC: &[u8] = b"\x93NUMPY";

/// Writes `array` as `numpy.save` does.
///
/// # Errors
/// Those of `out`.
pub fn write(array: &Array, out: &mut dyn Write) -> std::io::Result<()> {
    write_header(array.npy_type(), array.shape(), out)?;
    array.write_le(out)
}

/// Writes what comes before the elements.
pub(crate) fn write_header(npy_type: &str, shape: &[usize], out: &mut dyn Write) -> std::io::Result<()> {
    let extents: String = shape.iter().map(|extent| format!("{extent}, ")).collect();
    let extents = match shape {
        [_] => extents.trim_end(),
        _ => extents.trim_end_matches([',', ' ']),
    };
    let mut header = format!("{{'descr': '{npy_type}', 'fortran_order': False, 'shape': ({extents}), }}");
    // Magic, version and length take 10 bytes; numpy aligns the data to 64.
    let padding = 64 - (10 + header.len() + 1) % 64;
    header.extend(std::iter::repeat_n(' ', padding % 64));
    header.push('\n');
    let len = u16::try_from(header.len()).map_err(std::io::Error::other)?;
    out.write_all(MAGIC)?;
    out.write_all(&[1, 0])?;
    out.write_all(&len.to_le_bytes())?;
    out.write_all(header.as_bytes())
}

/// Reads a file that `numpy.save` wrote.
///
/// # Errors
/// No .npy file; Fortran order, big-endian or another element type; data that does not fill the shape.
pub fn read(path: &Path) -> Result<Array> {
    let bytes = std::fs::read(path).map_err(|error| Error::io(path.display(), "cannot be read", &error))?;
    parse(&bytes).map_err(|error| error.within(path.display()).or_kind(ErrorKind::Io))
}

fn parse(bytes: &[u8]) -> Result<Array> {
    let broken = |what: &str| Error::new("", what).fix("write the file with numpy.save(path, array)");
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(|| {
        broken("is not a .npy file").expected_got("a file that begins with \\x93NUMPY", "other bytes")
    })?;
    let (len, data) = match rest {
        [1, _, a, b, data @ ..] => (usize::from(u16::from_le_bytes([*a, *b])), data),
        [2 | 3, _, a, b, c, d, data @ ..] => (u32::from_le_bytes([*a, *b, *c, *d]) as usize, data),
        _ => return Err(broken("has an unknown version of the .npy format")),
    };
    let (header, data) = data
        .split_at_checked(len)
        .ok_or_else(|| broken("is truncated in its header"))?;
    let header = std::str::from_utf8(header).map_err(|_| broken("has a header that is not text"))?;
    let entry = |key: &str| {
        let after = header.split_once(&format!("'{key}':"))?.1;
        Some(after.trim_start())
    };
    let text = entry("descr").and_then(|rest| rest.strip_prefix('\'')?.split_once('\''));
    let (npy_type, _) = text.ok_or_else(|| broken("has an element type that is no plain number"))?;
    if !entry("fortran_order").is_some_and(|rest| rest.starts_with("False")) {
        return Err(broken("is in Fortran order")
            .expected_got("C order", "Fortran order")
            .fix("save numpy.ascontiguousarray(array)"));
    }
    let extents = entry("shape").and_then(|rest| rest.strip_prefix('(')?.split_once(')'));
    let (extents, _) = extents.ok_or_else(|| broken("has no shape in its header"))?;
    let shape: Option<Vec<usize>> = extents
        .split(',')
        .map(str::trim)
        .filter(|extent| !extent.is_empty())
        .map(|extent| extent.parse().ok())
        .collect();
    let shape = shape.ok_or_else(|| broken("has a shape that is not made of numbers"))?;
    let size = |npy_type: &str| npy_type.get(2..)?.parse::<usize>().ok();
    let expected = shape
        .iter()
        .try_fold(size(npy_type).unwrap_or(0), |bytes, extent| {
            bytes.checked_mul(*extent)
        });
    if size(npy_type).is_some() && expected != Some(data.len()) {
        let expected = expected.map_or_else(|| "more than fits".to_owned(), |bytes| format!("{bytes} bytes"));
        return Err(broken("has data that does not fill its shape").expected_got(
            format_args!("{expected} for shape {shape:?}"),
            format_args!("{} bytes", data.len()),
        ));
    }
    Array::from_npy(npy_type, &shape, data).ok_or_else(|| {
        broken("has an unsupported element type").expected_got(
            "little-endian float, integer or bool",
            format_args!("{npy_type:?}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use ndarray::{ArrayD, IxDyn};

    use super::*;

    fn bytes(array: &Array) -> Vec<u8> {
        let mut out = Vec::new();
        write(array, &mut out).unwrap();
        out
    }

    #[test]
    fn round_trips_every_rank() {
        for shape in [&[][..], &[3], &[2, 3], &[1, 2, 3, 4], &[0, 5]] {
            let count = shape.iter().product::<usize>();
            let values = (0..count).map(|value| value as f32 / 3.0).collect();
            let array = Array::Float32(ArrayD::from_shape_vec(IxDyn(shape), values).unwrap());
            let bytes = bytes(&array);
            assert_eq!(parse(&bytes).unwrap(), array);
            assert_eq!((bytes.len() - 4 * count) % 64, 0);
        }
    }

    #[test]
    fn round_trips_every_type() {
        let shape = IxDyn(&[2]);
        let arrays = [
            Array::Bool(ArrayD::from_elem(shape.clone(), true)),
            Array::Float16(ArrayD::from_elem(shape.clone(), half::f16::from_f32(1.5))),
            Array::Int64(ArrayD::from_elem(shape.clone(), i64::MIN)),
            Array::Uint8(ArrayD::from_elem(shape, 255)),
        ];
        for array in arrays {
            assert_eq!(parse(&bytes(&array)).unwrap(), array);
        }
    }

    /// Damaged files: refused, or an array that is written and read as the same bytes.
    #[test]
    fn damaged_files_are_refused_or_read_as_what_they_say() {
        let mut state = 17_u64;
        let mut below = |end: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize % end
        };
        let good = bytes(&Array::Int64(ArrayD::zeros(IxDyn(&[3, 2]))));
        let words: [&[u8]; 12] = [
            b"18446744073709551615",
            b"(0, 9223372036854775807)",
            b"'",
            b",",
            b"(",
            b")",
            b"<f0",
            b"<f4",
            b"|b1",
            b"True",
            b"-1",
            b"\xff",
        ];
        let mut read = 0;
        for _ in 0..20_000 {
            let mut file = good.clone();
            for _ in 0..=below(3) {
                let at = below(file.len().max(1)).min(file.len());
                match below(4) {
                    0 => file.truncate(at),
                    1 => file.insert(at, below(256) as u8),
                    2 if at < file.len() => file[at] ^= 1 << below(8),
                    _ => {
                        let word = words[below(words.len())];
                        let end = (at + word.len()).min(file.len());
                        file.splice(at..end, word.iter().copied());
                    }
                }
            }
            if let Ok(array) = parse(&file) {
                read += 1;
                let written = bytes(&array);
                assert_eq!(bytes(&parse(&written).unwrap()), written);
            }
        }
        assert!(read > 100, "{read}");
    }

    #[test]
    fn bad_files_are_named() {
        let good = bytes(&Array::Float32(ArrayD::zeros(IxDyn(&[2, 2]))));
        let with = |from: &str, to: &str| {
            let text: Vec<u8> = good.clone();
            let at = text
                .windows(from.len())
                .position(|window| window == from.as_bytes())
                .unwrap();
            [&text[..at], to.as_bytes(), &text[at + from.len()..]].concat()
        };
        let cases = [
            (b"hello".to_vec(), "is not a .npy file"),
            (good[..9].to_vec(), "unknown version"),
            (good[..40].to_vec(), "truncated in its header"),
            (
                good[..good.len() - 1].to_vec(),
                "expected 16 bytes for shape [2, 2], got 15 bytes",
            ),
            (with("False", "True "), "Fortran order"),
            (with("<f4", ">f4"), "unsupported element type"),
            (with("(2, 2)", "(2, x)"), "not made of numbers"),
            (with("'<f4'", "[1234"), "no plain number"),
        ];
        for (bytes, expected) in cases {
            let error = parse(&bytes).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}: {expected}");
        }
    }
}
