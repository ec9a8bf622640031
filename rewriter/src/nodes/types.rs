//! The element types of the outputs of standard ops.

use super::node::{AttributeValue, Node};
use crate::model::ElementType;

const BOOL: ElementType = ElementType(9);

/// The element type of each output, where it follows from the node alone.
pub(super) fn outputs(node: &Node) -> Vec<Option<ElementType>> {
    let first = node.element(0);
    let one = |element| vec![element];
    if !super::is_standard(&node.domain) {
        return Vec::new();
    }
    match node.op_type.as_str() {
        "Shape" | "Size" | "ArgMax" | "ArgMin" | "NonZero" | "NonMaxSuppression" => {
            one(Some(ElementType::INT64))
        }
        "Equal" | "Less" | "LessOrEqual" | "Greater" | "GreaterOrEqual" | "And" | "Or" | "Xor" | "Not"
        | "IsNaN" | "IsInf" => one(Some(BOOL)),
        "Cast" => one(node
            .int("to")
            .and_then(|to| i32::try_from(to).ok())
            .map(ElementType)),
        "CastLike" | "Where" => one(node.element(1)),
        "OneHot" => one(node.element(2)),
        "Constant" | "ConstantOfShape" => one(constant(node)),
        "QuantizeLinear" => one(node.element(2).or(Some(ElementType::UINT8))),
        "DequantizeLinear" => one(node.element(1)),
        "DynamicQuantizeLinear" => vec![
            Some(ElementType::UINT8),
            Some(ElementType::FLOAT32),
            Some(ElementType::UINT8),
        ],
        "MatMulInteger" | "ConvInteger" => one(Some(ElementType(6))),
        "QLinearConv" | "QLinearMatMul" => one(node.element(7)),
        "TopK" | "Unique" | "MaxPool" => vec![first, Some(ElementType::INT64)],
        "If" | "Loop" | "Scan" | "SequenceAt" | "RandomNormal" | "RandomUniform" | "EyeLike"
        | "Multinomial" => Vec::new(),
        "Split" => vec![first; 64],
        _ => one(first),
    }
}

fn constant(node: &Node) -> Option<ElementType> {
    let named = |name: &str| node.attributes.get(name);
    if let Some(AttributeValue::Tensor(element)) = named("value") {
        return Some(*element);
    }
    if named("value_int").is_some() || named("value_ints").is_some() {
        return Some(ElementType::INT64);
    }
    // A float, a list of them, or the default of ConstantOfShape; the rest are strings.
    (named("value_string").is_none() && named("value_strings").is_none()).then_some(ElementType::FLOAT32)
}
