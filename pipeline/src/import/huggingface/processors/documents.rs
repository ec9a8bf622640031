//! Models of documents and charts.

use super::{BASE, BICUBIC, Backends, Cropping, IMAGENET, OPENAI, Padding, Processor, Size, Values};
use crate::import::huggingface::families;

const NOUGAT: Processor = Processor {
    name: "Nougat",
    family: families::nougat,
    size: Size::Exact([896, 672]),
    cropping: Cropping::Ignored,
    statistics: Some(IMAGENET),
    heeds: &["do_thumbnail", "do_align_long_axis"],
    ..BASE
};

pub(super) const ROWS: &[Processor] = &[
    Processor {
        name: "Donut",
        family: families::donut,
        size: Size::Exact([2560, 1920]),
        heeds: &["do_thumbnail", "do_align_long_axis"],
        ..BASE
    },
    NOUGAT,
    Processor {
        name: "PPFormulaNet",
        backends: Backends::TorchvisionOnly,
        size: Size::Exact([768, 768]),
        statistics: Some([[0.7931; 3], [0.1738; 3]]),
        ..NOUGAT
    },
    Processor {
        name: "LayoutLMv2",
        cropping: Cropping::Ignored,
        rescale: false,
        factor: None,
        normalize: false,
        statistics: None,
        values: Values::Bgr,
        padding: Padding::Ignored,
        ..BASE
    },
    Processor {
        name: "LayoutLMv3",
        padding: Padding::Ignored,
        ..BASE
    },
    Processor {
        name: "PPOCRV5ServerDet",
        family: families::server_det,
        backends: Backends::TorchvisionOnly,
        size: Size::Exact([960, 960]),
        cropping: Cropping::Ignored,
        statistics: Some([[0.406, 0.456, 0.485], [0.225, 0.224, 0.229]]),
        padding: Padding::Ignored,
        ..BASE
    },
    Processor {
        name: "PPChart2Table",
        resample: BICUBIC,
        size: Size::Exact([1024, 1024]),
        statistics: Some(OPENAI),
        ..BASE
    },
];
