//! From resized pixels to the finished tensor: zeros around, channel order, arithmetic, form.

use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::{CHANNELS, Dtype, FusedPlan, Layout, Operation, Operator, Precision, ValueTable};

use super::graph::{Graph, Value, int, ints};
use super::num::{Extent, Num};
use super::size::Crop;

/// How pixel values become the model's values. Both give the same bits in ONNX Runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// By the operations of the plan.
    Arithmetic,
    /// From a table of all 256 values of each channel: nothing that a compiler could compute otherwise, and
    /// no float64.
    Table,
}

/// Finishes uint8 [N, 3, height, width].
pub(super) fn finish(
    graph: &mut Graph,
    plan: &FusedPlan,
    pixels: Value,
    crop: &Crop,
    values: Values,
) -> Value {
    let mut value = pixels;
    if plan.channels != [0, 1, 2] {
        let order = graph.ints(&plan.channels.map(|channel| channel as i64));
        value = graph.op_with("Gather", &[&value, &order], vec![int("axis", 1)]);
    }
    if plan.layout == Layout::Nhwc {
        value = graph.op_with("Transpose", &[&value], vec![ints("perm", &[0, 2, 3, 1])]);
    }
    if plan.dtype == Dtype::Uint8 && crop.is_inside() {
        return value;
    }
    let looked_up = values == Values::Table && !plan.operations.is_empty();
    if !(looked_up && crop.is_inside()) {
        value = graph.cast(&value, DataType::FLOAT);
    }
    if !crop.is_inside() {
        value = pad(graph, plan.layout, &value, crop);
    }
    if looked_up {
        value = look_up(graph, plan, &value);
    } else {
        for operation in simplified(&plan.operations) {
            value = operate(graph, plan.layout, &value, &operation);
        }
    }
    match plan.dtype {
        Dtype::Float32 => value,
        Dtype::Float16 => {
            let rounded = graph.cast(&value, DataType::FLOAT16);
            // ONNX Runtime drops a Cast to float16 whose result is cast back, as float16 operators on
            // the CPU do: the value would not be rounded.
            apart(graph, &rounded)
        }
        Dtype::Uint8 => graph.cast(&value, DataType::UINT8),
    }
}

/// `tensor`, of four axes, kept apart from what reads it by a Reshape to the same shape.
pub(super) fn apart(graph: &mut Graph, tensor: &Value) -> Value {
    let same = graph.ints(&[0, 0, 0, 0]);
    graph.op("Reshape", &[tensor, &same])
}

fn pad(graph: &mut Graph, layout: Layout, value: &Value, crop: &Crop) -> Value {
    let none = Num::from(0.0);
    let side = |zeros: &super::size::Pair| {
        let (rows, columns) = (zeros.rows.clone(), zeros.columns.clone());
        match layout {
            Layout::Nchw => [none.clone(), none.clone(), rows, columns],
            Layout::Nhwc => [none.clone(), rows, columns, none.clone()],
        }
    };
    let pads = [side(&crop.before), side(&crop.after)].concat();
    let pads = graph.shape(&pads.iter().map(Extent::Num).collect::<Vec<_>>());
    graph.op("Pad", &[value, &pads])
}

/// Whether the arithmetic of `plan` needs float64.
pub(super) fn needs_float64(plan: &FusedPlan) -> bool {
    let operations = simplified(&plan.operations);
    operations
        .iter()
        .any(|operation| operation.precision == Precision::Float64)
}

/// The value of each pixel value, from a table.
fn look_up(graph: &mut Graph, plan: &FusedPlan, pixels: &Value) -> Value {
    let table = plan.table();
    let channels = [0, 1, 2].map(|channel| *table.channel(channel));
    let bits = |values: &[f32; 256]| values.map(f32::to_bits);
    let mut index = graph.cast(pixels, DataType::INT32);
    let uniform = channels.iter().all(|values| bits(values) == bits(&channels[0]));
    if !uniform {
        let starts = [0, 256, 512];
        let starts = match plan.layout {
            Layout::Nchw => graph.int32s(&[CHANNELS, 1, 1], &starts),
            Layout::Nhwc => graph.int32s(&[CHANNELS], &starts),
        };
        index = graph.op("Add", &[&index, &starts]);
    }
    let kept = if uniform { 1 } else { CHANNELS };
    let table = graph.floats(&[kept * 256], &channels[..kept].concat());
    graph.op_with("Gather", &[&table, &index], vec![int("axis", 0)])
}

fn operate(graph: &mut Graph, layout: Layout, value: &Value, operation: &Operation) -> Value {
    let op = match operation.operator {
        Operator::Add => "Add",
        Operator::Subtract => "Sub",
        Operator::Multiply => "Mul",
        Operator::Divide => "Div",
    };
    let operands = operation.operands;
    let uniform = operands
        .iter()
        .all(|operand| operand.to_bits() == operands[0].to_bits());
    let (shape, operands): (&[usize], &[f64]) = match layout {
        _ if uniform => (&[1], &operands[..1]),
        Layout::Nchw => (&[CHANNELS, 1, 1], &operands),
        Layout::Nhwc => (&[CHANNELS], &operands),
    };
    match operation.precision {
        Precision::Float32 => {
            let operands: Vec<f32> = operands.iter().map(|operand| *operand as f32).collect();
            let operands = graph.floats(shape, &operands);
            graph.op(op, &[value, &operands])
        }
        Precision::Float64 => {
            let wide = graph.cast(value, DataType::DOUBLE);
            let operands = graph.doubles(shape, operands);
            let wide = graph.op(op, &[&wide, &operands]);
            graph.cast(&wide, DataType::FLOAT)
        }
    }
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
