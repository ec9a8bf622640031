//! Models of documents and charts.

use super::{BASE, BICUBIC, Cropping, OPENAI, Padding, Processor, Size, Values};

pub(super) const ROWS: &[Processor] = &[
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
        name: "PPChart2Table",
        resample: BICUBIC,
        size: Size::Exact([1024, 1024]),
        statistics: Some(OPENAI),
        ..BASE
    },
];
