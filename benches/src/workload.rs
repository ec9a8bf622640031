//! What is timed: a pipeline and an image size.

use prep_onnx_op::{Executor, Images, OutputMut, Preprocessor, SimdLevel};
use prep_onnx_pipeline::{Dtype, Error, FusedPlan, Layout, Pipeline, Result};
use serde_json::{Value, json};

use crate::timing::{FRAME_STEP, FRAMES};

/// A pipeline on images of one size, to float32 NCHW with ImageNet's normalisation.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// The name in tables.
    pub name: &'static str,
    /// (height, width) of the images.
    pub image: (usize, usize),
    /// The target of the resize.
    pub resize: Target,
    /// The filter: `bilinear` or `bicubic`.
    pub filter: &'static str,
    /// Height and width of the output.
    pub output: usize,
}

/// What the resize aims at.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// The shorter edge; a centre crop follows.
    Shortest(usize),
    /// Height and width of the output, whatever the aspect ratio.
    Squash,
}

const fn shortest(name: &'static str, height: usize, width: usize) -> Workload {
    Workload {
        name,
        image: (height, width),
        resize: Target::Shortest(256),
        filter: "bilinear",
        output: 224,
    }
}

const fn squash(
    name: &'static str,
    height: usize,
    width: usize,
    filter: &'static str,
    output: usize,
) -> Workload {
    Workload {
        name,
        image: (height, width),
        resize: Target::Squash,
        filter,
        output,
    }
}

/// The workloads of the tables.
pub const WORKLOADS: [Workload; 7] = [
    shortest("256-crop-224/500x375", 375, 500),
    shortest("256-crop-224/1280x720", 720, 1280),
    shortest("256-crop-224/1920x1080", 1080, 1920),
    shortest("256-crop-224/4000x3000", 3000, 4000),
    squash("bicubic-384/1280x720", 720, 1280, "bicubic", 384),
    squash("bilinear-224/512x512", 512, 512, "bilinear", 224),
    squash("bilinear-384/512x512", 512, 512, "bilinear", 384),
];

impl Workload {
    /// The pipeline, in this project's own JSON.
    pub fn pipeline(&self) -> Value {
        let size = match self.resize {
            Target::Shortest(edge) => json!({ "shortest_edge": edge }),
            Target::Squash => json!({ "exact": [self.output, self.output] }),
        };
        json!({"steps": [
            {"step": "resize", "size": size, "filter": self.filter},
            {"step": "center_crop", "size": [self.output, self.output]},
            {"step": "rescale", "divisor": 255},
            {"step": "normalize", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
        ]})
    }

    /// The plan of the op.
    ///
    /// # Errors
    /// When the pipeline is not one.
    pub fn plan(&self) -> Result<FusedPlan> {
        Pipeline::from_value(self.pipeline())?.plan(Layout::Nchw, Dtype::Float32)
    }

    /// The op at a level.
    ///
    /// # Errors
    /// When this processor lacks the level.
    pub fn op(&self, level: SimdLevel) -> Result<Preprocessor> {
        Preprocessor::with_level(self.plan()?, level)
    }

    /// Bytes of an image, [H, W, 3].
    pub fn image_bytes(&self) -> usize {
        self.image.0 * self.image.1 * 3
    }

    /// `images` images of noise over a gradient, [N, H, W, 3].
    pub fn images(&self, images: usize) -> Vec<u8> {
        self.pixels(images * self.image_bytes())
    }

    /// What [`frame`](crate::frame) takes images from: those of noise over a gradient.
    pub fn frames(&self) -> Vec<u8> {
        self.pixels(self.image_bytes() + (FRAMES - 1) * FRAME_STEP)
    }

    fn pixels(&self, bytes: usize) -> Vec<u8> {
        let (_, width) = self.image;
        let mut state = 1_u32;
        (0..bytes)
            .map(|index| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                ((index / 3 % width * 200 / width) as u32 + (state >> 27)) as u8
            })
            .collect()
    }

    /// Room for the output of `images` images.
    pub fn output(&self, images: usize) -> Vec<f32> {
        vec![0.0; images * 3 * self.output * self.output]
    }

    /// Runs the op on a batch.
    ///
    /// # Errors
    /// When lengths do not fit.
    pub fn run(
        &self,
        op: &Preprocessor,
        pixels: &[u8],
        output: &mut [f32],
        executor: &dyn Executor,
    ) -> Result<()> {
        let (height, width) = self.image;
        let images = pixels.len() / (height * width * 3);
        let shape = [images, height, width, 3].map(|extent| extent as i64);
        op.run(
            &Images::Batch {
                shape: &shape,
                image: pixels,
            },
            OutputMut::Float32(output),
            executor,
        )
    }

    /// (left, top, width, height) of the source rectangle that the output shows.
    ///
    /// # Errors
    /// When the pipeline is not one.
    pub fn source_box(&self) -> Result<[f64; 4]> {
        let (height, width) = self.image;
        let geometry = self.plan()?.geometry(height, width)?;
        let scale = [
            width as f64 / geometry.resized.1 as f64,
            height as f64 / geometry.resized.0 as f64,
        ];
        if geometry.offset.0 < 0 || geometry.offset.1 < 0 {
            return Err(Error::new(self.name, "the crop is larger than the resized image"));
        }
        Ok([
            geometry.offset.1 as f64 * scale[0],
            geometry.offset.0 as f64 * scale[1],
            self.output as f64 * scale[0],
            self.output as f64 * scale[1],
        ])
    }
}
