//! Numbers in a graph: float64 tensors of shape [1], worked out at once where they are constant.

use onnx_protobuf::tensor_proto::DataType;

use super::graph::{Graph, Value, int, ints};

/// The operator set from which on the axes of `ReduceMax` and `ReduceMin` are an input.
pub(crate) const REDUCE_AXES_OPSET: i64 = 18;

/// A number that is known now, or only when an image comes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Num {
    Known(f64),
    Later(Value),
}

impl From<f64> for Num {
    fn from(value: f64) -> Self {
        Self::Known(value)
    }
}

impl From<usize> for Num {
    fn from(value: usize) -> Self {
        Self::Known(value as f64)
    }
}

impl Num {
    pub(crate) fn known(&self) -> Option<f64> {
        match self {
            Self::Known(value) => Some(*value),
            Self::Later(_) => None,
        }
    }
}

macro_rules! binary {
    ($($method:ident: $op:literal, $fold:expr;)+) => {
        $(pub(crate) fn $method(&mut self, a: &Num, b: &Num) -> Num {
            self.binary($op, $fold, a, b)
        })+
    };
}

macro_rules! unary {
    ($($method:ident: $op:literal, $fold:expr;)+) => {
        $(pub(crate) fn $method(&mut self, a: &Num) -> Num {
            match a {
                Num::Known(a) => Num::Known($fold(*a)),
                Num::Later(a) => Num::Later(self.op($op, &[a])),
            }
        })+
    };
}

impl Graph {
    binary! {
        add: "Add", |a, b| a + b;
        sub: "Sub", |a, b| a - b;
        mul: "Mul", |a, b| a * b;
        div: "Div", |a, b| a / b;
        min: "Min", f64::min;
        max: "Max", f64::max;
    }

    unary! {
        floor: "Floor", f64::floor;
        ceil: "Ceil", f64::ceil;
        round: "Round", f64::round_ties_even;
        sqrt: "Sqrt", f64::sqrt;
        abs: "Abs", f64::abs;
    }

    /// The largest number of the first of two axes, which goes away.
    pub(crate) fn largest_of_first_axis(&mut self, numbers: &Num) -> Num {
        let Num::Later(numbers) = numbers else {
            return numbers.clone();
        };
        let gone = int("keepdims", 0);
        Num::Later(if self.opset >= REDUCE_AXES_OPSET {
            let axes = self.ints(&[0]);
            self.op_with("ReduceMax", &[numbers, &axes], vec![gone])
        } else {
            self.op_with("ReduceMax", &[numbers], vec![ints("axes", &[0]), gone])
        })
    }

    /// The entry of this index.
    pub(crate) fn constant_at(&mut self, entries: &[f64], index: &Num) -> Num {
        if let Some(entry) = index.known().and_then(|index| entries.get(index as usize)) {
            return Num::Known(*entry);
        }
        let index = self.int64(index);
        let entries = self.doubles(&[entries.len()], entries);
        Num::Later(self.op_with("Gather", &[&entries, &index], vec![int("axis", 0)]))
    }

    fn binary(&mut self, op: &str, fold: fn(f64, f64) -> f64, a: &Num, b: &Num) -> Num {
        match (op, a, b) {
            (_, Num::Known(a), Num::Known(b)) => Num::Known(fold(*a, *b)),
            // ONNX Runtime makes one division of `1 / b * c`, which rounds otherwise. It does not of `-1 / b`.
            ("Div", Num::Known(1.0), b) => {
                let negative = self.binary(op, fold, &Num::Known(-1.0), b);
                self.binary("Mul", |a, b| a * b, &negative, &Num::Known(-1.0))
            }
            ("Add" | "Sub", a, Num::Known(0.0)) | ("Mul" | "Div", a, Num::Known(1.0)) => a.clone(),
            ("Add", Num::Known(0.0), b) | ("Mul", Num::Known(1.0), b) => b.clone(),
            (_, a, b) => {
                let (a, b) = (self.value(a), self.value(b));
                Num::Later(self.op(op, &[&a, &b]))
            }
        }
    }

    /// The number as a float64 tensor: without axes where it is known, else of shape [1].
    pub(crate) fn value(&mut self, num: &Num) -> Value {
        match num {
            Num::Known(value) => self.doubles(&[], &[*value]),
            Num::Later(value) => value.clone(),
        }
    }

    /// The number as an int64 tensor of shape [1].
    pub(crate) fn int64(&mut self, num: &Num) -> Value {
        match num {
            Num::Known(value) => self.ints(&[*value as i64]),
            Num::Later(value) => self.cast(value, DataType::INT64),
        }
    }

    /// A shape or a list of edges: int64 [extents.len()].
    pub(crate) fn shape(&mut self, extents: &[Extent<'_>]) -> Value {
        let mut parts: Vec<Value> = Vec::new();
        let mut known: Vec<i64> = Vec::new();
        for extent in extents {
            let later = match extent {
                Extent::Rest => {
                    known.push(-1);
                    continue;
                }
                Extent::Num(Num::Known(value)) => {
                    known.push(*value as i64);
                    continue;
                }
                Extent::Num(num) => self.int64(num),
            };
            if !known.is_empty() {
                parts.push(self.ints(&known));
                known.clear();
            }
            parts.push(later);
        }
        if !known.is_empty() {
            parts.push(self.ints(&known));
        }
        match parts.as_slice() {
            [only] => only.clone(),
            parts => self.op_with("Concat", &parts.iter().collect::<Vec<_>>(), vec![int("axis", 0)]),
        }
    }

    /// The number as a float64 tensor without axes.
    pub(crate) fn scalar(&mut self, num: &Num) -> Value {
        match num {
            Num::Known(value) => self.doubles(&[], &[*value]),
            Num::Later(value) => {
                let no_axes = self.ints(&[]);
                self.op("Reshape", &[value, &no_axes])
            }
        }
    }

    /// `then` where `condition` holds, else `otherwise`.
    pub(crate) fn select(&mut self, condition: &Condition, then: &Num, otherwise: &Num) -> Num {
        match condition {
            Condition::Known(true) => then.clone(),
            Condition::Known(false) => otherwise.clone(),
            Condition::Later(condition) => {
                let (then, otherwise) = (
                    self.picked(condition, then, 1),
                    self.picked(condition, otherwise, 2),
                );
                if then == otherwise {
                    return then;
                }
                let (then, otherwise) = (self.value(&then), self.value(&otherwise));
                Num::Later(self.op("Where", &[condition, &then, &otherwise]))
            }
        }
    }

    /// `num`, or what its own choice by the same `condition` comes to: `branch` is the input of `Where` that is taken.
    fn picked(&self, condition: &Value, num: &Num, branch: usize) -> Num {
        let Num::Later(value) = num else {
            return num.clone();
        };
        match self.inputs_of("Where", value) {
            Some(inputs) if inputs[0] == *condition => match self.double(&inputs[branch]) {
                Some(known) => Num::Known(known),
                None => Num::Later(inputs[branch].clone()),
            },
            _ => num.clone(),
        }
    }

    /// Whether `a < b`.
    pub(crate) fn less(&mut self, a: &Num, b: &Num) -> Condition {
        match (a, b) {
            (Num::Known(a), Num::Known(b)) => Condition::Known(a < b),
            (a, b) => {
                let (a, b) = (self.value(a), self.value(b));
                Condition::Later(self.op("Less", &[&a, &b]))
            }
        }
    }

    /// Whether both hold.
    pub(crate) fn and(&mut self, a: &Condition, b: &Condition) -> Condition {
        match (a, b) {
            (Condition::Known(false), _) | (_, Condition::Known(false)) => Condition::Known(false),
            (Condition::Known(true), other) | (other, Condition::Known(true)) => other.clone(),
            (Condition::Later(a), Condition::Later(b)) => Condition::Later(self.op("And", &[a, b])),
        }
    }

    /// Whether one of them holds.
    pub(crate) fn or(&mut self, a: &Condition, b: &Condition) -> Condition {
        match (a, b) {
            (Condition::Known(true), _) | (_, Condition::Known(true)) => Condition::Known(true),
            (Condition::Known(false), other) | (other, Condition::Known(false)) => other.clone(),
            (Condition::Later(a), Condition::Later(b)) => Condition::Later(self.op("Or", &[a, b])),
        }
    }

    /// `numbers`, three or more float64 of one axis, where `missing`, which is 0 or -1, is 0; where it is -1, the run
    /// fails in a node called `demand`.
    ///
    /// No operator fails on purpose, but none adds two numbers to three. A Reshape to an impossible shape would do
    /// too, but OpenVINO's provider leaves it to others and then finds a cycle.
    pub(crate) fn demand(&mut self, demand: &str, missing: &Num, numbers: &Value) -> Value {
        let missing = self.scalar(missing);
        let [half, one] = [0.5, 1.0].map(|value| self.doubles(&[], &[value]));
        let zeros = self.op("Range", &[&missing, &half, &one]);
        self.named_op(demand, "Add", &[&zeros, numbers])
    }

    /// The same where `wrong`, which is not negative, is 0.
    pub(crate) fn demand_none(&mut self, demand: &str, wrong: &Num, numbers: &Value) -> Value {
        let missing = self.sub(&0.0.into(), wrong);
        let missing = self.max(&missing, &(-1.0).into());
        self.demand(demand, &missing, numbers)
    }

    /// Converts the elements.
    pub(crate) fn cast(&mut self, value: &Value, to: DataType) -> Value {
        self.op_with("Cast", &[value], vec![int("to", to as i64)])
    }
}

/// A truth value that is known now, or only when an image comes: a bool tensor of shape [1].
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Condition {
    Known(bool),
    Later(Value),
}

/// One entry of a shape.
#[derive(Clone, Copy)]
pub(crate) enum Extent<'a> {
    /// A number.
    Num(&'a Num),
    /// Whatever remains of the elements.
    Rest,
}
