//! Constants that follow from the line through a table: none is guessed, and each is tried on all 256 values.

use super::table::Table;
use crate::steps::{Rescale, Step};
use crate::{Dtype, Operation, Operator, Precision};

pub(super) const FACTOR: f64 = 0.00392156862745098;

/// Scales that libraries begin with: (divides, constant, precision).
pub(super) const SCALES: [Option<(bool, f64, Precision)>; 8] = [
    Some((true, 255.0, Precision::Float32)),
    Some((false, FACTOR, Precision::Float32)),
    Some((false, FACTOR, Precision::Float64)),
    None,
    Some((true, 127.5, Precision::Float32)),
    Some((true, 256.0, Precision::Float32)),
    Some((false, 1.0 / 127.5, Precision::Float32)),
    Some((true, 128.0, Precision::Float32)),
];

/// Mean and deviation, or mean and factor, of a line: slope = by / std, intercept = -mean / std.
pub(super) fn mean_and_factor(by: f64, multiplies: bool) -> impl Fn(f64, f64) -> (f64, f64) {
    move |slope, intercept| {
        let std = by / slope;
        (-intercept * std, if multiplies { 1.0 / std } else { std })
    }
}

pub(super) fn single(operator: Operator, value: f64, precision: Precision) -> Operation {
    match precision {
        Precision::Float32 => Operation::float32(operator, [value; 3]),
        Precision::Float64 | Precision::Unrounded => Operation::float64(operator, [value; 3]),
    }
}

pub(super) fn rescale(divides: bool, value: f64, offset: Option<f64>, precision: Precision) -> Step {
    Step::Rescale(Rescale {
        factor: (!divides).then_some(value),
        divisor: divides.then_some(value),
        offset,
        precision,
    })
}

/// The constants of three channels; of a gray output all are alike.
pub(super) fn split(found: &[(f64, f64)]) -> ([f64; 3], [f64; 3]) {
    let of = |channel: usize| {
        found
            .get(channel)
            .or(found.first())
            .copied()
            .unwrap_or((0.0, 1.0))
    };
    (
        [0, 1, 2].map(|channel| of(channel).0),
        [0, 1, 2].map(|channel| of(channel).1),
    )
}

/// Every pair, those of the first choices first.
pub(super) fn pairs<'a>(first: &'a [f64], second: &'a [f64]) -> impl Iterator<Item = (f64, f64)> + 'a {
    first
        .iter()
        .flat_map(move |one| second.iter().map(move |other| (*one, *other)))
}

/// What a constant can be that is about `value`, with an error in the order of `size`'s rounding: decimals, the shortest first,
/// quotients of libraries, then the float32 numbers around it.
pub(super) fn choices(value: f64, size: f64, dtype: Dtype) -> Vec<f64> {
    let reach = size
        * match dtype {
            Dtype::Float16 => 2e-4,
            Dtype::Float32 | Dtype::Uint8 => 5e-7,
        };
    let mut found: Vec<f64> = Vec::new();
    let mut push = |candidate: f64| {
        if (candidate - value).abs() <= reach && !found.contains(&candidate) {
            found.push(candidate);
        }
    };
    push(0.0);
    for digits in 0..17 {
        let text = format!("{value:.digits$e}");
        let rounded: f64 = text.parse().unwrap_or(value);
        push(rounded);
        // Its neighbours of as many digits: a float16 says little of a constant.
        if dtype == Dtype::Float16 && (3..7).contains(&digits) {
            let unit = 10_f64.powi(value.abs().log10().floor() as i32 - digits as i32);
            for away in [1.0, -1.0, 2.0, -2.0, 3.0, -3.0] {
                let text = format!("{:.digits$e}", rounded + away * unit);
                push(text.parse().unwrap_or(value));
            }
        }
    }
    for unit in [255.0, 256.0, 127.5, 128.0] {
        for digits in 0..7 {
            for scaled in [value * unit, unit / value, value / unit] {
                let text = format!("{scaled:.digits$e}");
                let scaled: f64 = text.parse().unwrap_or(scaled);
                push(scaled / unit);
                push(unit / scaled);
                push(scaled * unit);
                push(1.0 / scaled);
            }
        }
    }
    for digits in 0..7 {
        let text = format!("{:.digits$e}", 1.0 / value);
        push(1.0 / text.parse().unwrap_or(1.0 / value));
    }
    let mut neighbours = vec![value as f32];
    let (mut up, mut down) = (value as f32, value as f32);
    for _ in 0..24 {
        (up, down) = (up.next_up(), down.next_down());
        neighbours.extend([up, down]);
    }
    for neighbour in neighbours {
        // The shortest decimal that is this number.
        push(neighbour.to_string().parse().unwrap_or(f64::from(neighbour)));
        push(f64::from(neighbour));
    }
    found
}

impl Table {
    /// For each channel the two constants of a chain, which are about what `about` makes of slope and intercept.
    pub(super) fn constants(
        &self,
        about: &dyn Fn(f64, f64) -> (f64, f64),
        chain: &dyn Fn(f64, f64) -> Vec<Operation>,
    ) -> Option<Vec<(f64, f64)>> {
        self.channels()
            .map(|channel| {
                let (slope, intercept) = self.line(channel);
                let (mean, factor) = about(slope, intercept);
                let size = mean
                    .abs()
                    .max(1e-3 * (intercept / slope).abs())
                    .max(factor.abs().min(1.0));
                let factors = choices(factor, factor.abs(), self.dtype);
                pairs(&choices(mean, size, self.dtype), &factors)
                    .find(|(mean, factor)| self.is(channel, &chain(*mean, *factor)))
            })
            .collect()
    }

    /// The constant of a chain of one operation, which all channels share.
    pub(super) fn shared(
        &self,
        constant: &dyn Fn(f64) -> f64,
        chain: &dyn Fn(f64) -> Vec<Operation>,
    ) -> Option<f64> {
        let (slope, _) = self.line(0);
        let about = constant(slope);
        choices(about, about.abs(), self.dtype)
            .into_iter()
            .find(|value| self.channels().all(|channel| self.is(channel, &chain(*value))))
    }
}
