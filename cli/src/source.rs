//! Image files, which are RGB here, as a pipeline's source format.

use ndarray::{Array3, ArrayView3, Axis, CowArray, Ix3};
use prep_onnx_pipeline::plan::GrayRule;
use prep_onnx_pipeline::{Error, ErrorKind, Result, SourceFormat};

/// An RGB image as the format: gray as Pillow makes it, alpha of opaque images.
///
/// # Errors
/// A format of cameras, which is not made of RGB.
pub(crate) fn as_source(image: ArrayView3<'_, u8>, format: SourceFormat) -> Result<CowArray<'_, u8, Ix3>> {
    let (height, width, _) = image.dim();
    Ok(match format {
        SourceFormat::Rgb => image.into(),
        SourceFormat::Bgr => {
            let mut image = image;
            image.invert_axis(Axis(2));
            image.into()
        }
        SourceFormat::Gray => Array3::from_shape_fn((height, width, 1), |(row, column, _)| {
            GrayRule::Pillow.gray([0, 1, 2].map(|channel| image[[row, column, channel]]))
        })
        .into(),
        SourceFormat::Rgba { .. } => Array3::from_shape_fn((height, width, 4), |(row, column, channel)| {
            image.get([row, column, channel]).copied().unwrap_or(u8::MAX)
        })
        .into(),
        SourceFormat::Nv12 { .. } | SourceFormat::I420 { .. } => {
            return Err(Error::new("image", "cannot be given to a model of camera images")
                .expected_got(format.name(), "an image file, which is RGB")
                .why("which luma and chroma a camera would make of it is not known")
                .fix("give the model a camera's frames, or embed a pipeline with the input rgb")
                .with_kind(ErrorKind::Unsupported));
        }
    })
}

#[cfg(test)]
mod tests {
    use prep_onnx_pipeline::plan::{Matrix, Range};

    use super::*;

    #[test]
    fn an_image_has_the_channels_of_its_format() {
        let image = Array3::from_shape_fn((2, 2, 3), |(.., channel)| [200, 100, 0][channel]);
        let pixel = |format| {
            as_source(image.view(), format)
                .unwrap()
                .iter()
                .copied()
                .take(format.source_channels())
                .collect::<Vec<_>>()
        };
        assert_eq!(pixel(SourceFormat::Rgb), [200, 100, 0]);
        assert_eq!(pixel(SourceFormat::Bgr), [0, 100, 200]);
        assert_eq!(pixel(SourceFormat::Gray), [118]);
        assert_eq!(pixel(SourceFormat::Rgba { over: None }), [200, 100, 0, 255]);
        let camera = SourceFormat::Nv12 {
            matrix: Matrix::Bt601,
            range: Range::Full,
        };
        assert!(as_source(image.view(), camera).is_err());
    }
}
