//! From the lines of a dump to what was done to its values.

use super::lines::Line;
use super::mistake::{Finding, Mistake};

/// A line that the pipeline says, for one output channel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meant {
    pub(super) slope: f64,
    pub(super) intercept: f64,
}

/// Scale, mean and deviation of one channel: `value = (pixel * scale - mean) / std`.
#[derive(Clone, Copy)]
struct Parts {
    scale: f64,
    mean: f64,
    std: f64,
}

impl Parts {
    fn of(meant: Meant) -> Self {
        // A deviation is in the order of 1: what is far below is a scale.
        let scale = if meant.slope.abs() < 0.2 { 1.0 / 255.0 } else { 1.0 };
        let std = scale / meant.slope;
        Self {
            scale,
            mean: -meant.intercept * std,
            std,
        }
    }
}

/// Means and deviations of known models: (name, means, deviations).
const KNOWN: [(&str, [f64; 3], [f64; 3]); 3] = [
    ("ImageNet's", [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    (
        "CLIP's",
        [0.481_454_66, 0.457_827_5, 0.408_210_73],
        [0.268_629_54, 0.261_302_58, 0.275_777_11],
    ),
    ("0.5 and 0.5", [0.5; 3], [0.5; 3]),
];

/// What was done otherwise to the values; `None` where no combination of known mistakes gives these lines.
pub(super) fn explain(lines: &[Line], meant: &[Meant], loose: bool) -> Option<Vec<Finding>> {
    let tolerance = if loose { 0.02 } else { 0.002 };
    let fits = |of: &dyn Fn(usize) -> (f64, f64)| {
        lines.iter().enumerate().all(|(channel, line)| {
            let (slope, intercept) = of(channel);
            let span = 255.0 * slope.abs();
            (line.slope - slope).abs() <= tolerance * slope.abs()
                && (line.intercept - intercept).abs() <= tolerance * span.max(1e-12)
        })
    };
    if fits(&|channel| (meant[channel].slope, meant[channel].intercept)) {
        return Some(Vec::new());
    }
    let parts: Vec<Parts> = meant.iter().map(|meant| Parts::of(*meant)).collect();
    let count = parts.len();
    let scale = parts.first()?.scale;
    let scaled = scale != 1.0;
    let plain = parts
        .iter()
        .all(|part| part.mean.abs() < 1e-6 && (part.std - 1.0).abs() < 1e-6);
    let mut best: Option<(usize, Vec<Finding>)> = None;
    let mut offer = |findings: Vec<Finding>, cost: usize| {
        if best.as_ref().is_none_or(|(known, _)| cost < *known) {
            best = Some((cost, findings));
        }
    };
    for (scaling, finding) in scales(scale, scaled) {
        for (reversed, mean_missing, std_missing, known) in choices(plain) {
            let constant = |channel: usize, of: fn(&Parts) -> f64, index: usize| {
                let at = if reversed { count - 1 - channel } else { channel };
                match known {
                    // Known constants are those of red, green and blue.
                    Some(known) if count == 3 => {
                        let (_, mean, std) = KNOWN[known];
                        let at = if reversed { 2 - channel } else { channel };
                        if index == 0 { mean[at] } else { std[at] }
                    }
                    _ => of(&parts[at]),
                }
            };
            let line = |channel: usize| {
                let mean = if mean_missing {
                    0.0
                } else {
                    constant(channel, |part| part.mean, 0)
                };
                let std = if std_missing {
                    1.0
                } else {
                    constant(channel, |part| part.std, 1)
                };
                (scaling / std, -mean / std)
            };
            let mut findings: Vec<Finding> = finding.iter().cloned().collect();
            let mut cost = 2 * findings.len();
            if mean_missing && std_missing {
                findings.push(Finding::new(
                    Mistake::NormalizeMissing,
                    "mean and deviation are missing",
                ));
                cost += 2;
            } else {
                if mean_missing {
                    findings.push(Finding::new(Mistake::MeanMissing, "the mean is not subtracted"));
                    cost += 2;
                }
                if std_missing {
                    findings.push(Finding::new(
                        Mistake::StdMissing,
                        "it is not divided by the deviation",
                    ));
                    cost += 2;
                }
            }
            if let Some(known) = known {
                findings.push(Finding::new(
                    Mistake::Constants,
                    format_args!("mean and deviation are {} and not the pipeline's", KNOWN[known].0),
                ));
                cost += 3;
            }
            if reversed {
                findings.push(Finding::new(
                    Mistake::ConstantsOrder,
                    "mean and deviation are in the order of the reversed channels",
                ));
                cost += 2;
            }
            if fits(&line) {
                offer(findings.clone(), cost);
            }
            if known.is_none() && !mean_missing && !std_missing && !plain {
                let twice = |channel: usize| {
                    let (slope, intercept) = line(channel);
                    let mean = constant(channel, |part| part.mean, 0);
                    let std = constant(channel, |part| part.std, 1);
                    (slope / std, (intercept - mean) / std)
                };
                if fits(&twice) {
                    findings.push(Finding::new(
                        Mistake::NormalizeTwice,
                        "mean and deviation are applied twice",
                    ));
                    offer(findings, cost + 2);
                }
            }
        }
    }
    best.map(|(_, findings)| findings)
}

/// Scales, and what is wrong with each.
fn scales(scale: f64, scaled: bool) -> Vec<(f64, Option<Finding>)> {
    let mut found = vec![(scale, None)];
    if scaled {
        found.push((
            1.0,
            Some(Finding::new(
                Mistake::RescaleMissing,
                "pixels are not divided by 255",
            )),
        ));
        found.push((
            scale * scale,
            Some(Finding::new(
                Mistake::RescaleTwice,
                "pixels are divided by 255 twice",
            )),
        ));
    } else {
        found.push((
            1.0 / 255.0,
            Some(Finding::new(
                Mistake::Scale,
                "pixels are divided by 255, which the pipeline does not do",
            )),
        ));
    }
    for (other, name) in [
        (1.0 / 256.0, "divided by 256"),
        (1.0 / 127.5, "divided by 127.5"),
        (1.0 / 128.0, "divided by 128"),
    ] {
        found.push((
            other,
            Some(Finding::new(Mistake::Scale, format_args!("pixels are {name}"))),
        ));
    }
    found
}

/// (reversed, mean missing, deviation missing, known constants).
fn choices(plain: bool) -> Vec<(bool, bool, bool, Option<usize>)> {
    let mut found = vec![(false, false, false, None)];
    if !plain {
        for reversed in [false, true] {
            for mean in [false, true] {
                for std in [false, true] {
                    found.push((reversed && !(mean && std), mean, std, None));
                }
            }
        }
    }
    for known in 0..KNOWN.len() {
        for reversed in [false, true] {
            found.push((reversed, false, false, Some(known)));
        }
    }
    found
}
