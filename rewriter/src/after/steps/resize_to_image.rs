//! Maps in the size of the source image.

use prep_onnx_pipeline::steps::KeyInfo;
use prep_onnx_pipeline::{Error, Result};
use serde::{Deserialize, Serialize};

use super::{OUTPUT, ThenKind, optional};
use crate::after::Role;
use crate::after::builder::{Builder, Want};
use crate::after::flow::Flow;
use crate::after::source;
use crate::model::Dimension;

/// How values between those of the map are worked out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// torch's `bilinear`, `align_corners=False`.
    #[default]
    Bilinear,
    /// torch's `bicubic`, `align_corners=False`.
    Bicubic,
    /// torch's `nearest`.
    Nearest,
}

/// float32 [N, channels, h, w] or [N, h, w] to the size of the source image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResizeToImage {
    /// How.
    #[serde(default)]
    pub interpolation: Interpolation,
    /// The output of the model.
    #[serde(default, deserialize_with = "super::name")]
    pub output: Option<String>,
}

impl ThenKind for ResizeToImage {
    const NAME: &'static str = "resize_to_image";
    const SUMMARY: &'static str =
        "logits or depth in the size of the source image: torch.nn.functional.interpolate(x, target_sizes)";
    const EXAMPLE: &'static str = "--then resize_to_image=bicubic";
    const DESCRIPTION: &'static str = "Takes [N, channels, rows, columns] or [N, rows, columns] and gives float32 of the height and width of the \
        source images, which have one size: --accept batch. Bilinear is what transformers does with logits of a segmentation, bicubic what it does \
        with a depth. The preprocessing must show the whole image and nothing else: no crop, no border.";
    const MAIN: Option<&'static str> = Some("interpolation");
    const KEYS: &'static [KeyInfo] = &[
        optional(
            "interpolation",
            "bilinear, bicubic, nearest",
            "bilinear",
            "how values between those of the map are worked out",
        ),
        OUTPUT,
    ];
    const NEEDS_GEOMETRY: bool = true;

    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn apply(&self, builder: &mut Builder<'_>) -> Result<Self> {
        let want = Want {
            step: Self::NAME,
            key: Some("output"),
            shape: "[N, channels, rows, columns] or [N, rows, columns]",
            fits: |shape| matches!(shape.len(), 3 | 4),
        };
        let tensor = builder.tensor(&want, self.output.as_deref())?;
        check_whole(builder)?;
        let geometry = builder.geometry(Self::NAME)?;
        let value = source::resized(&mut builder.graph, &geometry, &tensor, self.interpolation);
        let mut resized = tensor.made(Role::Resized, value);
        let size = builder.source_size();
        if let Some(shape) = &mut resized.shape {
            let rank = shape.len();
            for (extent, known) in shape.iter_mut().skip(rank - 2).zip(size) {
                *extent = known.map_or(Dimension::Unknown, Dimension::Fixed);
            }
        }
        builder.flow = Flow::Tensor(resized);
        Ok(self.clone())
    }
}

/// Checks that the model sees the whole image and nothing else, and that all images of a batch have one size.
fn check_whole(builder: &Builder<'_>) -> Result<()> {
    let Some(plan) = &builder.before.plan else {
        return Ok(());
    };
    let refused = |got: &str| {
        Error::new(
            "resize_to_image",
            "a map of the model is not one of the whole image",
        )
        .expected_got("a pipeline that shows the whole image and nothing else", got)
        .fix("use the model's map as it is, and the output geometry: --outputs geometry")
    };
    let has_canvas = plan
        .stages
        .iter()
        .any(|stage| stage.before.is_some() || stage.after.is_some())
        || plan.float.as_ref().is_some_and(|float| float.after.is_some());
    if has_canvas {
        return Err(refused("a crop or a border"));
    }
    if plan.turn.is_some() {
        return Err(refused("a step rotate_to"));
    }
    if !builder.before.one_size {
        return Err(Error::new(
            "resize_to_image",
            "a map for each size of image does not go into one output",
        )
        .expected_got(
            "--accept batch, whose images have one size",
            "images of mixed sizes",
        )
        .fix("use --accept batch"));
    }
    Ok(())
}
