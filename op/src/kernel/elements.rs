//! Pixel values to the elements that a vertical pass does not write itself.

use half::f16;
use prep_onnx_pipeline::{CHANNELS, Dtype};

use crate::kernel::RowOut;
use crate::run::Finish;

/// Writes the elements `start..` of run `run` from their pixel values. `channel` is that of the run, or
/// `None` where channels take turns; `start` is a multiple of 16.
pub(super) fn finish_bytes(
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
