//! How detectors say where what is. One file is one kind of output; the list below is the only one.

mod centers;
mod detr;
mod end_to_end;
mod rtdetr;
mod ssd;
mod torchvision;
mod yolov5;
mod yolov8;
mod yolox;

use prep_onnx_pipeline::{Error, ErrorKind, Result};

use super::builder::Builder;
use super::flow::Candidates;
use super::steps::Detections;

/// A family of detectors.
pub struct Family {
    /// Its name: `detections=NAME`.
    pub name: &'static str,
    /// Which models are of it.
    pub models: &'static str,
    /// The outputs that it takes.
    pub takes: &'static str,
    pub(super) decode: fn(&mut Builder<'_>, &Detections) -> Result<Candidates>,
}

macro_rules! families {
    ($($name:literal: $decode:path, $models:literal, $takes:literal;)+) => {
        /// Every family.
        pub const FAMILIES: &[Family] = &[$(Family {
            name: $name,
            models: $models,
            takes: $takes,
            decode: $decode,
        }),+];

        /// The names of all families.
        pub(in crate::after) const NAMES: &str = concat!(families!(@first $($name),+));
    };
    (@first $first:literal $(, $name:literal)*) => { concat!($first $(, ", ", $name)*) };
}

families! {
    "yolov5": yolov5::decode, "YOLOv5 and YOLOv7", "float32 [N, boxes, 5 + classes]";
    "yolov8": yolov8::detect, "YOLOv8, v9, v11 and v12 of Ultralytics", "float32 [N, 4 + classes, boxes]";
    "yolo-e2e": end_to_end::decode, "YOLOv10 and YOLO26, and exports with NMS inside", "float32 [N, boxes, 6]";
    "obb": yolov8::rotated, "rotated boxes of Ultralytics (-obb)", "float32 [N, 4 + classes + 1, boxes]";
    "pose": yolov8::pose, "key points of Ultralytics (-pose)", "float32 [N, 4 + classes + points * numbers, boxes]";
    "seg": yolov8::segments, "masks of Ultralytics (-seg)", "float32 [N, 4 + classes + prototypes, boxes] and [N, prototypes, rows, columns]";
    "detr": detr::decode, "DETR, Conditional DETR and the like of transformers with softmax", "logits [N, queries, classes + 1] and boxes [N, queries, 4]";
    "rtdetr": rtdetr::decode, "RT-DETR, D-FINE and the like of transformers with sigmoid", "logits [N, queries, classes] and boxes [N, queries, 4]";
    "ssd": ssd::decode, "SSD and the like without NMS", "scores [N, boxes, classes], background first, and boxes [N, boxes, 4] as parts of the image";
    "yolox": yolox::decode, "YOLOX without decoding inside", "float32 [N, boxes, 5 + classes]";
    "torchvision": torchvision::decode, "detectors of torchvision, which have their NMS inside", "boxes [M, 4] and scores [M] float32, labels [M] int64, of one image";
}

/// The family of this name.
///
/// # Errors
/// On an unknown name, with those that there are.
pub(in crate::after) fn family(name: &str) -> Result<&'static Family> {
    FAMILIES.iter().find(|family| family.name == name).ok_or_else(|| {
        Error::new("family", "no such family of detectors")
            .expected_got(format_args!("one of {NAMES}"), format_args!("{name:?}"))
            .with_kind(ErrorKind::Usage)
    })
}
