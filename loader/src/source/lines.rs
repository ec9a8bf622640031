//! The lines of a list: bytes, because file names need not be text.

use std::io::{BufRead, Read as _, Result};

/// Longest line of a list in bytes.
const LONGEST: u64 = 1 << 20;

/// One line without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Bytes(Vec<u8>),
    /// A line of a list in UTF-16 that is none.
    NoText,
    /// The whole list is in an encoding that is not read; why.
    Unreadable(&'static str),
}

#[derive(Clone, Copy)]
enum Encoding {
    /// Bytes, as the file system has them; UTF-8 as a rule.
    Bytes,
    Utf16(fn([u8; 2]) -> u16),
}

/// Reads lines, whatever byte order mark the list begins with.
pub(super) struct Lines<R> {
    reader: R,
    /// Known once the first bytes are there.
    encoding: Option<Encoding>,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            encoding: None,
        }
    }

    /// The next line, `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Line>> {
        let (encoding, first) = match self.encoding {
            Some(encoding) => (encoding, Vec::new()),
            None => self.begin()?,
        };
        self.encoding = Some(encoding);
        match encoding {
            Encoding::Bytes => self.bytes(first),
            Encoding::Utf16(unit) => self.utf16(unit),
        }
    }

    /// Takes the byte order mark; returns the bytes that are none.
    fn begin(&mut self) -> Result<(Encoding, Vec<u8>)> {
        let mut first = Vec::new();
        // A pipe may hand over its first bytes one by one.
        while first.len() < 3
            && [&b"\xef\xbb\xbf"[..], b"\xff\xfe", b"\xfe\xff"]
                .iter()
                .any(|mark| mark.starts_with(&first))
        {
            let Some(byte) = self.reader.fill_buf()?.first().copied() else {
                break;
            };
            first.push(byte);
            self.reader.consume(1);
            match first.as_slice() {
                b"\xff\xfe" => return Ok((Encoding::Utf16(u16::from_le_bytes), Vec::new())),
                b"\xfe\xff" => return Ok((Encoding::Utf16(u16::from_be_bytes), Vec::new())),
                b"\xef\xbb\xbf" => return Ok((Encoding::Bytes, Vec::new())),
                _ => {}
            }
        }
        Ok((Encoding::Bytes, first))
    }

    fn bytes(&mut self, mut line: Vec<u8>) -> Result<Option<Line>> {
        if !line.ends_with(b"\n") {
            (&mut self.reader).take(LONGEST).read_until(b'\n', &mut line)?;
        }
        if line.is_empty() {
            return Ok(None);
        }
        if line.len() as u64 >= LONGEST {
            return Ok(Some(Line::Unreadable("a line is longer than 1 MiB")));
        }
        // No path has one, and every line of UTF-16 does.
        if line.contains(&0) {
            return Ok(Some(Line::Unreadable(
                "a line has a zero byte, as UTF-16 without a byte order mark and `find -print0` have",
            )));
        }
        if line.ends_with(b"\n") {
            line.pop();
        }
        if line.ends_with(b"\r") {
            line.pop();
        }
        Ok(Some(Line::Bytes(line)))
    }

    fn utf16(&mut self, unit: fn([u8; 2]) -> u16) -> Result<Option<Line>> {
        const END: u16 = b'\n' as u16;
        let mut units = Vec::new();
        loop {
            let mut pair = [0; 2];
            let mut filled = 0;
            for place in &mut pair {
                let Some(byte) = self.reader.fill_buf()?.first().copied() else {
                    break;
                };
                self.reader.consume(1);
                *place = byte;
                filled += 1;
            }
            match (filled, unit(pair)) {
                (0, _) if units.is_empty() => return Ok(None),
                (0, _) | (2, END) => break,
                (2, _) if units.len() as u64 >= LONGEST => {
                    return Ok(Some(Line::Unreadable("a line is longer than 1 MiB")));
                }
                (2, unit) => units.push(unit),
                _ => return Ok(Some(Line::NoText)),
            }
        }
        if units.last() == Some(&u16::from(b'\r')) {
            units.pop();
        }
        Ok(Some(match String::from_utf16(&units) {
            Ok(text) if text.contains('\0') => Line::Unreadable("a line has a zero character"),
            Ok(text) => Line::Bytes(text.into_bytes()),
            Err(_) => Line::NoText,
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Read};

    use super::*;

    /// Hands over one byte at a time.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
            let length = buffer.len().min(1);
            self.0.read(&mut buffer[..length])
        }
    }

    fn lines(list: &[u8]) -> Vec<Line> {
        let mut lines = Lines::new(BufReader::new(Slow(list)));
        std::iter::from_fn(|| lines.next().unwrap()).collect()
    }

    fn texts(list: &[u8]) -> Vec<String> {
        lines(list)
            .into_iter()
            .map(|line| match line {
                Line::Bytes(bytes) => String::from_utf8(bytes).unwrap(),
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn every_encoding_gives_the_same_lines() {
        let text = "a.png\r\ngrün.png\n\n🦉.png";
        let utf16 = |mark: &[u8], bytes: fn(u16) -> [u8; 2]| {
            let units = text.encode_utf16().flat_map(bytes);
            mark.iter().copied().chain(units).collect::<Vec<u8>>()
        };
        for list in [
            text.as_bytes().to_vec(),
            [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            utf16(b"\xff\xfe", u16::to_le_bytes),
            utf16(b"\xfe\xff", u16::to_be_bytes),
        ] {
            assert_eq!(texts(&list), ["a.png", "grün.png", "", "🦉.png"]);
        }
    }

    #[test]
    fn short_lists_and_half_marks_are_lines() {
        for (list, expected) in [
            (&b""[..], &[][..]),
            (b"\n", &[""]),
            (b"\n\na", &["", "", "a"]),
            (b"a", &["a"]),
            (b"ab\n", &["ab"]),
            (b"\xef\xbb\xbf", &[]),
            (b"\xff\xfe", &[]),
        ] {
            assert_eq!(texts(list), expected, "{list:?}");
        }
        for list in [
            &b"\xef"[..],
            b"\xef\xbb",
            b"\xff",
            b"\xfe",
            b"\xef\xbbx",
            b"\xff\xffy",
        ] {
            assert_eq!(lines(list), [Line::Bytes(list.to_vec())]);
        }
        assert_eq!(
            lines(b"\xef\n\xff"),
            [Line::Bytes(b"\xef".to_vec()), Line::Bytes(b"\xff".to_vec())]
        );
    }

    #[test]
    fn a_bad_line_leaves_the_others() {
        let bytes = |text: &[u8]| Line::Bytes(text.to_vec());
        assert_eq!(lines(b"a\n\xfc\nb\n"), [bytes(b"a"), bytes(b"\xfc"), bytes(b"b")]);
        assert_eq!(
            lines(b"\xff\xfea\0\n\0\0\xd8\n\0b\0"),
            [bytes(b"a"), Line::NoText, bytes(b"b")]
        );
        assert_eq!(lines(b"\xff\xfea\0\n\0b"), [bytes(b"a"), Line::NoText]);
        assert!(matches!(lines(b"a\0\n\0b\0")[..], [Line::Unreadable(_), ..]));
    }
}
