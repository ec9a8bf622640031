//! From the table of 256 values of each channel to the steps that compute it, bit for bit. No constant is guessed: each follows
//! from the table, and a form counts only where it gives every bit.

use half::f16;

use crate::steps::{Arithmetic, Normalize, Rescale, RescaleNormalize, Step, Term};
use crate::{Dtype, Operation, Operator, Precision};

/// The value of each pixel value in each output channel, as far as it was seen.
#[derive(Clone, Debug)]
pub(super) struct Table {
    values: Vec<[Option<f32>; 256]>,
    dtype: Dtype,
}

impl Table {
    pub(super) fn new(channels: usize, dtype: Dtype) -> Self {
        Self {
            values: vec![[None; 256]; channels],
            dtype,
        }
    }

    /// Notes a value; whether it is the one that was seen before.
    pub(super) fn note(&mut self, channel: usize, pixel: u8, value: f32) -> bool {
        let known = &mut self.values[channel][usize::from(pixel)];
        known.get_or_insert(value).to_bits() == value.to_bits()
    }

    /// The pixel values of a channel that were not seen.
    pub(super) fn unseen(&self, channel: usize) -> Vec<u8> {
        (0..=255)
            .filter(|pixel| self.values[channel][usize::from(*pixel)].is_none())
            .collect()
    }

    /// The value of a pixel value.
    pub(super) fn value(&self, channel: usize, pixel: u8) -> Option<f32> {
        self.values[channel][usize::from(pixel)]
    }

    /// The steps that compute the table; `None` where no known arithmetic does.
    pub(super) fn steps(&self) -> Option<Vec<Step>> {
        let plain = |_: usize| Some(Vec::new());
        if self
            .channels()
            .all(|channel| self.is(channel, &plain(channel).unwrap_or_default()))
        {
            return Some(Vec::new());
        }
        if self.dtype == Dtype::Uint8 {
            return None;
        }
        self.float32().or_else(|| self.float64())
    }

    fn channels(&self) -> std::ops::Range<usize> {
        0..self.values.len()
    }

    /// Whether a chain with these operands gives what was seen of a channel.
    fn is(&self, channel: usize, chain: &[Operation]) -> bool {
        // The ends first: most chains are wrong there.
        let order = [255, 0, 128, 1, 77, 200].into_iter().chain(0..256);
        order
            .into_iter()
            .all(|pixel: usize| match self.values[channel][pixel] {
                None => true,
                Some(value) => {
                    let got = Operation::chain(chain, pixel as f32, 0);
                    match self.dtype {
                        Dtype::Float32 | Dtype::Uint8 => got.to_bits() == value.to_bits(),
                        Dtype::Float16 => f16::from_f32(got).to_f32().to_bits() == value.to_bits(),
                    }
                }
            })
    }

    /// The line `slope * pixel + intercept` through a channel's values.
    fn line(&self, channel: usize) -> (f64, f64) {
        let seen: Vec<(f64, f64)> = self.values[channel]
            .iter()
            .enumerate()
            .filter_map(|(pixel, value)| Some((pixel as f64, f64::from((*value)?))))
            .collect();
        // A rounded value is off by a part of its size.
        let largest = seen.iter().map(|point| point.1.abs()).fold(0.0, f64::max);
        let weight = |point: &(f64, f64)| match self.dtype {
            Dtype::Float16 => (point.1.abs() + largest * 1e-3).powi(-2),
            Dtype::Float32 | Dtype::Uint8 => 1.0,
        };
        let total: f64 = seen.iter().map(weight).sum();
        let x = seen.iter().map(|point| weight(point) * point.0).sum::<f64>() / total;
        let y = seen.iter().map(|point| weight(point) * point.1).sum::<f64>() / total;
        let covariance: f64 = seen
            .iter()
            .map(|point| weight(point) * (point.0 - x) * (point.1 - y))
            .sum();
        let variance: f64 = seen
            .iter()
            .map(|point| weight(point) * (point.0 - x).powi(2))
            .sum();
        let slope = covariance / variance.max(f64::MIN_POSITIVE);
        (slope, y - slope * x)
    }

    /// For each channel the two constants of a chain, which are about what `about` makes of slope and intercept.
    fn constants(
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
    fn shared(&self, constant: &dyn Fn(f64) -> f64, chain: &dyn Fn(f64) -> Vec<Operation>) -> Option<f64> {
        let (slope, _) = self.line(0);
        let about = constant(slope);
        choices(about, about.abs(), self.dtype)
            .into_iter()
            .find(|value| self.channels().all(|channel| self.is(channel, &chain(*value))))
    }

    fn float32(&self) -> Option<Vec<Step>> {
        // One scale for all channels, and an offset.
        let (_, intercept) = self.line(0);
        for precision in [Precision::Float32, Precision::Float64] {
            for divides in [true, false] {
                let (operator, constant): (_, fn(f64) -> f64) = if divides {
                    (Operator::Divide, |slope| 1.0 / slope)
                } else {
                    (Operator::Multiply, |slope| slope)
                };
                let offsets: Vec<Option<f64>> = if intercept.abs() < 1e-6 {
                    vec![None]
                } else {
                    choices(intercept, 1.0, self.dtype)
                        .into_iter()
                        .take(12)
                        .map(Some)
                        .collect()
                };
                for offset in offsets {
                    let add = offset.map(|offset| Operation::float32(Operator::Add, [offset; 3]));
                    let chain = |value: f64| {
                        let scale = single(operator, value, precision);
                        std::iter::once(scale).chain(add).collect()
                    };
                    if let Some(value) = self.shared(&constant, &chain) {
                        return Some(vec![rescale(divides, value, offset, precision)]);
                    }
                }
            }
        }
        // A scale, then a mean and a deviation.
        for scale in SCALES {
            let start = scale.map(|(divides, value, precision)| {
                let operator = if divides {
                    Operator::Divide
                } else {
                    Operator::Multiply
                };
                (
                    single(operator, value, precision),
                    if divides { 1.0 / value } else { value },
                )
            });
            let by = start.map_or(1.0, |(_, by)| by);
            for multiplies in [false, true] {
                let last = if multiplies {
                    Operator::Multiply
                } else {
                    Operator::Divide
                };
                let chain = |mean: f64, factor: f64| {
                    let rest = [
                        single(Operator::Subtract, mean, Precision::Float32),
                        single(last, factor, Precision::Float32),
                    ];
                    start
                        .map(|(operation, _)| operation)
                        .into_iter()
                        .chain(rest)
                        .collect()
                };
                let Some(found) = self.constants(&mean_and_factor(by, multiplies), &chain) else {
                    continue;
                };
                let (mean, factor) = split(&found);
                let rescaled =
                    scale.map(|(divides, value, precision)| rescale(divides, value, None, precision));
                let last = if multiplies {
                    Step::Arithmetic(Arithmetic {
                        operations: vec![Term::Subtract(mean), Term::Multiply(factor)],
                        precision: Precision::Float32,
                    })
                } else {
                    Step::Normalize(Normalize { mean, std: factor })
                };
                return Some(rescaled.into_iter().chain([last]).collect());
            }
        }
        self.fused().or_else(|| self.scaled_then_shifted())
    }

    /// Hugging Face's rescale and normalise in one, and EfficientNet's second division by the deviation after either backend's
    /// arithmetic.
    fn fused(&self) -> Option<Vec<Step>> {
        for factor in [FACTOR, 1.0 / 256.0, 1.0 / 127.5] {
            let inverse = (1.0 / factor) as f32;
            let scaled = |value: f64| f64::from(value as f32 * inverse);
            let fused = |mean: f64, std: f64| {
                vec![
                    single(Operator::Subtract, scaled(mean), Precision::Float32),
                    single(Operator::Divide, scaled(std), Precision::Float32),
                ]
            };
            if let Some(found) = self.constants(&mean_and_factor(factor, false), &fused) {
                let (mean, std) = split(&found);
                return Some(vec![Step::RescaleNormalize(RescaleNormalize {
                    factor,
                    mean,
                    std,
                })]);
            }
            // slope = factor / std^2, intercept = -mean / std^2
            let squared =
                |slope: f64, intercept: f64| (-intercept * factor / slope, (factor / slope).abs().sqrt());
            let again = |std: f64| single(Operator::Divide, std, Precision::Float32);
            let chain = |mean: f64, std: f64| fused(mean, std).into_iter().chain([again(std)]).collect();
            let second = |std| Step::Normalize(Normalize { mean: [0.0; 3], std });
            if let Some(found) = self.constants(&squared, &chain) {
                let (mean, std) = split(&found);
                let first = Step::RescaleNormalize(RescaleNormalize { factor, mean, std });
                return Some(vec![first, second(std)]);
            }
            let chain = |mean: f64, std: f64| {
                vec![
                    single(Operator::Multiply, factor, Precision::Float64),
                    single(Operator::Subtract, mean, Precision::Float32),
                    again(std),
                    again(std),
                ]
            };
            if let Some(found) = self.constants(&squared, &chain) {
                let (mean, std) = split(&found);
                let first = rescale(false, factor, None, Precision::Float64);
                return Some(vec![first, Step::Normalize(Normalize { mean, std }), second(std)]);
            }
        }
        None
    }

    /// `pixel * factor + offset`, for each channel.
    fn scaled_then_shifted(&self) -> Option<Vec<Step>> {
        for divides in [false, true] {
            let operator = if divides {
                Operator::Divide
            } else {
                Operator::Multiply
            };
            let found: Option<Vec<(f64, f64)>> = self
                .channels()
                .map(|channel| {
                    let (slope, intercept) = self.line(channel);
                    let factor = if divides { 1.0 / slope } else { slope };
                    let offsets = choices(intercept, intercept.abs().max(1.0), self.dtype);
                    pairs(&offsets, &choices(factor, factor.abs(), self.dtype)).find(|(offset, factor)| {
                        let chain = [
                            single(operator, *factor, Precision::Float32),
                            single(Operator::Add, *offset, Precision::Float32),
                        ];
                        self.is(channel, &chain)
                    })
                })
                .collect();
            if let Some(found) = found {
                let (offset, factor) = split(&found);
                let scale = if divides {
                    Term::Divide(factor)
                } else {
                    Term::Multiply(factor)
                };
                return Some(vec![Step::Arithmetic(Arithmetic {
                    operations: vec![scale, Term::Add(offset)],
                    precision: Precision::Float32,
                })]);
            }
        }
        None
    }

    /// Chains in float64 that are rounded once, alone or after a scale in float32.
    fn float64(&self) -> Option<Vec<Step>> {
        for scale in SCALES {
            for unrounded in [true, false] {
                if scale.is_none() && !unrounded {
                    continue;
                }
                for multiplies in [false, true] {
                    let last = if multiplies {
                        Operator::Multiply
                    } else {
                        Operator::Divide
                    };
                    let first = scale.map(|(divides, value, _)| {
                        (
                            if divides {
                                Operator::Divide
                            } else {
                                Operator::Multiply
                            },
                            value,
                        )
                    });
                    let by = first.map_or(1.0, |(operator, value)| {
                        if operator == Operator::Divide {
                            1.0 / value
                        } else {
                            value
                        }
                    });
                    let chain = |mean: f64, factor: f64| {
                        let rest = [(Operator::Subtract, [mean; 3]), (last, [factor; 3])];
                        let first = first.map(|(operator, value)| (operator, [value; 3]));
                        if unrounded {
                            let all: Vec<_> = first.into_iter().chain(rest).collect();
                            return Operation::float64_chain(&all);
                        }
                        let start = first.map(|(operator, value)| Operation::float32(operator, value));
                        start.into_iter().chain(Operation::float64_chain(&rest)).collect()
                    };
                    let Some(found) = self.constants(&mean_and_factor(by, multiplies), &chain) else {
                        continue;
                    };
                    let (mean, factor) = split(&found);
                    let mut operations = vec![
                        Term::Subtract(mean),
                        if multiplies {
                            Term::Multiply(factor)
                        } else {
                            Term::Divide(factor)
                        },
                    ];
                    let start = scale.map(|(divides, value, _)| {
                        if divides {
                            Term::Divide([value; 3])
                        } else {
                            Term::Multiply([value; 3])
                        }
                    });
                    let mut steps = Vec::new();
                    match (start, unrounded) {
                        (Some(start), true) => operations.insert(0, start),
                        (Some(_), false) => {
                            steps.extend(scale.map(|(divides, value, _)| {
                                rescale(divides, value, None, Precision::Float32)
                            }));
                        }
                        (None, _) => {}
                    }
                    steps.push(Step::Arithmetic(Arithmetic {
                        operations,
                        precision: Precision::Float64,
                    }));
                    return Some(steps);
                }
            }
        }
        self.float64_scaled_then_shifted()
    }

    /// `pixel / divisor + offset` or `pixel * factor + offset` in float64, rounded once.
    fn float64_scaled_then_shifted(&self) -> Option<Vec<Step>> {
        for divides in [true, false] {
            let operator = if divides {
                Operator::Divide
            } else {
                Operator::Multiply
            };
            let found: Option<Vec<(f64, f64)>> = self
                .channels()
                .map(|channel| {
                    let (slope, intercept) = self.line(channel);
                    let factor = if divides { 1.0 / slope } else { slope };
                    let offsets = choices(intercept, intercept.abs().max(1.0), self.dtype);
                    pairs(&offsets, &choices(factor, factor.abs(), self.dtype)).find(|(offset, factor)| {
                        let chain = [(operator, [*factor; 3]), (Operator::Add, [*offset; 3])];
                        self.is(channel, &Operation::float64_chain(&chain))
                    })
                })
                .collect();
            if let Some(found) = found {
                let (offset, factor) = split(&found);
                let scale = if divides {
                    Term::Divide(factor)
                } else {
                    Term::Multiply(factor)
                };
                return Some(vec![Step::Arithmetic(Arithmetic {
                    operations: vec![scale, Term::Add(offset)],
                    precision: Precision::Float64,
                })]);
            }
        }
        self.any_line()
    }

    /// `pixel * factor + offset` in float64, rounded once, with constants of many digits: those in the middle of all that give the table.
    fn any_line(&self) -> Option<Vec<Step>> {
        let found: Option<Vec<(f64, f64)>> = self
            .channels()
            .map(|channel| {
                let bounds: Vec<_> = self.values[channel]
                    .iter()
                    .enumerate()
                    .filter_map(|(pixel, value)| {
                        let (least, largest) = self.rounded_from((*value)?);
                        Some((pixel as f64, least, largest))
                    })
                    .collect();
                let (factor, offset) = super::feasible::line(&bounds, self.line(channel))?;
                let chain = [(Operator::Multiply, [factor; 3]), (Operator::Add, [offset; 3])];
                let chain = Operation::float64_chain(&chain);
                self.is(channel, &chain).then_some((offset, factor))
            })
            .collect();
        let (offset, factor) = split(&found?);
        Some(vec![Step::Arithmetic(Arithmetic {
            operations: vec![Term::Multiply(factor), Term::Add(offset)],
            precision: Precision::Float64,
        })])
    }

    /// Between which numbers those lie that round to a value.
    fn rounded_from(&self, value: f32) -> (f64, f64) {
        let middle = |other: f64| (f64::from(value) + other) / 2.0;
        match self.dtype {
            Dtype::Float32 | Dtype::Uint8 => (
                middle(f64::from(value.next_down())),
                middle(f64::from(value.next_up())),
            ),
            Dtype::Float16 => {
                let half = f16::from_f32(value);
                // Of either sign, one more or less in the bits is a neighbour.
                let near = |bits: u16| f64::from(f16::from_bits(bits).to_f32());
                let bits = half.to_bits();
                if bits & 0x7fff == 0 {
                    let least = f64::from(f16::from_bits(1).to_f32());
                    return (middle(-least), middle(least));
                }
                let (larger, smaller) = (near(bits + 1), near(bits - 1));
                (middle(larger.min(smaller)), middle(larger.max(smaller)))
            }
        }
    }
}

const FACTOR: f64 = 0.00392156862745098;

/// Scales that libraries begin with: (divides, constant, precision).
const SCALES: [Option<(bool, f64, Precision)>; 8] = [
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
fn mean_and_factor(by: f64, multiplies: bool) -> impl Fn(f64, f64) -> (f64, f64) {
    move |slope, intercept| {
        let std = by / slope;
        (-intercept * std, if multiplies { 1.0 / std } else { std })
    }
}

fn single(operator: Operator, value: f64, precision: Precision) -> Operation {
    match precision {
        Precision::Float32 => Operation::float32(operator, [value; 3]),
        Precision::Float64 | Precision::Unrounded => Operation::float64(operator, [value; 3]),
    }
}

fn rescale(divides: bool, value: f64, offset: Option<f64>, precision: Precision) -> Step {
    Step::Rescale(Rescale {
        factor: (!divides).then_some(value),
        divisor: divides.then_some(value),
        offset,
        precision,
    })
}

/// The constants of three channels; of a gray output all are alike.
fn split(found: &[(f64, f64)]) -> ([f64; 3], [f64; 3]) {
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
fn pairs<'a>(first: &'a [f64], second: &'a [f64]) -> impl Iterator<Item = (f64, f64)> + 'a {
    first
        .iter()
        .flat_map(move |one| second.iter().map(move |other| (*one, *other)))
}

/// What a constant can be that is about `value`, with an error in the order of `size`'s rounding: decimals, the shortest first,
/// quotients of libraries, then the float32 numbers around it.
fn choices(value: f64, size: f64, dtype: Dtype) -> Vec<f64> {
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
