//! RapidOCR's readers of text: models of PaddlePaddle that hold their alphabet.

use prep_onnx_rewriter::Model;
use serde::Serialize;

use super::graph::is_paddle;

/// What the metadata of a reader says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct PaddleOcr {
    /// The characters by class, from 1 on: class 0 is the blank, and a space follows the last.
    pub(crate) characters: Vec<String>,
}

impl PaddleOcr {
    /// Reads the metadata of a model; `None` where they hold no alphabet of a model of PaddlePaddle.
    pub(crate) fn read(model: &Model) -> Option<Self> {
        let text = model.metadata_value("character").filter(|_| is_paddle(model))?;
        let characters = text.lines().map(str::to_owned).collect();
        Some(Self { characters })
    }
}
