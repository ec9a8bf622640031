//! A pipeline at another output size.

use crate::plan::CanvasSize;
use crate::steps::{CenterCrop, Crop, Letterbox, Resize, Step};
use crate::{Error, ErrorKind, Pipeline, Result, SizeRule};

impl Pipeline {
    /// The same pipeline with results of another height and width, and the height and width that it
    /// had. A resize before a centre crop keeps its proportion to the crop.
    ///
    /// # Errors
    /// When the size of the result follows from the image, and when the proportion does not lead to
    /// whole pixels; says why.
    ///
    /// ```
    /// use prep_onnx_pipeline::preset;
    ///
    /// let (pipeline, old) = preset("siglip")?.import(None)?.pipeline.at_size([384, 384])?;
    /// assert_eq!(old, [224, 224]);
    /// assert_eq!(pipeline.steps[0], preset("siglip-384")?.import(None)?.pipeline.steps[0]);
    /// # Ok::<(), prep_onnx_pipeline::Error>(())
    /// ```
    pub fn at_size(mut self, asked: [usize; 2]) -> Result<(Self, [usize; 2])> {
        let [height, width] = asked;
        let refuse = |why: std::fmt::Arguments<'_>| {
            Error::new(
                "size",
                format_args!("{height} x {width} cannot take the place of the pipeline's own"),
            )
            .why(why)
            .fix("leave the size out, or write the pipeline at that size")
            .with_kind(ErrorKind::Config)
        };
        let crop = self.steps.iter().find_map(|step| match step {
            Step::CenterCrop(crop) => Some(crop.size),
            _ => None,
        });
        let mut old = crop;
        let is_text_line = self.steps.iter().any(
            |step| matches!(step, Step::Resize(resize) if matches!(resize.size, SizeRule::PaddleocrRec { .. } | SizeRule::PaddleocrCls { .. })),
        );
        for step in &mut self.steps {
            match step {
                Step::CenterCrop(crop) => *crop = CenterCrop { size: asked, ..*crop },
                Step::Resize(resize) => {
                    let (size, own) =
                        resized(resize.size, crop, asked).map_err(|why| refuse(format_args!("{why}")))?;
                    *resize = Resize { size, ..*resize };
                    old = old.or(own);
                }
                Step::Letterbox(letterbox) => {
                    old = old.or(Some(letterbox.size));
                    *letterbox = Letterbox {
                        size: asked,
                        ..*letterbox
                    };
                }
                // A part of the image, whatever its size.
                Step::Crop(Crop {
                    of_shorter_edge: Some(_),
                    ..
                }) => {}
                Step::Pad(pad) if is_text_line => {
                    pad.to = match pad.to {
                        CanvasSize::TextLine { .. } => CanvasSize::TextLine { height, width },
                        _ => CanvasSize::Fixed { height, width },
                    };
                }
                Step::Crop(_) | Step::Pad(_) | Step::Overview(_) | Step::Blocks(_) => {
                    return Err(refuse(format_args!(
                        "what the step {} does follows from its own numbers",
                        step.name()
                    )));
                }
                Step::RotateTo(_)
                | Step::Grayscale(_)
                | Step::ChannelOrder(_)
                | Step::Rescale(_)
                | Step::Normalize(_)
                | Step::RescaleNormalize(_)
                | Step::Arithmetic(_) => {}
            }
        }
        let old = old.ok_or_else(|| refuse(format_args!("the size of the result follows from the image")))?;
        self.check()?;
        Ok((self, old))
    }
}

/// The size rule for `asked`, and the size that the resize alone gave; or the reason why there is none.
fn resized(
    rule: SizeRule,
    crop: Option<[usize; 2]>,
    asked: [usize; 2],
) -> Result<(SizeRule, Option<[usize; 2]>), String> {
    let [height, width] = asked;
    let square = |edge: usize, crop: [usize; 2]| {
        if crop[0] != crop[1] || height != width {
            return Err("a shortest edge and a crop scale together only as squares".to_owned());
        }
        proportion(edge, crop[0], height)
    };
    Ok(match (rule, crop) {
        (SizeRule::Exact { height: h, width: w }, None) => (SizeRule::Exact { height, width }, Some([h, w])),
        (SizeRule::Exact { height: h, width: w }, Some(crop)) => {
            let [height, width] = [proportion(h, crop[0], height)?, proportion(w, crop[1], width)?];
            (SizeRule::Exact { height, width }, None)
        }
        (SizeRule::Cover { height: h, width: w }, Some(crop)) => {
            let [height, width] = [proportion(h, crop[0], height)?, proportion(w, crop[1], width)?];
            (SizeRule::Cover { height, width }, None)
        }
        (SizeRule::PaddleocrRec { height: h, width: w }, None) => {
            (SizeRule::PaddleocrRec { height, width }, Some([h, w]))
        }
        (SizeRule::PaddleocrCls { height: h, width: w }, None) => {
            (SizeRule::PaddleocrCls { height, width }, Some([h, w]))
        }
        (SizeRule::CropPct { fraction, .. }, Some(_)) => (
            SizeRule::CropPct {
                height,
                width,
                fraction,
            },
            None,
        ),
        (SizeRule::ShortestEdge { size, max: None }, Some(crop)) => {
            let size = square(size, crop)?;
            (SizeRule::ShortestEdge { size, max: None }, None)
        }
        (SizeRule::LongestEdge { size }, Some(crop)) => {
            let size = square(size, crop)?;
            (SizeRule::LongestEdge { size }, None)
        }
        (SizeRule::ShortestEdge { max: Some(_), .. }, Some(_)) => {
            return Err("the resize has a longest edge too".to_owned());
        }
        (
            SizeRule::ShortestEdge { .. }
            | SizeRule::LongestEdge { .. }
            | SizeRule::Cover { .. }
            | SizeRule::CropPct { .. },
            None,
        ) => return Err("the size of the result follows from the image".to_owned()),
        (
            SizeRule::Detr { .. }
            | SizeRule::Yolos { .. }
            | SizeRule::Fit { .. }
            | SizeRule::Dpt { .. }
            | SizeRule::Textnet { .. }
            | SizeRule::Glpn { .. }
            | SizeRule::Vilt { .. }
            | SizeRule::Thumbnail { .. }
            | SizeRule::PaddleocrDet { .. }
            | SizeRule::PaddleocrRec { .. }
            | SizeRule::PaddleocrCls { .. }
            | SizeRule::Ddddocr { .. }
            | SizeRule::Height { .. }
            | SizeRule::Smart { .. }
            | SizeRule::Maskformer { .. }
            | SizeRule::Longest { .. }
            | SizeRule::Pixtral { .. }
            | SizeRule::GlmImage { .. }
            | SizeRule::Kimi { .. }
            | SizeRule::Lcnet { .. }
            | SizeRule::Idefics2 { .. }
            | SizeRule::Idefics3 { .. }
            | SizeRule::Idefics3Tiles { .. }
            | SizeRule::Grid { .. }
            | SizeRule::Ultravbert { .. }
            | SizeRule::Nemotron { .. }
            | SizeRule::Glm5Next { .. }
            | SizeRule::Gemma4 { .. }
            | SizeRule::Naflex { .. },
            _,
        ) => return Err("its size rule keeps to more than a size".to_owned()),
    })
}

/// The resize that keeps to `asked` the proportion that `resize` has to `crop`.
pub(crate) fn proportion(resize: usize, crop: usize, asked: usize) -> Result<usize, String> {
    let scaled = resize as u128 * asked as u128;
    match crop as u128 {
        0 => Err("the crop has no pixels".to_owned()),
        crop if scaled.is_multiple_of(crop) => {
            usize::try_from(scaled / crop).map_err(|error| error.to_string())
        }
        crop => Err(format!(
            "a resize to {resize} before a crop of {crop} would be one to {:.2} pixels",
            scaled as f64 / crop as f64
        )),
    }
}
