//! From the pixel format of the host to RGB or gray.

use ndarray::{Array3, ArrayView3};

use crate::plan::{Matrix, Range, SourceFormat};
use crate::{Error, Result};

/// The RGB or gray image in `image`, [rows, columns, values].
pub(crate) fn read(format: SourceFormat, image: ArrayView3<'_, u8>) -> Result<Array3<u8>> {
    read_any(format, image).map_err(|error| error.with_kind(crate::ErrorKind::Image))
}

fn read_any(format: SourceFormat, image: ArrayView3<'_, u8>) -> Result<Array3<u8>> {
    let (rows, columns, channels) = image.dim();
    if channels != format.source_channels() {
        let what = match format {
            SourceFormat::Rgb => "is not an RGB image".to_owned(),
            other => format!("is not an image in the format {}", other.name()),
        };
        let rows_of = if format.is_planar() {
            "height * 3 / 2"
        } else {
            "height"
        };
        return Err(Error::new("image", what).expected_got(
            format_args!("a shape of [{rows_of}, width, {}]", format.source_channels()),
            format_args!("[{rows}, {columns}, {channels}]"),
        ));
    }
    if format == SourceFormat::Rgb && (rows == 0 || columns == 0) {
        return Err(Error::new("image", "is not an RGB image").expected_got(
            "a shape of [height, width, 3]",
            format_args!("[{rows}, {columns}, {channels}]"),
        ));
    }
    let (height, width) = format.image_size(rows, columns)?;
    Ok(match format {
        SourceFormat::Rgb | SourceFormat::Gray => image.to_owned(),
        SourceFormat::Bgr => image.select(ndarray::Axis(2), &[2, 1, 0]),
        SourceFormat::Rgba { over } => Array3::from_shape_fn((height, width, 3), |(row, column, channel)| {
            let value = image[[row, column, channel]];
            over.map_or(value, |over| {
                composite(value, image[[row, column, 3]], over[channel])
            })
        }),
        SourceFormat::Nv12 { matrix, range } => {
            let coefficients = Coefficients::of(matrix, range);
            Array3::from_shape_fn((height, width, 3), |(row, column, channel)| {
                let chroma = |which: usize| image[[height + row / 2, column / 2 * 2 + which, 0]];
                coefficients.rgb(image[[row, column, 0]], chroma(0), chroma(1))[channel]
            })
        }
        SourceFormat::I420 { matrix, range } => {
            let coefficients = Coefficients::of(matrix, range);
            Array3::from_shape_fn((height, width, 3), |(row, column, channel)| {
                // Planes of half the width, two of their rows in one of the tensor's.
                let chroma = |plane: usize| {
                    let at = plane * (height / 2) * (width / 2) + row / 2 * (width / 2) + column / 2;
                    image[[height + at / width, at % width, 0]]
                };
                coefficients.rgb(image[[row, column, 0]], chroma(0), chroma(1))[channel]
            })
        }
    })
}

/// `PIL.Image.alpha_composite` of one value over an opaque one.
pub fn composite(value: u8, alpha: u8, over: u8) -> u8 {
    if alpha == 0 {
        return over;
    }
    let (value, alpha, over) = (u32::from(value), u32::from(alpha), u32::from(over));
    // Pillow's integers with 7 extra bits, for a lower image of alpha 255.
    let first = alpha * 128;
    let second = 255 * 128 - first;
    let sum = value * first + over * second + (0x80 << 7);
    ((((sum >> 8) + sum) >> 8) >> 7) as u8
}

/// YCbCr to RGB in whole numbers with 20 fraction bits:
/// `red = clamp((luma * (y - offset) + red_cr * (cr - 128) + 2^19) >> 20)`, and so on.
///
/// BT.601 of limited range has the constants of OpenCV's `COLOR_YUV2RGB_NV12`, which are 1.164, 2.018, -0.391, -0.813 and
/// 1.596; the others are the exact ones, rounded. Luma below the offset counts as the offset.
#[derive(Clone, Copy, Debug)]
pub struct Coefficients {
    /// What is subtracted from luma.
    pub offset: i32,
    /// The factor of luma, in every channel.
    pub luma: i32,
    /// The factor of Cb in blue.
    pub blue_cb: i32,
    /// The factor of Cb in green.
    pub green_cb: i32,
    /// The factor of Cr in green.
    pub green_cr: i32,
    /// The factor of Cr in red.
    pub red_cr: i32,
}

impl Coefficients {
    /// Those of a matrix and a range.
    pub fn of(matrix: Matrix, range: Range) -> Self {
        match (matrix, range) {
            (Matrix::Bt601, Range::Limited) => Self {
                offset: 16,
                luma: 1_220_542,
                blue_cb: 2_116_026,
                green_cb: -409_993,
                green_cr: -852_492,
                red_cr: 1_673_527,
            },
            (Matrix::Bt601, Range::Full) => Self {
                offset: 0,
                luma: 1_048_576,
                blue_cb: 1_858_077,
                green_cb: -360_853,
                green_cr: -748_826,
                red_cr: 1_470_104,
            },
            (Matrix::Bt709, Range::Limited) => Self {
                offset: 16,
                luma: 1_220_945,
                blue_cb: 2_215_002,
                green_cb: -223_607,
                green_cr: -558_796,
                red_cr: 1_879_811,
            },
            (Matrix::Bt709, Range::Full) => Self {
                offset: 0,
                luma: 1_048_576,
                blue_cb: 1_945_738,
                green_cb: -196_424,
                green_cr: -490_864,
                red_cr: 1_651_298,
            },
        }
    }

    /// Red, green and blue of a pixel.
    pub fn rgb(&self, luma: u8, cb: u8, cr: u8) -> [u8; 3] {
        const HALF: i32 = 1 << 19;
        let luma = (i32::from(luma) - self.offset).max(0) * self.luma;
        let (cb, cr) = (i32::from(cb) - 128, i32::from(cr) - 128);
        [
            self.red_cr * cr,
            self.green_cb * cb + self.green_cr * cr,
            self.blue_cb * cb,
        ]
        .map(|chroma| ((luma + chroma + HALF) >> 20).clamp(0, 255) as u8)
    }
}
