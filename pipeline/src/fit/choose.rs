//! Every pipeline that agrees with all answers, and the questions that leave one of them.

use ndarray::{Array3, Axis};

use super::answer::same_bits;
use super::build::{Border, Parts};
use super::levels::{Channels, Levels};
use super::probes::{Stream, noise};
use super::refuse;
use super::session::{Candidate, Session, Size, Stop};
use super::ways::{Resolved, Way, how, turn_of};
use crate::{Dtype, Layout, Plan};

/// Whether the resizes of plans of one geometry give other lines for an image of this size.
fn lines_differ(plans: &[&Plan], size: Size) -> bool {
    let lines = |plan: &Plan| -> Option<Vec<Array3<u8>>> {
        let geometry = plan.geometry(size.0, size.1).ok()?;
        let mut found = Vec::new();
        for (stage, numbers) in plan.stages.iter().zip(&geometry.stages) {
            let (Some(resample), Some(resized)) = (stage.resample, numbers.resized) else {
                continue;
            };
            for (from, to) in [
                ((1, resized.from.1), (1, resized.to.1)),
                ((resized.from.0, 1), (resized.to.0, 1)),
            ] {
                let line = noise(from, 5).select(Axis(2), &[0]);
                found.push(resample.sampling.resize(line.view(), to));
            }
        }
        Some(found)
    };
    let first = plans.first().and_then(|plan| lines(plan));
    first.is_some() && plans.iter().skip(1).any(|plan| lines(plan) != first)
}

/// A size on which rules may differ: any, small ones, edges that go into others without a rest or with a half.
fn likely(stream: &mut Stream, trial: usize, most: usize) -> Size {
    let round =
        |stream: &mut Stream| (1 << stream.range(0, 4)) * [16, 24, 40, 50, 64, 75][stream.range(0, 6)];
    let (a, b) = match trial % 5 {
        0 => (stream.range(1, most), stream.range(1, most)),
        1 => (stream.range(16, 500), stream.range(16, 500)),
        2 => (stream.range(8, 100), stream.range(8, 100)),
        3 => (round(stream), stream.range(8, 700)),
        _ => (round(stream), round(stream) + stream.range(0, 3)),
    };
    if stream.range(0, 2) == 0 { (a, b) } else { (b, a) }
}

impl Session<'_, '_> {
    /// Every pipeline that agrees with all sizes.
    pub(super) fn candidates(
        &self,
        levels: &Levels,
        resolved: &[Resolved],
        border: Option<Border>,
        arithmetic: &[crate::steps::Step],
        channels: usize,
    ) -> Result<Vec<Candidate>, Stop> {
        let (layout, dtype) = self.form.unwrap_or((Layout::Nchw, Dtype::Float32));
        let turn = turn_of(resolved)?;
        let grays: Vec<Option<_>> = match &levels.channels {
            Channels::Order(_) => vec![None],
            Channels::Gray(rules) => [true, false]
                .into_iter()
                .flat_map(|first| rules.iter().map(move |rule| Some((*rule, first, channels))))
                .collect(),
        };
        let reversed = matches!(levels.channels, Channels::Order([2, 1, 0]));
        let mut found = Vec::new();
        let mut lacking = "sizes";
        for early in [false, true] {
            let Some(way) = Way::of(resolved, early) else {
                continue;
            };
            lacking = way.lacking();
            for before in &way.befores {
                for size in &way.sizes {
                    for after in &way.afters {
                        for sampler in &way.samplers {
                            for gray in &grays {
                                let parts = Parts {
                                    turn,
                                    gray: *gray,
                                    before: *before,
                                    resize: size.map(|size| (size, *sampler)),
                                    after: *after,
                                    border,
                                    reversed,
                                    arithmetic: arithmetic.to_vec(),
                                    layout,
                                    dtype,
                                };
                                let Some(pipeline) = parts.pipeline() else {
                                    continue;
                                };
                                if let Ok(plan) = pipeline.compile(layout, dtype) {
                                    found.push(Candidate { pipeline, plan });
                                }
                            }
                            if size.is_none() {
                                break;
                            }
                        }
                    }
                }
            }
        }
        if found.is_empty() {
            let sizes: Vec<_> = resolved
                .iter()
                .filter_map(|one| {
                    let solution = one.solutions.first()?;
                    Some(format!(
                        "{} x {} to {} x {} on {} x {}",
                        one.size.0,
                        one.size.1,
                        solution.resized.0,
                        solution.resized.1,
                        one.output.0,
                        one.output.1
                    ))
                })
                .collect();
            return Err(refuse(format_args!(
                "follows no rule of {lacking} that is known here: {}",
                sizes.join(", ")
            ))
            .why("every image alone is understood, but no rule gives all of them")
            .into());
        }
        // All that was asked before counts, too.
        for index in 0..self.log.len() {
            self.keep_equal(&mut found, index)?;
        }
        Ok(found)
    }

    /// Drops the candidates that do not give the bits of an answer.
    pub(super) fn keep_equal(&self, candidates: &mut Vec<Candidate>, index: usize) -> Result<(), Stop> {
        let record = &self.log[index];
        let mut outcomes: Vec<(crate::plan::ImageGeometry, String, bool)> = Vec::new();
        let mut kept = Vec::new();
        let mut last = None;
        for candidate in candidates.drain(..) {
            let (height, width, _) = record.image.dim();
            let geometry = candidate.plan.geometry(height, width).ok();
            let equal = geometry.is_some_and(|geometry| {
                let how = how(&candidate.plan);
                let known = outcomes.iter().find(|(at, by, _)| *at == geometry && *by == how);
                if let Some((.., equal)) = known {
                    return *equal;
                }
                let tensor = candidate.plan.tensor(record.image.view(), &geometry);
                let equal = tensor.is_ok_and(|tensor| same_bits(&tensor, &record.tensor));
                outcomes.push((geometry, how, equal));
                equal
            });
            if equal {
                kept.push(candidate);
            } else {
                last = Some(candidate);
            }
        }
        if kept.is_empty() {
            return Err(Stop {
                error: Box::new(
                    refuse(format_args!(
                        "does something else with an image of {} x {} than with those before",
                        record.image.dim().0,
                        record.image.dim().1
                    ))
                    .why("a pipeline that gives every bit of the others does not give those of this one"),
                ),
                nearest: last
                    .and_then(|last| self.distance(&last.pipeline, record))
                    .map(Box::new),
            });
        }
        *candidates = kept;
        Ok(())
    }

    /// Asks about images on which the candidates differ, until none do.
    pub(super) fn tell_apart(&mut self, candidates: &mut Vec<Candidate>) -> Result<(), Stop> {
        let mut stream = Stream::new(7);
        let largest = self
            .log
            .iter()
            .flat_map(|record| record.tensor.shape.clone())
            .max()
            .unwrap_or(224);
        let most = (largest * 2 + 64).clamp(500, 1400);
        for _ in 0..16 {
            if candidates.len() < 2 {
                break;
            }
            let mut best: (usize, Size) = (1, (0, 0));
            // The fewer there are, the rarer the sizes on which they differ: where an edge is halfway between two numbers.
            let trials = (40_000 / candidates.len()).clamp(100, 4000);
            for trial in 0..trials {
                let size = likely(&mut stream, trial, most);
                if !self.takes(size) {
                    continue;
                }
                let mut kinds: Vec<Option<crate::plan::ImageGeometry>> = Vec::new();
                for candidate in candidates.iter() {
                    let kind = candidate.plan.geometry(size.0, size.1).ok();
                    if !kinds.contains(&kind) {
                        kinds.push(kind);
                    }
                }
                if kinds.len() > best.0 {
                    best = (kinds.len(), size);
                }
                if best.0 >= 2 && (trial >= 24 || best.0 >= 6) {
                    break;
                }
            }
            if best.0 < 2 {
                break;
            }
            if let Some(index) = self.ask(noise(best.1, stream.bits()))? {
                self.keep_equal(candidates, index)?;
            }
        }
        // One geometry is left; resizes and rules of gray may still be several.
        for round in 0..8_usize {
            let mut kinds: Vec<(String, usize)> = Vec::new();
            for (index, candidate) in candidates.iter().enumerate() {
                let how = how(&candidate.plan);
                if !kinds.iter().any(|(known, _)| *known == how) {
                    kinds.push((how, index));
                }
            }
            if kinds.len() < 2 {
                break;
            }
            let shapes = [(300, 40), (40, 300), (180, 260), (400, 150)];
            let (height, width) = shapes[round % 4];
            let mut size = (height + stream.range(0, 60), width + stream.range(0, 60));
            if round >= 2 {
                // Nearest filters differ on few sizes: lines are looked for on which they do.
                let plans: Vec<&Plan> = kinds.iter().map(|(_, index)| &candidates[*index].plan).collect();
                let rare = (0..3000).find_map(|_| {
                    let size = (stream.range(16, most.min(700)), stream.range(16, most.min(700)));
                    (self.takes(size) && lines_differ(&plans, size)).then_some(size)
                });
                size = rare.unwrap_or(size);
            }
            let image = noise(size, stream.bits());
            let Ok(first) = candidates[kinds[0].1].plan.reference(&[image.view()]) else {
                continue;
            };
            let differ = kinds.iter().skip(1).any(|(_, index)| {
                candidates[*index]
                    .plan
                    .reference(&[image.view()])
                    .is_ok_and(|other| other.tensors != first.tensors)
            });
            if differ && let Some(index) = self.ask(image)? {
                self.keep_equal(candidates, index)?;
            }
        }
        Ok(())
    }
}
