//! Images through decoder and model, batch by batch.

use std::sync::{Arc, OnceLock};

use prep_onnx_loader::{DecodeOptions, Loader, Source};
use prep_onnx_pipeline::{Error, Result};

use super::files;
use super::inputs::{Inputs, Places};
use super::summary::Counts;
use crate::answer::error_lines;
use crate::host::Array;
use crate::inference::Inference;
use crate::labels::top;
use crate::results::{ImageResult, Kept};
use crate::ui;

/// A model and how images get into it.
pub(crate) struct Runner {
    pub(crate) inference: Inference,
    /// Images that are decoded together and, where their sizes allow it, run together.
    pub(crate) batch: usize,
    /// Threads that decode; 0 for one per core.
    pub(crate) threads: usize,
    pub(crate) decode: DecodeOptions,
    /// Keep only so many of the highest elements.
    pub(crate) top: Option<usize>,
}

impl Runner {
    /// Runs every source and hands over the rows of each batch, in order. What is held is bounded by the
    /// loader's queue.
    ///
    /// # Errors
    /// Those of `batch_done`, and threads that cannot be started; a bad image is a row.
    pub(crate) fn run(
        &mut self,
        sources: impl Iterator<Item = Source> + Send + 'static,
        batch_done: &mut dyn FnMut(Vec<ImageResult>) -> Result<()>,
    ) -> Result<()> {
        if self.inference.takes_files() {
            return files::run(self, sources, batch_done);
        }
        let mut loader = Loader::builder()
            .batch_size(self.batch)
            .decode(self.decode.clone());
        if self.threads > 0 {
            loader = loader.threads(self.threads);
        }
        let places = Places::default();
        for batch in loader.build(places.of(sources))? {
            let mut outputs = self.inference.run(&batch, self.batch).into_iter();
            let rows = batch.items().iter().map(|item| {
                let (size, outcome) = match &item.size {
                    Ok(size) => {
                        let output = outputs
                            .next()
                            .unwrap_or_else(|| Err(Error::new("image", "was not run")));
                        (
                            Some(item.original.unwrap_or(*size)),
                            output.map_err(|error| error.within(&item.id)),
                        )
                    }
                    Err(error) => (None, Err(error.clone().into())),
                };
                ImageResult {
                    id: item.id.clone(),
                    path: places.next(),
                    size,
                    outcome: outcome.map(|array| kept(array, self.top)),
                }
            });
            let rows: Vec<_> = rows.collect();
            // The pixels go back to the loader while the rows are written.
            drop(batch);
            batch_done(rows)?;
        }
        Ok(())
    }
}

/// What is kept of an output.
pub(super) fn kept(array: Array, highest: Option<usize>) -> Kept {
    match highest {
        Some(count) => Kept::Top(top(&array, count)),
        None => Kept::Output(array),
    }
}

/// Most errors that are shown one by one.
const SHOWN_ERRORS: usize = 20;

/// Shows how a run gets on: a progress line, and the first errors.
pub(crate) struct Tracker {
    progress: ui::Progress,
    pub(crate) counts: Counts,
}

impl Tracker {
    /// Begins; `earlier` rows are there already.
    pub(crate) fn new(inputs: &Inputs, earlier: usize, quiet: bool) -> Self {
        let total = Arc::new(OnceLock::new());
        let progress = ui::Progress::new("images", Arc::clone(&total), earlier, quiet);
        if progress.is_shown() && inputs.can_be_listed_again() {
            let inputs = inputs.clone();
            // Without the number of images the line has no time left, and that is all.
            let counting = std::thread::Builder::new().name("prep-onnx-count".to_owned());
            let _ = counting.spawn(move || {
                if let Ok(sources) = inputs.sources() {
                    let _ = total.set(sources.count());
                }
            });
        }
        Self {
            progress,
            counts: Counts::default(),
        }
    }

    /// Counts a row.
    pub(crate) fn row(&mut self, row: &ImageResult) {
        self.counts.images += 1;
        if let Err(error) = &row.outcome {
            self.counts.failed += 1;
            if self.counts.failed <= SHOWN_ERRORS {
                self.progress.clear();
                anstream::eprintln!("{}", error_lines(error));
            }
        }
        self.progress.update(self.counts.images, self.counts.failed);
    }

    /// Ends the progress line.
    pub(crate) fn finish(self) -> Counts {
        drop(self.progress);
        if self.counts.failed > SHOWN_ERRORS {
            anstream::eprintln!(
                "{} {} more images failed",
                ui::bad("error:"),
                self.counts.failed - SHOWN_ERRORS
            );
        }
        self.counts
    }
}
