//! A whole JPEG to RGB in plain scalar code: what libjpeg-turbo does under Pillow, step by step.
//!
//! It reads what the fast decoders refuse or read otherwise: rare structures, and damaged files, whose
//! pixels depend on how libjpeg recovers.

use super::convert;
use super::entropy::Block;
use super::frame::{BLOCK, Frame};
use super::headers::{Headers, Stop};
use super::idct;
use super::planes::Samples;
use super::scans::{Blocks, Progress, Whole, decode_all, decode_scan};
use super::smooth;
use super::source::{Fault, Source};

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
        transform_all(&whole, headers.frame()?, &progress, headers.scans, &mut samples);
    } else {
        decode_scan(&mut source, &mut headers, &mut samples, &mut progress)?;
        after_the_pixels(&mut source, &mut headers)?;
    }
    let mut inks = Vec::new();
    samples.emit(&methods, out, |rows, out| {
        convert::row(color, rows, out, &mut inks)
    })
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

impl Blocks for Samples {
    fn take(&mut self, _: usize, _: usize, _: usize) -> Block {
        [0; 64]
    }

    fn put(&mut self, frame: &Frame, component: usize, x: usize, y: usize, block: &Block) {
        transform(self, frame, component, x, y, block);
    }
}

fn transform(samples: &mut Samples, frame: &Frame, component: usize, x: usize, y: usize, block: &Block) {
    // A component without a scan has no table, and no coefficients either.
    let quant = frame.components[component].quant.as_ref().unwrap_or(&[0; 64]);
    samples.put((component, x, y), |side, out, stride| {
        idct::inverse(block, quant, side, out, stride)
    });
}

/// All coefficients to samples, those of an unfinished progression guessed from their neighbours.
fn transform_all(whole: &Whole, frame: &Frame, progress: &Progress, scans: u32, samples: &mut Samples) {
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
                transform(samples, frame, index, x, y, &block);
            }
        }
    }
}
