//! Pictures for people: the original and what the model sees, side by side.

use std::path::Path;

use ndarray::{Array3, ArrayView3, Axis};
use prep_onnx_pipeline::steps::{Resize, Step};
use prep_onnx_pipeline::{Error, Filter, Output, Pipeline, Resampler, Result, SizeRule};

use crate::answered::Answered;
use crate::drawing::Sheet;
use crate::labels::Labels;
use crate::output::OutputFile;
use crate::seen::{Seen, View};

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

/// The original with what was answered, darkened outside the crop, and beside it what the model sees, its padding striped.
///
/// # Errors
/// An image that the pipeline would make nothing of.
pub(crate) fn side_by_side(
    image: ArrayView3<'_, u8>,
    seen: &Seen,
    answered: Option<(&Answered, &Labels)>,
) -> Result<(Array3<u8>, View)> {
    let (height, width, _) = image.dim();
    let view = seen.view(height, width)?;
    let mut right = seen.pixels(image)?;
    let mut left = if view.turned {
        fit(turned(image))?
    } else {
        fit(image)?
    };
    let scale = left.dim().0 as f64 / view.image.0.max(1) as f64;
    if let (Some((answered, labels)), false) = (answered, view.turned) {
        let mut sheet = Sheet {
            picture: &mut left,
            scale,
        };
        answered.draw(&mut sheet, labels)?;
    }
    mark_crop(&mut left, &view);
    mark_padding(&mut right, &view);
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
    Ok((sheet, view))
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

/// The image turned by 90 degrees clockwise.
fn turned(image: ArrayView3<'_, u8>) -> ArrayView3<'_, u8> {
    let mut image = image.permuted_axes([1, 0, 2]);
    image.invert_axis(Axis(1));
    image
}

/// Where the part that is seen begins and ends on one axis of a picture of `shown` pixels.
fn crop_span((from, to): (f64, f64), image: usize, shown: usize) -> Span {
    // Of exact quotients no pixel is lost to the rounding of floats.
    let at = |position: f64| (position * shown as f64 / image.max(1) as f64 + 1e-6) as usize;
    (at(from), at(to))
}

fn mark_crop(picture: &mut Array3<u8>, view: &View) {
    const LINE: usize = 2;
    let (height, width, _) = picture.dim();
    let rows = crop_span(view.kept[0], view.image.0, height);
    let columns = crop_span(view.kept[1], view.image.1, width);
    let within = |(from, to): Span, line: usize, at: usize| from + line <= at && at + line < to;
    for ((row, column, channel), value) in picture.indexed_iter_mut() {
        if !within(rows, 0, row) || !within(columns, 0, column) {
            *value = (u16::from(*value) * 2 / 5) as u8;
        } else if !within(rows, LINE, row) || !within(columns, LINE, column) {
            *value = CROP[channel];
        }
    }
}

fn mark_padding(picture: &mut Array3<u8>, view: &View) {
    const STRIPE: usize = 8;
    let outside = |position: usize, (from, to): Span| position < from || position >= to;
    for ((row, column, channel), value) in picture.indexed_iter_mut() {
        let padding = outside(row, view.shown[0]) || outside(column, view.shown[1]);
        if padding && (row + column) % STRIPE < 2 {
            *value = PADDING[channel];
        }
    }
}

/// The part of the resized image that the model sees, and how much border is around it, in words.
pub(crate) fn in_words(view: &View) -> String {
    let axis = |offset: i64, output: usize, resized: usize| {
        let edge = |position: i64| usize::try_from(position).unwrap_or(0).min(resized);
        (edge(offset), edge(offset.saturating_add(output as i64)))
    };
    let canvas = view.canvas;
    let (top, bottom) = axis(canvas.offset.0, canvas.size.0, canvas.from.0);
    let (left, right) = axis(canvas.offset.1, canvas.size.1, canvas.from.1);
    let border = |(from, to): Span, output: usize| output - (to - from);
    let (rows, columns) = (
        border(view.shown[0], view.output.0),
        border(view.shown[1], view.output.1),
    );
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
        let (sheet, geometry) = side_by_side(white.view(), &seen, None).unwrap();
        // 128 x 256 is shown at 256 x 512, and 64 x 64 at 512 x 512.
        assert_eq!(sheet.dim(), (512 + 2 * MARGIN, 512 + 512 + 3 * MARGIN, 3));
        let pixel =
            |row: usize, column: usize| [0, 1, 2].map(|c| sheet[[MARGIN + 128 + row, MARGIN + column, c]]);
        assert_eq!(pixel(128, 10), [102; 3]);
        assert_eq!(pixel(128, 128), CROP);
        assert_eq!(pixel(128, 256), [255; 3]);
        assert_eq!(in_words(&geometry), "rows 0 to 64, columns 32 to 96");
    }

    fn words(steps: &str, height: usize, width: usize) -> (View, String) {
        let view = seen(steps).view(height, width).unwrap();
        let words = in_words(&view);
        (view, words)
    }

    #[test]
    fn borders_of_a_letterbox_are_drawn_and_counted() {
        let steps = "[[steps]]\nstep = \"letterbox\"\nsize = 64";
        let (view, said) = words(steps, 20, 40);
        assert_eq!(
            (view.resized.as_slice(), view.shown),
            ([(32, 64)].as_slice(), [(16, 48), (0, 64)])
        );
        assert_eq!(
            said,
            "rows 0 to 32, columns 0 to 64, with 32 rows and 0 columns of padding"
        );
        let white = Array3::from_elem((20, 40, 3), 255_u8);
        let pixels = seen(steps).pixels(white.view()).unwrap();
        assert_eq!(
            (pixels[[0, 0, 0]], pixels[[16, 0, 0]], pixels[[48, 0, 0]]),
            (114, 255, 114)
        );
    }

    #[test]
    fn a_square_around_the_image_before_the_resize_is_border_after_it() {
        let steps = "[[steps]]\nstep = \"pad\"\nto = \"square\"\nanchor = \"center\"\ncolor = 9\n[[steps]]\nstep = \"resize\"\nsize = 80\nfilter = \"bilinear\"";
        let (view, said) = words(steps, 20, 40);
        assert_eq!(
            (view.kept, view.shown),
            ([(0.0, 20.0), (0.0, 40.0)], [(20, 60), (0, 80)])
        );
        assert!(said.ends_with("with 40 rows and 0 columns of padding"), "{said}");
    }

    #[test]
    fn a_turned_image_is_drawn_as_it_is_seen() {
        let steps = "[[steps]]\nstep = \"rotate_to\"\norientation = \"portrait\"\n[[steps]]\nstep = \"resize\"\nsize = { shortest_edge = 30 }\nfilter = \"bilinear\"\n[[steps]]\nstep = \"resize\"\nsize = { rule = \"thumbnail\", height = 40, width = 40 }\nfilter = \"bilinear\"";
        let mut image = Array3::zeros((20, 40, 3));
        image[[0, 0, 0]] = 255;
        let (_, view) = side_by_side(image.view(), &seen(steps), None).unwrap();
        assert_eq!(
            (view.turned, view.image, view.resized),
            (true, (40, 20), vec![(60, 30), (40, 20)])
        );
        assert_eq!(turned(image.view())[[0, 19, 0]], 255);
    }

    #[test]
    fn a_crop_before_the_resize_is_what_is_kept() {
        let steps = "[[steps]]\nstep = \"crop\"\nof_shorter_edge = [0.5, 0.5]\n[[steps]]\nstep = \"resize\"\nsize = 8\nfilter = \"bilinear\"";
        let (view, _) = words(steps, 20, 40);
        assert_eq!(
            (view.kept, view.shown),
            ([(5.0, 15.0), (15.0, 25.0)], [(0, 8), (0, 8)])
        );
    }

    #[test]
    fn gray_reversed_and_valued_pixels_are_drawn_as_colours() {
        let image = Array3::from_shape_fn((4, 4, 3), |(.., channel)| [200, 100, 0][channel]);
        let pixels = |steps: &str| seen(steps).pixels(image.view()).unwrap();
        let gray = pixels("[[steps]]\nstep = \"grayscale\"");
        assert_eq!([0, 1, 2].map(|channel| gray[[0, 0, channel]]), [118; 3]);
        let bgr = pixels(
            "[[steps]]\nstep = \"channel_order\"\norder = \"bgr\"\n[[steps]]\nstep = \"pad\"\nto = 8\ncolor = [1, 2, 3]",
        );
        assert_eq!([0, 1, 2].map(|channel| bgr[[0, 0, channel]]), [200, 100, 0]);
        assert_eq!([0, 1, 2].map(|channel| bgr[[7, 7, channel]]), [3, 2, 1]);
        let valued = pixels(
            "[[steps]]\nstep = \"rescale\"\ndivisor = 255\n[[steps]]\nstep = \"pad\"\nto = 8\nvalue = 0.5\n[[steps]]\nstep = \"blocks\"\npatches = 4",
        );
        assert_eq!((valued.dim(), valued[[7, 7, 0]]), ((8, 8, 3), 0));
    }

    #[test]
    fn padding_is_striped() {
        let seen = seen("[[steps]]\nstep = \"center_crop\"\nsize = [40, 40]");
        let white = Array3::from_elem((20, 40, 3), 255_u8);
        let (sheet, geometry) = side_by_side(white.view(), &seen, None).unwrap();
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
