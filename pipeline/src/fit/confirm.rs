//! Fresh images for the pipeline that is left, and how near one came that is not the callable's.

use super::Nearest;
use super::answer::{Answer, same_bits};
use super::build::Parts;
use super::levels::{Channels, Levels};
use super::probes::{Stream, scene};
use super::refuse;
use super::resolve::Near;
use super::rules::{canvas_rules, size_rules};
use super::session::{Candidate, Record, Session, Size, Stop, random};
use crate::plan::Placement;
use crate::{Dtype, Layout, Pipeline};

/// The least number of fresh probes that a pipeline has to stand.
const FRESH: usize = 12;
/// The most fresh probes.
const MOST_FRESH: usize = 20;

impl Session<'_, '_> {
    /// How many fresh images the first candidate gives every bit of.
    pub(super) fn confirm(&mut self, candidates: &[Candidate]) -> Result<usize, Stop> {
        let mut stream = Stream::new(11);
        let left = self.most.saturating_sub(self.asked + 1);
        let output = self.log.first().map_or(224, |record| {
            record.tensor.shape.iter().copied().max().unwrap_or(224)
        });
        let (layout, dtype) = self.form.unwrap_or((Layout::Nchw, Dtype::Float32));
        let mut confirmed = 0;
        let first = &candidates[0];
        let mut trial = 0;
        while confirmed < left.min(MOST_FRESH) && trial < 4 * MOST_FRESH && self.asked + 1 < self.most {
            trial += 1;
            let size = match trial % 4 {
                0 => (stream.range(16, 200), stream.range(16, 200)),
                1 => (stream.range(100, 700), stream.range(100, 700)),
                2 => {
                    let near = |stream: &mut Stream| {
                        stream
                            .range(output.saturating_sub(9).max(8), output + 10)
                            .min(1400)
                    };
                    (near(&mut stream), near(&mut stream))
                }
                _ => {
                    let edge = stream.range(24, 120);
                    let long = edge * stream.range(2, 5);
                    if trial % 8 == 3 {
                        (edge, long)
                    } else {
                        (long, edge)
                    }
                }
            };
            if !self.takes(size) {
                continue;
            }
            let Some(index) = self.ask(scene(size, stream.bits()))? else {
                continue;
            };
            let record = &self.log[index];
            let equal = first
                .pipeline
                .reference(record.image.view(), layout, dtype)
                .is_ok_and(|tensor| same_bits(&tensor, &record.tensor));
            if !equal {
                return Err(Stop {
                    error: Box::new(refuse(format_args!(
                        "does something else with a fresh image of {} x {} than the pipeline that gives all others",
                        size.0, size.1
                    ))),
                    nearest: self.distance(&first.pipeline, record).map(Box::new),
                });
            }
            confirmed += 1;
        }
        // A callable that is random at times may show it now.
        let again = self.must_ask(self.log[0].image.clone())?;
        if !same_bits(&self.log[0].tensor, &self.log[again].tensor) {
            return Err(random().into());
        }
        if confirmed < FRESH {
            return Err(refuse(format_args!(
                "could be confirmed on {confirmed} fresh images alone"
            ))
            .expected_got(format_args!("at least {FRESH}"), confirmed)
            .fix("allow more probes")
            .into());
        }
        Ok(confirmed)
    }

    /// A pipeline for one size, as near as it came.
    pub(super) fn nearest(&self, size: Size, levels: &Levels, near: &Near) -> Option<Nearest> {
        let (layout, dtype) = self.form?;
        let solution = &near.solution;
        let sampler = *solution.samplers.first()?;
        let from = solution.before.map_or(size, |placement| placement.size);
        let first = |places: &[Placement]| canvas_rules(places).into_iter().next().flatten();
        let parts = Parts {
            turn: None,
            gray: match &levels.channels {
                Channels::Order(_) => None,
                Channels::Gray(rules) => rules.first().map(|rule| (*rule, false, 1)),
            },
            before: solution.before.and_then(|place| first(&[place])),
            resize: size_rules(&[(from, solution.resized)], &[])
                .into_iter()
                .next()
                .flatten()
                .map(|rule| (rule, sampler)),
            after: first(&[solution.after]),
            border: None,
            reversed: matches!(levels.channels, Channels::Order([2, 1, 0])),
            arithmetic: Vec::new(),
            layout,
            dtype,
        };
        Some(Nearest {
            pipeline: parts.pipeline()?,
            size,
            differing: near.differing,
            largest: near.largest,
            place: "in the pixels, before rescale and normalize",
        })
    }

    /// How far a pipeline is from an answer.
    pub(super) fn distance(&self, pipeline: &Pipeline, record: &Record) -> Option<Nearest> {
        let (layout, dtype) = self.form?;
        let size = (record.image.dim().0, record.image.dim().1);
        let expected = pipeline.reference(record.image.view(), layout, dtype).ok()?;
        let (expected, got) = (
            Answer::new(&expected, layout).ok()?,
            Answer::new(&record.tensor, layout).ok()?,
        );
        if expected.values.dim() != got.values.dim() {
            return Some(Nearest {
                pipeline: pipeline.clone(),
                size,
                differing: 1.0,
                largest: 255.0,
                place: "in the size of the output",
            });
        }
        let plan = pipeline.compile(layout, dtype).ok()?;
        let table = plan.table();
        let step = |channel: usize| {
            let row = table.channel(channel.min(2));
            (f64::from(row[255]) - f64::from(row[0])).abs() / 255.0
        };
        let (mut differing, mut largest) = (0_usize, 0.0_f64);
        for (((.., channel), a), b) in expected.values.indexed_iter().zip(got.values.iter()) {
            if a.to_bits() != b.to_bits() {
                differing += 1;
                largest =
                    largest.max((f64::from(*a) - f64::from(*b)).abs() / step(channel).max(f64::MIN_POSITIVE));
            }
        }
        Some(Nearest {
            pipeline: pipeline.clone(),
            size,
            differing: differing as f64 / expected.values.len().max(1) as f64,
            largest,
            place: "in the values",
        })
    }
}
