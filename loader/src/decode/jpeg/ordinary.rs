//! Whether a file is one of the ordinary kind, which the fast decoder reads as libjpeg does.

use super::frame::{Coding, Frame};
use super::headers::{Color, Headers};
use super::restarts::Restarts;
use super::source::Source;
use super::values;

/// Decides by the headers up to the first scan, whose data begin where `source` is, and finds its restart intervals.
///
/// What is not ordinary here is either refused by the fast decoder or read otherwise than by libjpeg,
/// which decode errors do not always show: it is settled before.
pub(super) fn is_ordinary(
    headers: &Headers<'_>,
    color: Color,
    source: &Source<'_>,
    intervals: &mut Restarts,
) -> bool {
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
        && values::are_usual(headers)
        && markers_are_usual(headers, frame.progressive, source, intervals)
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
/// it; in a progression, nothing that changes the meaning of earlier scans. Each scan's Huffman tables must
/// be those of usual values.
fn markers_are_usual(
    headers: &Headers<'_>,
    progressive: bool,
    source: &Source<'_>,
    intervals: &mut Restarts,
) -> bool {
    let (mut due, mut restarts) = (0xD0, headers.restart_interval > 0);
    let mut later = progressive.then(|| headers.clone());
    let mut markers = Markers::of(source);
    let end = source.at + source.rest().len();
    intervals.push(source.at);
    while let Some((code, segment)) = markers.next() {
        match (code, &mut later) {
            (0xD9, _) => {
                intervals.finish(end - markers.rest.len());
                return true;
            }
            (0xD0..=0xD7, _) if restarts && code == due => {
                due = 0xD0 | (due + 1) & 7;
                intervals.push(end - markers.rest.len());
            }
            (0xDA, Some(later)) => {
                if later.scan_header(&mut Source::new(segment)).is_err() || !values::are_usual(later) {
                    return false;
                }
                due = 0xD0;
            }
            (0xC4, Some(later)) => {
                if later.huffman_tables(&mut Source::new(segment)).is_err() {
                    return false;
                }
            }
            (0xDD, Some(_)) => restarts = true,
            (0xE0..=0xEF | 0xFE, Some(_)) => {}
            _ => return false,
        }
    }
    false
}

/// The markers of entropy-coded data and of the segments between them, with the segments behind their markers.
struct Markers<'a> {
    rest: &'a [u8],
}

impl<'a> Markers<'a> {
    fn of(source: &Source<'a>) -> Self {
        Self { rest: source.rest() }
    }
}

impl<'a> Iterator for Markers<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let at = memchr::memchr(0xFF, self.rest)?;
            let code = *self.rest.get(at + 1)?;
            self.rest = &self.rest[at + 2..];
            match code {
                0 => {}
                0xD0..=0xD9 | 0xFF | 1 => return Some((code, &[])),
                _ => {
                    let &[high, low, ..] = self.rest else {
                        return None;
                    };
                    let length = usize::from(u16::from_be_bytes([high, low]));
                    let segment = self.rest.get(..length)?;
                    self.rest = &self.rest[length..];
                    return Some((code, segment));
                }
            }
        }
    }
}
