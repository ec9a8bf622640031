//! Integer weights and source indices of one axis, computed in the graph.
//!
//! Every formula has the order of operations of `prep_onnx_pipeline::AxisWeights`: the float64
//! results, and so the integers, are the same.

use prep_onnx_pipeline::Filter;

use super::windows::Outputs;
use crate::portable::graph::{Graph, Value};
use crate::portable::num::{Condition, Num};

/// How many outputs of a pass by `filter` share one block of source positions: windows of wide kernels have more in common.
pub(super) fn outputs_of_a_block(filter: Filter) -> usize {
    match filter {
        Filter::Bicubic | Filter::Lanczos => 4,
        Filter::Nearest
        | Filter::NearestExact
        | Filter::Bilinear
        | Filter::Box
        | Filter::Hamming
        | Filter::Area => 2,
    }
}

/// One axis of a resize.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    /// Source extent.
    pub(super) input: Num,
    /// Extent after the resize.
    pub(super) output: Num,
    /// First output position that is needed.
    pub(super) start: Num,
    /// How many are needed.
    pub(super) count: Num,
}

impl Axis {
    /// `vertical` where `condition` holds, else `horizontal`.
    pub(super) fn select(
        graph: &mut Graph,
        condition: &Condition,
        vertical: &Self,
        horizontal: &Self,
    ) -> Self {
        Self {
            input: graph.select(condition, &vertical.input, &horizontal.input),
            output: graph.select(condition, &vertical.output, &horizontal.output),
            start: graph.select(condition, &vertical.start, &horizontal.start),
            count: graph.select(condition, &vertical.count, &horizontal.count),
        }
    }

    /// Input, output, start and count, where all are known.
    pub(super) fn known(&self) -> Option<[usize; 4]> {
        let known = |num: &Num| num.known().map(|value| value as usize);
        Some([
            known(&self.input)?,
            known(&self.output)?,
            known(&self.start)?,
            known(&self.count)?,
        ])
    }

    /// Whether all outputs are needed.
    pub(super) fn is_whole(&self) -> bool {
        self.start.known() == Some(0.0) && self.count == self.output
    }

    /// The sampling of this axis by an antialiased filter.
    pub(super) fn sampling(&self, graph: &mut Graph, support: f64) -> Sampling {
        let scale = graph.div(&self.input, &self.output);
        let filter_scale = graph.max(&scale, &1.0.into());
        Sampling {
            support: graph.mul(&support.into(), &filter_scale),
            negative_inverse: graph.div(&Num::from(-1.0), &filter_scale),
            scale,
        }
    }
}

/// The scale of an axis and its kernel.
#[derive(Clone, Debug)]
pub(super) struct Sampling {
    scale: Num,
    support: Num,
    /// -1 / scale, and not 1 / scale: ONNX Runtime makes one division of `1 / b * c`, which rounds otherwise.
    pub(super) negative_inverse: Num,
}

impl Sampling {
    /// The centre of each output position, and its window: the first source position, and the one after the last.
    pub(super) fn windows(&self, graph: &mut Graph, axis: &Axis, outputs: &Outputs) -> [Value; 3] {
        let center = graph.mul(&Num::Later(outputs.middles.clone()), &self.scale);
        let first = graph.sub(&center, &self.support);
        let first = graph.add(&first, &0.5.into());
        let first = graph.floor(&first);
        let first = graph.max(&first, &0.0.into());
        let end = graph.add(&center, &self.support);
        let end = graph.add(&end, &0.5.into());
        let end = graph.floor(&end);
        let end = graph.min(&end, &axis.input);
        [center, first, end].map(|num| graph.value(&num))
    }
}
