//! A picture of the difference.

use ndarray::Array3;

use super::super::answer::Answer;
use crate::plan::Plan;
use crate::{Layout, Tensor};

const GAP: usize = 8;
const PAPER: [u8; 3] = [245, 245, 245];
/// What a step of the pixel value is worth in the third picture.
const AMPLIFIED: f64 = 8.0;

/// The pipeline's pixels, the dump as the model would see it, and where their sizes agree the difference, eight times as strong, on gray.
pub(super) fn picture(plan: &Plan, reference: &Tensor, dump: &Array3<f64>, layout: Layout) -> Array3<u8> {
    let Ok(expected) = Answer::new(reference, layout) else {
        return Array3::zeros((1, 1, 3));
    };
    let expected = expected.values.mapv(f64::from);
    let table = plan.table();
    let level = |channel: usize, value: f64| {
        let row = table.channel(channel.min(2));
        let step = (f64::from(row[255]) - f64::from(row[0])) / 255.0;
        (value - f64::from(row[0])) / if step == 0.0 { 1.0 } else { step }
    };
    // For the eye red comes first, whatever the order of the model.
    let reversed = plan.values.channels == [2, 1, 0];
    let shown = |values: &Array3<f64>, of: &dyn Fn(usize, usize, usize) -> f64| {
        let (height, width, count) = values.dim();
        Array3::from_shape_fn((height, width, 3), |(row, column, channel)| {
            let channel = if reversed { 2 - channel } else { channel };
            of(row, column, channel.min(count - 1)).round().clamp(0.0, 255.0) as u8
        })
    };
    let at = |values: &Array3<f64>, row: usize, column: usize, channel: usize| {
        level(channel, values[[row, column, channel]])
    };
    let mut parts = vec![
        shown(&expected, &|row, column, channel| {
            at(&expected, row, column, channel)
        }),
        shown(dump, &|row, column, channel| at(dump, row, column, channel)),
    ];
    if expected.dim() == dump.dim() {
        parts.push(shown(dump, &|row, column, channel| {
            128.0 + AMPLIFIED * (at(dump, row, column, channel) - at(&expected, row, column, channel))
        }));
    }
    let height = parts.iter().map(|part| part.dim().0).max().unwrap_or(1);
    let width = parts.iter().map(|part| part.dim().1 + GAP).sum::<usize>() + GAP;
    let mut sheet = Array3::from_shape_fn((height + 2 * GAP, width, 3), |(_, _, channel)| PAPER[channel]);
    let mut left = GAP;
    for part in parts {
        for ((row, column, channel), value) in part.indexed_iter() {
            sheet[[GAP + row, left + column, channel]] = *value;
        }
        left += part.dim().1 + GAP;
    }
    sheet
}
