//! The weights of a kernel that does not widen, as torch computes them for uint8: `AxisWeights::plain` in a graph.

use prep_onnx_pipeline::Filter;

use super::axis::Axis;
use super::weights::Weights;
use super::windows::{Outputs, Window};
use crate::portable::graph::Graph;
use crate::portable::num::Num;

/// The windows of `axis`, and weights. Taps beyond an edge add to that of the edge.
pub(super) fn plain(graph: &mut Graph, axis: &Axis, outputs: Outputs, filter: Filter) -> (Window, Weights) {
    let cubic = filter == Filter::Bicubic;
    let support = if cubic { 2.0 } else { 1.0 };
    let scale = graph.div(&axis.input, &axis.output);
    let real = graph.mul(&Num::Later(outputs.middles.clone()), &scale);
    let mut real = graph.sub(&real, &0.5.into());
    if !cubic {
        real = graph.max(&real, &0.0.into());
    }
    let last = graph.sub(&axis.input, &1.0.into());
    let start = graph.floor(&real);
    let start = graph.min(&start, &last);
    let fraction = graph.sub(&real, &start);
    let fraction = graph.max(&fraction, &0.0.into());
    let fraction = graph.min(&fraction, &1.0.into());
    let first = graph.sub(&start, &Num::from(support - 1.0));
    let least = graph.max(&first, &0.0.into());
    let end = graph.add(&start, &Num::from(support + 1.0));
    let end = graph.min(&end, &axis.input);
    let most = graph.sub(&end, &1.0.into());
    let (first_value, end_value) = (graph.value(&least), graph.value(&end));
    let window = Window::new(graph, outputs, [first_value, end_value], true);
    let zero = graph.doubles(&[], &[0.0]);
    let mut weights = None;
    for tap in 0..(2.0 * support) as usize {
        let distance = graph.sub(&Num::from(tap as f64 + 1.0 - support), &fraction);
        let distance = graph.abs(&distance);
        let weight = if cubic {
            keys(graph, &distance)
        } else {
            let rest = graph.sub(&1.0.into(), &distance);
            graph.max(&rest, &0.0.into())
        };
        let at = graph.add(&first, &Num::from(tap));
        let at = graph.max(&at, &least);
        let at = graph.min(&at, &most);
        let (at, weight) = (graph.value(&at), graph.value(&weight));
        let here = graph.op("Equal", &[&window.positions, &at]);
        let weight = graph.op("Where", &[&here, &weight, &zero]);
        weights = Some(match weights {
            None => weight,
            Some(sum) => graph.op("Add", &[&sum, &weight]),
        });
    }
    let weights = Weights {
        values: weights.unwrap_or(zero),
        sums: None,
    };
    (window, weights)
}

/// The cubic convolution kernel with a = -0.75 at distances from 0 to 2, in torch's order of operations.
fn keys(graph: &mut Graph, x: &Num) -> Num {
    const A: f64 = -0.75;
    let near = graph.mul(x, &Num::from(A + 2.0));
    let near = graph.sub(&near, &Num::from(A + 3.0));
    let near = graph.mul(&near, x);
    let near = graph.mul(&near, x);
    let near = graph.add(&near, &1.0.into());
    let far = graph.mul(x, &Num::from(A));
    let far = graph.sub(&far, &Num::from(5.0 * A));
    let far = graph.mul(&far, x);
    let far = graph.add(&far, &Num::from(8.0 * A));
    let far = graph.mul(&far, x);
    let far = graph.sub(&far, &Num::from(4.0 * A));
    let far_off = graph.less(x, &2.0.into());
    let far = graph.select(&far_off, &far, &0.0.into());
    let is_near = graph.less(x, &1.0.into());
    graph.select(&is_near, &near, &far)
}
