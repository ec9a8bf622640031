//! Pictures for people: the original and what the model sees, side by side.

use std::path::Path;

use ndarray::{Array3, ArrayView3};
use prep_onnx_pipeline::steps::{Resize, Step};
use prep_onnx_pipeline::{Error, Filter, Geometry, Output, Pipeline, Resampler, Result, SizeRule};

use crate::output::OutputFile;
use crate::seen::Seen;

/// Longest edge of each half.
const EDGE: usize = 512;
const MARGIN: usize = 16;
const PAPER: [u8; 3] = [245, 245, 245];
/// The outline of the crop.
const CROP: [u8; 3] = [0, 200, 80];
/// The stripes over the padding.
const PADDING: [u8; 3] = [230, 0, 160];

/// A rectangle of rows and columns: (from, to) each.
type Span = (usize, usize);

/// The original, darkened outside the crop, and beside it what the model sees, its padding striped.
///
/// # Errors
/// An image that the pipeline would make nothing of.
pub(crate) fn side_by_side(image: ArrayView3<'_, u8>, seen: &Seen) -> Result<(Array3<u8>, Geometry)> {
    let (height, width, _) = image.dim();
    let geometry = seen.plan().geometry(height, width)?;
    let mut left = fit(image)?;
    let mut right = seen.pixels(image)?;
    mark_crop(&mut left, &geometry);
    mark_padding(&mut right, &geometry);
    let right = fit(right.view())?;
    let size = (
        left.dim().0.max(right.dim().0) + 2 * MARGIN,
        left.dim().1 + right.dim().1 + 3 * MARGIN,
    );
    let mut sheet = Array3::from_shape_fn((size.0, size.1, 3), |(_, _, channel)| PAPER[channel]);
    let mut column = MARGIN;
    for half in [left, right] {
        let (height, width, _) = half.dim();
        let row = (size.0 - height) / 2;
        for ((y, x, channel), value) in half.indexed_iter() {
            sheet[[row + y, column + x, channel]] = *value;
        }
        column += width + MARGIN;
    }
    Ok((sheet, geometry))
}

/// Writes RGB pixels as PNG.
///
/// # Errors
/// A place that is not writable.
pub(crate) fn write_png(path: &Path, image: &Array3<u8>) -> Result<()> {
    let (height, width, _) = image.dim();
    let edge = |edge: usize| u32::try_from(edge).unwrap_or(u32::MAX);
    let mut file = OutputFile::create(path)?;
    file.write(|out| {
        let mut encoder = png::Encoder::new(out, edge(width), edge(height));
        encoder.set_color(png::ColorType::Rgb);
        let mut writer = encoder.write_header()?;
        let pixels: Vec<u8> = image.iter().copied().collect();
        writer.write_image_data(&pixels)?;
        Ok(writer.finish()?)
    })?;
    file.finish()
}

/// The image with a longest edge of at most [`EDGE`]; small ones are magnified by whole factors.
fn fit(image: ArrayView3<'_, u8>) -> Result<Array3<u8>> {
    let (height, width, _) = image.dim();
    let longest = height.max(width).max(1);
    if longest <= EDGE {
        let factor = EDGE / longest;
        return Ok(Array3::from_shape_fn(
            (height * factor, width * factor, 3),
            |(row, column, channel)| image[[row / factor, column / factor, channel]],
        ));
    }
    let edge = |edge: usize| (edge * EDGE / longest).max(1);
    let resize = Step::Resize(Resize {
        size: SizeRule::Exact {
            height: edge(height),
            width: edge(width),
        },
        filter: Filter::Bilinear,
        resampler: Resampler::Pillow,
        antialias: true,
    });
    let pipeline = Pipeline {
        description: None,
        steps: vec![resize],
        output: Output::default(),
        ..Pipeline::default()
    };
    Seen::of(&pipeline)?.pixels(image)
}

/// Where the crop begins and ends on one axis of a picture of `shown` pixels.
fn crop_span(offset: i64, output: usize, resized: usize, shown: usize) -> Span {
    let at = |position: i64| {
        let inside = usize::try_from(position).unwrap_or(0).min(resized);
        inside * shown / resized.max(1)
    };
    (at(offset), at(offset.saturating_add(output as i64)))
}

fn mark_crop(picture: &mut Array3<u8>, geometry: &Geometry) {
    const LINE: usize = 2;
    let (height, width, _) = picture.dim();
    let rows = crop_span(geometry.offset.0, geometry.output.0, geometry.resized.0, height);
    let columns = crop_span(geometry.offset.1, geometry.output.1, geometry.resized.1, width);
    let within = |(from, to): Span, line: usize, at: usize| from + line <= at && at + line < to;
    for ((row, column, channel), value) in picture.indexed_iter_mut() {
        if !within(rows, 0, row) || !within(columns, 0, column) {
            *value = (u16::from(*value) * 2 / 5) as u8;
        } else if !within(rows, LINE, row) || !within(columns, LINE, column) {
            *value = CROP[channel];
        }
    }
}

fn mark_padding(picture: &mut Array3<u8>, geometry: &Geometry) {
    const STRIPE: usize = 8;
    let outside = |position: usize, offset: i64, resized: usize| {
        let at = offset.saturating_add(position as i64);
        at < 0 || at >= resized as i64
    };
    for ((row, column, channel), value) in picture.indexed_iter_mut() {
        let padding = outside(row, geometry.offset.0, geometry.resized.0)
            || outside(column, geometry.offset.1, geometry.resized.1);
        if padding && (row + column) % STRIPE < 2 {
            *value = PADDING[channel];
        }
    }
}

/// The part of the resized image that the model sees, and how much padding is around it, in words.
pub(crate) fn in_words(geometry: &Geometry) -> String {
    let axis = |offset: i64, output: usize, resized: usize| {
        let before = usize::try_from(-offset).unwrap_or(0);
        let from = usize::try_from(offset).unwrap_or(0).min(resized);
        let to = usize::try_from(offset.saturating_add(output as i64))
            .unwrap_or(0)
            .min(resized);
        let after = output.saturating_sub(before + to.saturating_sub(from));
        (from, to, before + after)
    };
    let (top, bottom, rows) = axis(geometry.offset.0, geometry.output.0, geometry.resized.0);
    let (left, right, columns) = axis(geometry.offset.1, geometry.output.1, geometry.resized.1);
    let mut text = format!("rows {top} to {bottom}, columns {left} to {right}");
    if rows + columns > 0 {
        text.push_str(&format!(", with {rows} rows and {columns} columns of padding"));
    }
    text
}

/// The error of an image that could not be decoded.
pub(crate) fn no_pixels(id: &str) -> Error {
    Error::new(id, "has no pixels")
}

#[cfg(test)]
mod tests {
    use prep_onnx_pipeline::Notation;

    use super::*;

    fn seen(steps: &str) -> Seen {
        Seen::of(&Pipeline::parse(steps, Notation::Toml).unwrap()).unwrap()
    }

    #[test]
    fn what_is_cropped_away_is_dark_and_the_crop_is_outlined() {
        let seen = seen(
            "[[steps]]\nstep = \"resize\"\nsize = { shortest_edge = 64 }\nfilter = \"bilinear\"\n[[steps]]\nstep = \"center_crop\"\nsize = [64, 64]",
        );
        let white = Array3::from_elem((128, 256, 3), 255_u8);
        let (sheet, geometry) = side_by_side(white.view(), &seen).unwrap();
        // 128 x 256 is shown at 256 x 512, and 64 x 64 at 512 x 512.
        assert_eq!(sheet.dim(), (512 + 2 * MARGIN, 512 + 512 + 3 * MARGIN, 3));
        let pixel =
            |row: usize, column: usize| [0, 1, 2].map(|c| sheet[[MARGIN + 128 + row, MARGIN + column, c]]);
        assert_eq!(pixel(128, 10), [102; 3]);
        assert_eq!(pixel(128, 128), CROP);
        assert_eq!(pixel(128, 256), [255; 3]);
        assert_eq!(in_words(&geometry), "rows 0 to 64, columns 32 to 96");
    }

    #[test]
    fn padding_is_striped() {
        let seen = seen("[[steps]]\nstep = \"center_crop\"\nsize = [40, 40]");
        let white = Array3::from_elem((20, 40, 3), 255_u8);
        let (sheet, geometry) = side_by_side(white.view(), &seen).unwrap();
        let right = |row: usize, column: usize| {
            [0, 1, 2].map(|c| sheet[[MARGIN + row, 2 * MARGIN + 480 + column, c]])
        };
        assert_eq!(right(0, 0), PADDING);
        assert_eq!(right(0, 5 * 12), [0; 3]);
        assert_eq!(right(240, 100), [255; 3]);
        assert_eq!(
            in_words(&geometry),
            "rows 0 to 20, columns 0 to 40, with 20 rows and 0 columns of padding"
        );
    }
}
