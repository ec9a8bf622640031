//! Crop and pad as one: a canvas of another size, on which the image lies somewhere.

use serde::{Deserialize, Serialize};

use crate::named::named_enum;
use crate::size::{MAX_EDGE, check_edge};
use crate::{CropRule, Error, Result, SizeRule};

/// Output (y, x) is input (y + top, x + left), or the fill where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canvas {
    /// How large it is.
    pub size: CanvasSize,
    /// Where the image lies.
    pub anchor: Anchor,
    /// What is around it.
    pub fill: Fill,
}

/// How the size of a canvas follows from the size of the image on it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
pub enum CanvasSize {
    /// This height and width.
    Fixed {
        /// Height.
        height: usize,
        /// Width.
        width: usize,
    },
    /// A square of the longer edge.
    Square,
    /// Each edge becomes the next multiple of `of`, or stays where it is one.
    Multiple {
        /// The divisor.
        of: usize,
    },
    /// Each edge becomes the next multiple of `of` above it, also where it is one: Swin2SR.
    MultipleAbove {
        /// The divisor.
        of: usize,
    },
    /// Each edge grows by `(target - edge) % stride`: Ultralytics' `LetterBox(auto=True)`.
    Stride {
        /// Target height.
        height: usize,
        /// Target width.
        width: usize,
        /// The divisor.
        stride: usize,
    },
    /// The largest height and the largest width of the batch, each rounded up to a multiple of `multiple`.
    BatchLargest {
        /// 1 for the edges as they are.
        multiple: usize,
    },
    /// `height`, and the width `int(height * max(width / height, aspect))` with the largest aspect (width / height) of
    /// the source images of the batch: PaddleOCR's text recognition.
    TextLine {
        /// Height.
        height: usize,
        /// The least width.
        width: usize,
    },
    /// What a rule gives for the source image: the tiles that an image lies on which keeps its proportion.
    OfSource {
        /// [`SizeRule::Grid`] or [`SizeRule::Glm5Next`].
        size: SizeRule,
    },
    /// `int(height * shorter)` x `int(width * shorter)` with the shorter edge of the image: Perceiver.
    OfShorterEdge {
        /// Height as a fraction of the shorter edge.
        height: f64,
        /// Width as a fraction of the shorter edge.
        width: f64,
    },
}

/// Where an image lies on a canvas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "snake_case", deny_unknown_fields)]
pub enum Anchor {
    /// Its first row and column are those of the canvas.
    TopLeft,
    /// Its last row and column are those of the canvas.
    BottomRight,
    /// In the centre, by the rule of a library.
    Center {
        /// Whose rounding.
        rule: CropRule,
    },
    /// The canvas begins at this row and column of the image.
    Position {
        /// First row.
        top: usize,
        /// First column.
        left: usize,
    },
}

impl Anchor {
    /// In the centre; what cannot be halved leaves the image one pixel nearer to the top and the left.
    pub const CENTER: Self = Self::Center {
        rule: CropRule::HuggingFace,
    };

    /// (top, left): the first row and column of the image on the canvas; negative where the fill comes first.
    pub fn offset(self, image: (usize, usize), canvas: (usize, usize)) -> (i64, i64) {
        match self {
            Self::TopLeft => (0, 0),
            Self::BottomRight => (image.0 as i64 - canvas.0 as i64, image.1 as i64 - canvas.1 as i64),
            Self::Center { rule } => (rule.offset(image.0, canvas.0), rule.offset(image.1, canvas.1)),
            Self::Position { top, left } => (top as i64, left as i64),
        }
    }
}

named_enum! {
    /// How pixels outside an image repeat those inside.
    pub enum Mirror("mode") {
        /// Without the edge pixel: `c b | a b c | b a`. Needs less of it than the image has.
        Reflect = "reflect",
        /// With the edge pixel: `b a | a b c | c b`. At most the image once over.
        Symmetric = "symmetric",
        /// The edge pixel: `a a | a b c | c c`.
        Edge = "edge",
    }
}

impl Mirror {
    /// The position inside an axis of `length` that stands for `position`, at most one image away.
    pub fn source(self, position: i64, length: usize) -> usize {
        let last = length as i64 - 1;
        let inside = match self {
            Self::Reflect if position < 0 => -position,
            Self::Reflect if position > last => 2 * last - position,
            Self::Symmetric if position < 0 => -1 - position,
            Self::Symmetric if position > last => 2 * last + 1 - position,
            Self::Reflect | Self::Symmetric | Self::Edge => position,
        };
        inside.clamp(0, last.max(0)) as usize
    }

    /// How many positions can be added on each side of an axis of `length`.
    pub fn reach(self, length: usize) -> usize {
        match self {
            Self::Reflect => length.saturating_sub(1),
            Self::Symmetric => length,
            Self::Edge => MAX_EDGE,
        }
    }
}

/// What is around an image on its canvas.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "with", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fill {
    /// A colour, in the order of the image's channels; arithmetic applies to it as to any pixel.
    Color {
        /// One value a channel; of a gray image the first counts.
        color: [u8; 3],
    },
    /// A number for each channel of the output, after all arithmetic. Only on the last canvas of a plan.
    Value {
        /// Exactly representable in float32.
        value: [f64; 3],
    },
    /// The image, mirrored.
    Mirror {
        /// How.
        mode: Mirror,
    },
}

impl Fill {
    /// Black: what a crop leaves outside the image.
    pub const BLACK: Self = Self::Color { color: [0; 3] };
}

impl Canvas {
    /// A crop or pad to a fixed size with black around.
    pub const fn fixed(height: usize, width: usize, anchor: Anchor) -> Self {
        Self {
            size: CanvasSize::Fixed { height, width },
            anchor,
            fill: Fill::BLACK,
        }
    }

    /// Whether its size follows from all images of a batch together.
    pub const fn is_of_batch(&self) -> bool {
        match self.size {
            CanvasSize::BatchLargest { .. } | CanvasSize::TextLine { .. } => true,
            CanvasSize::Fixed { .. }
            | CanvasSize::Square
            | CanvasSize::Multiple { .. }
            | CanvasSize::MultipleAbove { .. }
            | CanvasSize::Stride { .. }
            | CanvasSize::OfSource { .. }
            | CanvasSize::OfShorterEdge { .. } => false,
        }
    }

    /// Checks the numbers.
    ///
    /// # Errors
    /// Names the key.
    pub fn check(&self) -> Result<()> {
        match self.size {
            CanvasSize::Fixed { height, width } | CanvasSize::TextLine { height, width } => {
                check_edge("height", height)?;
                check_edge("width", width)?;
            }
            CanvasSize::Square => {}
            CanvasSize::Multiple { of } | CanvasSize::MultipleAbove { of } => check_edge("of", of)?,
            CanvasSize::Stride {
                height,
                width,
                stride,
            } => {
                check_edge("height", height)?;
                check_edge("width", width)?;
                check_edge("stride", stride)?;
            }
            CanvasSize::BatchLargest { multiple } => check_edge("multiple", multiple)?,
            CanvasSize::OfSource { size } => {
                if !matches!(size, SizeRule::Grid { .. } | SizeRule::Glm5Next { .. }) {
                    return Err(Error::new("size", "is not a rule of tiles")
                        .expected_got("grid or glm5_next", format_args!("{size:?}")));
                }
                size.check().map_err(|error| error.within_key("size"))?;
            }
            CanvasSize::OfShorterEdge { height, width } => {
                for (key, fraction) in [("height", height), ("width", width)] {
                    if !(fraction > 0.0 && fraction <= MAX_EDGE as f64) {
                        return Err(Error::new(key, "is not a fraction of the shorter edge")
                            .expected_got("a number above 0", fraction));
                    }
                }
            }
        }
        if let Fill::Value { value } = self.fill
            && let Some(channel) = value
                .iter()
                .position(|v| !v.is_finite() || f64::from(*v as f32) != *v)
        {
            return Err(
                Error::new(format_args!("value[{channel}]"), "is not a float32 number")
                    .expected_got("a finite float32 number", value[channel]),
            );
        }
        Ok(())
    }

    /// (height, width) for an image of `image`, whose source had the size `source`, alone in its batch.
    pub fn alone(&self, image: (usize, usize), source: (usize, usize)) -> (usize, usize) {
        let each = |of: &dyn Fn(usize) -> usize| (of(image.0), of(image.1));
        match self.size {
            CanvasSize::Fixed { height, width } => (height, width),
            CanvasSize::Square => each(&|_| image.0.max(image.1)),
            CanvasSize::Multiple { of } => each(&|edge| edge.div_ceil(of).saturating_mul(of)),
            CanvasSize::MultipleAbove { of } => {
                each(&|edge| (edge / of).saturating_add(1).saturating_mul(of))
            }
            CanvasSize::Stride {
                height,
                width,
                stride,
            } => {
                let grown = |edge: usize, target: usize| {
                    edge.saturating_add((target as i128 - edge as i128).rem_euclid(stride as i128) as usize)
                };
                (grown(image.0, height), grown(image.1, width))
            }
            CanvasSize::BatchLargest { multiple } => {
                each(&|edge| edge.div_ceil(multiple).saturating_mul(multiple))
            }
            CanvasSize::TextLine { height, width } => {
                (height, crate::size::text_line_canvas(height, width, source))
            }
            // Of no pixels or too many no canvas can be made: `Plan::geometry` says so.
            CanvasSize::OfSource { size } => size.output_size(source.0, source.1).unwrap_or((0, 0)),
            CanvasSize::OfShorterEdge { height, width } => {
                let shorter = image.0.min(image.1) as f64;
                ((height * shorter) as usize, (width * shorter) as usize)
            }
        }
    }
}
