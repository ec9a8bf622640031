//! YOLOX: offsets in the cells of three grids, which are not decoded inside.

use prep_onnx_pipeline::{Error, Layout, Result};

use super::centers;
use crate::after::builder::Builder;
use crate::after::flow::{Boxes, Candidates, Frame, Usual};
use crate::after::steps::Detections;
use crate::model::{Dimension, ValueType};

const STRIDES: [i64; 3] = [8, 16, 32];

const USUAL: Usual = Usual {
    score: 0.1,
    iou: Some(0.45),
    max: 1000,
    agnostic: true,
    whose: "YOLOX's demo",
};

pub(super) fn decode(builder: &mut Builder<'_>, options: &Detections) -> Result<Candidates> {
    let output = centers::output(builder, options)?;
    let boxes = output.fixed(1);
    let size = builder.input_size();
    let (Some((height, width)), Some(boxes)) = (size, boxes) else {
        return Err(Error::new(
            "detections=yolox",
            "needs a model of one size, whose grids are then known",
        )
        .expected_got(
            "an input of a fixed height and width, and an output of as many boxes",
            output.form(),
        )
        .fix("export the model for one size of image"));
    };
    let cells: i64 = STRIDES
        .iter()
        .map(|stride| (height / stride) * (width / stride))
        .sum();
    if cells != boxes {
        return Err(
            Error::new("detections=yolox", "the output does not have a box for each cell")
                .expected_got(
                    format_args!("{cells} boxes for strides 8, 16, 32 of {height} x {width}"),
                    output.form(),
                )
                .fix("models with strides of their own are not known"),
        );
    }
    let (mut corners, mut sizes) = (Vec::new(), Vec::new());
    for stride in STRIDES {
        for row in 0..height / stride {
            for column in 0..width / stride {
                corners.extend([column as f32, row as f32]);
                sizes.push(stride as f32);
            }
        }
    }
    let (scores, labels) = centers::best(builder, &output);
    let graph = &mut builder.graph;
    let cells = cells as usize;
    let grid = graph.floats(&[1, cells, 2], &corners);
    let strides = graph.floats(&[1, cells, 1], &sizes);
    let centre = graph.part(&output.value, 2, 0, 2);
    let centre = graph.op("Add", &[&centre, &grid]);
    let centre = graph.op("Mul", &[&centre, &strides]);
    let size = graph.part(&output.value, 2, 2, 4);
    let size = graph.op("Exp", &[&size]);
    let size = graph.op("Mul", &[&size, &strides]);
    let boxes = graph.joined(&[&centre, &size], 2);
    let boxes = graph.corners(&boxes, 2);
    Ok(Candidates {
        family: "yolox",
        frame: Frame::Ratio,
        boxes: Boxes::Corners(boxes),
        scores,
        labels: Some(labels),
        parts: Vec::new(),
        prototypes: None,
        usual: USUAL,
        // Its own NMS counts the last pixel of a box.
        edge: 1.0,
        first_class: 0,
    })
}

impl Builder<'_> {
    /// Height and width of the tensor that the model takes, where the preprocessing or the file says them.
    pub(super) fn input_size(&self) -> Option<(i64, i64)> {
        let plan = self.before.plan.as_ref();
        if let Some((height, width)) = plan.and_then(prep_onnx_pipeline::Plan::fixed_output) {
            return Some((height as i64, width as i64));
        }
        let (name, layout) = self.before.tensor.as_ref()?;
        let input = self.model.inputs().find(|input| input.name == *name)?;
        let ValueType::Tensor {
            shape: Some(shape), ..
        } = &input.value_type
        else {
            return None;
        };
        let axes = match layout {
            Layout::Nchw => [2, 3],
            Layout::Nhwc => [1, 2],
        };
        let [height, width] = axes.map(|axis| shape.get(axis).and_then(Dimension::fixed));
        height.zip(width)
    }
}
