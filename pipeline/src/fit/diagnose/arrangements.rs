//! Where a host may take the pixels of its output from.

use super::mistake::{Finding, Mistake};
use crate::CropRule;
use crate::plan::{Placement, Plan};

type Size = (usize, usize);

/// A canvas, a resize and a canvas.
#[derive(Clone, Debug)]
pub(super) struct Arrangement {
    /// (height, width) of the image.
    pub(super) image: Size,
    pub(super) before: Option<Placement>,
    pub(super) resized: Size,
    pub(super) after: Placement,
    pub(super) findings: Vec<Finding>,
}

/// What the plan does with an image of this size, where it is one stage.
pub(super) fn expected(plan: &Plan, image: Size) -> Option<Arrangement> {
    let geometry = plan.geometry(image.0, image.1).ok()?;
    let whole = |size: Size| Placement {
        from: size,
        offset: (0, 0),
        size,
    };
    match geometry.stages.as_slice() {
        [] => Some(Arrangement {
            image,
            before: None,
            resized: image,
            after: whole(image),
            findings: Vec::new(),
        }),
        [stage] => {
            let from = stage.before.map_or(stage.input, |place| place.size);
            let resized = stage.resized.map_or(from, |resized| resized.to);
            Some(Arrangement {
                image,
                before: stage.before,
                resized,
                after: stage.after.unwrap_or_else(|| whole(resized)),
                findings: Vec::new(),
            })
        }
        _ => None,
    }
}

/// Every arrangement for an image and an output of these sizes; the expected one first, where the output has its size.
pub(super) fn arrangements(plan: &Plan, image: Size, output: Size) -> Vec<Arrangement> {
    let expected = expected(plan, image);
    let (height, width) = output;
    let mut found: Vec<Arrangement> = Vec::new();
    let mut push = |before: Option<Placement>,
                    resized: Size,
                    offset: (i64, i64),
                    finding: Option<Finding>| {
        let arrangement = Arrangement {
            image,
            before,
            resized,
            after: Placement {
                from: resized,
                offset,
                size: output,
            },
            findings: finding.into_iter().collect(),
        };
        let same = |known: &Arrangement| {
            (known.before, known.resized, known.after)
                == (arrangement.before, arrangement.resized, arrangement.after)
        };
        if resized.0 > 0 && resized.1 > 0 && resized.0 * resized.1 <= 16_000_000 && !found.iter().any(same) {
            found.push(arrangement);
        }
    };
    let centred = |resized: Size| {
        let rule = CropRule::Torchvision;
        (rule.offset(resized.0, height), rule.offset(resized.1, width))
    };
    let says = expected.as_ref().map_or_else(String::new, |arrangement| {
        format!("; the pipeline says {}", in_words(arrangement))
    });
    if let Some(right) = &expected {
        if right.after.size == output {
            push(right.before, right.resized, right.after.offset, None);
        }
        // The same resize, cut elsewhere.
        let at = right.after.offset;
        let fits = right.resized.0 >= height && right.resized.1 >= width;
        if right.after.size == output && fits && right.resized != output {
            for (down, along) in NEIGHBOURS {
                let offset = (at.0 + down, at.1 + along);
                let finding = Finding::new(
                    Mistake::CropOffset,
                    format_args!(
                        "the crop begins at row {} and column {}, where the pipeline says {} and {}",
                        offset.0, offset.1, at.0, at.1
                    ),
                );
                push(right.before, right.resized, offset, Some(finding));
            }
            let ends = [
                ((0, 0), "the top and the left"),
                ((0, at.1), "the top"),
                ((at.0, 0), "the left"),
                (
                    (
                        right.resized.0 as i64 - height as i64,
                        right.resized.1 as i64 - width as i64,
                    ),
                    "the bottom and the right",
                ),
            ];
            for (offset, place) in ends {
                let finding = Finding::new(
                    Mistake::CropOffset,
                    format_args!("the crop is cut at {place} and not at the centre"),
                );
                push(right.before, right.resized, offset, Some(finding));
            }
        }
    }
    let squash = Finding::new(
        Mistake::Squash,
        format_args!("the whole image is squeezed into {height} x {width}{says}"),
    );
    push(None, output, (0, 0), Some(squash));
    let scales = [height as f64 / image.0 as f64, width as f64 / image.1 as f64];
    let roundings: [fn(f64) -> f64; 3] = [f64::floor, f64::round, f64::ceil];
    let scaled = |scale: f64, rounding: fn(f64) -> f64| {
        let edge = |edge: usize| {
            rounding((edge as f64 * scale) + if rounding(0.5) == 0.0 { 1e-9 } else { 0.0 }).max(1.0) as usize
        };
        (edge(image.0), edge(image.1))
    };
    for rounding in roundings {
        let covering = scaled(scales[0].max(scales[1]), rounding);
        let covering = (covering.0.max(height), covering.1.max(width));
        let finding = Finding::new(
            Mistake::NoMargin,
            format_args!(
                "the image is resized to {} x {}, just as large as the crop of {height} x {width}{says}",
                covering.0, covering.1
            ),
        );
        push(None, covering, centred(covering), Some(finding));
        let fitting = scaled(scales[0].min(scales[1]), rounding);
        let fitting = (fitting.0.min(height), fitting.1.min(width));
        for (offset, place) in [
            (centred(fitting), "in the centre"),
            ((0, 0), "at the top and the left"),
        ] {
            let finding = Finding::new(
                Mistake::Letterbox,
                format_args!(
                    "the image is fitted to {} x {} and lies {place} of {height} x {width} with a border{says}",
                    fitting.0, fitting.1
                ),
            );
            push(None, fitting, offset, Some(finding));
        }
    }
    let short = height.min(width);
    let margins = [
        (short as f64 / 0.875) as usize,
        (short as f64 / 0.9) as usize,
        (short as f64 / 0.95) as usize,
        (short as f64 / 0.96) as usize,
        short + 8,
        256,
        232,
        384,
        480,
        512,
    ];
    for edge in margins {
        let (low, long) = (image.0.min(image.1), image.0.max(image.1));
        let other = edge * long / low;
        let resized = if image.0 <= image.1 {
            (edge, other)
        } else {
            (other, edge)
        };
        if resized.0 < height || resized.1 < width {
            continue;
        }
        let finding = Finding::new(
            Mistake::ResizedSize,
            format_args!(
                "the image is resized to {} x {} before the crop of {height} x {width}{says}",
                resized.0, resized.1
            ),
        );
        push(None, resized, centred(resized), Some(finding));
    }
    if let Some(right) = expected.as_ref().filter(|right| right.after.size == output) {
        for (down, along) in NEIGHBOURS {
            let edge = |edge: usize, by: i64| usize::try_from(edge as i64 + by).unwrap_or(1);
            let resized = (edge(right.resized.0, down), edge(right.resized.1, along));
            let finding = Finding::new(
                Mistake::ResizedSize,
                format_args!(
                    "the image is resized to {} x {}, where the pipeline says {} x {}",
                    resized.0, resized.1, right.resized.0, right.resized.1
                ),
            );
            let offset = if right.resized.0 < height || right.resized.1 < width {
                right.after.offset
            } else {
                centred(resized)
            };
            push(right.before, resized, offset, Some(finding));
        }
    }
    if image.0 >= height && image.1 >= width {
        let finding = Finding::new(
            Mistake::NoResize,
            format_args!("{height} x {width} pixels are cut out of the centre without a resize{says}"),
        );
        push(None, image, centred(image), Some(finding));
    }
    let edge = image.0.min(image.1);
    let square = Placement {
        from: image,
        offset: (
            CropRule::HuggingFace.offset(image.0, edge),
            CropRule::HuggingFace.offset(image.1, edge),
        ),
        size: (edge, edge),
    };
    let finding = Finding::new(
        Mistake::CropFirst,
        format_args!("the central {edge} x {edge} of the image is cut out, then resized{says}"),
    );
    push(Some(square), output, (0, 0), Some(finding));
    let edge = image.0.max(image.1);
    let padded = Placement {
        from: image,
        offset: (
            CropRule::HuggingFace.offset(image.0, edge),
            CropRule::HuggingFace.offset(image.1, edge),
        ),
        size: (edge, edge),
    };
    let finding = Finding::new(
        Mistake::PadFirst,
        format_args!("the image is put on a square of {edge} x {edge}, then resized{says}"),
    );
    push(Some(padded), output, (0, 0), Some(finding));
    found
}

const NEIGHBOURS: [(i64, i64); 8] = [
    (0, 1),
    (1, 0),
    (1, 1),
    (0, -1),
    (-1, 0),
    (-1, -1),
    (1, -1),
    (-1, 1),
];

fn in_words(arrangement: &Arrangement) -> String {
    let size = |(height, width): Size| format!("{height} x {width}");
    let mut text = format!("a resize to {}", size(arrangement.resized));
    let after = arrangement.after;
    if after.size != arrangement.resized {
        let padded = after.size.0 >= arrangement.resized.0 && after.size.1 >= arrangement.resized.1;
        text.push_str(if padded {
            " on a canvas of "
        } else {
            ", then a crop of "
        });
        text.push_str(&size(after.size));
    }
    text
}
