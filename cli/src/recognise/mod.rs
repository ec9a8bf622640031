//! Who made a model, and what its file says about it: the traces that exporters leave.

mod answers;
mod graph;
mod literal;
mod paddleocr;
mod ultralytics;

use prep_onnx_pipeline::Result;
use prep_onnx_rewriter::Model;
use serde::Serialize;

pub(crate) use answers::{Answers, answers};
pub(crate) use graph::{Likely, detector_of_one_image, likely};
pub(crate) use paddleocr::PaddleOcr;
pub(crate) use ultralytics::{Task, Ultralytics};

/// Who made a model, where its metadata says it, with what else they say.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Maker {
    Ultralytics(Ultralytics),
    PaddleOcr(PaddleOcr),
}

impl Maker {
    /// Reads the metadata of a model; `None` where they are nobody's that is known here.
    ///
    /// # Errors
    /// On metadata that are cut off or spoiled.
    pub(crate) fn read(model: &Model) -> Result<Option<Self>> {
        if let Some(seen) = Ultralytics::read(model)? {
            return Ok(Some(Self::Ultralytics(seen)));
        }
        Ok(PaddleOcr::read(model).map(Self::PaddleOcr))
    }

    /// What tells who it was, in words.
    pub(crate) fn seen(&self, model: &Model) -> String {
        match self {
            Self::Ultralytics(_) => format!("metadata of Ultralytics: {}", Ultralytics::shown(model)),
            Self::PaddleOcr(reader) => format!(
                "a model of PaddlePaddle with an alphabet of {} characters in its metadata",
                reader.characters.len()
            ),
        }
    }
}
