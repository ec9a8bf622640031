//! Arithmetic in float64, rounded once at its end: how NumPy computes where nothing says float32.

use half::f16;

use super::constants::{SCALES, choices, mean_and_factor, pairs, rescale, split};
use super::table::Table;
use crate::steps::{Arithmetic, Step, Term};
use crate::{Dtype, Operation, Operator, Precision};

impl Table {
    /// Chains in float64 that are rounded once, alone or after a scale in float32.
    pub(super) fn float64(&self) -> Option<Vec<Step>> {
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
    pub(super) fn float64_scaled_then_shifted(&self) -> Option<Vec<Step>> {
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
    pub(super) fn any_line(&self) -> Option<Vec<Step>> {
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
    pub(super) fn rounded_from(&self, value: f32) -> (f64, f64) {
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
