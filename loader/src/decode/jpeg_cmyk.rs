//! CMYK and YCCK JPEGs whose components are sampled unequally.
//!
//! `libjpeg-turbo-rs` 0.9 does not enlarge the small components of such a frame (it panics, or takes wrong
//! samples), but hands out the planes. What follows here is libjpeg's own arithmetic: fancy upsampling
//! (jdsample.c) and YCCK to CMYK (jdcolor.c).

use libjpeg_turbo_rs::{FrameHeader, RawImage};

use crate::ImageError;

/// Whether the four components of a frame have different sampling factors.
pub(super) fn is_subsampled(frame: &FrameHeader) -> bool {
    frame.components.windows(2).any(|pair| {
        (pair[0].horizontal_sampling, pair[0].vertical_sampling)
            != (pair[1].horizontal_sampling, pair[1].vertical_sampling)
    })
}

/// The frame's sampling factors, (horizontal, vertical) per component.
pub(super) fn sampling(frame: &FrameHeader) -> Vec<(usize, usize)> {
    let factors = |c: &libjpeg_turbo_rs::ComponentInfo| {
        (
            usize::from(c.horizontal_sampling),
            usize::from(c.vertical_sampling),
        )
    };
    frame.components.iter().map(factors).collect()
}

/// Interleaved CMYK of the whole image, as libjpeg's `JCS_CMYK` output gives it.
pub(super) fn interleave(
    raw: &RawImage,
    sampling: &[(usize, usize)],
    ycck: bool,
    out: &mut [u8],
) -> Result<(), ImageError> {
    let max_h = sampling.iter().map(|s| s.0).max().unwrap_or(1);
    let max_v = sampling.iter().map(|s| s.1).max().unwrap_or(1);
    let mut planes = Vec::with_capacity(4);
    for (i, &(h, v)) in sampling.iter().enumerate() {
        if h == 0 || v == 0 || max_h % h != 0 || max_v % v != 0 {
            return Err(ImageError::unsupported(
                "JPEG: fractional sampling of a CMYK component",
            ));
        }
        let (Some(samples), Some(&stride)) = (raw.planes.get(i), raw.plane_widths.get(i)) else {
            return Err(ImageError::corrupt("JPEG: a component is missing"));
        };
        let small = Plane {
            samples,
            stride,
            width: (raw.width * h).div_ceil(max_h),
            height: (raw.height * v).div_ceil(max_v),
        };
        if small.width > stride || small.samples.len() < stride * small.height {
            return Err(ImageError::corrupt("JPEG: a component is too small"));
        }
        planes.push(small.enlarged(max_h / h, max_v / v, raw.width, raw.height));
    }
    for (i, pixel) in out.chunks_exact_mut(4).enumerate() {
        for (target, plane) in pixel.iter_mut().zip(&planes) {
            *target = plane[i];
        }
        if ycck {
            ycck_to_cmyk(pixel);
        }
    }
    Ok(())
}

struct Plane<'a> {
    samples: &'a [u8],
    stride: usize,
    width: usize,
    height: usize,
}

impl Plane<'_> {
    /// Row `y`, or the nearest one that there is.
    fn row(&self, y: isize) -> &[u8] {
        let y = y.clamp(0, self.height as isize - 1) as usize;
        &self.samples[y * self.stride..][..self.width]
    }

    /// The plane `h` times as wide and `v` times as high, cut to `width` x `height`.
    fn enlarged(&self, h: usize, v: usize, width: usize, height: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(width * height);
        let mut wide = vec![0; self.width * h];
        for y in 0..height {
            let near = (y / v) as isize;
            // The other row of source that a doubled row lies next to.
            let far = if y % 2 == 0 { near - 1 } else { near + 1 };
            match (h, v) {
                (2, 1) if self.width > 2 => triangle_h2v1(self.row(near), &mut wide),
                (2, 2) if self.width > 2 => triangle_h2v2(self.row(near), self.row(far), &mut wide),
                (1, 2) => {
                    let bias = if y % 2 == 0 { 1 } else { 2 };
                    for ((target, &a), &b) in wide.iter_mut().zip(self.row(near)).zip(self.row(far)) {
                        *target = ((3 * u16::from(a) + u16::from(b) + bias) >> 2) as u8;
                    }
                }
                _ => {
                    for (group, &sample) in wide.chunks_exact_mut(h).zip(self.row(near)) {
                        group.fill(sample);
                    }
                }
            }
            out.extend_from_slice(&wide[..width]);
        }
        out
    }
}

/// `h2v1_fancy_upsample`: 3/4 of the nearer and 1/4 of the farther sample.
fn triangle_h2v1(row: &[u8], out: &mut [u8]) {
    let last = row.len() - 1;
    for (i, pair) in out.chunks_exact_mut(2).enumerate() {
        let three = 3 * u16::from(row[i]);
        pair[0] = if i == 0 {
            row[0]
        } else {
            ((three + u16::from(row[i - 1]) + 1) >> 2) as u8
        };
        pair[1] = if i == last {
            row[last]
        } else {
            ((three + u16::from(row[i + 1]) + 2) >> 2) as u8
        };
    }
}

/// `h2v2_fancy_upsample`: the same weights on both axes, rounded once.
fn triangle_h2v2(near: &[u8], far: &[u8], out: &mut [u8]) {
    let sum = |i: usize| 3 * u16::from(near[i]) + u16::from(far[i]);
    let last = near.len() - 1;
    for (i, pair) in out.chunks_exact_mut(2).enumerate() {
        let this = sum(i);
        pair[0] = if i == 0 {
            (4 * this + 8) >> 4
        } else {
            (3 * this + sum(i - 1) + 8) >> 4
        } as u8;
        pair[1] = if i == last {
            (4 * this + 7) >> 4
        } else {
            (3 * this + sum(i + 1) + 7) >> 4
        } as u8;
    }
}

/// `ycck_cmyk_convert`: the complement of YCbCr to RGB in 16-bit fixed point; K stays.
fn ycck_to_cmyk(pixel: &mut [u8]) {
    const HALF: i32 = 1 << 15;
    let fix = |value: f64| (value * 65_536.0 + 0.5) as i32;
    let [y, cb, cr] = [0, 1, 2].map(|i| i32::from(pixel[i]));
    let (cb, cr) = (cb - 128, cr - 128);
    let red = y + ((fix(1.402) * cr + HALF) >> 16);
    let green = y + ((-fix(0.34414) * cb - fix(0.71414) * cr + HALF) >> 16);
    let blue = y + ((fix(1.772) * cb + HALF) >> 16);
    for (target, light) in pixel.iter_mut().zip([red, green, blue]) {
        *target = (255 - light).clamp(0, 255) as u8;
    }
}
