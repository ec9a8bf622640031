//! Whether an output has a row for each image.
//!
//! That the first extent of an output equals the number of images proves nothing: three detections in three images
//! are not one each. What the model declares decides; where that leaves it open, a trial does.

use std::fmt;

use clap::ValueEnum;
use prep_onnx_pipeline::{Error, ErrorKind, Result};
use prep_onnx_rewriter::{Dimension, Model, ValueType, output_size_depends_on_values};
use serde::{Deserialize, Serialize};

/// What `--rows` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum RowsOption {
    /// As the model declares its output; where it does not say, a trial with the first image decides
    #[default]
    Auto,
    /// The first axis of the output is that of the images, whatever the model declares
    Each,
    /// One image at a time, and its output whole
    Whole,
}

impl RowsOption {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Each => "each",
            Self::Whole => "whole",
        }
    }
}

/// What becomes of an output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "rows", content = "why")]
pub(crate) enum Rows {
    /// Its first axis is that of the images: a row each.
    Each,
    /// It is no image's alone, so one image runs at a time and keeps it whole; why.
    Whole(String),
}

/// What is known of an output before the first image runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Settled(Rows),
    /// The model declares a row each, but the size of the output may depend on what is in the images.
    Doubted,
    /// The model declares nothing of use. The size depends on the number of images alone.
    Open,
}

impl Known {
    /// What `model` declares of `output`, where `input` has the number of images. `inferred` is what ONNX Runtime
    /// has made of the output's shape; -1 stands for an open extent, and no extent for an unknown rank, too.
    ///
    /// # Errors
    /// A file that changed since it was opened.
    pub(super) fn of(model: &Model, input: &str, output: &str, inferred: Option<&[i64]>) -> Result<Self> {
        let first = |value: Option<&prep_onnx_rewriter::Value>| match value.map(|value| &value.value_type) {
            Some(ValueType::Tensor {
                shape: Some(shape), ..
            }) => First::of(shape),
            _ => First::Extent(Dimension::Unknown),
        };
        let batch = match first(model.inputs().find(|value| value.name == input)) {
            First::Extent(batch) => batch,
            First::NoAxis => Dimension::Unknown,
        };
        let declared = first(model.outputs().iter().find(|value| value.name == output));
        let rows = match (inferred.and_then(<[i64]>::first), declared) {
            // Whatever its name, it is always that.
            (Some(extent @ 0..), _) => First::Extent(Dimension::Fixed(*extent)),
            // ONNX Runtime drops an extent that the graph contradicts.
            (Some(_), First::Extent(Dimension::Fixed(_))) => First::Extent(Dimension::Unknown),
            (_, declared) => declared,
        };
        Self::decide(&batch, &rows, || output_size_depends_on_values(model, output))
    }

    fn decide(batch: &Dimension, rows: &First, depends: impl Fn() -> Result<bool>) -> Result<Self> {
        use Dimension::{Fixed, Symbolic};
        let whole = |why: String| Ok(Self::Settled(Rows::Whole(why)));
        let First::Extent(rows) = rows else {
            return whole("it has no axis".to_owned());
        };
        match (batch, rows) {
            // One detection of one image is no row.
            (Fixed(1), Fixed(1)) if !depends()? => Ok(Self::Settled(Rows::Each)),
            (Fixed(1), Fixed(1)) => whole(may_depend(rows)),
            (Fixed(batch), Fixed(rows)) if batch == rows => Ok(Self::Open),
            (_, Fixed(rows)) => whole(format!(
                "its first extent is declared {rows}, the images' number {batch}"
            )),
            (Symbolic(batch), Symbolic(rows)) if batch == rows => Ok(if depends()? {
                Self::Doubted
            } else {
                Self::Settled(Rows::Each)
            }),
            (Fixed(1), rows) => whole(format!(
                "its first extent is declared {rows}, the images' number 1"
            )),
            (_, rows) if depends()? => whole(may_depend(rows)),
            _ => Ok(Self::Open),
        }
    }
}

fn may_depend(rows: &Dimension) -> String {
    format!("its first extent, declared {rows}, may depend on what is in the images")
}

/// The first extent of a shape.
enum First {
    Extent(Dimension),
    /// The shape has no axis.
    NoAxis,
}

impl First {
    fn of(shape: &[Dimension]) -> Self {
        shape
            .first()
            .map_or(Self::NoAxis, |extent| Self::Extent(extent.clone()))
    }
}

/// The error of an output that is no image's, of a model that takes several images at once.
pub(super) fn refusal(output: impl fmt::Display, fixed: usize, why: &str) -> Error {
    Error::new(format_args!("output `{output}`"), "cannot be told apart image by image").with_kind(ErrorKind::Model)
        .expected_got(format_args!("a row for each of the {fixed} images that the model takes at once"), why)
        .fix("take another output with --output, or a model that takes one image at a time; where the first axis is that of the images, say so with --rows each")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(batch: &Dimension, rows: &[Dimension], depends: bool) -> Known {
        Known::decide(batch, &First::of(rows), || Ok(depends)).unwrap()
    }

    /// Every kind of first extent against every kind of batch: rows come only from the declaration, never from
    /// numbers that happen to agree.
    #[test]
    fn declared_shapes_decide() {
        let symbol = |name: &str| Dimension::Symbolic(name.to_owned());
        let batches = [
            symbol("n"),
            Dimension::Unknown,
            Dimension::Fixed(1),
            Dimension::Fixed(3),
        ];
        let firsts = [
            symbol("n"),
            symbol("other"),
            Dimension::Unknown,
            Dimension::Fixed(1),
            Dimension::Fixed(2),
            Dimension::Fixed(3),
        ];
        let each = Known::Settled(Rows::Each);
        for batch in &batches {
            for first in &firsts {
                for rest in [
                    &[][..],
                    &[symbol("n")],
                    &[Dimension::Fixed(7), Dimension::Unknown],
                ] {
                    let shape = [&[first.clone()][..], rest].concat();
                    let expected = |depends: bool| match (batch, first) {
                        (Dimension::Symbolic(_), Dimension::Symbolic(name)) if name == "n" && depends => {
                            "doubted"
                        }
                        (Dimension::Symbolic(_), Dimension::Symbolic(name)) if name == "n" => "each",
                        (Dimension::Fixed(1), Dimension::Fixed(1)) if !depends => "each",
                        (Dimension::Fixed(3), Dimension::Fixed(3)) => "open",
                        (_, Dimension::Fixed(_)) | (Dimension::Fixed(1), _) => "whole",
                        _ if depends => "whole",
                        _ => "open",
                    };
                    for depends in [false, true] {
                        let got = match decided(batch, &shape, depends) {
                            known if known == each => "each",
                            Known::Settled(_) => "whole",
                            Known::Doubted => "doubted",
                            Known::Open => "open",
                        };
                        assert_eq!(got, expected(depends), "{batch} {shape:?} {depends}");
                    }
                }
            }
            assert!(matches!(
                decided(batch, &[], false),
                Known::Settled(Rows::Whole(_))
            ));
        }
    }
}
