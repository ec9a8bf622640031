//! What the vertical passes of the SIMD levels share: which form of elements a row is made of.

use half::f16;
use prep_onnx_pipeline::{CHANNELS, Dtype};

use crate::finish::{AffineForm, Finish};
use crate::isa::Element;
use crate::{Lanes, RowOut, plane_blocks};

/// A run of elements of an output row.
pub(super) struct Run<'a, T> {
    /// The first block of its lanes.
    pub(super) first: usize,
    pub(super) out: &'a mut [T],
}

#[cfg(target_arch = "x86_64")]
impl<T> Run<'_, T> {
    /// How many blocks its lanes are.
    pub(super) fn blocks(&self) -> usize {
        self.out.len().div_ceil(Lanes::COUNT)
    }
}

/// What [`RowSums::bytes`] is where the lanes are bytes.
#[cfg(target_arch = "x86_64")]
pub(super) fn copy_lanes(lanes: &[u8], runs: &mut [Run<'_, u8>]) {
    for Run { first, out } in runs {
        let length = out.len();
        out.copy_from_slice(&lanes[*first * Lanes::COUNT..][..length]);
    }
}

/// The sums of one output row, as a level computes and stores them.
pub(super) trait RowSums {
    /// Stores the affine form of the values: of a channel for each of three runs, of all channels in turn for a single one. `false`,
    /// and nothing is stored, at a level without fused additions.
    fn floats(&self, form: &AffineForm, runs: &mut [Run<'_, f32>]) -> bool;

    /// The values.
    fn bytes(&self, runs: &mut [Run<'_, u8>]);
}

/// Pixel values that are finished at a time where they do not go to the output at once.
const CHUNK: usize = 64 * Lanes::COUNT;

/// Writes all runs of an output row.
#[inline]
pub(super) fn write_row(sums: &impl RowSums, finish: &Finish, out: &mut RowOut<'_>) {
    let (count, length) = out.runs();
    match (finish.dtype, &finish.affine) {
        (Dtype::Float32, Some(form)) if sums.floats(form, &mut every_run(out)[..count]) => {}
        (Dtype::Uint8, _) => sums.bytes(&mut every_run(out)[..count]),
        _ => {
            for run in 0..count {
                let channel = (count == CHANNELS).then_some(run);
                let mut bytes = [0; CHUNK];
                for start in (0..length).step_by(CHUNK) {
                    let bytes = &mut bytes[..CHUNK.min(length - start)];
                    let first = run * plane_blocks(length) + start / Lanes::COUNT;
                    sums.bytes(&mut [Run { first, out: bytes }]);
                    finish_bytes(bytes, finish, channel, start, out, run);
                }
            }
        }
    }
}

/// The runs of a row, and empty ones up to three.
fn every_run<'a, T: Element>(out: &'a mut RowOut<'_>) -> [Run<'a, T>; CHANNELS] {
    let mut first = 0;
    out.every_run().map(|out| {
        let run = Run { first, out };
        first += plane_blocks(run.out.len());
        run
    })
}

/// Writes the elements `start..` of run `run` from their pixel values. `channel` is that of the run, or
/// `None` where channels take turns; `start` is a multiple of 16.
fn finish_bytes(
    bytes: &[u8],
    finish: &Finish,
    channel: Option<usize>,
    start: usize,
    out: &mut RowOut<'_>,
    run: usize,
) {
    match finish.dtype {
        Dtype::Float32 => {
            let elements = &mut out.run::<f32>(run)[start..][..bytes.len()];
            match channel {
                Some(channel) => {
                    let table = finish.table.channel(channel);
                    for (element, pixel) in elements.iter_mut().zip(bytes) {
                        *element = table[usize::from(*pixel)];
                    }
                }
                None => {
                    let tables = [0, 1, 2].map(|turn| finish.table.channel((start + turn) % CHANNELS));
                    let pixels = bytes.chunks(CHANNELS);
                    for (elements, pixels) in elements.chunks_mut(CHANNELS).zip(pixels) {
                        for ((element, pixel), table) in elements.iter_mut().zip(pixels).zip(tables) {
                            *element = table[usize::from(*pixel)];
                        }
                    }
                }
            }
        }
        Dtype::Float16 => {
            let elements = &mut out.run::<f16>(run)[start..][..bytes.len()];
            for (index, (element, pixel)) in elements.iter_mut().zip(bytes).enumerate() {
                *element = finish.half(channel.unwrap_or((start + index) % CHANNELS), *pixel);
            }
        }
        Dtype::Uint8 => out.run::<u8>(run)[start..][..bytes.len()].copy_from_slice(bytes),
    }
}
