//! Images through decoder and model, batch by batch.

use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use prep_onnx_loader::{DecodeOptions, Loader, Source};
use prep_onnx_pipeline::{Error, Result};

use super::files;
use super::inputs::{Inputs, Places};
use super::summary::Counts;
use crate::answer::error_lines;
use crate::host::Array;
use crate::inference::{Inference, Picture, Rows};
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
    /// How many elements an output has to have for its labels to be right.
    pub(crate) classes: Option<usize>,
}

/// What takes the images of a batch, with what is known of the output's rows, and says whether the next one is wanted.
pub(crate) type BatchDone<'a> = dyn FnMut(Vec<ImageResult>, Option<&Rows>) -> Result<ControlFlow<()>> + 'a;

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
            self.inference.settle(batch.images().map(Picture::of_pixels))?;
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
                Ok(ImageResult {
                    id: item.id.clone(),
                    path: places.next(),
                    size,
                    outcome: self.kept(outcome)?,
                })
            });
            let rows: Vec<_> = rows.collect::<Result<_>>()?;
            // The pixels go back to the loader while the rows are written.
            drop(batch);
            if batch_done(rows, self.inference.rows())?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// What is kept of an output.
    ///
    /// # Errors
    /// Labels that are not those of the output.
    pub(super) fn kept(&self, outcome: Result<Array>) -> Result<Result<Kept>> {
        if let (Ok(array), Some(classes)) = (&outcome, self.classes) {
            check_classes(
                self.inference.output_name(),
                array.shape().iter().product(),
                classes,
            )?;
        }
        Ok(outcome.map(|array| match self.top {
            Some(count) => Kept::Top(top(&array, count)),
            None => Kept::Output(array),
        }))
    }
}

/// Checks that there is a label for each element of an output and for nothing else.
pub(crate) fn check_classes(output: &str, elements: usize, labels: usize) -> Result<()> {
    if elements == labels {
        return Ok(());
    }
    Err(Error::new("--labels", "are not those of this model")
        .expected_got(
            format_args!("{elements} names, one for each element of output `{output}`"),
            format_args!("{labels} names"),
        )
        .why("names would stand for other classes than their own")
        .fix("give the labels of this model, or leave --labels out"))
}

/// Most errors that are shown one by one.
const SHOWN_ERRORS: usize = 20;

/// Shows how a run gets on: a progress line, and the first errors.
pub(crate) struct Tracker {
    progress: ui::Progress,
    pub(crate) counts: Counts,
    total: Arc<OnceLock<usize>>,
    /// Becomes ready once the number of images is known.
    counted: Option<Receiver<()>>,
}

/// How long the end of a run that was interrupted waits for the number of all images.
const COUNTING: Duration = Duration::from_secs(2);

impl Tracker {
    /// Begins; `earlier` rows are there already.
    pub(crate) fn new(inputs: &Inputs, earlier: usize, quiet: bool) -> Self {
        let total = Arc::new(OnceLock::new());
        let mut tracker = Self {
            progress: ui::Progress::new("images", Arc::clone(&total), earlier, quiet),
            counts: Counts::default(),
            total,
            counted: None,
        };
        if tracker.progress.is_shown() {
            tracker.count(inputs);
        }
        tracker
    }

    /// Counts the images on a thread of its own. Without their number the line has no time left, and that is all.
    fn count(&mut self, inputs: &Inputs) {
        if self.counted.is_some() || !inputs.can_be_listed_again() {
            return;
        }
        let (inputs, total) = (inputs.clone(), Arc::clone(&self.total));
        let (ready, counted) = channel();
        let counting = std::thread::Builder::new().name("prep-onnx-count".to_owned());
        let started = counting.spawn(move || {
            if let Ok((sources, _)) = inputs.sources() {
                let _ = total.set(sources.count());
            }
            // Nobody may wait for it any more.
            let _ = ready.send(());
        });
        self.counted = started.is_ok().then_some(counted);
    }

    /// How many images there are in all, where that can be known in a moment.
    pub(crate) fn total(&mut self, inputs: &Inputs) -> Option<usize> {
        self.count(inputs);
        if let Some(counted) = &self.counted {
            // Too late, it stays unknown.
            let _ = counted.recv_timeout(COUNTING);
        }
        self.total.get().copied()
    }

    /// Begins the time anew, unless images have run already: the rows of an earlier run took none of it.
    pub(crate) fn begin(&mut self) {
        if self.counts.images == 0 {
            self.counts = Counts::default();
        }
    }

    /// So many rows of an earlier run are not done after all.
    pub(crate) fn not_done(&mut self, rows: usize) {
        self.progress.not_done(rows);
    }

    /// Removes the progress line.
    pub(crate) fn clear(&mut self) {
        self.progress.clear();
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
