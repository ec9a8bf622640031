//! Text files as the programs of every system write them.

use crate::{Error, ErrorKind, Result};

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// The text of a file: UTF-8, or UTF-16 with a byte order mark (as PowerShell 5 writes); the mark is no part of it.
///
/// ```
/// use prep_onnx_pipeline::text_of;
///
/// assert_eq!(text_of(b"\xef\xbb\xbfcat".to_vec())?, "cat");
/// assert_eq!(text_of(b"\xff\xfec\0a\0t\0".to_vec())?, "cat");
/// assert!(text_of(b"c\0a\0t\0".to_vec()).is_err());
/// # Ok::<(), prep_onnx_pipeline::Error>(())
/// ```
///
/// # Errors
/// Other bytes, with the place of the first one; a zero byte, which text has none of.
pub fn text_of(mut bytes: Vec<u8>) -> Result<String> {
    const FIX: &str = "save the file as UTF-8, or copy it again if it is no text";
    let utf16 = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let (units, odd) = rest.as_chunks::<2>();
        let text: Result<String, _> = char::decode_utf16(units.iter().copied().map(unit)).collect();
        match text {
            Ok(text) if odd.is_empty() => Ok(text),
            _ => Err(Error::new("", "begins as UTF-16 does, but is none").fix(FIX)),
        }
    };
    let text = match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        _ => {
            if bytes.starts_with(UTF8_MARK) {
                bytes.drain(..UTF8_MARK.len());
            }
            String::from_utf8(bytes).map_err(|error| {
                let at = error.utf8_error().valid_up_to();
                let byte = error.as_bytes()[at];
                Error::new(
                    "",
                    format_args!("is no text: byte {at} is 0x{byte:02x}, which is not UTF-8"),
                )
                .fix(FIX)
            })?
        }
    };
    match text.find('\0') {
        None => Ok(text),
        Some(at) => Err(
            Error::new("", format_args!("is no text: there is a zero byte at {at}"))
                .why("UTF-16 without a byte order mark has them")
                .fix(FIX),
        ),
    }
}

/// The text of a configuration file: UTF-8, with or without a byte order mark.
///
/// # Errors
/// Those of [`text_of`]; UTF-16, which no library reads as JSON or TOML from a file.
///
/// ```
/// use prep_onnx_pipeline::config_text;
///
/// assert_eq!(config_text(b"\xef\xbb\xbf{}".to_vec())?, "{}");
/// assert!(config_text(b"\xff\xfe{\0}\0".to_vec()).is_err());
/// # Ok::<(), prep_onnx_pipeline::Error>(())
/// ```
pub fn config_text(bytes: Vec<u8>) -> Result<String> {
    let is_utf16 = match bytes.as_slice() {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => true,
        // ASCII without a mark: every other byte is 0.
        [0, second, 0, ..] | [second, 0, _, 0, ..] => *second != 0,
        _ => false,
    };
    let text = if is_utf16 {
        Err(Error::new("", "is text in UTF-16")
            .expected_got("UTF-8", "UTF-16")
            .why("JSON and TOML are UTF-8; Windows PowerShell writes UTF-16 with > and Out-File")
            .fix("save it as UTF-8"))
    } else {
        text_of(bytes)
    };
    text.map_err(|error| error.or_kind(ErrorKind::Config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_encodings_give_one_text() {
        let text = "grün\r\n🦉\n";
        let utf16 = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
        for bytes in [
            text.as_bytes().to_vec(),
            [UTF8_MARK, text.as_bytes()].concat(),
            [b"\xff\xfe".to_vec(), utf16(u16::to_le_bytes)].concat(),
            [b"\xfe\xff".to_vec(), utf16(u16::to_be_bytes)].concat(),
        ] {
            assert_eq!(text_of(bytes).unwrap(), text);
        }
        for empty in [&b""[..], UTF8_MARK, b"\xff\xfe", b"\xfe\xff"] {
            assert_eq!(text_of(empty.to_vec()).unwrap(), "");
        }
    }

    #[test]
    fn other_bytes_are_refused_with_their_place() {
        for (bytes, what) in [
            (&b"gr\xfcn"[..], "is no text: byte 2 is 0xfc, which is not UTF-8"),
            (b"c\0a\0", "is no text: there is a zero byte at 1"),
            (b"\xff\xfec", "begins as UTF-16 does, but is none"),
            (b"\xff\xfe\x00\xd8", "begins as UTF-16 does, but is none"),
            (b"\xff\xfe\0\0c\0\0\0", "is no text: there is a zero byte at 0"),
        ] {
            let error = text_of(bytes.to_vec()).unwrap_err();
            assert_eq!(
                (error.to_string().as_str(), error.help()),
                (
                    what,
                    Some("save the file as UTF-8, or copy it again if it is no text")
                )
            );
        }
    }
}
