//! Arithmetic in float32, each result rounded: how torchvision, timm, Hugging Face, albumentations and PaddleOCR compute.

use super::constants::{FACTOR, SCALES, choices, mean_and_factor, pairs, rescale, single, split};
use super::table::Table;
use crate::steps::{Arithmetic, Normalize, RescaleNormalize, Step, Term};
use crate::{Operation, Operator, Precision};

impl Table {
    pub(super) fn float32(&self) -> Option<Vec<Step>> {
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
    pub(super) fn fused(&self) -> Option<Vec<Step>> {
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
    pub(super) fn scaled_then_shifted(&self) -> Option<Vec<Step>> {
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
}
