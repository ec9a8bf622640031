//! Every family of detectors where nothing is found, where everything is, and with images of mixed sizes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ndarray::{Array1, Array2, Array4};
use prep_onnx::host::{Array, Feed};
use prep_onnx_pipeline::Accept;
use prep_onnx_rewriter::after::FAMILIES;
use prep_onnx_tests::fed::{Fed, LETTERBOX, floats};

const OPSETS: [i64; 8] = [11, 13, 18, 21, 23, 24, 25, 26];

/// A family, its step, its outputs for one image, and the output whose values are scores or logits.
struct Case {
    step: &'static str,
    outputs: &'static [(&'static str, &'static [i64])],
    /// Values that no detection is made of: of the output, from channel on, and the axis of the channels.
    nothing: f32,
    something: f32,
    scores: &'static str,
    channels: (usize, std::ops::Range<i64>),
    /// Candidates of an image.
    places: usize,
    /// Whether it has no NMS of its own, so that all candidates above the threshold remain.
    keeps_all: bool,
    /// The most that remain by default.
    most: usize,
}

/// Every family but torchvision's, whose models are finished detectors of one image.
fn cases() -> Vec<Case> {
    let case = |step, outputs, scores, channels, places| Case {
        step,
        outputs,
        nothing: 0.0,
        something: 0.9,
        scores,
        channels,
        places,
        keeps_all: false,
        most: 300,
    };
    let queries: &[(&str, &[i64])] = &[("logits", &[-1, 9, 3]), ("pred_boxes", &[-1, 9, 4])];
    vec![
        Case {
            most: 1000,
            ..case("yolov5", &[("output0", &[-1, 50, 7])], "output0", (2, 4..7), 50)
        },
        case("yolov8", &[("output0", &[-1, 6, 50])], "output0", (1, 4..6), 50),
        Case {
            keeps_all: true,
            ..case("yolo-e2e", &[("output0", &[-1, 50, 6])], "output0", (2, 4..5), 50)
        },
        case("obb", &[("output0", &[-1, 8, 50])], "output0", (1, 4..7), 50),
        case("pose", &[("output0", &[-1, 11, 50])], "output0", (1, 4..5), 50),
        case(
            "seg",
            &[("output0", &[-1, 9, 50]), ("protos", &[-1, 3, 16, 16])],
            "output0",
            (1, 4..6),
            50,
        ),
        Case {
            nothing: -9.0,
            something: 9.0,
            keeps_all: true,
            ..case("detr", queries, "logits", (2, 0..1), 9)
        },
        Case {
            nothing: -9.0,
            something: 9.0,
            keeps_all: true,
            ..case("rtdetr", queries, "logits", (2, 0..1), 9)
        },
        Case {
            most: 200,
            ..case(
                "ssd,scores=scores",
                &[("places", &[-1, 50, 4]), ("scores", &[-1, 50, 3])],
                "scores",
                (2, 1..2),
                50,
            )
        },
        Case {
            most: 1000,
            ..case("yolox", &[("output0", &[-1, 84, 7])], "output0", (2, 4..7), 84)
        },
    ]
}

impl Case {
    fn family(&self) -> &str {
        self.step.split(',').next().unwrap_or_default()
    }

    /// The outputs for `images` images, of which those that `found` names are full of detections; boxes lie apart from each other.
    fn arrays(&self, images: usize, found: &[usize]) -> Vec<(String, Array)> {
        let of = |(name, shape): &(&str, &[i64])| {
            let mut extents: Vec<usize> = shape.iter().map(|extent| (*extent).max(0) as usize).collect();
            extents[0] = images;
            let (axis, channels) = &self.channels;
            let is_scores = *name == self.scores;
            let boxes = if is_scores && self.outputs.len() == 2 && self.family() != "seg" {
                None
            } else {
                Some(*axis)
            };
            let inner: usize = extents[1..].iter().product();
            let value = |index: usize| {
                let (image, mut rest) = (index / inner, index % inner);
                let mut at = [0; 4];
                for axis in (1..extents.len()).rev() {
                    at[axis] = rest % extents[axis];
                    rest /= extents[axis];
                }
                let channel = at[*axis] as i64;
                let place = if *axis == 1 { at[2] } else { at[1] };
                if is_scores && channels.contains(&channel) {
                    return if found.contains(&image) {
                        self.something
                    } else {
                        self.nothing
                    };
                }
                // Ultralytics drops what has an empty mask.
                if self.family() == "seg" && (!is_scores || channel >= 6) {
                    return 1.0;
                }
                // Where DETR says that there is nothing.
                if self.family() == "detr" && is_scores {
                    return if found.contains(&image) { -9.0 } else { 9.0 };
                }
                if is_scores && matches!(self.family(), "ssd" | "rtdetr") {
                    return if self.family() == "rtdetr" { -9.0 } else { 0.0 };
                }
                if boxes.is_none() || channel > 3 {
                    return 0.0;
                }
                let cell = [place % 10, place / 10];
                let relative = !matches!(
                    self.family(),
                    "yolov5" | "yolov8" | "yolo-e2e" | "obb" | "pose" | "seg" | "yolox"
                );
                let corners = matches!(self.family(), "yolo-e2e" | "ssd");
                let (step, edge) = (6.0, 4.0);
                let number = match (channel, corners) {
                    (0 | 1, true) => step * cell[channel as usize] as f32,
                    (_, true) => step * cell[channel as usize - 2] as f32 + edge,
                    (0 | 1, false) => step * cell[channel as usize] as f32 + edge / 2.0,
                    (_, false) => edge,
                };
                match (self.family(), relative) {
                    // Offsets in cells, and logarithms of sizes.
                    ("yolox", _) if channel < 2 => 0.5,
                    ("yolox", _) => -1.0,
                    (_, true) => number / 64.0,
                    (_, false) => number,
                }
            };
            let count = extents.iter().product();
            (
                format!("given_{name}"),
                floats(&extents, (0..count).map(value).collect()),
            )
        };
        self.outputs.iter().map(of).collect()
    }

    /// Boxes, scores, labels and images of `session` for these arrays.
    fn run<'a>(
        &self,
        fed: &mut Fed,
        images: &[(&'a str, Feed<'a>)],
        arrays: &'a [(String, Array)],
        index: &str,
    ) -> Vec<Array> {
        let mut feeds = images.to_vec();
        feeds.extend(
            arrays
                .iter()
                .map(|(name, array)| (name.as_str(), Feed::Array(array))),
        );
        // A model of its own may have an output of this name.
        let scores = if self.scores == "scores" {
            "scores_1"
        } else {
            "scores"
        };
        let outputs = ["boxes", scores, "labels", index].map(|name| fed.output(name));
        fed.session.run(&feeds, &outputs).unwrap()
    }

    fn expected(&self) -> usize {
        self.places.min(self.most)
    }
}

#[test]
fn every_family_is_tried() {
    let tried: Vec<String> = cases().iter().map(|case| case.family().to_owned()).collect();
    for family in FAMILIES {
        assert!(
            family.name == "torchvision" || tried.iter().any(|tried| tried == family.name),
            "{}",
            family.name
        );
    }
}

#[test]
fn nothing_is_found_and_everything_is() {
    for opset in OPSETS {
        for case in cases() {
            let step = format!("detections={}", case.step);
            let Some(mut fed) = Fed::new(opset, case.outputs, &[&step], Accept::Batch, LETTERBOX) else {
                return;
            };
            let picture = Array4::from_elem((1, 64, 64, 3), 90_u8);
            let images = [("image", Feed::Images(picture.view()))];
            let what = format!("{} at opset {opset}", case.family());
            let (none, all) = (case.arrays(1, &[]), case.arrays(1, &[0]));
            let got = case.run(&mut fed, &images, &none, "image_index");
            let shapes: Vec<_> = got.iter().map(|array| array.shape().to_vec()).collect();
            assert_eq!(shapes, [vec![0, 4], vec![0], vec![0], vec![0]], "{what}");
            let got = case.run(&mut fed, &images, &all, "image_index");
            let count = got[1].shape()[0];
            assert_eq!(got[0].shape(), [count, 4], "{what}");
            if case.keeps_all || case.family() == "yolov8" {
                assert_eq!(count, case.expected(), "{what}");
            }
            assert!(count > 0, "{what}");
            for edge in got[0].to_f64() {
                assert!((0.0..=64.0).contains(&edge), "{what}: {edge}");
            }
        }
    }
}

#[test]
fn thresholds_of_0_and_1_are_the_ends() {
    for case in cases() {
        let step = format!("detections={}", case.step);
        let Some(mut fed) = Fed::new(17, case.outputs, &[&step], Accept::Batch, LETTERBOX) else {
            return;
        };
        let picture = Array4::from_elem((1, 64, 64, 3), 90_u8);
        let arrays = case.arrays(1, &[0]);
        for (threshold, some) in [(1.0, false), (0.0, true)] {
            let threshold = floats(&[1], vec![threshold]);
            let images = [
                ("image", Feed::Images(picture.view())),
                ("score_threshold", Feed::Array(&threshold)),
            ];
            let got = case.run(&mut fed, &images, &arrays, "image_index");
            assert_eq!(got[1].shape()[0] > 0, some, "{}", case.family());
        }
    }
}

#[test]
fn images_of_mixed_sizes_keep_their_own() {
    let sizes = [(30, 50), (64, 64), (90, 20)];
    for case in cases() {
        let step = format!("detections={}", case.step);
        let Some(mut fed) = Fed::new(17, case.outputs, &[&step], Accept::Ragged, LETTERBOX) else {
            return;
        };
        let length: usize = sizes.iter().map(|(height, width)| height * width * 3).sum();
        let pixels = Array1::from_elem(length, 90_u8);
        let shapes = Array2::from_shape_fn((3, 3), |(image, axis)| {
            [sizes[image].0, sizes[image].1, 3][axis] as i64
        });
        let images = [
            ("pixels", Feed::Pixels(pixels.view())),
            ("shapes", Feed::Shapes(shapes.view())),
        ];
        let arrays = case.arrays(3, &[0, 2]);
        let got = case.run(&mut fed, &images, &arrays, "image");
        let (boxes, index) = (got[0].to_f64(), got[3].to_f64());
        let of = |image: usize| index.iter().filter(|place| **place == image as f64).count();
        assert!(
            // In the narrow image some masks lie beside it.
            of(0) > 0 && of(1) == 0 && (of(2) == of(0) || case.family() == "seg" && of(2) > 0),
            "{}: {index:?}",
            case.family()
        );
        for (row, image) in index.iter().enumerate() {
            let (height, width) = sizes[*image as usize];
            for (column, edge) in boxes[4 * row..4 * row + 4].iter().enumerate() {
                let most = if column % 2 == 0 { width } else { height };
                // Ultralytics does not clip what is turned.
                if case.family() == "obb" {
                    continue;
                }
                assert!((0.0..=most as f64).contains(edge), "{}: {edge}", case.family());
            }
        }
    }
}
