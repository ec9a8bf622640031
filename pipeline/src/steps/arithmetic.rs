//! A chain of additions, subtractions, multiplications and divisions.

use serde::{Deserialize, Serialize};

use super::keys::{KeyInfo, check_divisors, check_double, check_finite_all, per_channel, rounded};
use super::{Context, Pixels, PlanBuilder, StepKind, to_float};
use crate::arithmetic::{Operation, Operator, Precision};
use crate::{CHANNELS, Error, Result};

/// One operation of the chain, with a constant for each channel.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Term {
    /// Value + constant.
    Add(#[serde(with = "per_channel")] [f64; CHANNELS]),
    /// Value - constant.
    Subtract(#[serde(with = "per_channel")] [f64; CHANNELS]),
    /// Value * constant.
    Multiply(#[serde(with = "per_channel")] [f64; CHANNELS]),
    /// Value / constant, a true division.
    Divide(#[serde(with = "per_channel")] [f64; CHANNELS]),
}

impl Term {
    fn parts(self) -> (Operator, [f64; CHANNELS]) {
        match self {
            Self::Add(operands) => (Operator::Add, operands),
            Self::Subtract(operands) => (Operator::Subtract, operands),
            Self::Multiply(operands) => (Operator::Multiply, operands),
            Self::Divide(operands) => (Operator::Divide, operands),
        }
    }
}

/// The operations in their order: in float32 with each result rounded, or in float64 with the last result alone rounded to float32.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arithmetic {
    /// What happens to each value, in this order.
    pub operations: Vec<Term>,
    /// The type of constants and results.
    #[serde(default = "float32")]
    pub precision: Precision,
}

fn float32() -> Precision {
    Precision::Float32
}

impl Arithmetic {
    fn chain(&self) -> Vec<Operation> {
        let parts: Vec<_> = self.operations.iter().map(|term| term.parts()).collect();
        match self.precision {
            Precision::Float32 => parts
                .into_iter()
                .map(|(operator, operands)| Operation::float32(operator, operands))
                .collect(),
            Precision::Float64 | Precision::Unrounded => Operation::float64_chain(&parts),
        }
    }
}

impl StepKind for Arithmetic {
    const NAME: &'static str = "arithmetic";
    const SUMMARY: &'static str =
        "a chain of operations: NumPy's (image / 255 - mean) / std in float64, albumentations Normalize";
    const FORMULA: &'static str = "the operations one after another, each rounded to float32; with precision = float64 the last one alone";
    const EXAMPLE: &'static str = "step = \"arithmetic\"\noperations = [{ divide = 255 }, { subtract = [0.485, 0.456, 0.406] }, { divide = [0.229, 0.224, 0.225] }]\nprecision = \"float64\"";
    const DESCRIPTION: &'static str = "The operations in their order. In float32 each result is rounded. In float64 the last one alone is rounded to float32, as \
        where NumPy computes in float64 and `astype(float32)` follows. albumentations: `subtract = mean * 255`, then \
        `multiply = 1 / (std * 255)` in float32, each constant rounded as there.";
    const KEYS: &'static [KeyInfo] = &[
        KeyInfo::required(
            "operations",
            "a list of { add }, { subtract }, { multiply }, { divide }, each with a number or three",
            "what happens to each value, in this order",
        ),
        KeyInfo::optional(
            "precision",
            "float32, float64",
            "float32",
            "the type of constants and results",
        ),
    ];

    fn check(&self) -> Result<()> {
        rounded("precision", self.precision)?;
        if self.operations.is_empty() {
            return Err(Error::new("operations", "is empty")
                .fix("name at least one, such as { divide = 255 }, or leave the step out"));
        }
        for (index, term) in self.operations.iter().enumerate() {
            let (operator, operands) = term.parts();
            let key = format!("operations[{index}].{operator}");
            match self.precision {
                Precision::Float32 => check_finite_all(&key, operands)?,
                Precision::Float64 | Precision::Unrounded => {
                    operands
                        .into_iter()
                        .try_for_each(|value| check_double(&key, value))?;
                }
            }
            if operator == Operator::Divide {
                check_divisors(&key, operands)?;
            }
        }
        Ok(())
    }

    fn fold(&self, plan: &mut PlanBuilder) -> Result<()> {
        plan.operate(self.chain());
        Ok(())
    }

    fn apply(&self, pixels: Pixels, _: &Context) -> Result<Pixels> {
        Ok(super::apply_operations(to_float(pixels), &self.chain()))
    }
}
