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
    if frame.lossless || frame.coding == Coding::Arithmetic {
        return true;
    }
    let in_first_scan = headers.scan.components.len();
    let scans = frame.progressive || in_first_scan == frame.components.len();
    let quantisers = headers.quant.iter().flatten().flatten().all(|&step| step <= 255);
    usual_sampling(frame, color)
        && distinct_ids(frame)
        && scans
        && quantisers
        && (!frame.progressive || markers_are_usual(source))
        && (headers.restart_interval == 0 || frame.progressive || restarts_are_whole(source))
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

fn distinct_ids(frame: &Frame) -> bool {
    let ids: Vec<_> = frame.components.iter().map(|c| c.id).collect();
    (1..ids.len()).all(|i| !ids[..i].contains(&ids[i]))
}

/// Whether nothing but restart markers in their order comes before the end of the image.
fn restarts_are_whole(source: &Source<'_>) -> bool {
    let mut due = 0xD0;
    for code in Markers::of(source) {
        match code {
            0xD9 => return true,
            code if code == due => due = 0xD0 | (due + 1) & 7,
            _ => return false,
        }
    }
    false
}

/// Whether the scans of a progression are separated by nothing that changes the meaning of earlier ones,
/// and their restart markers are in order.
fn markers_are_usual(source: &Source<'_>) -> bool {
    let mut due = 0xD0;
    for code in Markers::of(source) {
        match code {
            0xD9 => return true,
            0xD0..=0xD7 if code == due => due = 0xD0 | (due + 1) & 7,
            0xDA => due = 0xD0,
            0xC4 | 0xDD | 0xE0..=0xEF | 0xFE => {}
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
