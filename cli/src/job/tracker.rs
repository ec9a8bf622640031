//! How a run gets on.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::inputs::Inputs;
use super::summary::Counts;
use crate::answer::error_lines;
use crate::results::ImageResult;
use crate::ui;

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
