//! What happens to a pixel value after the geometry: a chain of float operations per channel.

use serde::{Deserialize, Serialize};

use crate::named::named_enum;
use crate::{Error, Result};

/// Channels of every image: red, green and blue.
pub const CHANNELS: usize = 3;

named_enum! {
    /// One float operation with a constant operand.
    pub enum Operator("operator") {
        /// Value + operand.
        Add = "add",
        /// Value - operand.
        Subtract = "subtract",
        /// Value * operand.
        Multiply = "multiply",
        /// Value / operand, a true division.
        Divide = "divide",
    }
}

named_enum! {
    /// In which type an operation rounds.
    pub enum Precision("precision") {
        /// Operand and result are float32.
        Float32 = "float32",
        /// The value is widened to float64, the result rounded to float64 and then to float32.
        Float64 = "float64",
        /// As float64, and the result stays as it is for the next operation: a chain in float64 rounds to float32 once, at its
        /// end. Plans of version 1 have none.
        Unrounded = "unrounded",
    }
}

/// One operation on a float32 value, with one operand for each channel.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// What is done.
    pub operator: Operator,
    /// The type that it is done in.
    pub precision: Precision,
    /// The operand of each channel, in the order of the output's channels; float32 operands are
    /// exactly representable in float32.
    pub operands: [f64; CHANNELS],
}

impl Operation {
    /// An operation in float32; each operand is rounded to float32 first.
    pub fn float32(operator: Operator, operands: [f64; CHANNELS]) -> Self {
        let operands = operands.map(|operand| f64::from(operand as f32));
        Self {
            operator,
            precision: Precision::Float32,
            operands,
        }
    }

    /// A chain of operations in float64, whose last result alone is rounded to float32.
    pub fn float64_chain(operations: &[(Operator, [f64; CHANNELS])]) -> Vec<Self> {
        let last = operations.len().saturating_sub(1);
        let operation = |(index, (operator, operands)): (usize, &(Operator, [f64; CHANNELS]))| Self {
            operator: *operator,
            precision: if index == last {
                Precision::Float64
            } else {
                Precision::Unrounded
            },
            operands: *operands,
        };
        operations.iter().enumerate().map(operation).collect()
    }

    /// An operation in float64.
    pub fn float64(operator: Operator, operands: [f64; CHANNELS]) -> Self {
        Self {
            operator,
            precision: Precision::Float64,
            operands,
        }
    }

    /// What a chain of operations makes of a value of one channel.
    pub fn chain(operations: &[Self], value: f32, channel: usize) -> f32 {
        let start = f64::from(value);
        let end = operations
            .iter()
            .fold(start, |value, operation| operation.apply(value, channel));
        end as f32
    }

    fn apply(&self, value: f64, channel: usize) -> f64 {
        let operand = self.operands[channel];
        match self.precision {
            Precision::Float32 => {
                let (value, operand) = (value as f32, operand as f32);
                f64::from(match self.operator {
                    Operator::Add => value + operand,
                    Operator::Subtract => value - operand,
                    Operator::Multiply => value * operand,
                    Operator::Divide => value / operand,
                })
            }
            Precision::Float64 | Precision::Unrounded => {
                let result = match self.operator {
                    Operator::Add => value + operand,
                    Operator::Subtract => value - operand,
                    Operator::Multiply => value * operand,
                    Operator::Divide => value / operand,
                };
                match self.precision {
                    Precision::Unrounded => result,
                    Precision::Float32 | Precision::Float64 => f64::from(result as f32),
                }
            }
        }
    }
}

/// The result of a chain of operations for each channel and each of the 256 pixel values.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueTable(Box<[[f32; 256]; CHANNELS]>);

impl ValueTable {
    /// The table of `operations`, applied in order to the pixel value as float32.
    pub fn new(operations: &[Operation]) -> Self {
        let mut table = Box::new([[0.0; 256]; CHANNELS]);
        for (channel, row) in table.iter_mut().enumerate() {
            for (pixel, value) in row.iter_mut().enumerate() {
                *value = Operation::chain(operations, pixel as f32, channel);
            }
        }
        Self(table)
    }

    /// The values of one channel, by pixel value.
    pub fn channel(&self, channel: usize) -> &[f32; 256] {
        &self.0[channel]
    }

    /// Whether both tables hold the same bits.
    pub fn same_bits(&self, other: &Self) -> bool {
        let bits = |table: &Self| table.0.map(|row| row.map(f32::to_bits));
        bits(self) == bits(other)
    }

    /// Checks that no pixel value leads to infinity or NaN.
    ///
    /// # Errors
    /// Names the channel and the pixel value.
    pub fn check(&self) -> Result<()> {
        for (channel, row) in self.0.iter().enumerate() {
            if let Some(pixel) = row.iter().position(|value| !value.is_finite()) {
                return Err(Error::new(
                    "arithmetic",
                    format_args!("pixel value {pixel} of channel {channel} becomes {}", row[pixel]),
                )
                .expected_got("a finite number", row[pixel])
                .fix("check rescale and normalize: factor, mean and std must be finite and std not near 0"));
            }
        }
        Ok(())
    }
}
