//! Steps after a model in ONNX Runtime, on outputs that the tests choose, against plain definitions.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use ndarray::Array4;
use prep_onnx::host::{Array, Feed};
use prep_onnx_pipeline::Accept;
use prep_onnx_tests::fed::{Fed, LETTERBOX, floats};

const OPSETS: [i64; 13] = [11, 12, 13, 14, 17, 18, 20, 21, 22, 23, 24, 25, 26];

/// Numbers of no pattern, the same ones every time.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1_u64 << 24) as f32
    }
}

/// [1, 4 + classes, boxes] with every score another one.
fn predictions(classes: usize, boxes: usize) -> Vec<f32> {
    let mut numbers = Numbers(7);
    let mut values = vec![0.0; (4 + classes) * boxes];
    for place in 0..boxes {
        let edges = [
            8.0 + 48.0 * numbers.next(),
            8.0 + 48.0 * numbers.next(),
            4.0 + 20.0 * numbers.next(),
            4.0 + 20.0 * numbers.next(),
        ];
        for (channel, edge) in edges.into_iter().enumerate() {
            values[channel * boxes + place] = edge;
        }
        for class in 0..classes {
            values[(4 + class) * boxes + place] = 0.001 + 0.99 * numbers.next();
        }
    }
    values
}

type Found = ([f32; 4], f32, i64);

/// Ultralytics' `non_max_suppression` with `multi_label=False`, in plain words.
fn plain(values: &[f32], classes: usize, boxes: usize, score: f32, iou: f64, max: usize) -> Vec<Found> {
    let mut all: Vec<Found> = (0..boxes)
        .filter_map(|place| {
            let at = |channel: usize| values[channel * boxes + place];
            let mut best = (0, at(4));
            for class in 1..classes {
                if at(4 + class) > best.1 {
                    best = (class, at(4 + class));
                }
            }
            let corners = [
                at(0) - at(2) / 2.0,
                at(1) - at(3) / 2.0,
                at(0) + at(2) / 2.0,
                at(1) + at(3) / 2.0,
            ];
            (best.1 > score).then_some((corners, best.1, best.0 as i64))
        })
        .collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut kept: Vec<Found> = Vec::new();
    let shifted = |found: &Found| found.0.map(|edge| edge + found.2 as f32 * 7680.0);
    for found in all {
        let a = shifted(&found);
        let overlaps = kept.iter().any(|other| {
            let b = shifted(other);
            let width = (a[2].min(b[2]) - a[0].max(b[0])).max(0.0);
            let height = (a[3].min(b[3]) - a[1].max(b[1])).max(0.0);
            let area = |c: [f32; 4]| (c[2] - c[0]) * (c[3] - c[1]);
            let inter = width * height;
            f64::from(inter / (area(b) + area(a) - inter)) > iou
        });
        if !overlaps {
            kept.push(found);
            if kept.len() == max {
                break;
            }
        }
    }
    kept
}

/// Boxes of a letterbox of 64 x 64 in pixels of an image, as float32 has them.
fn unmapped(found: &Found, (height, width): (usize, usize)) -> [f32; 4] {
    let gain = (64.0 / height as f64).min(64.0 / width as f64);
    let resized = [height, width].map(|edge| ((edge as f64 * gain).round_ties_even()).max(1.0));
    let border = resized.map(|edge| ((64.0 - edge) / 2.0 - 0.1).round_ties_even() as f32);
    let scale = [
        (resized[0] / height as f64) as f32,
        (resized[1] / width as f64) as f32,
    ];
    std::array::from_fn(|index| {
        let axis = 1 - index % 2;
        let place = (found.0[index] - border[axis]) / scale[axis];
        place.max(0.0).min([height, width][axis] as f32)
    })
}

fn image(height: usize, width: usize) -> Array4<u8> {
    Array4::from_shape_fn((1, height, width, 3), |(_, row, column, channel)| {
        (row * 7 + column * 3 + channel * 50) as u8
    })
}

const ROLES: [&str; 3] = ["boxes", "scores", "labels"];

fn found(
    fed: &mut Fed,
    values: &[f32],
    shape: &[usize],
    thresholds: &[(&str, f32)],
    image: &Array4<u8>,
) -> Vec<Found> {
    let array = floats(shape, values.to_vec());
    let thresholds: Vec<_> = thresholds
        .iter()
        .map(|(name, value)| (*name, floats(&[1], vec![*value])))
        .collect();
    let mut feeds = vec![
        ("image", Feed::Images(image.view())),
        ("given_output0", Feed::Array(&array)),
    ];
    feeds.extend(thresholds.iter().map(|(name, array)| (*name, Feed::Array(array))));
    let outputs = ROLES.map(|role| fed.output(role));
    let arrays = fed.session.run(&feeds, &outputs).unwrap();
    let [boxes, scores, labels] = arrays.as_slice() else {
        panic!("{arrays:?}")
    };
    let (boxes, scores, labels) = (boxes.to_f64(), scores.to_f64(), labels.to_f64());
    assert_eq!(boxes.len(), 4 * scores.len());
    (0..scores.len())
        .map(|row| {
            let corners = std::array::from_fn(|index| boxes[row * 4 + index] as f32);
            (corners, scores[row] as f32, labels[row] as i64)
        })
        .collect()
}

#[test]
fn boxes_are_those_of_the_definition_at_every_opset_and_threshold() {
    const CLASSES: usize = 3;
    for (opset, boxes) in OPSETS.into_iter().map(|opset| (opset, 200)).chain([(17, 10_000)]) {
        let shape = [1, 4 + CLASSES as i64, boxes as i64];
        let outputs: [(&str, &[i64]); 1] = [("output0", &shape)];
        let Some(mut fed) = Fed::new(
            opset,
            &outputs,
            &["detections=yolov8", "nms=iou=0.45,max=100"],
            Accept::Batch,
            LETTERBOX,
        ) else {
            return;
        };
        let values = predictions(CLASSES, boxes);
        let shape = [1, 4 + CLASSES, boxes];
        let size = (45, 90);
        let picture = image(size.0, size.1);
        for (score, iou) in [
            (0.25, 0.45),
            (0.9, 0.45),
            (0.0, 0.45),
            (1.0, 0.45),
            (0.5, 0.0),
            (0.5, 1.0),
        ] {
            let expected: Vec<Found> = plain(&values, CLASSES, boxes, score, iou, 100)
                .into_iter()
                .map(|found| (unmapped(&found, size), found.1, found.2))
                .collect();
            let below = iou as f32;
            let below = if f64::from(below) > iou {
                below.next_down()
            } else {
                below
            };
            let thresholds = [("score_threshold", score), ("iou_threshold", below)];
            let got = found(&mut fed, &values, &shape, &thresholds, &picture);
            assert_eq!(
                got, expected,
                "opset {opset}, {boxes} boxes, score {score}, iou {iou}"
            );
            assert_eq!(got.is_empty(), score == 1.0);
        }
        let by_default: Vec<_> = plain(&values, CLASSES, boxes, 0.25, 0.45, 100);
        assert_eq!(
            found(&mut fed, &values, &shape, &[], &picture).len(),
            by_default.len()
        );
    }
}

#[test]
fn images_of_mixed_sizes_keep_their_own_boxes() {
    const CLASSES: usize = 2;
    const BOXES: usize = 60;
    let shape = [-1, 4 + CLASSES as i64, BOXES as i64];
    let outputs: [(&str, &[i64]); 1] = [("output0", &shape)];
    let Some(mut fed) = Fed::new(13, &outputs, &["detections=yolov8"], Accept::Ragged, LETTERBOX) else {
        return;
    };
    let sizes = [(30, 50), (64, 64), (90, 20)];
    let all = predictions(CLASSES, 3 * BOXES);
    // The second image has nothing above the threshold.
    let mut images: Vec<Vec<f32>> = (0..3)
        .map(|image| {
            let channels = 0..4 + CLASSES;
            channels
                .flat_map(|channel| all[channel * 3 * BOXES + image * BOXES..][..BOXES].to_vec())
                .collect()
        })
        .collect();
    for score in &mut images[1][4 * BOXES..] {
        *score /= 10.0;
    }
    let predictions = floats(&[3, 4 + CLASSES, BOXES], images.concat());
    let pixels: Vec<u8> = sizes
        .iter()
        .flat_map(|(height, width)| image(*height, *width).into_iter())
        .collect();
    let pixels = ndarray::Array1::from(pixels);
    let shapes = ndarray::Array2::from_shape_fn((3, 3), |(image, axis)| {
        [sizes[image].0, sizes[image].1, 3][axis] as i64
    });
    let feeds = [
        ("pixels", Feed::Pixels(pixels.view())),
        ("shapes", Feed::Shapes(shapes.view())),
        ("given_output0", Feed::Array(&predictions)),
    ];
    let outputs = ["boxes", "scores", "labels", "image"].map(|name| fed.output(name));
    let got = fed.session.run(&feeds, &outputs).unwrap();
    let got: Vec<Vec<f64>> = got.iter().map(Array::to_f64).collect();
    let mut expected: [Vec<f64>; 4] = Default::default();
    for (index, (values, size)) in images.iter().zip(sizes).enumerate() {
        for found in plain(values, CLASSES, BOXES, 0.25, 0.7, 300) {
            expected[0].extend(unmapped(&found, size).map(f64::from));
            expected[1].push(f64::from(found.1));
            expected[2].push(found.2 as f64);
            expected[3].push(index as f64);
        }
    }
    assert!(!expected[3].contains(&1.0) && expected[3].contains(&2.0));
    assert_eq!(got, expected);
}

/// Softmax, the highest classes and rows of length 1 at every opset.
#[test]
fn rows_of_classes_are_those_of_the_definition() {
    let values: Vec<f32> = (0..10).map(|place| (place * 7 % 10) as f32 / 3.0 - 1.0).collect();
    let highest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = values.iter().map(|value| f64::from(value - highest).exp()).sum();
    let length: f64 = values
        .iter()
        .map(|value| f64::from(*value).powi(2))
        .sum::<f64>()
        .sqrt();
    let mut order: Vec<usize> = (0..10).collect();
    order.sort_by(|a, b| values[*b].total_cmp(&values[*a]));
    for opset in OPSETS {
        let outputs: [(&str, &[i64]); 1] = [("output0", &[1, 10])];
        let run = |steps: &[&str], names: &[&str]| -> Option<Vec<Vec<f64>>> {
            let mut fed = Fed::new(opset, &outputs, steps, Accept::Batch, LETTERBOX)?;
            let (array, picture) = (floats(&[1, 10], values.clone()), image(64, 64));
            let feeds = [
                ("image", Feed::Images(picture.view())),
                ("given_output0", Feed::Array(&array)),
            ];
            let indices: Vec<usize> = names.iter().map(|name| fed.output(name)).collect();
            let got = fed.session.run(&feeds, &indices).unwrap();
            Some(got.iter().map(Array::to_f64).collect())
        };
        let Some(got) = run(&["softmax=output0", "top_k=4"], &["scores", "indices"]) else {
            return;
        };
        for (place, class) in order.iter().take(4).enumerate() {
            let expected = f64::from(values[*class] - highest).exp() / sum;
            assert!((got[0][place] - expected).abs() < 1e-6, "opset {opset}");
            assert_eq!(got[1][place], *class as f64, "opset {opset}");
        }
        let got = run(&["l2_normalize=output0"], &["embeddings"]).unwrap();
        for (got, value) in got[0].iter().zip(&values) {
            assert!((got - f64::from(*value) / length).abs() < 1e-6, "opset {opset}");
        }
        let got = run(&["argmax=output0"], &["labels"]).unwrap();
        assert_eq!(got, [[order[0] as f64]]);
        let got = run(&["threshold=score=0.5,output=output0"], &["above"]).unwrap();
        let expected: Vec<f64> = values
            .iter()
            .map(|value| f64::from(u8::from(*value > 0.5)))
            .collect();
        assert_eq!(got, [expected]);
    }
}

/// A map of a known size and an image of an unknown one: the sizes of `Resize` are known to be four, and nothing else of them.
#[test]
fn maps_get_the_size_of_the_image_at_every_opset() {
    const SQUASH: &str =
        "[[steps]]\nstep = \"resize\"\nsize = [64, 64]\nfilter = \"bilinear\"\nresampler = \"pillow\"";
    for opset in OPSETS {
        let outputs: [(&str, &[i64]); 1] = [("output0", &[1, 3, 8, 8])];
        let steps = ["resize_to_image=bilinear"];
        let Some(mut fed) = Fed::new(opset, &outputs, &steps, Accept::Batch, SQUASH) else {
            return;
        };
        let (array, picture) = (floats(&[1, 3, 8, 8], vec![1.0; 192]), image(20, 70));
        let feeds = [
            ("image", Feed::Images(picture.view())),
            ("given_output0", Feed::Array(&array)),
        ];
        let index = fed.output("resized");
        let got = fed.session.run(&feeds, &[index]).unwrap();
        assert_eq!(got[0].shape(), [1, 3, 20, 70], "opset {opset}");
        // The two weights of a pixel, each rounded, make 1 but for their last bit.
        let near = |value: &f64| (value - 1.0).abs() <= f64::from(f32::EPSILON);
        assert!(got[0].to_f64().iter().all(near), "opset {opset}");
    }
}
