//! Loops over pixels without instructions of their own: here because this crate is built for speed, and never inlined, which
//! would build them as their caller is.
//!
//! Every function takes packed pixels and writes as many as both slices have.

use half::f16;
use prep_onnx_pipeline::CHANNELS;
use prep_onnx_pipeline::plan::{Coefficients, GrayRule, composite};

/// One channel of three by `rule`.
#[inline(never)]
pub fn gray(rule: GrayRule, pixels: &[u8], out: &mut [u8]) {
    for (value, pixel) in out.iter_mut().zip(pixels.chunks_exact(CHANNELS)) {
        *value = rule.gray([pixel[0], pixel[1], pixel[2]]);
    }
}

/// One channel as three equal ones.
#[inline(never)]
pub fn tripled(pixels: &[u8], out: &mut [u8]) {
    for (pixel, value) in out.chunks_exact_mut(CHANNELS).zip(pixels) {
        pixel.fill(*value);
    }
}

/// The first of `channels` channels.
#[inline(never)]
pub fn first(channels: usize, pixels: &[u8], out: &mut [u8]) {
    for (value, pixel) in out.iter_mut().zip(pixels.chunks_exact(channels)) {
        *value = pixel[0];
    }
}

/// BGR to RGB.
#[inline(never)]
pub fn reversed(pixels: &[u8], out: &mut [u8]) {
    for (to, from) in out.chunks_exact_mut(CHANNELS).zip(pixels.chunks_exact(CHANNELS)) {
        to.copy_from_slice(&[from[2], from[1], from[0]]);
    }
}

/// RGBA to RGB, composited over a colour or without its alpha.
#[inline(never)]
pub fn opaque(pixels: &[u8], over: Option<[u8; CHANNELS]>, out: &mut [u8]) {
    for (to, from) in out.chunks_exact_mut(CHANNELS).zip(pixels.chunks_exact(4)) {
        match over {
            None => to.copy_from_slice(&from[..CHANNELS]),
            Some(over) => {
                for channel in 0..CHANNELS {
                    to[channel] = composite(from[channel], from[3], over[channel]);
                }
            }
        }
    }
}

/// A row of NV12: two pixels share a pair of Cb and Cr.
#[inline(never)]
pub fn from_pairs(coefficients: &Coefficients, luma: &[u8], chroma: &[u8], line: &mut [u8]) {
    convert(
        coefficients,
        luma,
        chroma.chunks_exact(2).map(|pair| [pair[0], pair[1]]),
        line,
    );
}

/// A row of I420: two pixels share a Cb and a Cr.
#[inline(never)]
pub fn from_planes(coefficients: &Coefficients, luma: &[u8], [cb, cr]: [&[u8]; 2], line: &mut [u8]) {
    let chroma = cb.iter().zip(cr);
    convert(coefficients, luma, chroma.map(|(cb, cr)| [*cb, *cr]), line);
}

fn convert(coefficients: &Coefficients, luma: &[u8], chroma: impl Iterator<Item = [u8; 2]>, line: &mut [u8]) {
    let pairs = luma.chunks_exact(2).zip(line.chunks_exact_mut(2 * CHANNELS));
    for ((luma, out), [cb, cr]) in pairs.zip(chroma) {
        for (luma, out) in luma.iter().zip(out.chunks_exact_mut(CHANNELS)) {
            out.copy_from_slice(&coefficients.rgb(*luma, cb, cr));
        }
    }
}

/// The image of `size` = (height, width), of one or three channels, turned by 90 degrees clockwise.
#[inline(never)]
pub fn turn(channels: usize, pixels: &[u8], size: (usize, usize), out: &mut [u8]) {
    match channels {
        CHANNELS => turn_of::<CHANNELS>(pixels, size, out),
        _ => turn_of::<1>(pixels, size, out),
    }
}

fn turn_of<const CHANNELS: usize>(pixels: &[u8], (height, width): (usize, usize), out: &mut [u8]) {
    /// Pixels of a side of the squares that are turned one after the other, so that their lines stay in the cache.
    const SIDE: usize = 32;
    for top in (0..width).step_by(SIDE) {
        for left in (0..height).step_by(SIDE) {
            for row in top..(top + SIDE).min(width) {
                let columns = left..(left + SIDE).min(height);
                let out = &mut out[(row * height + left) * CHANNELS..][..columns.len() * CHANNELS];
                for (column, pixel) in columns.zip(out.chunks_exact_mut(CHANNELS)) {
                    let from = ((height - 1 - column) * width + row) * CHANNELS;
                    pixel.copy_from_slice(&pixels[from..from + CHANNELS]);
                }
            }
        }
    }
}

/// One row, horizontally, by OpenCV's linear, without its lowest 4 bits: of each output column, the two source columns and their
/// weights.
#[inline(never)]
pub fn across(row: &[u8], channels: usize, taps: (&[[usize; 2]], &[[i32; 2]]), out: &mut [i16]) {
    let taps = taps.0.iter().zip(taps.1);
    for (pixel, ([left, right], [a, b])) in out.chunks_exact_mut(channels).zip(taps) {
        for (channel, value) in pixel.iter_mut().enumerate() {
            let tap = |at: usize| i32::from(row[at * channels + channel]);
            *value = ((tap(*left) * a + tap(*right) * b) >> 4) as i16;
        }
    }
}

/// Two such rows, vertically.
#[inline(never)]
pub fn down([top, bottom]: [&[i16]; 2], [c, d]: [i32; 2], out: &mut [u8]) {
    for ((out, top), bottom) in out.iter_mut().zip(top).zip(bottom) {
        let sum = ((c * i32::from(*top)) >> 16) + ((d * i32::from(*bottom)) >> 16);
        *out = ((sum + 2) >> 2) as u8;
    }
}

/// Each byte by `table`.
#[inline(never)]
pub fn look_up(table: &[u8; 256], pixels: &mut [u8]) {
    for pixel in pixels {
        *pixel = table[usize::from(*pixel)];
    }
}

/// Each byte by the table of its channel, of three in turn.
#[inline(never)]
pub fn look_up_in_turn(tables: [&[u8; 256]; CHANNELS], pixels: &mut [u8]) {
    for pixel in pixels.chunks_mut(CHANNELS) {
        for (value, table) in pixel.iter_mut().zip(tables) {
            *value = table[usize::from(*value)];
        }
    }
}

/// An element that runs of are filled with.
pub trait Fill: Copy {
    /// All of `run`.
    fn fill(self, run: &mut [Self]);

    /// All pixels of `run`, a value for each channel.
    fn fill_pixels(values: &[Self], run: &mut [Self]);
}

/// Copies of what is filled, not a loop over elements, which is not made of vectors where the library is built for size.
fn fill_by_copies<T: Copy>(run: &mut [T], value: T) {
    const STEP: usize = 1024;
    let Some(first) = run.first_mut() else {
        return;
    };
    *first = value;
    let mut filled = 1;
    while filled < run.len() {
        let copied = filled.min(run.len() - filled).min(STEP);
        run.copy_within(..copied, filled);
        filled += copied;
    }
}

macro_rules! fill {
    ($($element:ty),*) => {
        $(
            // Not generic: that would be built where it is called.
            impl Fill for $element {
                #[inline(never)]
                fn fill(self, run: &mut [Self]) {
                    fill_by_copies(run, self);
                }

                #[inline(never)]
                fn fill_pixels(values: &[Self], run: &mut [Self]) {
                    for pixel in run.chunks_exact_mut(values.len().max(1)) {
                        pixel.copy_from_slice(values);
                    }
                }
            }
        )*
    };
}

fill!(f32, f16, u8);
