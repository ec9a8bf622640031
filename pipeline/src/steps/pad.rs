//! Put the image on a larger canvas.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use super::keys::{KeyInfo, maybe_color, maybe_per_channel};
use super::{Context, Pixels, PlanBuilder, StepKind};
use crate::named::named_enum;
use crate::plan::{Anchor, Canvas, CanvasSize, Fill, Mirror};
use crate::{CHANNELS, CropRule, Error, Result};

named_enum! {
    /// Where an image lies on a larger canvas.
    pub enum PadAnchor("anchor") {
        /// At the top and the left: the new pixels come at the bottom and the right.
        TopLeft = "top_left",
        /// At the bottom and the right.
        BottomRight = "bottom_right",
        /// In the centre; what cannot be halved comes at the bottom and the right.
        Center = "center",
        /// In the centre; what cannot be halved comes at the top and the left: Hugging Face's Pillow backend.
        CenterHuggingfacePil = "center_huggingface_pil",
        /// As `center`; a larger image is cut by torchvision's and timm's rule.
        CenterTorchvision = "center_torchvision",
    }
}

impl PadAnchor {
    pub(super) fn anchor(self) -> Anchor {
        match self {
            Self::TopLeft => Anchor::TopLeft,
            Self::BottomRight => Anchor::BottomRight,
            Self::Center => Anchor::CENTER,
            Self::CenterHuggingfacePil => Anchor::Center {
                rule: CropRule::HuggingFacePil,
            },
            Self::CenterTorchvision => Anchor::Center {
                rule: CropRule::Torchvision,
            },
        }
    }
}

/// Puts the image on a canvas. At most one of `color`, `value` and `mode` is given; without them the new pixels are 0, before or
/// after the arithmetic, wherever the step stands.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pad {
    /// How large the canvas is.
    #[serde(serialize_with = "write_to", deserialize_with = "read_to")]
    pub to: CanvasSize,
    /// Where the image lies.
    #[serde(default = "top_left")]
    pub anchor: PadAnchor,
    /// A colour around it, before the arithmetic.
    #[serde(default, with = "maybe_color", skip_serializing_if = "Option::is_none")]
    pub color: Option<[u8; CHANNELS]>,
    /// A number around it, after the arithmetic.
    #[serde(default, with = "maybe_per_channel", skip_serializing_if = "Option::is_none")]
    pub value: Option<[f64; CHANNELS]>,
    /// The image itself around it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mirror>,
}

fn top_left() -> PadAnchor {
    PadAnchor::TopLeft
}

impl Pad {
    pub(super) fn canvas(&self) -> Canvas {
        let fill = match (self.color, self.value, self.mode) {
            (Some(color), ..) => Fill::Color { color },
            (None, Some(value), _) => Fill::Value {
                value: value.map(|value| f64::from(value as f32)),
            },
            (None, None, Some(mode)) => Fill::Mirror { mode },
            (None, None, None) => Fill::BLACK,
        };
        Canvas {
            size: self.to,
            anchor: self.anchor.anchor(),
            fill,
        }
    }
}

impl StepKind for Pad {
    const NAME: &'static str = "pad";
    const SUMMARY: &'static str =
        "put the image on a canvas: torchvision pad, Hugging Face do_pad, cv2.copyMakeBorder, numpy.pad";
    const FORMULA: &'static str = "out(y, x) = image(y - top, x - left), the fill outside; top and left are 0 (top_left), what is missing (bottom_right), or half of it, rounded down (center)";
    const EXAMPLE: &'static str =
        "step = \"pad\"\nto = \"square\"\nanchor = \"center\"\ncolor = [122, 116, 104]";
    const DESCRIPTION: &'static str = "The canvas is fixed, a square of the longer edge, a multiple, or the largest image of the batch. \
        Before rescale and normalize the new pixels have a colour, after them a value: DETR and SAM pad with 0 after the \
        arithmetic, LLaVA with the mean colour before the resize. An image that is larger than a fixed canvas is cut.";
    const KEYS: &'static [KeyInfo] = &[
        KeyInfo::required(
            "to",
            "a number, [height, width], \"square\", \"batch\", { multiple = 32 }, { multiple_above = 8 }, { batch_multiple = 32 }, \
             { text_line = [48, 320] }, { source = SIZE }",
            "the size of the canvas: fixed; a square of the longer edge; the largest image of the batch; the next multiple, or the \
             one above (Swin2SR); the batch's largest, up to a multiple (Mask2Former); PaddleOCR's text line; what SIZE, a size as of resize, gives for the source image (LLaVA-NeXT)",
        ),
        KeyInfo::optional(
            "anchor",
            "top_left, bottom_right, center, center_huggingface_pil, center_torchvision",
            "top_left",
            "where the image lies",
        ),
        KeyInfo::optional(
            "color",
            "0 to 255, or three of them",
            "0",
            "what is around it, before the arithmetic",
        ),
        KeyInfo::optional(
            "value",
            "a number, or three of them",
            "0",
            "what is around it, after the arithmetic",
        ),
        KeyInfo::optional(
            "mode",
            "reflect, symmetric, edge",
            "none",
            "the image itself around it, mirrored",
        ),
    ];

    fn check(&self) -> Result<()> {
        let given = [self.color.is_some(), self.value.is_some(), self.mode.is_some()];
        if given.iter().filter(|given| **given).count() > 1 {
            return Err(Error::new("pad", "takes at most one of color, value and mode")
                .fix("keep color before the arithmetic, value after it"));
        }
        if let Some(value) = self.value {
            super::keys::check_finite_all("value", value)?;
        }
        self.canvas().check().map_err(|error| error.within_key("to"))
    }

    fn fold(&self, plan: &mut PlanBuilder) -> Result<()> {
        if self.value.is_some() && !plan.has_arithmetic() {
            return Err(Error::new("value", "comes before rescale or normalize")
                .why("pixels are whole numbers there, and the arithmetic would change the value")
                .fix("give a color, or put the pad after them"));
        }
        plan.canvas(Self::NAME, self.canvas())
    }

    fn apply(&self, pixels: Pixels, at: &Context) -> Result<Pixels> {
        pixels.on(&self.canvas(), at)
    }
}

const FORMS: &str = "a canvas is a number of pixels, [height, width], \"square\", \"batch\", { multiple = 32 }, { multiple_above = 8 }, \
    { batch_multiple = 32 }, { text_line = [48, 320] } or { source = SIZE }";

fn read_to<'de, D: Deserializer<'de>>(deserializer: D) -> Result<CanvasSize, D::Error> {
    let value = Value::deserialize(deserializer)?;
    match &value {
        Value::String(name) => match name.as_str() {
            "square" => Ok(CanvasSize::Square),
            "batch" => Ok(CanvasSize::BatchLargest { multiple: 1 }),
            _ => Err(D::Error::custom(FORMS)),
        },
        Value::Object(map) => {
            let Some((key, inner)) = map.iter().next().filter(|_| map.len() == 1) else {
                return Err(D::Error::custom(FORMS));
            };
            let within = |error: Error| D::Error::custom(error.within_key(key));
            let number = || crate::schema::typed::<usize>(inner.clone()).map_err(within);
            match key.as_str() {
                "multiple" => Ok(CanvasSize::Multiple { of: number()? }),
                "multiple_above" => Ok(CanvasSize::MultipleAbove { of: number()? }),
                "batch_multiple" => Ok(CanvasSize::BatchLargest { multiple: number()? }),
                "source" => Ok(CanvasSize::OfSource {
                    size: crate::size::size_keys::deserialize(inner)
                        .map_err(|error: serde_json::Error| within(crate::schema::plain(&error)))?,
                }),
                "text_line" => {
                    let [height, width] = crate::size::pair(inner)
                        .map_err(|error: serde_json::Error| within(crate::schema::plain(&error)))?;
                    Ok(CanvasSize::TextLine { height, width })
                }
                _ => Err(D::Error::custom(FORMS)),
            }
        }
        _ => {
            let [height, width] = crate::size::pair(&value).map_err(D::Error::custom)?;
            Ok(CanvasSize::Fixed { height, width })
        }
    }
}

fn write_to<S: Serializer>(to: &CanvasSize, serializer: S) -> Result<S::Ok, S::Error> {
    let value = match *to {
        CanvasSize::Fixed { height, width } => json!([height, width]),
        CanvasSize::Square => json!("square"),
        CanvasSize::Multiple { of } => json!({ "multiple": of }),
        CanvasSize::MultipleAbove { of } => json!({ "multiple_above": of }),
        CanvasSize::BatchLargest { multiple: 1 } => json!("batch"),
        CanvasSize::BatchLargest { multiple } => json!({ "batch_multiple": multiple }),
        CanvasSize::OfSource { size } => json!({ "source": size }),
        CanvasSize::TextLine { height, width } => json!({ "text_line": [height, width] }),
        // Not forms of this step: `letterbox` and `crop` have them.
        CanvasSize::Stride { .. } | CanvasSize::OfShorterEdge { .. } => Value::Null,
    };
    value.serialize(serializer)
}
