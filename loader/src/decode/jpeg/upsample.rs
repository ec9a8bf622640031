//! Small components enlarged to the size of the image (jdsample.c).

use super::source::Fault;

/// Samples of a component as they come out of the inverse transform.
#[derive(Debug, Default)]
pub(super) struct Plane {
    pub(super) samples: Vec<u8>,
    pub(super) stride: usize,
    /// Columns and rows that stand for pixels of the image; the rest fills up blocks.
    pub(super) width: usize,
    pub(super) height: usize,
}

impl Plane {
    /// Row `y`, or the nearest that there is.
    fn row(&self, y: usize) -> &[u8] {
        &self.samples[y.min(self.height - 1) * self.stride..][..self.stride]
    }
}

/// How a component becomes as large as the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Full,
    WideTriangle,
    TallTriangle,
    Triangle,
    Repeat { h: usize, v: usize },
}

impl Method {
    /// The method for a component of `own` samples (horizontally, vertically) for each `all` of the image.
    /// `fancy`: triangle filters where they apply.
    pub(super) fn new(
        own: (usize, usize),
        all: (usize, usize),
        width: usize,
        fancy: bool,
    ) -> Result<Self, Fault> {
        if own.0 == 0 || own.1 == 0 || !all.0.is_multiple_of(own.0) || !all.1.is_multiple_of(own.1) {
            return Err(Fault::Unsupported("fractional sampling of a component"));
        }
        Ok(match (all.0 / own.0, all.1 / own.1) {
            (1, 1) => Self::Full,
            (2, 1) if fancy && width > 2 => Self::WideTriangle,
            (1, 2) if fancy => Self::TallTriangle,
            (2, 2) if fancy && width > 2 => Self::Triangle,
            (h, v) => Self::Repeat { h, v },
        })
    }

    /// Row `y` of the enlarged component. `out` has room for the samples that the plane's columns become.
    pub(super) fn row(self, plane: &Plane, y: usize, out: &mut [u8]) {
        // The other row of source that a doubled row lies next to.
        let far = |near: usize| {
            if y.is_multiple_of(2) {
                near.saturating_sub(1)
            } else {
                near + 1
            }
        };
        match self {
            Self::Full => {
                let row = plane.row(y);
                let count = row.len().min(out.len());
                out[..count].copy_from_slice(&row[..count]);
            }
            Self::WideTriangle => wide_triangle(&plane.row(y)[..plane.width], out),
            Self::TallTriangle => {
                let bias = if y.is_multiple_of(2) { 1 } else { 2 };
                let (near, far) = (plane.row(y / 2), plane.row(far(y / 2)));
                for ((target, &near), &far) in out.iter_mut().zip(near).zip(far) {
                    *target = ((3 * u16::from(near) + u16::from(far) + bias) >> 2) as u8;
                }
            }
            Self::Triangle => {
                let (near, far) = (plane.row(y / 2), plane.row(far(y / 2)));
                triangle(&near[..plane.width], far, out);
            }
            Self::Repeat { h, v } => {
                for (group, &sample) in out.chunks_mut(h).zip(plane.row(y / v)) {
                    group.fill(sample);
                }
            }
        }
    }
}

/// `h2v1_fancy_upsample`: 3/4 of the nearer and 1/4 of the farther sample.
fn wide_triangle(row: &[u8], out: &mut [u8]) {
    let last = row.len() - 1;
    for (i, pair) in out.chunks_exact_mut(2).take(row.len()).enumerate() {
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
fn triangle(near: &[u8], far: &[u8], out: &mut [u8]) {
    let sum = |i: usize| 3 * u16::from(near[i]) + u16::from(far[i]);
    let last = near.len() - 1;
    for (i, pair) in out.chunks_exact_mut(2).take(near.len()).enumerate() {
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
