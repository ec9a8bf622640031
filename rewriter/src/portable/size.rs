//! Sizes and crop offsets in a graph, by the rules of the pipeline crate.

use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::plan::v1::CenterCrop;
use prep_onnx_pipeline::{CHANNELS, CropRule, FusedPlan, ResolvedSize};

use super::graph::{Graph, Value, int};
use super::num::{Condition, Extent, Num};

/// Height and width, or top and left.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) rows: Num,
    pub(crate) columns: Num,
}

/// The extents of the image batch.
pub(crate) struct Extents {
    /// Number of images.
    pub(crate) images: Num,
    pub(crate) image: Pair,
}

/// The part of the resized image that is in the output, and the zeros around it.
pub(crate) struct Crop {
    /// Whether there is no crop at all.
    pub(crate) is_whole: bool,
    /// First row and column that are in the output.
    pub(crate) start: Pair,
    /// How many of them.
    pub(crate) count: Pair,
    /// Zeros before them.
    pub(crate) before: Pair,
    /// Zeros after them.
    pub(crate) after: Pair,
}

impl Crop {
    /// Whether there are never any zeros.
    pub(crate) fn is_inside(&self) -> bool {
        [&self.before, &self.after]
            .iter()
            .all(|zeros| zeros.rows.known() == Some(0.0) && zeros.columns.known() == Some(0.0))
    }
}

/// Reads the extents of an [N, H, W, 3] tensor. Images without pixels fail the run; where there are no images,
/// what is resized counts as one pixel high and wide at least.
pub(crate) fn extents(graph: &mut Graph, plan: &FusedPlan, image: &Value) -> Extents {
    let shape = graph.op("Shape", &[image]);
    let shape = graph.cast(&shape, DataType::DOUBLE);
    let mut extent = |shape: &Value, axis: i64| {
        let axis = graph.ints(&[axis]);
        Num::Later(graph.op_with("Gather", &[shape, &axis], vec![int("axis", 0)]))
    };
    let [count, rows, columns] = [0, 1, 2].map(|axis| extent(&shape, axis));
    let area = graph.mul(&rows, &columns);
    let pixels = graph.mul(&count, &area);
    // 1 where there are images but no pixels, else 0.
    let [some, filled] = [&count, &pixels].map(|number| graph.min(number, &1.0.into()));
    let wrong = graph.sub(&some, &filled);
    let shape = graph.demand("each_image_has_pixels", &wrong, &shape);
    let first = graph.ints(&[0]);
    let images = Num::Later(graph.op_with("Gather", &[&shape, &first], vec![int("axis", 0)]));
    let image = match plan.resize {
        Some(_) => Pair {
            rows: graph.max(&rows, &1.0.into()),
            columns: graph.max(&columns, &1.0.into()),
        },
        None => Pair { rows, columns },
    };
    Extents { images, image }
}

/// `image` as a tensor of `extents`, which are others only where there are no images. Nothing is computed before
/// the checks of the extents.
pub(crate) fn sized(graph: &mut Graph, image: &Value, extents: &Extents) -> Value {
    let channels = Num::from(CHANNELS);
    let shape = graph.shape(&[
        Extent::Num(&extents.images),
        Extent::Num(&extents.image.rows),
        Extent::Num(&extents.image.columns),
        Extent::Num(&channels),
    ]);
    graph.op("Reshape", &[image, &shape])
}

/// The size that `image` is resized to.
pub(crate) fn resized(graph: &mut Graph, rule: ResolvedSize, image: &Pair) -> Pair {
    let (height, width) = (&image.rows, &image.columns);
    match rule {
        ResolvedSize::Exact(height, width) => Pair {
            rows: height.into(),
            columns: width.into(),
        },
        ResolvedSize::ShortestEdge(size, max) => {
            let (short, long) = (graph.min(height, width), graph.max(height, width));
            let size = Num::from(size);
            let product = graph.mul(&size, &long);
            let quotient = graph.div(&product, &short);
            let (mut new_short, mut new_long) = (size.clone(), graph.floor(&quotient));
            if let Some(max) = max {
                let max = Num::from(max);
                let over = graph.less(&max, &new_long);
                let product = graph.mul(&max, &size);
                let quotient = graph.div(&product, &new_long);
                let shortened = graph.floor(&quotient);
                new_short = graph.select(&over, &shortened, &new_short);
                new_long = graph.select(&over, &max, &new_long);
            }
            let tall = graph.less(width, height);
            Pair {
                rows: graph.select(&tall, &new_long, &new_short),
                columns: graph.select(&tall, &new_short, &new_long),
            }
        }
        ResolvedSize::LongestEdge(size) => {
            let long = graph.max(height, width);
            let scale = graph.div(&size.into(), &long);
            let mut edge = |edge: &Num| {
                let scaled = graph.mul(edge, &scale);
                let sum = graph.add(&scaled, &0.5.into());
                graph.floor(&sum)
            };
            Pair {
                rows: edge(height),
                columns: edge(width),
            }
        }
        ResolvedSize::Cover(target_height, target_width) => {
            let rows = graph.div(height, &target_height.into());
            let columns = graph.div(width, &target_width.into());
            let ratio = graph.min(&rows, &columns);
            let mut edge = |edge: &Num| {
                let quotient = graph.div(edge, &ratio);
                graph.round(&quotient)
            };
            Pair {
                rows: edge(height),
                columns: edge(width),
            }
        }
    }
}

/// Where the crop of `plan` lies in a resized image of `size`.
pub(crate) fn crop(graph: &mut Graph, plan: &FusedPlan, size: &Pair) -> Crop {
    let none = || Pair {
        rows: 0.0.into(),
        columns: 0.0.into(),
    };
    let Some(CenterCrop {
        size: [height, width],
        offset: rule,
    }) = plan.crop
    else {
        return Crop {
            is_whole: true,
            start: none(),
            count: size.clone(),
            before: none(),
            after: none(),
        };
    };
    // Decides at once, where the size rule does, that no image is smaller than the crop.
    let covered = match plan.resize.map(|resize| resize.size.resolve()) {
        Some(ResolvedSize::ShortestEdge(size, None)) => height <= size && width <= size,
        Some(ResolvedSize::Cover(rows, columns)) => height <= rows && width <= columns,
        _ => false,
    };
    let rows = along(graph, rule, &size.rows, height, covered);
    let columns = along(graph, rule, &size.columns, width, covered);
    Crop {
        is_whole: false,
        start: Pair {
            rows: rows.start,
            columns: columns.start,
        },
        count: Pair {
            rows: rows.count,
            columns: columns.count,
        },
        before: Pair {
            rows: rows.before,
            columns: columns.before,
        },
        after: Pair {
            rows: rows.after,
            columns: columns.after,
        },
    }
}

struct Along {
    start: Num,
    count: Num,
    before: Num,
    after: Num,
}

fn along(graph: &mut Graph, rule: CropRule, size: &Num, crop: usize, covered: bool) -> Along {
    let crop = Num::from(crop);
    let excess = graph.sub(size, &crop);
    let half = graph.mul(&excess, &0.5.into());
    let smaller = if covered {
        Condition::Known(false)
    } else {
        graph.less(size, &crop)
    };
    let inside = match rule {
        CropRule::Torchvision => graph.round(&half),
        CropRule::HuggingFace | CropRule::HuggingFacePil => graph.floor(&half),
    };
    if smaller == Condition::Known(false) {
        return Along {
            start: inside,
            count: crop,
            before: 0.0.into(),
            after: 0.0.into(),
        };
    }
    let around = match rule {
        CropRule::Torchvision | CropRule::HuggingFace => graph.ceil(&half),
        CropRule::HuggingFacePil => graph.floor(&half),
    };
    let around = graph.sub(&0.0.into(), &around);
    let before = graph.select(&smaller, &around, &0.0.into());
    let start = graph.select(&smaller, &0.0.into(), &inside);
    let count = graph.min(size, &crop);
    let rest = graph.sub(&crop, &count);
    let after = graph.sub(&rest, &before);
    Along {
        start,
        count,
        before,
        after,
    }
}
