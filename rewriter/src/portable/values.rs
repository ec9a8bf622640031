//! From the pixels of the last stage to the values of the output.

use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::{Layout, Operation, Operator, Precision, ValueTable};

use super::graph::{Graph, Value, int};

/// How pixel values become the model's values. Both give the same bits in ONNX Runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// By the operations of the plan, where float32 has them.
    Arithmetic,
    /// From a table of all 256 values of each channel: nothing that a compiler could compute otherwise.
    Table,
}

/// Where the channels of a tensor are, and how many.
#[derive(Clone, Copy)]
pub(super) struct Channels {
    pub(super) layout: Layout,
    pub(super) count: usize,
}

impl Channels {
    fn shape(self) -> Vec<usize> {
        match self.layout {
            Layout::Nchw => vec![self.count, 1, 1],
            Layout::Nhwc => vec![self.count],
        }
    }
}

/// What `operations` make of pixel values, which are floats with whole values from 0 to 255, or bytes where `looked_up`
/// says so.
pub(super) fn of_pixels(
    graph: &mut Graph,
    operations: &[Operation],
    channels: Channels,
    pixels: &Value,
    values: Values,
) -> Value {
    if looked_up(operations, values) {
        return look_up(graph, operations, channels, pixels);
    }
    let mut value = pixels.clone();
    for operation in simplified(operations) {
        value = operate(graph, channels, &value, &operation);
    }
    value
}

/// Whether the values come from a table: where that is wanted, and where float32 lacks an operation. None has float64.
pub(super) fn looked_up(operations: &[Operation], values: Values) -> bool {
    let simple = simplified(operations);
    let double = |operation: &Operation| operation.precision != Precision::Float32;
    (values == Values::Table && !operations.is_empty()) || simple.iter().any(double)
}

/// What `operations` make of any floats. Operands are rounded to float32: no float64 depends on an image.
pub(super) fn of_floats(
    graph: &mut Graph,
    operations: &[Operation],
    channels: Channels,
    floats: &Value,
) -> Value {
    operations.iter().fold(floats.clone(), |value, operation| {
        operate(graph, channels, &value, operation)
    })
}

fn look_up(graph: &mut Graph, operations: &[Operation], channels: Channels, pixels: &Value) -> Value {
    let table = ValueTable::new(operations);
    let rows: Vec<[f32; 256]> = (0..channels.count)
        .map(|channel| *table.channel(channel))
        .collect();
    let bits = |values: &[f32; 256]| values.map(f32::to_bits);
    let mut index = graph.cast(pixels, DataType::INT32);
    let uniform = rows.iter().all(|values| bits(values) == bits(&rows[0]));
    if !uniform {
        let starts: Vec<i32> = (0..channels.count).map(|channel| 256 * channel as i32).collect();
        let starts = graph.int32s(&channels.shape(), &starts);
        index = graph.op("Add", &[&index, &starts]);
    }
    let kept = if uniform { 1 } else { channels.count };
    let table = graph.floats(&[kept * 256], &rows[..kept].concat());
    graph.op_with("Gather", &[&table, &index], vec![int("axis", 0)])
}

fn operate(graph: &mut Graph, channels: Channels, value: &Value, operation: &Operation) -> Value {
    let op = match operation.operator {
        Operator::Add => "Add",
        Operator::Subtract => "Sub",
        Operator::Multiply => "Mul",
        Operator::Divide => "Div",
    };
    let operands: Vec<f32> = operation.operands[..channels.count]
        .iter()
        .map(|operand| *operand as f32)
        .collect();
    let uniform = operands
        .iter()
        .all(|operand| operand.to_bits() == operands[0].to_bits());
    let operands = if uniform {
        graph.floats(&[1], &operands[..1])
    } else {
        graph.floats(&channels.shape(), &operands)
    };
    graph.op(op, &[value, &operands])
}

/// Operations with the same results, in float32 where some float32 operation gives the same bits for
/// all 256 pixel values: a tenth of the time.
fn simplified(operations: &[Operation]) -> Vec<Operation> {
    let mut current = operations.to_vec();
    let table = ValueTable::new(operations);
    for index in 0..current.len() {
        let operation = current[index];
        if operation.precision == Precision::Float32 {
            continue;
        }
        let inverse = operation.operands.map(|operand| 1.0 / operand);
        let candidates = match operation.operator {
            Operator::Multiply => {
                vec![
                    (Operator::Multiply, operation.operands),
                    (Operator::Divide, inverse),
                ]
            }
            operator => vec![(operator, operation.operands)],
        };
        for (operator, operands) in candidates {
            let mut attempt = current.clone();
            attempt[index] = Operation::float32(operator, operands);
            if ValueTable::new(&attempt).same_bits(&table) {
                current = attempt;
                break;
            }
        }
    }
    current
}
