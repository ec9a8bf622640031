//! Rows into a file, through parts that outlast an interruption.

use std::collections::HashMap;
use std::path::Path;

use prep_onnx_loader::{Source, path_text};
use prep_onnx_pipeline::{Error, ErrorKind, Result};
use serde_json::json;

use super::Job;
use crate::answer::{Answer, Outcome};
use crate::job::{Begin, MEASURED, Manifest, Store, Summary, Tracker};
use crate::results::{Format, ImageResult, Kept, RowsOf, Writer};
use crate::ui;

impl Job<'_> {
    pub(super) fn write_file(
        &mut self,
        mut sources: impl Iterator<Item = Source> + Send + 'static,
        out: &Path,
        format: Format,
        manifest: Manifest,
        digest: &str,
    ) -> Outcome {
        if out.is_dir() {
            return Err(Error::new(out.display(), "cannot be written")
                .expected_got("a file", "a folder")
                .with_kind(ErrorKind::Io)
                .into());
        }
        if self.runner.inference.detects() && format == Format::Npy {
            return Err(crate::answer::Failure::usage(
                Error::new(
                    out.display(),
                    "boxes, of which each image has another number, do not go into one array",
                )
                .fix("write .jsonl or .parquet, or name one --output with --rows whole"),
            ));
        }
        let begin = if self.options.resume || self.options.retry_failed {
            Begin::Resume
        } else {
            Begin::Anew
        };
        let mut store = Store::open(out, manifest, begin, self.options.part_rows as usize)?;
        if let Some(rows) = store.rows_rule() {
            self.runner.inference.set_rows(rows.clone())?;
        }
        let earlier = store.done() - store.lost();
        let mut tracker = Tracker::new(&self.inputs, earlier, self.quiet);
        let mut form = OneForm::new(format);
        self.take_up(&mut store, &mut sources, &mut tracker)?;
        tracker.begin();

        let head: Vec<Source> = sources.by_ref().take(MEASURED).collect();
        let cost = self.decoding.cost(&head);
        let interrupt = self.interrupt.clone();
        if interrupt.exit_code().is_none() {
            self.runner
                .run(head.into_iter().chain(sources), &mut |rows, rule| {
                    store.settle(rule)?;
                    for row in &rows {
                        tracker.row(row);
                        form.check(row)?;
                        store.push(row)?;
                    }
                    store.end_of_batch()?;
                    Ok(interrupt.next_batch())
                })?;
        }
        store.flush()?;
        self.files
            .check_content(digest)
            .map_err(|error| error.fix(format_args!("delete {} and run again", store.name().display())))?;
        if let Some(code) = interrupt.exit_code() {
            return Ok(self.interrupted(&store, &mut tracker, code));
        }
        let mut summary = Summary::new(tracker.finish(), cost, self.whole(), self.skipped.clone());
        store.complete()?;
        summary.resumed = earlier;
        (summary.images, summary.failed) = (store.done(), store.failed());
        if summary.images == 0 {
            return Err(self.no_images());
        }
        if summary.failed == summary.images && format == Format::Npy {
            store.remove();
            return Err(
                Error::new("images", "none of them could be run; nothing was written")
                    .with_kind(ErrorKind::Image)
                    .into(),
            );
        }
        let detects = self.runner.inference.detects();
        let of = RowsOf {
            detects,
            drawn: self.runner.draw.is_some(),
        };
        let mut writer = Writer::create(out, summary.images, &self.labels, of)?;
        for row in store.rows() {
            writer.push(&row?)?;
        }
        writer.finish()?;
        let mut text = format!(
            "{} {}: {} of {} images, output `{}`\n{}",
            ui::good("wrote"),
            out.display(),
            summary.images - summary.failed,
            summary.images,
            self.runner.inference.output_name(),
            summary.table(),
        );
        let mut answer = summary.json();
        answer.insert("output".to_owned(), json!(path_text(out)));
        let mut advise = |line: &dyn std::fmt::Display| {
            text.push_str(&ui::dim(line));
            text.push('\n');
        };
        if summary.failed > 0 {
            advise(&"--retry-failed runs again what failed");
        } else {
            let name = store.name().to_owned();
            if !store.remove() {
                advise(&format_args!("{} holds other files and stays", name.display()));
            }
        }
        Ok(Answer::report(text, answer.into()).with_verdict(summary.failed == 0))
    }

    /// The answer of a run that was interrupted: what is kept, and how to go on.
    fn interrupted(&self, store: &Store, tracker: &mut Tracker, code: u8) -> Answer {
        let kept = store.done() - store.lost();
        let total = tracker.total(&self.inputs);
        tracker.clear();
        let of_total = total.map_or_else(String::new, |total| format!(" of {total}"));
        if kept == 0 {
            anstream::eprintln!(
                "{} no image was finished, nothing is kept",
                ui::bad("interrupted:")
            );
        } else {
            anstream::eprintln!(
                "{} {kept}{of_total} images are kept in {}; continue with the same command and --resume",
                ui::bad("interrupted:"),
                store.name().display()
            );
        }
        let json = json!({
            "interrupted": true,
            "kept": kept,
            "images": total,
            "parts": path_text(store.name()),
        });
        Answer::new("", json).with_exit(code)
    }

    /// Goes past the sources whose rows are there, and runs again those that are lost, and those that failed where
    /// that is wanted.
    fn take_up(
        &mut self,
        store: &mut Store,
        sources: &mut impl Iterator<Item = Source>,
        tracker: &mut Tracker,
    ) -> Result<()> {
        for part in 0..store.parts() {
            if self.interrupt.exit_code().is_some() {
                break;
            }
            if let Some(count) = store.lost_part(part) {
                let rows = self.run_again(sources.by_ref().take(count).collect(), tracker)?;
                if rows.len() == count {
                    store.replace(part, rows.into_iter().map(Ok))?;
                } else if self.interrupt.exit_code().is_none() {
                    return Err(other_images(
                        format!("{count} more images"),
                        format!("{} images", rows.len()),
                    ));
                }
                continue;
            }
            let mut again = Vec::new();
            for (place, row) in store.part(part)?.enumerate() {
                let row = row?;
                if let (Some(draw), Some(file)) = (&mut self.runner.draw, &row.drawn) {
                    draw.is_there(file);
                }
                let source = sources.next();
                match source {
                    Some(source) if source.id() == row.id => {
                        if self.options.retry_failed && row.outcome.is_err() {
                            again.push((place, source));
                        }
                    }
                    other => {
                        let got =
                            other.map_or_else(|| "no image".to_owned(), |source| source.id().to_owned());
                        return Err(other_images(row.id, got));
                    }
                }
            }
            if again.is_empty() {
                continue;
            }
            tracker.not_done(again.len());
            let (places, again): (Vec<_>, Vec<_>) = again.into_iter().unzip();
            let rows = self.run_again(again, tracker)?;
            let mut rows: HashMap<_, _> = places.into_iter().zip(rows).collect();
            let old = store.part(part)?.enumerate();
            store.replace(part, old.map(|(place, row)| rows.remove(&place).map_or(row, Ok)))?;
        }
        Ok(())
    }

    /// The rows of sources of an earlier run; fewer where this one is interrupted.
    fn run_again(&mut self, sources: Vec<Source>, tracker: &mut Tracker) -> Result<Vec<ImageResult>> {
        let interrupt = self.interrupt.clone();
        let mut rows = Vec::new();
        self.runner.run(sources.into_iter(), &mut |batch, _| {
            batch.iter().for_each(|row| tracker.row(row));
            rows.extend(batch);
            Ok(interrupt.next_batch())
        })?;
        Ok(rows)
    }
}

fn other_images(expected: String, got: String) -> Error {
    Error::new("images", "are not those of the earlier run")
        .with_kind(ErrorKind::Io)
        .expected_got(expected, got)
        .fix("give the same images as before, or delete the folder of the earlier run to begin again")
}

/// Finds an output that will not go into one array while the run is young.
struct OneForm {
    wanted: bool,
    first: Option<(&'static str, Vec<usize>)>,
}

impl OneForm {
    fn new(format: Format) -> Self {
        Self {
            wanted: format != Format::Jsonl,
            first: None,
        }
    }

    fn check(&mut self, row: &ImageResult) -> Result<()> {
        let (true, Ok(Kept::Output(array))) = (self.wanted, &row.outcome) else {
            return Ok(());
        };
        let (dtype, shape) = self
            .first
            .get_or_insert_with(|| (array.dtype(), array.shape().to_vec()));
        if (*dtype, shape.as_slice()) == (array.dtype(), array.shape()) {
            return Ok(());
        }
        Err(crate::results::differs(&row.id, (dtype, shape), array))
    }
}
