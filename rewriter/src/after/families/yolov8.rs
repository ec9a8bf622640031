//! One output, channels before boxes: [N, 4 + classes + …, boxes], of which the scores are finished.

use prep_onnx_pipeline::{Error, Result};

use crate::after::builder::{Builder, Want};
use crate::after::flow::{Boxes, Candidates, Frame, Labels, Part, Tensor, Usual};
use crate::after::ops::Reduction;
use crate::after::steps::Detections;
use crate::model::Dimension;
use crate::portable::graph::Value;

const ULTRALYTICS: Usual = Usual {
    score: 0.25,
    iou: Some(0.7),
    max: 300,
    agnostic: false,
    whose: "Ultralytics",
};

/// Rank 3, with fewer channels than boxes.
fn fits(shape: &[Dimension]) -> bool {
    let [_, channels, boxes] = shape else { return false };
    match (channels.fixed(), boxes.fixed()) {
        (Some(channels), Some(boxes)) => channels >= 5 && channels < boxes,
        (Some(channels), None) => channels >= 5,
        (None, _) => false,
    }
}

pub(super) fn detect(builder: &mut Builder<'_>, options: &Detections) -> Result<Candidates> {
    let output = output(
        builder,
        "[N, 4 + classes, boxes], more boxes than channels",
        options,
    )?;
    let (found, rest) = split(builder, "yolov8", &output, options.classes, 0)?;
    match rest {
        None => Ok(found),
        Some((channels, _)) => Err(Error::new(
            "classes",
            "the output has channels behind its classes, which this family has not",
        )
        .expected_got(format_args!("4 + {}", options.classes.unwrap_or_default()), {
            let more = options.classes.unwrap_or_default() as i64 + 4 + channels;
            format!("{more} channels of `{}` {}", output.name, output.form())
        })
        .fix("use detections=seg, pose or obb, or leave classes out")),
    }
}

pub(super) fn rotated(builder: &mut Builder<'_>, options: &Detections) -> Result<Candidates> {
    let output = output(
        builder,
        "[N, 4 + classes + 1, boxes], more boxes than channels",
        options,
    )?;
    let (mut found, rest) = split(builder, "obb", &output, options.classes, 1)?;
    let angle = rest.filter(|(channels, _)| *channels == 1).ok_or_else(|| {
        Error::new(
            "classes",
            "the output does not have one channel behind its classes: the angle",
        )
        .expected_got(
            format_args!("[N, 4 + {} + 1, boxes]", options.classes.unwrap_or_default()),
            output.form(),
        )
    })?;
    let graph = &mut builder.graph;
    let boxes = graph.part(&output.value, 1, 0, 4);
    let all = graph.joined(&[&boxes, &angle.1], 1);
    let all = graph.permuted(&all, &[0, 2, 1]);
    found.parts.push((Part::Rotated, all));
    Ok(found)
}

pub(super) fn pose(builder: &mut Builder<'_>, options: &Detections) -> Result<Candidates> {
    let output = output(
        builder,
        "[N, 4 + classes + points * numbers, boxes], more boxes than channels",
        options,
    )?;
    let classes = options.classes.unwrap_or(1);
    let (mut found, rest) = split(builder, "pose", &output, Some(classes), 2)?;
    let (channels, rest) = rest.ok_or_else(|| {
        Error::new("keypoints", "the output has no channels behind its classes").expected_got(
            format_args!("[N, 4 + {classes} + points * numbers, boxes]"),
            output.form(),
        )
    })?;
    let (points, numbers) = match options.points()? {
        Some(points) => points,
        None if channels % 3 == 0 => (channels / 3, 3),
        None => (channels / 2, 2),
    };
    if points * numbers != channels {
        return Err(
            Error::new("keypoints", "are not as many numbers as the output has")
                .expected_got(
                    format_args!(
                        "{channels}, behind 4 + {classes} channels of `{}` {}",
                        output.name,
                        output.form()
                    ),
                    format_args!("{points} x {numbers}"),
                )
                .fix("give keypoints=POINTSxNUMBERS, and classes=N where there are several"),
        );
    }
    let rest = builder.graph.permuted(&rest, &[0, 2, 1]);
    found.parts.push((Part::Keypoints { points, numbers }, rest));
    Ok(found)
}

pub(super) fn segments(builder: &mut Builder<'_>, options: &Detections) -> Result<Candidates> {
    let output = output(
        builder,
        "[N, 4 + classes + prototypes, boxes], more boxes than channels",
        options,
    )?;
    let want = Want {
        step: "detections",
        key: None,
        shape: "the prototypes [N, prototypes, rows, columns]",
        fits: |shape| shape.len() == 4 && shape[1].fixed().is_some(),
    };
    let prototypes = builder.output(&want, None)?;
    let count = prototypes.fixed(1).unwrap_or_default();
    let channels = output.fixed(1).unwrap_or_default();
    let classes = channels - 4 - count;
    let given = options.classes.map(|classes| classes as i64);
    if classes < 1 || given.is_some_and(|given| given != classes) {
        return Err(
            Error::new("detections", "boxes and prototypes do not go together").expected_got(
                format_args!(
                    "4 + {} + {count} channels for prototypes `{}` {}",
                    given.map_or_else(|| "classes".to_owned(), |given| given.to_string()),
                    prototypes.name,
                    prototypes.form()
                ),
                format_args!("{channels} of `{}` {}", output.name, output.form()),
            ),
        );
    }
    let (mut found, rest) = split(builder, "seg", &output, Some(classes as usize), count)?;
    if let Some((_, rest)) = rest {
        let rest = builder.graph.permuted(&rest, &[0, 2, 1]);
        found.parts.push((Part::MaskWeights { count }, rest));
    }
    found.prototypes = Some(prototypes);
    Ok(found)
}

fn output(builder: &mut Builder<'_>, shape: &'static str, options: &Detections) -> Result<Tensor> {
    let want = Want {
        step: "detections",
        key: Some("boxes"),
        shape,
        fits,
    };
    builder.output(&want, options.boxes.as_deref())
}

/// Boxes, best scores and classes, and how many channels are behind these, with them.
type Split = (Candidates, Option<(i64, Value)>);

/// At least `behind` channels follow the classes.
fn split(
    builder: &mut Builder<'_>,
    family: &'static str,
    output: &Tensor,
    classes: Option<usize>,
    behind: i64,
) -> Result<Split> {
    let channels = output.fixed(1).unwrap_or_default();
    let classes = classes.map_or(channels - 4 - behind, |classes| classes as i64);
    let rest = channels - 4 - classes;
    if classes < 1 || rest < behind {
        return Err(
            Error::new("classes", "are more than the output has").expected_got(
                format_args!("at most {}", channels - 4 - behind),
                format_args!("{classes} for `{}` {}", output.name, output.form()),
            ),
        );
    }
    builder.tells_apart(Some(classes));
    let graph = &mut builder.graph;
    let rows = graph.permuted(&output.value, &[0, 2, 1]);
    let scores = graph.part(&output.value, 1, 4, 4 + classes);
    let rest = (rest > 0).then(|| (rest, graph.part(&output.value, 1, 4 + classes, i64::MAX)));
    let candidates = Candidates {
        family,
        frame: Frame::Input,
        boxes: Boxes::Centred {
            rows: rows.clone(),
            channels,
        },
        scores: graph.reduce(Reduction::Max, &scores, 1, false),
        labels: Some(Labels::Best {
            rows,
            channels,
            from: 4,
            to: 4 + classes,
            times: None,
        }),
        parts: Vec::new(),
        prototypes: None,
        usual: ULTRALYTICS,
        edge: 0.0,
        first_class: 0,
    };
    Ok((candidates, rest))
}
