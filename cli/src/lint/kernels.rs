//! Standard ops that ONNX Runtime's CUDA execution provider has no kernel for.
//!
//! From its list of kernels (docs/OperatorKernels.md, 2026): what is at odds with the CPU's list, for
//! the ops that vision models and their preprocessing use.

use prep_onnx_rewriter::{ElementType, Node};

/// A set of element types, by their numbers in `TensorProto.DataType`.
type Types = &'static [i32];

const FLOATS: Types = &[1, 10, 11, 16];
const FLOATS_BOOL: Types = &[1, 9, 10, 11, 16];
const FLOATS_INT32: Types = &[1, 6, 10, 11, 16];
const FLOATS_INTS: Types = &[1, 6, 7, 10, 11, 16];
const FLOATS_INTS_BYTES: Types = &[1, 2, 3, 6, 7, 10, 11, 16];
const FLOATS_WIDE_INTS: Types = &[1, 6, 7, 10, 11, 12, 13, 16];
const NONE: Types = &[];
const INT8: Types = &[3];

/// Ops without any kernel.
const ABSENT: &[&str] = &[
    "Acos",
    "Acosh",
    "AffineGrid",
    "Asin",
    "Asinh",
    "Atan",
    "Atanh",
    "BitShift",
    "BitwiseAnd",
    "BitwiseNot",
    "BitwiseOr",
    "BitwiseXor",
    "Col2Im",
    "ConvInteger",
    "Cosh",
    "DFT",
    "Det",
    "DynamicQuantizeLinear",
    "GlobalLpPool",
    "Hardmax",
    "LpNormalization",
    "LpPool",
    "MaxRoiPool",
    "MaxUnpool",
    "Mean",
    "Multinomial",
    "QLinearConv",
    "QLinearMatMul",
    "STFT",
    "Sinh",
    "Tan",
    "Unique",
];

/// An op whose kernels do not have every type or version.
struct Partial {
    op: &'static str,
    /// The opsets that `types` holds for, the first and the last.
    opsets: (i64, i64),
    /// The input whose type counts.
    input: usize,
    /// The element types that have a kernel.
    types: Types,
}

const fn partial(op: &'static str, from: i64, to: i64, types: Types) -> Partial {
    Partial {
        op,
        opsets: (from, to),
        input: 0,
        types,
    }
}

const NEWEST: i64 = i64::MAX;

const PARTIAL: &[Partial] = &[
    partial("Add", 7, 13, FLOATS_WIDE_INTS),
    partial("Sub", 7, 13, FLOATS_WIDE_INTS),
    partial("Mul", 7, 13, FLOATS_WIDE_INTS),
    partial("Div", 7, 13, FLOATS_WIDE_INTS),
    partial("ArgMax", 1, NEWEST, FLOATS),
    partial("ArgMin", 1, NEWEST, FLOATS),
    partial("Cast", 24, NEWEST, NONE),
    partial("Clip", 6, 11, &[1]),
    partial("Clip", 12, NEWEST, &[1, 2, 3, 7, 10, 11, 13]),
    partial("CumSum", 11, NEWEST, FLOATS_WIDE_INTS),
    partial("DepthToSpace", 1, NEWEST, FLOATS),
    partial("Equal", 7, 10, &[6, 7, 9]),
    partial("Equal", 11, NEWEST, &[1, 6, 7, 9, 10, 11, 12, 13, 16]),
    partial("GatherND", 11, NEWEST, &[1, 7, 9, 10, 11, 16]),
    partial("Greater", 9, NEWEST, FLOATS_WIDE_INTS),
    partial("GreaterOrEqual", 12, NEWEST, FLOATS_WIDE_INTS),
    partial("Less", 9, NEWEST, FLOATS_WIDE_INTS),
    partial("LessOrEqual", 12, NEWEST, FLOATS_WIDE_INTS),
    partial("MatMulInteger", 10, NEWEST, INT8),
    partial("Max", 6, 11, FLOATS),
    partial("Max", 12, NEWEST, FLOATS_WIDE_INTS),
    partial("Min", 6, 11, FLOATS),
    partial("Min", 12, NEWEST, FLOATS_WIDE_INTS),
    partial("Mod", 10, NEWEST, FLOATS_WIDE_INTS),
    partial("Pad", 2, 12, FLOATS),
    partial("Pad", 13, NEWEST, FLOATS_BOOL),
    partial("QuantizeLinear", 23, NEWEST, NONE),
    partial("ReduceL1", 1, NEWEST, FLOATS_INT32),
    partial("ReduceL2", 1, NEWEST, FLOATS_INT32),
    partial("ReduceMax", 1, NEWEST, FLOATS_INTS),
    partial("ReduceMean", 1, NEWEST, FLOATS_INT32),
    partial("ReduceMin", 1, NEWEST, FLOATS_INTS_BYTES),
    partial("ReduceProd", 1, NEWEST, FLOATS_INT32),
    partial("ReduceSum", 1, NEWEST, FLOATS_INTS),
    partial("ReduceSumSquare", 1, NEWEST, FLOATS),
    partial("Reshape", 24, NEWEST, NONE),
    partial("Resize", 10, NEWEST, &[1, 2, 6, 10, 11]),
    partial("Shape", 24, NEWEST, NONE),
    partial("Sign", 9, 12, NONE),
    partial("SpaceToDepth", 1, NEWEST, FLOATS),
    partial("Squeeze", 24, NEWEST, NONE),
    partial("Sum", 6, NEWEST, FLOATS),
    partial("Tile", 6, NEWEST, FLOATS_INTS),
    partial("TopK", 1, NEWEST, FLOATS_INTS),
    partial("Transpose", 24, NEWEST, NONE),
    partial("Unsqueeze", 24, NEWEST, NONE),
    Partial {
        op: "Where",
        opsets: (9, NEWEST),
        input: 1,
        types: &[1, 2, 6, 7, 10, 11, 16],
    },
];

/// Whether a node has no kernel on the CUDA execution provider. One whose element type is not known
/// is taken to have one, unless no type has.
pub(super) fn is_missing(node: &Node) -> bool {
    if ABSENT.iter().any(|op| node.is(op)) {
        return true;
    }
    PARTIAL
        .iter()
        .filter(|partial| node.is(partial.op))
        .filter(|partial| (partial.opsets.0..=partial.opsets.1).contains(&node.opset))
        .any(|partial| match node.element(partial.input) {
            Some(ElementType(element)) => !partial.types.contains(&element),
            None => partial.types.is_empty(),
        })
}
