//! Images through decoder and model, batch by batch, whoever decodes.

use prep_onnx_loader::Source;
use prep_onnx_pipeline::Result;

use super::runner::{BatchDone, Runner};
use super::{files, pixels};

impl Runner {
    /// Runs every source and hands over the rows of each batch, in order. What is held is bounded by the
    /// loader's queue.
    ///
    /// # Errors
    /// Those of `batch_done`, and threads that cannot be started; an output that cannot be told apart image by
    /// image. A bad image is a row.
    pub(crate) fn run(
        &mut self,
        sources: impl Iterator<Item = Source> + Send + 'static,
        batch_done: &mut BatchDone<'_>,
    ) -> Result<()> {
        if self.inference.takes_files() {
            files::run(self, sources, batch_done)
        } else {
            pixels::run(self, sources, batch_done)
        }
    }
}
