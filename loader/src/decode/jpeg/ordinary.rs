//! Whether a file is one of the ordinary kind, which the fast decoder reads as libjpeg does.

use super::frame::Frame;
use super::headers::{Coding, Color, Headers};
use super::source::Source;

/// Decides by the headers up to the first scan, whose data begin where `source` is.
///
/// What is not ordinary here is either refused by the fast decoder or read otherwise than by libjpeg,
/// which decode errors do not always show: it is settled before.
pub(super) fn is_ordinary(headers: &Headers<'_>, color: Color, source: &Source<'_>) -> bool {
    let Ok(frame) = headers.frame() else {
        return false;
    };
    if frame.lossless {
        return true;
    }
    // A fault in arithmetic data shows in nothing but the pixels.
    if frame.coding == Coding::Arithmetic {
        return false;
    }
    let scans = frame.progressive || headers.scan.components.len() == frame.components.len();
    usual_sampling(frame, color)
        && distinct_ids(frame)
        && scans
        && headers.quant.iter().flatten().all(usual_steps)
        && markers_are_usual(source, frame.progressive, headers.restart_interval > 0)
}

fn usual_sampling(frame: &Frame, color: Color) -> bool {
    let factors: Vec<_> = frame.components.iter().map(|c| (c.h, c.v)).collect();
    match (color, factors.as_slice()) {
        (Color::Gray, _) => true,
        (Color::YCbCr, [(1 | 2, 1 | 2), (1, 1), (1, 1)]) => true,
        (_, [first, others @ ..]) => *first == (1, 1) && others.iter().all(|other| other == first),
        (_, []) => false,
    }
}

/// Whether a quantisation table is one that encoders write, down to about a tenth of full quality. With
/// larger steps products may leave 16 bits, where the fast decoder's transform is not libjpeg's.
fn usual_steps(table: &[u16; 64]) -> bool {
    table.iter().all(|&step| step <= 255) && table[..3].iter().all(|&step| step <= 96)
}

fn distinct_ids(frame: &Frame) -> bool {
    let ids: Vec<_> = frame.components.iter().map(|c| c.id).collect();
    (1..ids.len()).all(|i| !ids[..i].contains(&ids[i]))
}

/// Whether restart markers come in their order and the image has an end, and nothing else comes before
/// it; in a progression, nothing that changes the meaning of earlier scans.
fn markers_are_usual(source: &Source<'_>, progressive: bool, mut restarts: bool) -> bool {
    let mut due = 0xD0;
    for code in Markers::of(source) {
        match code {
            0xD9 => return true,
            0xD0..=0xD7 if restarts && code == due => due = 0xD0 | (due + 1) & 7,
            0xDA if progressive => due = 0xD0,
            0xDD if progressive => restarts = true,
            0xC4 | 0xE0..=0xEF | 0xFE if progressive => {}
            _ => return false,
        }
    }
    false
}

/// The markers of entropy-coded data and of the segments between them.
struct Markers<'a> {
    rest: &'a [u8],
}

impl<'a> Markers<'a> {
    fn of(source: &Source<'a>) -> Self {
        Self { rest: source.rest() }
    }
}

impl Iterator for Markers<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        loop {
            // By blocks, which the compiler compares at once.
            while let Some((block, rest)) = self.rest.split_first_chunk::<32>()
                && !block.iter().fold(false, |found, &byte| found | (byte == 0xFF))
            {
                self.rest = rest;
            }
            let at = self.rest.iter().position(|&byte| byte == 0xFF)?;
            let code = *self.rest.get(at + 1)?;
            self.rest = &self.rest[at + 2..];
            match code {
                0 => {}
                0xD0..=0xD9 | 0xFF | 1 => return Some(code),
                _ => {
                    let &[high, low, ..] = self.rest else {
                        return None;
                    };
                    let length = usize::from(u16::from_be_bytes([high, low]));
                    self.rest = self.rest.get(length..)?;
                    return Some(code);
                }
            }
        }
    }
}
