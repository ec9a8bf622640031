//! That the bytes of the table are those of the nodes that go, for all 256 pixel values of all channels.

use prep_onnx_pipeline::plan::Quantize;
use prep_onnx_pipeline::{Layout, Operation, Plan, Result};

use super::constants::Constants;
use super::{Quantised, unequal};

/// The edge of an image that has each pixel value once in each channel.
const EDGE: usize = 16;

/// Goes the way of the model with every value: floats in the order of its input, axes moved one by one, each divided by the scale
/// of its place on the axis of the scales.
///
/// # Errors
/// Names the channel and the pixel value.
pub(super) fn prove(
    plan: &Plan,
    layout: Layout,
    axes: &[usize],
    constants: &Constants,
    quantised: &Quantised,
) -> Result<()> {
    if axes.len() != 4 {
        // Blocks: one scale for all, and no axis moved.
        return prove_values(plan, constants, quantised);
    }
    let channels = plan.channels();
    let (floats, table) = enumeration(plan, layout, quantised);
    let extents = |layout: Layout| match layout {
        Layout::Nchw => [1, channels, EDGE, EDGE],
        Layout::Nhwc => [1, EDGE, EDGE, channels],
    };
    let from = extents(layout);
    let to: Vec<usize> = axes.iter().map(|axis| from[*axis]).collect();
    if to != extents(quantised.layout) {
        return Err(unequal("the axes lie otherwise"));
    }
    let scale_axis = usize::try_from(if constants.axis < 0 {
        constants.axis + 4
    } else {
        constants.axis
    });
    for (place, expected) in table.iter().enumerate() {
        let mut rest = place;
        let mut at = [0; 4];
        for axis in (0..4).rev() {
            at[axis] = rest % to[axis];
            rest /= to[axis];
        }
        let mut source = [0; 4];
        for (axis, of) in axes.iter().enumerate() {
            source[*of] = at[axis];
        }
        let index = (0..4).fold(0, |index, axis| index * from[axis] + source[axis]);
        let which = match (constants.scale.len(), scale_axis) {
            (1, _) => 0,
            (_, Ok(axis)) => at.get(axis).copied().unwrap_or_default(),
            (_, Err(_)) => 0,
        };
        let byte = byte(constants, which, floats[index]);
        if Some(*expected) != byte {
            return Err(unequal(format_args!("at {at:?}: {expected}, and not {byte:?}")));
        }
    }
    Ok(())
}

fn prove_values(plan: &Plan, constants: &Constants, quantised: &Quantised) -> Result<()> {
    if constants.scale.len() != 1 {
        return Err(unequal("several scales, of blocks"));
    }
    for channel in 0..plan.channels() {
        for pixel in 0..=255_u8 {
            let value = Operation::chain(&plan.values.operations, f32::from(pixel), channel);
            if Some(quantised.quantize.byte(value, channel)) != byte(constants, 0, value) {
                return Err(unequal(format_args!("channel {channel}, pixel value {pixel}")));
            }
        }
    }
    Ok(())
}

/// What `QuantizeLinear` makes of a value with the scale at a place.
fn byte(constants: &Constants, which: usize, value: f32) -> Option<u8> {
    let quantize = Quantize {
        scale: [f64::from(*constants.scale.get(which)?); 3],
        zero_point: [*constants.zero_point.get(which)?; 3],
        signed: constants.signed,
        half: constants.half,
    };
    Some(quantize.byte(value, 0))
}

/// The values of the pipeline for each channel and pixel value in the order `layout`, and their bytes in that of `quantised`.
pub(super) fn enumeration(plan: &Plan, layout: Layout, quantised: &Quantised) -> (Vec<f32>, Vec<u8>) {
    let channels = plan.channels();
    let table = quantised.quantize.table(&plan.values.operations);
    let value =
        |channel: usize, pixel: usize| Operation::chain(&plan.values.operations, pixel as f32, channel);
    let of = |layout: Layout| -> Vec<(usize, usize)> {
        let all = 0..channels * EDGE * EDGE;
        match layout {
            Layout::Nchw => all
                .map(|place| (place / (EDGE * EDGE), place % (EDGE * EDGE)))
                .collect(),
            Layout::Nhwc => all.map(|place| (place % channels, place / channels)).collect(),
        }
    };
    let floats = of(layout)
        .into_iter()
        .map(|(channel, pixel)| value(channel, pixel));
    let bytes = of(quantised.layout)
        .into_iter()
        .map(|(channel, pixel)| table.channel(channel)[pixel]);
    (floats.collect(), bytes.collect())
}
