//! Weights that are known, as two digits in one product, and the whole steps of both sums by one rounded addition, as in
//! [`super::pass`].

use super::digits::{EXACT, MAX_DIGIT_BITS};
use super::pass::{PARTS, RAISED, STEPS, raised, whole};
use crate::portable::graph::{Graph, Value};

/// The most bits of the unit of higher digits, in steps.
const MAX_UNIT_BITS: u32 = 15;

/// Of `weights`, [blocks, rows, window] of so many fraction bits, the higher digits of each block, then the lower ones, in steps:
/// [blocks, 2 * rows, window]; `None` where two do not do.
pub(super) fn digits(weights: &[i32], rows: usize, window: usize, precision: u32) -> Option<Vec<f32>> {
    let steps = f64::from(STEPS) / 2_f64.powi(precision as i32);
    let largest = weights.iter().map(|weight| weight.unsigned_abs()).max()?;
    let fits = |unit: &f64| f64::from(largest) * steps / unit <= f64::from(1_u32 << MAX_DIGIT_BITS);
    let unit = (0..=MAX_UNIT_BITS)
        .map(|bits| f64::from(1_u32 << bits))
        .find(fits)?;
    let high = |weight: f64| (weight / unit).floor() * unit;
    let mut digits = Vec::with_capacity(2 * weights.len());
    for block in weights.chunks_exact((rows * window).max(1)) {
        let in_steps = || block.iter().map(|weight| f64::from(*weight) * steps);
        digits.extend(in_steps().map(|weight| high(weight) as f32));
        digits.extend(in_steps().map(|weight| (weight - high(weight)) as f32));
    }
    // Sums of the higher ones are whole steps; of those of the lower ones less than half a step is taken, in halves of a part.
    let exact = EXACT as f64;
    let limits = [exact, exact / f64::from(2 * PARTS)].into_iter().cycle();
    let mut sums = digits.chunks_exact((rows * window).max(1)).zip(limits);
    let fits = sums.all(|(digits, limit)| {
        digits.chunks_exact(window.max(1)).all(|row| {
            let sum: f64 = row.iter().map(|digit| f64::from(digit.abs())).sum();
            sum * 255.0 + 0.5 < limit
        })
    });
    fits.then_some(digits)
}

/// The sums of `digits` times float32 [blocks, window, lines], made whole steps, and half of one and of 1 more: float32 [blocks,
/// rows, lines], of which what is behind the point is to be cut off.
pub(super) fn sum(
    graph: &mut Graph,
    pixels: &Value,
    digits: &[f32],
    [blocks, rows, window]: [usize; 3],
) -> Value {
    let in_ones = |values: &[f32]| -> Vec<f32> { values.iter().map(|value| value / STEPS).collect() };
    let digits = graph.floats(&[blocks, 2 * rows, window], &in_ones(digits));
    let raise = graph.floats(&[2 * rows, 1], &in_ones(&raised(rows)));
    let sum = whole(graph, [&digits, pixels, &raise], [blocks as i64, rows as i64]);
    let more = graph.floats(&[], &[0.5 + (0.5 - RAISED) / STEPS]);
    graph.op("Add", &[&sum, &more])
}
