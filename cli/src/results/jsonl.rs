//! JSON lines.

use std::path::Path;

use prep_onnx_pipeline::Result;

use super::ImageResult;
use crate::labels::Labels;
use crate::output::OutputFile;

/// One line of JSON per image, or per box of it, in order, those that failed included.
pub(crate) struct JsonlWriter<'a> {
    file: OutputFile,
    labels: &'a Labels,
    detects: bool,
}

impl<'a> JsonlWriter<'a> {
    pub(super) fn create(path: &Path, labels: &'a Labels, detects: bool) -> Result<Self> {
        let file = OutputFile::create(path)?;
        Ok(Self {
            file,
            labels,
            detects,
        })
    }

    pub(super) fn push(&mut self, row: &ImageResult) -> Result<()> {
        let mut lines = row.lines(self.labels, self.detects).into_iter();
        self.file
            .write(|out| lines.try_for_each(|line| writeln!(out, "{line}")))
    }

    pub(super) fn finish(self) -> Result<()> {
        self.file.finish()
    }
}
