//! Rows on standard output.

use std::io::{BufWriter, Write};
use std::ops::ControlFlow;

use prep_onnx_loader::Source;
use prep_onnx_pipeline::Error;

use super::Job;
use crate::answer::{Answer, Outcome};
use crate::detection::Detection;
use crate::job::{MEASURED, Summary, Tracker};
use crate::labels::Labels;
use crate::results::Kept;
use crate::ui;

impl Job<'_> {
    /// Writes lines of JSON to standard output as they come.
    pub(super) fn stream(&mut self, mut sources: impl Iterator<Item = Source> + Send + 'static) -> Outcome {
        let mut tracker = Tracker::new(&self.inputs, 0, self.quiet);
        let head: Vec<Source> = sources.by_ref().take(MEASURED).collect();
        let cost = self.decoding.cost(&head);
        let (labels, interrupt) = (&self.labels, self.interrupt.clone());
        let detects = self.runner.inference.detects();
        let mut out = BufWriter::new(std::io::stdout().lock());
        let mut gone = false;
        self.runner.run(head.into_iter().chain(sources), &mut |rows, _| {
            rows.iter().for_each(|row| tracker.row(row));
            let mut lines = rows.iter().flat_map(|row| row.lines(labels, detects));
            let written = lines
                .try_for_each(|line| writeln!(out, "{line}"))
                .and_then(|()| out.flush());
            match written {
                Ok(()) => Ok(interrupt.next_batch()),
                // The reader has seen enough, as in `prep-onnx run … -o - | head`.
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                    gone = true;
                    Ok(ControlFlow::Break(()))
                }
                Err(error) => Err(Error::io("standard output", "cannot be written", &error)),
            }
        })?;
        drop(out);
        let summary = Summary::new(tracker.finish(), cost, self.whole(), self.skipped.clone());
        if summary.images == 0 && !gone && self.interrupt.exit_code().is_none() {
            return Err(self.no_images());
        }
        if !self.quiet {
            anstream::eprint!("{}", summary.table());
        }
        let answer = Answer::new("", summary.json().into()).with_verdict(summary.failed == 0);
        Ok(self.shown(answer, summary.images))
    }

    /// The answer, unless the run was interrupted after so many `images`.
    fn shown(&self, answer: Answer, images: usize) -> Answer {
        let Some(code) = self.interrupt.exit_code() else {
            return answer;
        };
        anstream::eprintln!("{} after {images} images", ui::bad("interrupted:"));
        answer.with_exit(code)
    }

    pub(super) fn show(
        &mut self,
        mut sources: impl Iterator<Item = Source> + Send + 'static,
        as_json: bool,
    ) -> Outcome {
        let name = self.runner.inference.output_name().to_owned();
        let column = if self.runner.inference.detects() {
            "found: class, score, x1 y1 x2 y2"
        } else {
            &name
        };
        let mut table = ui::Table::new(&["image", "height x width", column]);
        let mut images = Vec::new();
        let mut tracker = Tracker::new(&self.inputs, 0, self.quiet);
        let head: Vec<Source> = sources.by_ref().take(MEASURED).collect();
        let cost = self.decoding.cost(&head);
        let (labels, interrupt) = (&self.labels, self.interrupt.clone());
        let detects = self.runner.inference.detects();
        self.runner.run(head.into_iter().chain(sources), &mut |rows, _| {
            for row in &rows {
                tracker.row(row);
                if as_json {
                    images.extend(row.lines(labels, detects));
                } else if let Ok(Kept::Found(found)) = &row.outcome {
                    let size = row.size.map(|(height, width)| format!("{height} x {width}"));
                    let size = size.unwrap_or_default();
                    if found.is_empty() {
                        table.row([row.id.clone(), size.clone(), "nothing".to_owned()]);
                    }
                    for (index, detection) in found.iter().enumerate() {
                        let (id, size) = if index == 0 {
                            (row.id.as_str(), size.as_str())
                        } else {
                            ("", "")
                        };
                        table.row([id.to_owned(), size.to_owned(), found_in_words(detection, labels)]);
                    }
                } else if let Ok(kept) = &row.outcome {
                    let size = row.size.map(|(height, width)| format!("{height} x {width}"));
                    table.row([row.id.clone(), size.unwrap_or_default(), in_words(kept, labels)]);
                }
            }
            Ok(interrupt.next_batch())
        })?;
        let summary = Summary::new(tracker.finish(), cost, self.whole(), self.skipped.clone());
        if summary.images == 0 {
            return Err(self.no_images());
        }
        let mut answer = summary.json();
        answer.insert("output".to_owned(), name.into());
        answer.insert("results".to_owned(), images.into());
        if self.interrupt.exit_code().is_some() {
            answer.insert("interrupted".to_owned(), true.into());
        }
        let text = format!("{table}{}", summary.table());
        let answer = Answer::new(text, answer.into()).with_verdict(summary.failed == 0);
        Ok(self.shown(answer, summary.images))
    }
}

/// How many elements of an output are shown.
const SHOWN: usize = 4;

/// Class, score and corners.
fn found_in_words(detection: &Detection, labels: &Labels) -> String {
    let name = detection
        .name(labels)
        .unwrap_or_else(|| format!("class {}", detection.class));
    let [left, top, right, bottom] = detection.corners;
    format!(
        "{name} {:.3}  {left:.1} {top:.1} {right:.1} {bottom:.1}",
        detection.score
    )
}

fn in_words(kept: &Kept, labels: &Labels) -> String {
    match kept {
        Kept::Output(array) => {
            let values = array.to_f64();
            let first: Vec<_> = values
                .iter()
                .take(SHOWN)
                .map(|value| format!("{value:.4}"))
                .collect();
            let more = if values.len() > SHOWN { ", …" } else { "" };
            let shape = ui::shape(array.shape());
            format!("{} {shape}: {}{more}", array.dtype(), first.join(", "))
        }
        Kept::Map(map) => map.in_words(labels),
        Kept::Found(found) => {
            let found = found.iter().map(|detection| found_in_words(detection, labels));
            found.collect::<Vec<_>>().join("; ")
        }
        Kept::Top(top) => {
            let named = top
                .iter()
                .map(|ranked| format!("{} {:.3}", labels.name(ranked.index), ranked.score));
            named.collect::<Vec<_>>().join("  ")
        }
    }
}
