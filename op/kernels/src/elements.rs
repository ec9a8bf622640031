//! What the vertical passes of the SIMD levels share: which form of elements a row is made of.

use half::f16;
use prep_onnx_pipeline::{CHANNELS, Dtype};

use crate::Finish;
use crate::{Lanes, RowOut, plane_blocks};

/// The sums of one output row, as a level computes and stores them.
pub(super) trait RowSums {
    /// The affine form of the values of lanes from block `first` on.
    fn floats(&self, first: usize, constants: RunConstants<'_>, out: &mut [f32]);

    /// The values of lanes from block `first` on.
    fn bytes(&self, first: usize, out: &mut [u8]);
}

/// The constants of the affine form for the elements of a run: of one channel, or of all in turn.
#[derive(Clone, Copy)]
pub(super) enum RunConstants<'a> {
    Uniform(&'a [f32; 5]),
    InTurn(&'a [[f32; 5]; CHANNELS]),
}

/// Pixel values that are finished at a time where they do not go to the output at once.
const CHUNK: usize = 64 * Lanes::COUNT;

/// Writes all runs of an output row.
#[inline]
pub(super) fn write_row(sums: &impl RowSums, finish: &Finish, out: &mut RowOut<'_>) {
    let (runs, length) = out.runs();
    for run in 0..runs {
        let channel = (runs == CHANNELS).then_some(run);
        let block = run * plane_blocks(length);
        match (finish.dtype, &finish.affine) {
            (Dtype::Float32, Some(affine)) => {
                let constants = channel.map_or(RunConstants::InTurn(affine), |one| {
                    RunConstants::Uniform(&affine[one])
                });
                sums.floats(block, constants, out.run(run));
            }
            (Dtype::Uint8, _) => sums.bytes(block, out.run(run)),
            _ => {
                let mut bytes = [0; CHUNK];
                for start in (0..length).step_by(CHUNK) {
                    let bytes = &mut bytes[..CHUNK.min(length - start)];
                    sums.bytes(block + start / Lanes::COUNT, bytes);
                    finish_bytes(bytes, finish, channel, start, out, run);
                }
            }
        }
    }
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
    let value = |index: usize, pixel: u8| {
        let channel = channel.unwrap_or((start + index) % CHANNELS);
        finish.table.channel(channel)[usize::from(pixel)]
    };
    match finish.dtype {
        Dtype::Float32 => {
            let elements = &mut out.run::<f32>(run)[start..][..bytes.len()];
            for (index, (element, pixel)) in elements.iter_mut().zip(bytes).enumerate() {
                *element = value(index, *pixel);
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
