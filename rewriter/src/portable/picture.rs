//! Images in a graph, on their way from the source to the output.

use prep_onnx_pipeline::Layout;

use super::graph::{Graph, Value, int, ints};
use super::num::{Extent, Num};
use super::places::{Along, Pair, Placed};

/// A batch of uint8 images of one size.
#[derive(Clone)]
pub(crate) struct Picture {
    /// [N, rows, columns, channels] or [N, channels, rows, columns].
    pub(crate) value: Value,
    pub(crate) layout: Layout,
    pub(crate) size: Pair,
    /// Channels of the tensor.
    pub(crate) channels: usize,
    /// For each channel of the image the channel of the tensor that it is: nothing is moved to reorder or drop one.
    pub(crate) order: Vec<usize>,
}

impl Picture {
    /// The axes of rows and columns.
    pub(crate) fn axes(&self) -> [i64; 2] {
        match self.layout {
            Layout::Nchw => [2, 3],
            Layout::Nhwc => [1, 2],
        }
    }

    /// The same images as other numbers of the same layout and channels.
    pub(crate) fn with(&self, value: Value, size: Pair) -> Self {
        Self {
            value,
            size,
            ..self.clone()
        }
    }

    /// A reshape to these rows and columns.
    pub(crate) fn shaped(&self, graph: &mut Graph, value: &Value, size: &Pair) -> Value {
        let channels = Num::from(self.channels);
        let (rows, columns, channels) = (
            Extent::Num(&size.rows),
            Extent::Num(&size.columns),
            Extent::Num(&channels),
        );
        let shape = match self.layout {
            Layout::Nchw => graph.shape(&[Extent::Rest, channels, rows, columns]),
            Layout::Nhwc => graph.shape(&[Extent::Rest, rows, columns, channels]),
        };
        graph.op("Reshape", &[value, &shape])
    }

    /// The part of the images that is on the canvas.
    pub(crate) fn cut(&self, graph: &mut Graph, placed: &Placed) -> Self {
        if placed.is_whole() {
            return self.clone();
        }
        let value = cut(graph, &self.value, self.axes(), &placed.rows, &placed.columns);
        let size = Pair {
            rows: placed.rows.count.clone(),
            columns: placed.columns.count.clone(),
        };
        self.with(value, size)
    }

    /// The images in this layout.
    pub(crate) fn laid(self, graph: &mut Graph, layout: Layout) -> Self {
        let perm = match (self.layout, layout) {
            (Layout::Nchw, Layout::Nhwc) => [0, 2, 3, 1],
            (Layout::Nhwc, Layout::Nchw) => [0, 3, 1, 2],
            (Layout::Nchw, Layout::Nchw) | (Layout::Nhwc, Layout::Nhwc) => return self,
        };
        let value = graph.op_with("Transpose", &[&self.value], vec![ints("perm", &perm)]);
        Self {
            value,
            layout,
            ..self
        }
    }

    /// The channels of the image in the order `channels`, and nothing else.
    pub(crate) fn ordered(self, graph: &mut Graph, channels: &[usize]) -> Self {
        let wanted: Vec<usize> = channels
            .iter()
            .map(|channel| self.order.get(*channel).copied().unwrap_or_default())
            .collect();
        let order: Vec<usize> = (0..channels.len()).collect();
        let value = if wanted.iter().copied().eq(0..self.channels) {
            self.value
        } else {
            let wanted: Vec<i64> = wanted.iter().map(|channel| *channel as i64).collect();
            let wanted = graph.ints(&wanted);
            let axis = int("axis", if self.layout == Layout::Nchw { 1 } else { 3 });
            graph.op_with("Gather", &[&self.value, &wanted], vec![axis])
        };
        Self {
            value,
            channels: channels.len(),
            order,
            ..self
        }
    }

    /// All pixels of each channel together: [channels, pixels] or [N, channels, rows, columns], and the axis of the channels.
    ///
    /// Of a whole row of pixels any arithmetic is fast, of three values at a time none is.
    pub(crate) fn planes(&self, graph: &mut Graph) -> (Value, i64) {
        match self.layout {
            Layout::Nchw => (self.value.clone(), 1),
            Layout::Nhwc => {
                let pixels = graph.op_with("Flatten", &[&self.value], vec![int("axis", 3)]);
                (
                    graph.op_with("Transpose", &[&pixels], vec![ints("perm", &[1, 0])]),
                    0,
                )
            }
        }
    }
}

/// The rows and columns of `value` that are on the canvas.
pub(crate) fn cut(graph: &mut Graph, value: &Value, axes: [i64; 2], rows: &Along, columns: &Along) -> Value {
    let start = graph.shape(&[Extent::Num(&rows.start), Extent::Num(&columns.start)]);
    let [last_row, last_column] = [rows, columns].map(|along| graph.add(&along.start, &along.count));
    let end = graph.shape(&[Extent::Num(&last_row), Extent::Num(&last_column)]);
    let axes = graph.ints(&axes);
    graph.op("Slice", &[value, &start, &end, &axes])
}
