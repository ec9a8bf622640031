//! One size of image, exactly: the canvas before the resize, the resize, the canvas after it.

use ndarray::{Array2, Array3};

use super::measure::{Axis, Measured};
use crate::plan::Placement;
use crate::resample::Arithmetic;
use crate::scalar::canvas::{Outside, place};
use crate::{Filter, Resampler};

/// A resize that a pipeline can name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sampler {
    pub(super) resampler: Resampler,
    pub(super) filter: Filter,
    pub(super) antialias: bool,
    pub(super) arithmetic: Arithmetic,
}

/// Every resize, none twice.
pub(super) fn samplers() -> Vec<Sampler> {
    let mut found: Vec<Sampler> = Vec::new();
    for resampler in Resampler::ALL {
        for filter in Filter::ALL {
            for antialias in [true, false] {
                let Ok(arithmetic) = resampler.arithmetic(*filter, antialias) else {
                    continue;
                };
                if !found.iter().any(|sampler| sampler.arithmetic == arithmetic) {
                    found.push(Sampler {
                        resampler: *resampler,
                        filter: *filter,
                        antialias,
                        arithmetic,
                    });
                }
            }
        }
    }
    found
}

/// How the pixels of one output came to their place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Solution {
    /// The canvas before the resize, where it is not the image itself.
    pub(super) before: Option<Placement>,
    /// (height, width) after the resize.
    pub(super) resized: (usize, usize),
    /// The canvas after it.
    pub(super) after: Placement,
    /// Which resizes give these pixels; all where nothing is resized.
    pub(super) samplers: Vec<Sampler>,
}

/// What is known of one output.
pub(super) struct Look<'a> {
    /// (height, width) of the image, turned where it is turned.
    pub(super) source: (usize, usize),
    pub(super) measured: Measured,
    /// The noise of the image, [height, width, 1].
    pub(super) noise: Array3<u8>,
    /// The ramps along a row and along a column of the image.
    pub(super) ramps: [Vec<u8>; 2],
    /// Pixel values of the output where noise, the vertical ramp and the horizontal ramp were.
    pub(super) seen: [&'a Array2<f64>; 3],
    /// The pixel value around the image in each of `seen`, where it can be seen.
    pub(super) around: [Option<u8>; 3],
}

/// One axis: the canvas before (offset, length), the resized length, and the offset of the canvas after.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Along {
    before: (i64, usize),
    to: usize,
    offset: i64,
}

/// How near a fit came that is none.
#[derive(Clone, Debug)]
pub(super) struct Near {
    pub(super) solution: Solution,
    /// The mean distance in steps of the pixel value, over the noise.
    pub(super) mean: f64,
    /// The part of the values that differ, and the largest distance.
    pub(super) differing: f64,
    pub(super) largest: f64,
}

impl Look<'_> {
    /// Every exact way; with none, the nearest one.
    pub(super) fn resolve(&self, samplers: &[Sampler]) -> Result<Vec<Solution>, Option<Box<Near>>> {
        let vertical = self.candidates(self.measured.vertical, 0);
        let horizontal = self.candidates(self.measured.horizontal, 1);
        let mut exact: Vec<Solution> = Vec::new();
        let mut nearest: Option<Near> = None;
        if let Some(solution) = self.unresized(&vertical, &horizontal, samplers) {
            return Ok(vec![solution]);
        }
        for sampler in samplers {
            let rows = self.agreeing(sampler, &vertical, 0);
            let columns = self.agreeing(sampler, &horizontal, 1);
            let tried = (rows.len().min(6), columns.len().min(6));
            let pairs = (0..tried.0).flat_map(|row| (0..tried.1).map(move |column| (row, column)));
            let mut pairs: Vec<_> = pairs.map(|(row, column)| (rows[row], columns[column])).collect();
            if pairs.is_empty() {
                pairs.extend(vertical.first().zip(horizontal.first()));
            }
            let mut hits = 0;
            for (row, column) in pairs {
                // One with a canvas before the resize, and one without.
                if hits == 2 {
                    break;
                }
                let solution = self.solution(*row, *column, sampler);
                let Some(distance) = self.distance(&solution, sampler) else {
                    continue;
                };
                if distance.differing == 0.0 {
                    hits += 1;
                    let known = exact.iter_mut().find(|known| {
                        (known.before, known.resized, known.after)
                            == (solution.before, solution.resized, solution.after)
                    });
                    match known {
                        Some(known) => known.samplers.push(*sampler),
                        None => exact.push(solution),
                    }
                } else if nearest.as_ref().is_none_or(|near| distance.mean < near.mean) {
                    nearest = Some(distance);
                }
            }
        }
        if exact.is_empty() {
            Err(nearest.map(Box::new))
        } else {
            Ok(exact)
        }
    }

    /// The image itself on a canvas, whatever the resize.
    fn unresized(&self, vertical: &[Along], horizontal: &[Along], samplers: &[Sampler]) -> Option<Solution> {
        let first = samplers.first()?;
        let plain = |along: &&&Along, length: usize| along.to == length && along.before == (0, length);
        let rows = self.agreeing(first, vertical, 0);
        let columns = self.agreeing(first, horizontal, 1);
        let rows: Vec<_> = rows.iter().filter(|along| plain(along, self.source.0)).collect();
        let columns: Vec<_> = columns
            .iter()
            .filter(|along| plain(along, self.source.1))
            .collect();
        rows.iter()
            .flat_map(|row| columns.iter().map(move |column| (row, column)))
            .find_map(|(row, column)| {
                let solution = self.solution(***row, ***column, first);
                let exact = self.distance(&solution, first)?.differing == 0.0;
                exact.then(|| Solution {
                    samplers: samplers.to_vec(),
                    ..solution
                })
            })
    }

    /// The candidates that a ramp allows, those first with which it agrees most.
    fn agreeing<'a>(&self, sampler: &Sampler, candidates: &'a [Along], index: usize) -> Vec<&'a Along> {
        let mut found: Vec<(f64, &Along)> = candidates
            .iter()
            .filter_map(|along| Some((self.agreement(sampler, along, index)?, along)))
            .collect();
        found.sort_by(|one, other| one.0.total_cmp(&other.0));
        found.into_iter().map(|(_, along)| along).collect()
    }

    fn solution(&self, row: Along, column: Along, sampler: &Sampler) -> Solution {
        let canvas = (row.before.1, column.before.1);
        let offset = (row.before.0, column.before.0);
        Solution {
            before: (canvas != self.source || offset != (0, 0)).then_some(Placement {
                from: self.source,
                offset,
                size: canvas,
            }),
            resized: (row.to, column.to),
            after: Placement {
                from: (row.to, column.to),
                offset: (row.offset, column.offset),
                size: self.seen[0].dim(),
            },
            samplers: vec![*sampler],
        }
    }

    /// The ways of one axis that its ramp allows, the likeliest first.
    fn candidates(&self, axis: Axis, index: usize) -> Vec<Along> {
        let length = [self.source.0, self.source.1][index];
        let whole = [self.seen[0].dim().0, self.seen[0].dim().1][index];
        let (first, inner) = (self.measured.inner[index], self.measured.inner[index + 2]);
        let Axis { scale, shift, error } = axis;
        let middle = first as f64 + inner as f64 / 2.0;
        let mut found: Vec<(f64, Along)> = Vec::new();
        let mut push = |far: f64, along: Along| {
            if !found.iter().any(|(_, known)| *known == along) {
                found.push((far, along));
            }
        };
        // A resize, then a canvas.
        let resized = length as f64 / scale;
        let reach = |value: f64| ((4.0 * error * value).ceil() as usize + 1).min(40);
        // Where nothing is resized, the scale is 1.
        let one = (scale - 1.0).abs() <= (4.0 * error).max(1e-3);
        for to in near(resized, reach(resized))
            .into_iter()
            .chain(one.then_some(length))
        {
            let offset = (scale * middle + shift) * to as f64 / length as f64 - middle;
            for at in [
                offset.floor() as i64 - 1,
                offset.floor() as i64,
                offset.floor() as i64 + 1,
                offset.floor() as i64 + 2,
            ] {
                let begin = (-at).clamp(0, whole as i64) as usize;
                let end = (to as i64 - at).clamp(0, whole as i64) as usize;
                if (begin, end) == (first, first + inner) {
                    let far = if to == length {
                        0.0
                    } else {
                        (to as f64 - resized).abs() + (at as f64 - offset).abs()
                    };
                    push(
                        far,
                        Along {
                            before: (0, length),
                            to,
                            offset: at,
                        },
                    );
                }
            }
        }
        // A canvas, then a resize that fills the output or what is inside of its border.
        for (start, span) in [(first, inner), (0, whole)] {
            let window = scale * span as f64;
            let from = scale * start as f64 + shift;
            for size in near(window, reach(window).min(6)) {
                for at in [
                    from.floor() as i64 - 1,
                    from.floor() as i64,
                    from.floor() as i64 + 1,
                    from.floor() as i64 + 2,
                ] {
                    let far = 0.5 + (size as f64 - window).abs() + (at as f64 - from).abs();
                    if far < 3.0 + 4.0 * error * window {
                        push(
                            far,
                            Along {
                                before: (at, size),
                                to: span,
                                offset: -(start as i64),
                            },
                        );
                    }
                }
            }
        }
        found.sort_by(|one, other| one.0.total_cmp(&other.0));
        found.into_iter().map(|(_, along)| along).collect()
    }

    /// The mean distance of the ramp along an axis from what was seen of it; `None` where it is too large somewhere.
    fn agreement(&self, sampler: &Sampler, along: &Along, index: usize) -> Option<f64> {
        let ramp = &self.ramps[index];
        let outside = along.before.0 < 0 || along.before.0 + along.before.1 as i64 > ramp.len() as i64;
        let around = self.around[1 + index].or((!outside).then_some(0))?;
        let line: Vec<u8> = (0..along.before.1 as i64)
            .map(|at| {
                usize::try_from(at + along.before.0)
                    .ok()
                    .and_then(|at| ramp.get(at).copied())
                    .unwrap_or(around)
            })
            .collect();
        let shape = |length: usize| if index == 0 { (length, 1) } else { (1, length) };
        let from = shape(line.len());
        let image = Array3::from_shape_vec((from.0, from.1, 1), line).ok()?;
        let resized: Vec<u8> = if along.to == along.before.1 {
            image.iter().copied().collect()
        } else {
            let resized = sampler.arithmetic.resize(image.view(), shape(along.to));
            resized.iter().copied().collect()
        };
        let loose = match sampler.arithmetic {
            Arithmetic::Passes { .. } => 0.3,
            Arithmetic::Opencv { .. } | Arithmetic::Torch { .. } => 1.3,
        };
        let (first, inner) = (self.measured.inner[index], self.measured.inner[index + 2]);
        let across = self.measured.inner[1 - index] + self.measured.inner[3 - index] / 2;
        let mut sum = 0.0;
        for at in first..first + inner {
            let expected = resized.get(usize::try_from(at as i64 + along.offset).ok()?)?;
            let seen = if index == 0 {
                self.seen[1][[at, across]]
            } else {
                self.seen[2][[across, at]]
            };
            let apart = (f64::from(*expected) - seen).abs();
            if apart > loose {
                return None;
            }
            sum += apart.round();
        }
        Some(sum)
    }

    /// How far the noise is from what a solution makes of it.
    fn distance(&self, solution: &Solution, sampler: &Sampler) -> Option<Near> {
        let around = self.around[0];
        let canvas = match &solution.before {
            None => self.noise.clone(),
            Some(placement) => {
                let inside = placement.inner() == [0, 0, placement.size.0, placement.size.1];
                let around = around.or(inside.then_some(0))?;
                place(&self.noise, placement, Outside::Values([around; 3]))
            }
        };
        let (height, width, _) = canvas.dim();
        let resized = if (height, width) == solution.resized {
            canvas
        } else {
            sampler.arithmetic.resize(canvas.view(), solution.resized)
        };
        let [top, left, rows, columns] = self.measured.inner;
        let (mut sum, mut largest, mut differing) = (0.0, 0.0_f64, 0_usize);
        for row in top..top + rows {
            for column in left..left + columns {
                let at = (
                    usize::try_from(row as i64 + solution.after.offset.0).ok()?,
                    usize::try_from(column as i64 + solution.after.offset.1).ok()?,
                );
                let expected = f64::from(*resized.get([at.0, at.1, 0])?);
                let apart = (expected - self.seen[0][[row, column]]).abs();
                sum += apart;
                largest = largest.max(apart);
                differing += usize::from(apart > 0.3);
            }
        }
        let count = (rows * columns).max(1) as f64;
        Some(Near {
            solution: solution.clone(),
            mean: sum / count,
            differing: differing as f64 / count,
            largest,
        })
    }
}

/// Whole numbers around `value`, at least 1.
fn near(value: f64, reach: usize) -> Vec<usize> {
    let middle = value.round().max(1.0) as usize;
    (middle.saturating_sub(reach).max(1)..=middle + reach).collect()
}
