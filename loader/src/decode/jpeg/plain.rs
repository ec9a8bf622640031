//! A whole JPEG to RGB in plain scalar code: what libjpeg-turbo does under Pillow, step by step.
//!
//! It reads what the fast decoders refuse or read otherwise: rare structures, and damaged files, whose
//! pixels depend on how libjpeg recovers.

use super::convert;
use super::entropy::Block;
use super::frame::{BLOCK, Frame};
use super::headers::{Color, Headers, Stop};
use super::idct;
use super::scans::{Blocks, Progress, Whole, decode_all, decode_scan, zeroed};
use super::smooth;
use super::source::{Fault, Source};
use super::upsample::{Method, Plane};

/// Decodes to `out`, RGB of the frame's size divided by `denominator` (1, 2, 4 or 8), rounded up.
/// `most_scans`: a file with more is refused.
pub(super) fn decode(bytes: &[u8], denominator: usize, most_scans: u32, out: &mut [u8]) -> Result<(), Fault> {
    let mut source = Source::new(bytes);
    let mut headers = Headers::default();
    headers.read_to_first_scan(&mut source)?;
    let color = headers
        .color()
        .ok_or(Fault::Unsupported("a colour of so many components"))?;
    let frame = headers.frame()?;
    frame.check()?;
    let several_scans = frame.progressive || headers.scan.components.len() < frame.components.len();
    let mut samples = Samples::new(frame, BLOCK / denominator)?;
    let methods = samples.methods(frame)?;
    let mut progress = Progress::new(frame);
    if !frame.progressive {
        headers.standard_tables();
    }
    if several_scans {
        let mut whole = Whole::new(headers.frame()?)?;
        decode_all(&mut source, &mut headers, &mut whole, &mut progress, most_scans)?;
        transform(&whole, headers.frame()?, &progress, headers.scans, &mut samples);
    } else {
        decode_scan(&mut source, &mut headers, &mut samples, &mut progress)?;
        after_the_pixels(&mut source, &mut headers)?;
    }
    emit(&samples, &methods, color, out)
}

/// libjpeg reads on to the end of the image, as far as it is in memory, and refuses what makes no sense.
fn after_the_pixels<'a>(source: &mut Source<'a>, headers: &mut Headers<'a>) -> Result<(), Fault> {
    source.freeze();
    match headers.read(source) {
        Ok(Stop::End) | Err(Fault::Ended) => Ok(()),
        Ok(Stop::Scan) => Err(Fault::Corrupt("there is a scan beyond the last")),
        Err(fault) => Err(fault),
    }
}

/// The planes, and how blocks become samples.
struct Samples {
    planes: Vec<Plane>,
    /// The side of a block of each component, in samples.
    sides: Vec<usize>,
    /// The smallest of them.
    side: usize,
    width: usize,
    height: usize,
}

impl Samples {
    fn new(frame: &Frame, side: usize) -> Result<Self, Fault> {
        let (mut planes, mut sides) = (Vec::new(), Vec::new());
        for component in &frame.components {
            let own = frame.reduced_side(component, side);
            let (columns, rows) = frame.blocks(component);
            planes.push(Plane {
                samples: zeroed(columns * own * rows * own, 0)?,
                stride: columns * own,
                width: (frame.width * component.h * own).div_ceil(frame.max_h() * BLOCK),
                height: (frame.height * component.v * own).div_ceil(frame.max_v() * BLOCK),
            });
            sides.push(own);
        }
        Ok(Self {
            planes,
            sides,
            side,
            width: (frame.width * side).div_ceil(BLOCK),
            height: (frame.height * side).div_ceil(BLOCK),
        })
    }

    fn methods(&self, frame: &Frame) -> Result<Vec<Method>, Fault> {
        let all = (frame.max_h(), frame.max_v());
        let components = frame.components.iter().zip(&self.sides).zip(&self.planes);
        components
            .map(|((component, &own), plane)| {
                let group = (component.h * own / self.side, component.v * own / self.side);
                Method::new(group, all, plane.width, self.side > 1)
            })
            .collect()
    }

    fn transform(&mut self, frame: &Frame, component: usize, x: usize, y: usize, block: &Block) {
        let (plane, side) = (&mut self.planes[component], self.sides[component]);
        let start = y * side * plane.stride + x * side;
        // Blocks that only fill up an MCU have no samples.
        let inside = (x + 1) * side <= plane.stride;
        if let Some(samples) = plane
            .samples
            .get_mut(start..)
            .filter(|rest| inside && !rest.is_empty())
        {
            // A component without a scan has no table, and no coefficients either.
            let quant = frame.components[component].quant.as_ref().unwrap_or(&[0; 64]);
            idct::inverse(block, quant, side, samples, plane.stride);
        }
    }
}

impl Blocks for Samples {
    fn take(&mut self, _: usize, _: usize, _: usize) -> Block {
        [0; 64]
    }

    fn put(&mut self, frame: &Frame, component: usize, x: usize, y: usize, block: &Block) {
        self.transform(frame, component, x, y, block);
    }
}

/// All coefficients to samples, those of an unfinished progression guessed from their neighbours.
fn transform(whole: &Whole, frame: &Frame, progress: &Progress, scans: u32, samples: &mut Samples) {
    let smoothed = frame.progressive && smooth::is_useful(frame, progress);
    for (index, (component, kept)) in frame.components.iter().zip(&whole.0).enumerate() {
        let (columns, rows) = frame.blocks(component);
        for y in 0..rows {
            let mut window =
                smoothed.then(|| smooth::Row::new(frame, component, kept, y, progress, index, scans));
            for x in 0..columns {
                let mut block = kept.blocks[y * kept.stride + x];
                if let Some(window) = &mut window {
                    window.guess(x, columns, &mut block);
                }
                samples.transform(frame, index, x, y, &block);
            }
        }
    }
}

fn emit(samples: &Samples, methods: &[Method], color: Color, out: &mut [u8]) -> Result<(), Fault> {
    // Room for the last column of the smallest component, enlarged.
    let room = samples.width.next_multiple_of(4) + 8;
    let mut rows = Vec::new();
    for _ in methods {
        rows.push(zeroed(room, 0)?);
    }
    let mut inks = Vec::new();
    for (y, out) in out
        .chunks_exact_mut(samples.width * 3)
        .take(samples.height)
        .enumerate()
    {
        for ((method, plane), row) in methods.iter().zip(&samples.planes).zip(&mut rows) {
            method.row(plane, y, row);
        }
        convert::row(color, &rows, out, &mut inks);
    }
    Ok(())
}
