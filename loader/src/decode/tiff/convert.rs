//! Rows of TIFF samples to RGB.

use super::super::ifd::Order;
use super::super::to_rgb::{self, Palette};
use super::mode::Mode;

/// One row of interleaved samples; `source` may go on behind the last pixel of `out`.
pub(super) fn row(mode: Mode, order: Order, palette: &Palette, source: &[u8], out: &mut [u8]) {
    match mode {
        Mode::Gray {
            bits,
            white_is_zero: false,
        } => match bits {
            8 => to_rgb::gray(source, out),
            _ => to_rgb::gray_packed(source, bits, out),
        },
        Mode::Gray {
            bits,
            white_is_zero: true,
        } => to_rgb::gray_packed_inverted(source, bits, out),
        Mode::Gray12 => to_rgb::gray16(twelve_bits(source), out),
        Mode::Gray16 => to_rgb::gray16(values::<2>(source, order).map(|v| v as u16), out),
        Mode::SignedGray16 => clipped(
            values::<2>(source, order).map(|v| i64::from(v as u16 as i16)),
            out,
        ),
        // Pillow keeps unsigned ones in a signed image too.
        Mode::Int32 => clipped(
            values::<4>(source, order).map(|v| i64::from(v as u32 as i32)),
            out,
        ),
        Mode::Float32 => {
            let values = values::<4>(source, order).map(|v| f32::from_bits(v as u32));
            clipped(values.map(|v| v.clamp(0.0, 255.0) as i64), out);
        }
        Mode::GrayAlpha => to_rgb::first_of(source, 2, out),
        Mode::Rgb { wide: false, samples } => to_rgb::rgb_of(source, samples, out),
        Mode::PremultipliedRgb { wide: false, samples } => to_rgb::rgb_premultiplied(source, samples, out),
        Mode::Cmyk { wide: false, samples } => to_rgb::cmyk(source, samples, out),
        Mode::Rgb { wide: true, samples } => {
            each_pixel(source, samples, order, out, |pixel, rgb| {
                to_rgb::rgb_of(pixel, 4, rgb)
            });
        }
        Mode::PremultipliedRgb { wide: true, samples } => {
            each_pixel(source, samples, order, out, |pixel, rgb| {
                to_rgb::rgb_premultiplied(pixel, 4, rgb)
            });
        }
        Mode::Cmyk { wide: true, samples } => {
            each_pixel(source, samples, order, out, |pixel, rgb| {
                to_rgb::cmyk(pixel, 4, rgb)
            });
        }
        Mode::Palette { bits: 8, samples } => {
            to_rgb::palette(source.chunks_exact(samples).map(|pixel| pixel[0]), palette, out);
        }
        Mode::Palette { bits, .. } => to_rgb::palette(to_rgb::unpack(source, bits), palette, out),
    }
}

/// Whether the sample behind the colour, where there is one, is at its largest in all pixels: Pillow's alpha, or nothing.
pub(super) fn is_opaque(mode: Mode, order: Order, source: &[u8], pixels: usize) -> bool {
    let full = |pixel: usize, at: usize| {
        source
            .chunks_exact(pixel)
            .take(pixels)
            .all(|pixel| pixel[at] == 255)
    };
    match mode {
        Mode::GrayAlpha => full(2, 1),
        Mode::Palette { bits: 8, samples } if samples > 1 => full(samples, 1),
        Mode::Rgb { wide, samples } | Mode::PremultipliedRgb { wide, samples } if samples > 3 => match wide {
            true => full(2 * samples, 6 + high_byte(order)),
            false => full(samples, 3),
        },
        Mode::Rgb { .. }
        | Mode::PremultipliedRgb { .. }
        | Mode::Palette { .. }
        | Mode::Cmyk { .. }
        | Mode::Gray { .. }
        | Mode::Gray12
        | Mode::Gray16
        | Mode::SignedGray16
        | Mode::Int32
        | Mode::Float32 => true,
    }
}

/// Gives the high bytes of at most four 16-bit samples of each pixel.
fn each_pixel(
    source: &[u8],
    samples: usize,
    order: Order,
    out: &mut [u8],
    convert: impl Fn(&[u8; 4], &mut [u8]),
) {
    let high = high_byte(order);
    for (pixel, rgb) in source.chunks_exact(2 * samples).zip(out.chunks_exact_mut(3)) {
        let mut bytes = [0; 4];
        for (byte, sample) in bytes.iter_mut().zip(pixel.chunks_exact(2)) {
            *byte = sample[high];
        }
        convert(&bytes, rgb);
    }
}

/// Where the high byte of a 16-bit sample stands.
pub(super) fn high_byte(order: Order) -> usize {
    match order {
        Order::Little => 1,
        Order::Big => 0,
    }
}

fn values<const N: usize>(source: &[u8], order: Order) -> impl Iterator<Item = u64> + '_ {
    source.chunks_exact(N).map(move |value| order.unsigned(value))
}

fn clipped(values: impl Iterator<Item = i64>, out: &mut [u8]) {
    to_rgb::gray16(values.map(|value| value.clamp(0, 255) as u16), out);
}

/// Two samples in three bytes, the high bits first.
fn twelve_bits(source: &[u8]) -> impl Iterator<Item = u16> + '_ {
    source.chunks(3).flat_map(|three| {
        let byte = |i: usize| u16::from(three.get(i).copied().unwrap_or(0));
        [byte(0) << 4 | byte(1) >> 4, (byte(1) & 15) << 8 | byte(2)]
    })
}
