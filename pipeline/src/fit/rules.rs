//! From the sizes of several images to the rules that they follow.

use crate::plan::{Anchor, CanvasSize, Placement};
use crate::{CropRule, FitRounding, Limit, SizeRule, SmallImage};

type Size = (usize, usize);

/// Every rule by which each of the first sizes becomes the second; `None` is no resize. `outputs` are the sizes of the outputs,
/// which a box may have.
pub(super) fn size_rules(sizes: &[(Size, Size)], outputs: &[Size]) -> Vec<Option<SizeRule>> {
    let mut found = Vec::new();
    if sizes.iter().all(|(from, to)| from == to) {
        found.push(None);
    }
    let fits = |rule: &SizeRule| {
        rule.check().is_ok()
            && sizes
                .iter()
                .all(|((height, width), to)| rule.output_size(*height, *width).is_ok_and(|got| got == *to))
    };
    for rule in proposals(sizes, outputs) {
        if !found.contains(&Some(rule)) && fits(&rule) {
            found.push(Some(rule));
        }
    }
    found
}

fn proposals(sizes: &[(Size, Size)], outputs: &[Size]) -> Vec<SizeRule> {
    let resized: Vec<Size> = sizes.iter().map(|(_, to)| *to).collect();
    let all = |of: &dyn Fn(&Size) -> usize| -> Vec<usize> {
        let mut values: Vec<_> = resized.iter().map(of).collect();
        values.sort_unstable();
        values.dedup();
        values
    };
    let (heights, widths) = (all(&|size| size.0), all(&|size| size.1));
    let (shorts, longs) = (all(&|size| size.0.min(size.1)), all(&|size| size.0.max(size.1)));
    let (Some(highest), Some(widest)) = (heights.last(), widths.last()) else {
        return Vec::new();
    };
    let (Some(short), Some(long)) = (shorts.last(), longs.last()) else {
        return Vec::new();
    };
    let multiple = resized.iter().flat_map(|size| [size.0, size.1]).fold(0, divisor);
    let mut boxes: Vec<Size> = outputs.to_vec();
    boxes.extend([(*highest, *widest), (*long, *long), (*short, *short)]);
    boxes.push((heights[0], widths[0]));
    // The size of a square image is that of the box.
    boxes.extend(
        sizes
            .iter()
            .filter(|(from, _)| from.0 == from.1)
            .map(|(_, to)| *to),
    );
    boxes.sort_unstable();
    boxes.dedup();
    let mut found = vec![SizeRule::Exact {
        height: *highest,
        width: *widest,
    }];
    for size in [*short, shorts[0]] {
        found.push(SizeRule::ShortestEdge { size, max: None });
        for max in longs.iter().rev().take(2).chain([&1333]) {
            found.push(SizeRule::ShortestEdge {
                size,
                max: Some(*max),
            });
        }
    }
    for size in [*long, longs[0]] {
        found.push(SizeRule::LongestEdge { size });
    }
    for (height, width) in &boxes {
        let (height, width) = (*height, *width);
        found.push(SizeRule::Cover { height, width });
        for rounding in FitRounding::ALL {
            for enlarge in [true, false] {
                found.push(SizeRule::Fit {
                    height,
                    width,
                    rounding: *rounding,
                    enlarge,
                });
            }
        }
        found.push(SizeRule::Thumbnail { height, width });
    }
    for shortest in [*short, shorts[0]] {
        for longest in longs.iter().rev().take(3).copied().chain([1333]) {
            found.push(SizeRule::Detr { shortest, longest });
            for multiple in [16, 32] {
                found.push(SizeRule::Yolos {
                    shortest,
                    longest,
                    multiple,
                });
            }
        }
    }
    for (height, width) in &boxes {
        for multiple in divisors(multiple) {
            for keep_aspect_ratio in [true, false] {
                found.push(SizeRule::Dpt {
                    height: *height,
                    width: *width,
                    multiple,
                    keep_aspect_ratio,
                });
            }
        }
    }
    for multiple in divisors(multiple) {
        found.push(SizeRule::Glpn { multiple });
        for shortest in [*short, shorts[0]] {
            found.push(SizeRule::Textnet { shortest, multiple });
            found.push(SizeRule::Vilt { shortest, multiple });
        }
    }
    for limit in longs
        .iter()
        .chain(&shorts)
        .copied()
        .chain([960, 736, 64, 640, 1280])
    {
        for limit_type in Limit::ALL {
            found.push(SizeRule::PaddleocrDet {
                limit,
                limit_type: *limit_type,
                most: None,
            });
        }
    }
    for height in heights.iter().take(2) {
        found.push(SizeRule::Height { height: *height });
    }
    for multiple in divisors(multiple) {
        for (min_pixels, max_pixels) in SMART {
            found.push(SizeRule::Smart {
                multiple,
                min_pixels,
                max_pixels,
                frames: 1,
                small: SmallImage::Kept,
            });
        }
    }
    found
}

/// Bounds of `smart_resize` in the configs of its models: (least, largest).
const SMART: [(usize, usize); 5] = [
    (3_136, 12_845_056),
    (3_136, 1_003_520),
    (56 * 56, 14 * 14 * 4 * 1280),
    (65_536, 16_777_216),
    (256 * 28 * 28, 1280 * 28 * 28),
];

fn divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { divisor(b, a % b) }
}

/// The divisors of `of`, the largest first; none of 1.
fn divisors(of: usize) -> Vec<usize> {
    (2..=of.min(256))
        .rev()
        .filter(|divisor| of.is_multiple_of(*divisor))
        .collect()
}

/// Every canvas that gives each placement of an image whose source is given; `None` is no canvas.
pub(super) fn canvas_rules(places: &[Placement]) -> Vec<Option<(CanvasSize, Anchor)>> {
    let mut found = Vec::new();
    if places
        .iter()
        .all(|place| place.size == place.from && place.offset == (0, 0))
    {
        found.push(None);
    }
    let Some(first) = places.first() else {
        return found;
    };
    let (height, width) = first.size;
    let mut sizes = vec![CanvasSize::Fixed { height, width }, CanvasSize::Square];
    let multiple = places
        .iter()
        .flat_map(|place| [place.size.0, place.size.1])
        .fold(0, divisor);
    for of in divisors(multiple) {
        sizes.push(CanvasSize::Multiple { of });
        sizes.push(CanvasSize::MultipleAbove { of });
    }
    let largest = (
        places.iter().map(|place| place.size.0).max().unwrap_or(height),
        places.iter().map(|place| place.size.1).max().unwrap_or(width),
    );
    for stride in [32, 64, 16, 8] {
        for (height, width) in [largest, (largest.0.max(largest.1), largest.0.max(largest.1))] {
            sizes.push(CanvasSize::Stride {
                height,
                width,
                stride,
            });
        }
    }
    sizes.extend(fractions(places));
    let mut anchors = vec![
        Anchor::Center {
            rule: CropRule::Torchvision,
        },
        Anchor::Center {
            rule: CropRule::HuggingFace,
        },
        Anchor::Center {
            rule: CropRule::HuggingFacePil,
        },
        Anchor::TopLeft,
        Anchor::BottomRight,
    ];
    // Around a smaller image both are one; the plain one is the pad's.
    if places
        .iter()
        .all(|place| place.size.0 >= place.from.0 && place.size.1 >= place.from.1)
    {
        anchors.swap(0, 1);
    }
    if let (Ok(top), Ok(left)) = (usize::try_from(first.offset.0), usize::try_from(first.offset.1)) {
        anchors.push(Anchor::Position { top, left });
    }
    for size in sizes {
        let canvas = crate::plan::Canvas {
            size,
            anchor: Anchor::TopLeft,
            fill: crate::plan::Fill::BLACK,
        };
        if !places
            .iter()
            .all(|place| canvas.alone(place.from, place.from) == place.size)
        {
            continue;
        }
        for anchor in &anchors {
            if places
                .iter()
                .all(|place| anchor.offset(place.from, place.size) == place.offset)
            {
                found.push(Some((size, *anchor)));
            }
        }
    }
    found
}

/// A part of the shorter edge, where the sizes of all canvases allow one.
fn fractions(places: &[Placement]) -> Option<CanvasSize> {
    let part = |of: &dyn Fn(&Placement) -> usize| {
        let (mut low, mut high) = (0.0_f64, f64::MAX);
        for place in places {
            let shorter = place.from.0.min(place.from.1) as f64;
            low = low.max(of(place) as f64 / shorter);
            high = high.min((of(place) + 1) as f64 / shorter);
        }
        if low >= high {
            return None;
        }
        // The shortest decimal or quotient inside.
        let fits = |value: f64| value >= low && value < high;
        let quotient = (1..=512_usize).find_map(|bottom| {
            let top = (low * bottom as f64).ceil();
            Some(top / bottom as f64).filter(|value| fits(*value))
        });
        (0..6)
            .filter_map(|digits| format!("{:.digits$}", (low + high) / 2.0).parse().ok())
            .find(|value: &f64| fits(*value))
            .or(quotient)
    };
    Some(CanvasSize::OfShorterEdge {
        height: part(&|place| place.size.0)?,
        width: part(&|place| place.size.1)?,
    })
}
