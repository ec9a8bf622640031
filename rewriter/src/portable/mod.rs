//! Preprocessing in standard ops: the body of the model-local function, and the flat lowering.
//!
//! The nodes run at any opset from 11 on. What they avoid, because it changed between opsets or is
//! missing in some: Split, Squeeze, Unsqueeze, reductions with axes, Clip of other than float32,
//! list-valued Constant attributes.

mod axis;
mod finish;
mod graph;
mod num;
mod resize;
mod size;

use onnx_protobuf::NodeProto;
use prep_onnx_pipeline::FusedPlan;

use graph::{Graph, Value, ints};
use num::Extent;

/// The nodes that compute `output` from `image`, uint8 [N, H, W, 3], giving the bits of the scalar reference.
///
/// All other names begin with `prefix`. An image whose resize needs more than 1024 source pixels
/// along one axis for one output makes the run fail.
pub fn exact(plan: &FusedPlan, prefix: &str, image: &str, output: &str) -> Vec<NodeProto> {
    let mut graph = Graph::new(prefix);
    let image = Value::named(image);
    let result = batch(&mut graph, plan, &image);
    graph.finish(&result, output)
}

fn batch(graph: &mut Graph, plan: &FusedPlan, image: &Value) -> Value {
    let extents = size::extents(graph, image);
    let to = match plan.resize {
        Some(step) => size::resized(graph, step.size.resolve(), &extents.image),
        None => extents.image.clone(),
    };
    let crop = size::crop(graph, plan, &to);
    let pixels = match plan.resize {
        Some(step) => resize::resize(graph, &step, image, &extents, &to, &crop),
        None => cut(graph, plan, image, &crop),
    };
    finish::finish(graph, plan, pixels, &crop)
}

fn cut(graph: &mut Graph, plan: &FusedPlan, image: &Value, crop: &size::Crop) -> Value {
    let mut image = image.clone();
    if plan.crop.is_some() {
        let mut edges =
            |pair: &size::Pair| graph.shape(&[Extent::Num(&pair.rows), Extent::Num(&pair.columns)]);
        let (start, count) = (edges(&crop.start), edges(&crop.count));
        let end = graph.op("Add", &[&start, &count]);
        let axes = graph.ints(&[1, 2]);
        image = graph.op("Slice", &[&image, &start, &end, &axes]);
    }
    graph.op_with("Transpose", &[&image], vec![ints("perm", &[0, 3, 1, 2])])
}
