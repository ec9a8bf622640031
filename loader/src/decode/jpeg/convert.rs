//! Rows of components to RGB (jdcolor.c, and Pillow's CMYK to RGB).

use super::super::to_rgb;
use super::headers::Color;

/// Fixed point of 16 bits.
const fn fix(value: f64) -> i32 {
    (value * 65_536.0 + 0.5) as i32
}

const HALF: i32 = 1 << 15;

/// One row. `components` are as wide as the image at least; `inks` is memory for four bytes per pixel.
pub(super) fn row(color: Color, components: &[Vec<u8>], out: &mut [u8], inks: &mut Vec<u8>) {
    match (color, components) {
        (Color::Gray, [gray, ..]) => to_rgb::gray(gray, out),
        (Color::Rgb, [red, green, blue, ..]) => {
            for (((pixel, &red), &green), &blue) in out.chunks_exact_mut(3).zip(red).zip(green).zip(blue) {
                pixel.copy_from_slice(&[red, green, blue]);
            }
        }
        (Color::YCbCr, [y, cb, cr, ..]) => {
            for (((pixel, &y), &cb), &cr) in out.chunks_exact_mut(3).zip(y).zip(cb).zip(cr) {
                pixel.copy_from_slice(&ycbcr(y, cb, cr));
            }
        }
        (Color::Cmyk | Color::Ycck, [first, second, third, black, ..]) => {
            inks.clear();
            for (((&first, &second), &third), &black) in first.iter().zip(second).zip(third).zip(black) {
                let [first, second, third] = if color == Color::Ycck {
                    ycbcr(first, second, third).map(|light| 255 - light)
                } else {
                    [first, second, third]
                };
                inks.extend([first, second, third, black]);
            }
            to_rgb::cmyk_inverted(inks, out);
        }
        // A frame has as many components as its colour needs.
        (Color::Rgb | Color::YCbCr | Color::Gray | Color::Cmyk | Color::Ycck, _) => {}
    }
}

fn ycbcr(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
    [
        y + ((fix(1.402) * cr + HALF) >> 16),
        y + ((-fix(0.34414) * cb - fix(0.71414) * cr + HALF) >> 16),
        y + ((fix(1.772) * cb + HALF) >> 16),
    ]
    .map(|value| value.clamp(0, 255) as u8)
}
