//! The attempts to explain a dump, and the best of them.

use ndarray::{Array3, ArrayView3};

use super::super::resolve::{Sampler, samplers};
use super::arrangements::{Arrangement, arrangements};
use super::coarse::Integral;
use super::lines::{Line, lines};
use super::views::{View, oriented};
use crate::plan::{Fill, Plan};
use crate::scalar::canvas::{Outside, place};

/// One attempt to explain a dump.
pub(super) struct Attempt<'a> {
    pub(super) view: &'a View,
    pub(super) way: usize,
    pub(super) arrangement: Arrangement,
    pub(super) sampler: Option<Sampler>,
    pub(super) lines: Vec<Line>,
}

impl Attempt<'_> {
    pub(super) fn mean(&self) -> f64 {
        self.lines.iter().map(|line| line.mean).sum::<f64>() / self.lines.len().max(1) as f64
    }

    pub(super) fn largest(&self) -> f64 {
        self.lines.iter().map(|line| line.largest).fold(0.0, f64::max)
    }
}

/// The attempt whose lines are the straightest.
pub(super) fn best<'a>(
    plan: &Plan,
    photo: ArrayView3<'_, u8>,
    all: &'a [View],
    usual: &[usize],
) -> Option<Attempt<'a>> {
    let mut ranked: Vec<(f64, &View, usize, Arrangement)> = Vec::new();
    for way in 0..8 {
        let turned = oriented(photo, way);
        let image = (turned.dim().0, turned.dim().1);
        let integral = Integral::new(turned.view());
        for view in all {
            let output = (view.values.dim().0, view.values.dim().1);
            for arrangement in arrangements(plan, image, output) {
                let left = integral.left(&arrangement, &view.values);
                // Of two that are as good the plainer one.
                let parts = view.findings.len() + usize::from(way > 0) + arrangement.findings.len();
                ranked.push((left + 0.002 * parts as f64, view, way, arrangement));
            }
        }
    }
    ranked.sort_by(|one, other| one.0.total_cmp(&other.0));
    let least = ranked.first()?.0;
    ranked.retain(|(left, ..)| *left <= (3.0 * least).max(least + 0.02));
    ranked.truncate(14);
    if least > 0.6 {
        return None;
    }
    let mut samplers = samplers();
    let meant = sampler_of(plan);
    // The expected one first: of several that are as good the first counts.
    samplers.sort_by_key(|sampler| meant.is_none_or(|meant| meant.arithmetic != sampler.arithmetic));
    let mut best: Option<Attempt<'a>> = None;
    for (rank, (_, view, way, arrangement)) in ranked.into_iter().enumerate() {
        let turned = oriented(photo, way);
        let from = arrangement.before.map_or(arrangement.image, |place| place.size);
        let tried = if from == arrangement.resized {
            &samplers[..1]
        } else if rank < 5 {
            &samplers[..]
        } else {
            &samplers[..3]
        };
        for sampler in tried {
            let Some((pixels, inner)) = pixels(plan, &arrangement, sampler, turned.view()) else {
                continue;
            };
            let lines = lines(pixels.view(), &view.values, inner, usual);
            let attempt = Attempt {
                view,
                way,
                arrangement: arrangement.clone(),
                sampler: (from != arrangement.resized).then_some(*sampler),
                lines,
            };
            if best
                .as_ref()
                .is_none_or(|best| attempt.mean() < best.mean() * 0.98 - 1e-4)
            {
                best = Some(attempt);
            }
        }
        if best.as_ref().is_some_and(|best| best.mean() < 0.005) {
            break;
        }
    }
    best
}

/// The pixels of an arrangement, on the canvas of the output, and where the image is on it.
pub(super) fn pixels(
    plan: &Plan,
    arrangement: &Arrangement,
    sampler: &Sampler,
    photo: ArrayView3<'_, u8>,
) -> Option<(Array3<u8>, [usize; 4])> {
    let around = Outside::Values(color(plan).unwrap_or([0; 3]));
    let canvas = match &arrangement.before {
        Some(placement) => place(&photo.to_owned(), placement, around),
        None => photo.to_owned(),
    };
    let resized = if (canvas.dim().0, canvas.dim().1) == arrangement.resized {
        canvas
    } else {
        sampler.arithmetic.resize(canvas.view(), arrangement.resized)
    };
    let inner = arrangement.after.inner();
    (inner[2] > 1 && inner[3] > 1).then(|| (place(&resized, &arrangement.after, around), inner))
}

/// The colour of the plan's border.
pub(super) fn color(plan: &Plan) -> Option<[u8; 3]> {
    let stage = plan.stages.first()?;
    [stage.before, stage.after]
        .into_iter()
        .flatten()
        .find_map(|canvas| match canvas.fill {
            Fill::Color { color } => Some(color),
            Fill::Value { .. } | Fill::Mirror { .. } => None,
        })
}

pub(super) fn sampler_of(plan: &Plan) -> Option<Sampler> {
    let arithmetic = plan.stages.first()?.resample?.sampling;
    samplers()
        .into_iter()
        .find(|sampler| sampler.arithmetic == arithmetic)
}
