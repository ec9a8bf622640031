//! JSON lines.

use std::path::Path;

use prep_onnx_pipeline::Result;

use super::ImageResult;
use crate::labels::Labels;
use crate::output::OutputFile;

/// One line of JSON per image, in order, those that failed included.
pub(crate) struct JsonlWriter<'a> {
    file: OutputFile,
    labels: &'a Labels,
}

impl<'a> JsonlWriter<'a> {
    pub(super) fn create(path: &Path, labels: &'a Labels) -> Result<Self> {
        let file = OutputFile::create(path)?;
        Ok(Self { file, labels })
    }

    pub(super) fn push(&mut self, row: &ImageResult) -> Result<()> {
        self.file.write(|out| writeln!(out, "{}", row.json(self.labels)))
    }

    pub(super) fn finish(self) -> Result<()> {
        self.file.finish()
    }
}
