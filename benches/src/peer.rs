//! fast_image_resize with a crop box and a plain normalise: up to 1 LSB from Pillow, the fastest rival.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use prep_onnx_pipeline::{Error, Result};

use crate::Workload;

const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const STD: [f32; 3] = [0.229, 0.224, 0.225];

/// The rival on one workload, with buffers that are reused.
pub struct Peer {
    resizer: Resizer,
    resized: Image<'static>,
    options: ResizeOptions,
    image: (u32, u32),
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::new("fast_image_resize", error)
}

impl Peer {
    /// Prepares a workload.
    ///
    /// # Errors
    /// When the pipeline is not one.
    pub fn new(workload: &Workload) -> Result<Self> {
        let filter = match workload.filter {
            "bicubic" => FilterType::CatmullRom,
            _ => FilterType::Bilinear,
        };
        let [left, top, width, height] = workload.source_box()?;
        let edge = u32::try_from(workload.output).map_err(failed)?;
        Ok(Self {
            resizer: Resizer::new(),
            resized: Image::new(edge, edge, PixelType::U8x3),
            options: ResizeOptions::new()
                .resize_alg(ResizeAlg::Convolution(filter))
                .use_alpha(false)
                .crop(left, top, width, height),
            image: (
                u32::try_from(workload.image.1).map_err(failed)?,
                u32::try_from(workload.image.0).map_err(failed)?,
            ),
        })
    }

    /// One image to one output image.
    ///
    /// # Errors
    /// When the lengths do not fit.
    pub fn run(&mut self, pixels: &[u8], output: &mut [f32]) -> Result<()> {
        let image = ImageRef::new(self.image.0, self.image.1, pixels, PixelType::U8x3).map_err(failed)?;
        self.resizer
            .resize(&image, &mut self.resized, &self.options)
            .map_err(failed)?;
        let scale: [f32; 3] = std::array::from_fn(|channel| 1.0 / (255.0 * STD[channel]));
        let shift: [f32; 3] = std::array::from_fn(|channel| -MEAN[channel] / STD[channel]);
        let plane = output.len() / 3;
        let (red, rest) = output.split_at_mut(plane);
        let (green, blue) = rest.split_at_mut(plane);
        let elements = red.iter_mut().zip(green).zip(blue);
        for (pixel, ((red, green), blue)) in self.resized.buffer().chunks_exact(3).zip(elements) {
            *red = f32::from(pixel[0]) * scale[0] + shift[0];
            *green = f32::from(pixel[1]) * scale[1] + shift[1];
            *blue = f32::from(pixel[2]) * scale[2] + shift[2];
        }
        Ok(())
    }
}
