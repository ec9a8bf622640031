//! Operations that changed between operator sets, or take several nodes.

use onnx_protobuf::tensor_proto::DataType;

use crate::portable::graph::{Graph, Value, int, ints};

/// From which operator set on a reduction takes its axes as an input.
#[derive(Clone, Copy)]
pub(super) enum Reduction {
    Sum,
    Max,
}

impl Reduction {
    fn op(self) -> (&'static str, i64) {
        match self {
            Self::Sum => ("ReduceSum", 13),
            Self::Max => ("ReduceMax", 18),
        }
    }
}

impl Graph {
    /// The reduction of one axis, which stays as one of extent 1 where `keep` says so.
    pub(super) fn reduce(&mut self, reduction: Reduction, value: &Value, axis: i64, keep: bool) -> Value {
        let (op, axes_as_input) = reduction.op();
        let keep = int("keepdims", i64::from(keep));
        if self.opset < axes_as_input {
            return self.op_with(op, &[value], vec![ints("axes", &[axis]), keep]);
        }
        let axes = self.ints(&[axis]);
        self.op_with(op, &[value, &axes], vec![keep])
    }

    /// The part `from..to` of an axis; a `to` of `i64::MAX` is its end.
    pub(super) fn part(&mut self, value: &Value, axis: i64, from: i64, to: i64) -> Value {
        let [from, to, axis] = [from, to, axis].map(|number| self.ints(&[number]));
        self.op("Slice", &[value, &from, &to, &axis])
    }

    /// Some of the entries of an axis, in the order of `entries`.
    pub(super) fn pick(&mut self, value: &Value, axis: i64, entries: &[i64]) -> Value {
        let entries = self.ints(entries);
        self.take(value, axis, &entries)
    }

    /// One entry of an axis, which goes.
    pub(super) fn entry(&mut self, value: &Value, axis: i64, entry: i64) -> Value {
        let entry = self.int(entry);
        self.take(value, axis, &entry)
    }

    /// The entries of an axis that `indices` (int64) name.
    pub(super) fn take(&mut self, value: &Value, axis: i64, indices: &Value) -> Value {
        self.op_with("Gather", &[value, indices], vec![int("axis", axis)])
    }

    pub(super) fn joined(&mut self, values: &[&Value], axis: i64) -> Value {
        self.op_with("Concat", values, vec![int("axis", axis)])
    }

    pub(super) fn permuted(&mut self, value: &Value, order: &[i64]) -> Value {
        self.op_with("Transpose", &[value], vec![ints("perm", order)])
    }

    pub(super) fn shaped(&mut self, value: &Value, shape: &[i64]) -> Value {
        let shape = self.ints(shape);
        self.op("Reshape", &[value, &shape])
    }

    /// An extent of a value: int64 [1].
    pub(super) fn extent(&mut self, value: &Value, axis: i64) -> Value {
        let shape = self.op("Shape", &[value]);
        self.pick(&shape, 0, &[axis])
    }

    /// The highest `count` (int64 [1]) of the last axis, highest first and the first of equal ones first: values and indices.
    pub(super) fn highest(&mut self, value: &Value, count: &Value) -> [Value; 2] {
        self.op_many("TopK", &[value, count], vec![int("axis", -1)])
    }

    /// The index of the highest entry of an axis, which goes; of equal ones the first.
    pub(super) fn index_of_highest(&mut self, value: &Value, axis: i64) -> Value {
        self.op_with("ArgMax", &[value], vec![int("axis", axis), int("keepdims", 0)])
    }

    /// The smaller one of two int64 numbers, of which operator set 11 has none.
    pub(super) fn smaller(&mut self, a: &Value, b: &Value) -> Value {
        let is_less = self.op("Less", &[a, b]);
        self.op("Where", &[&is_less, a, b])
    }

    /// `value` + a constant, and so on.
    pub(super) fn with_float(&mut self, op: &str, value: &Value, constant: f32) -> Value {
        let constant = self.floats(&[], &[constant]);
        self.op(op, &[value, &constant])
    }

    /// `value` / a whole number, rounded down, and so on.
    pub(super) fn with_int(&mut self, op: &str, value: &Value, constant: i64) -> Value {
        let constant = self.ints(&[constant]);
        self.op(op, &[value, &constant])
    }

    /// Centre, width and height on the last axis as x1 y1 x2 y2.
    pub(super) fn corners(&mut self, boxes: &Value, axis: i64) -> Value {
        let middle = self.part(boxes, axis, 0, 2);
        let size = self.part(boxes, axis, 2, 4);
        let half = self.with_float("Div", &size, 2.0);
        let [first, last] = ["Sub", "Add"].map(|op| self.op(op, &[&middle, &half]));
        self.joined(&[&first, &last], axis)
    }

    pub(super) fn float(&mut self, value: &Value) -> Value {
        self.cast(value, DataType::FLOAT)
    }
}
