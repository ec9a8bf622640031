//! How well the values of a dump lie on lines over the pixel values of an arrangement.

use ndarray::{Array3, ArrayView3};

/// One output channel: the channel of the image that it follows (3 is gray), and the line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) source: usize,
    pub(super) slope: f64,
    pub(super) intercept: f64,
    /// The mean distance from the line, in steps of the pixel value.
    pub(super) mean: f64,
    /// The largest one.
    pub(super) largest: f64,
}

/// Points of one output channel over all four sources.
pub(super) struct Sums {
    count: f64,
    y: f64,
    yy: f64,
    x: [f64; 4],
    xx: [f64; 4],
    xy: [f64; 4],
}

impl Sums {
    pub(super) fn new() -> Self {
        Self {
            count: 0.0,
            y: 0.0,
            yy: 0.0,
            x: [0.0; 4],
            xx: [0.0; 4],
            xy: [0.0; 4],
        }
    }

    pub(super) fn add(&mut self, sources: [f64; 4], y: f64) {
        self.count += 1.0;
        self.y += y;
        self.yy += y * y;
        for (index, x) in sources.into_iter().enumerate() {
            self.x[index] += x;
            self.xx[index] += x * x;
            self.xy[index] += x * y;
        }
    }

    /// The variance of the values.
    pub(super) fn spread(&self) -> f64 {
        let count = self.count.max(1.0);
        (self.yy / count - (self.y / count).powi(2)).max(0.0)
    }

    /// Slope, intercept and the part of the spread that the line leaves, for a source.
    pub(super) fn line(&self, source: usize) -> (f64, f64, f64) {
        let count = self.count.max(1.0);
        let variance = self.xx[source] / count - (self.x[source] / count).powi(2);
        let covariance = self.xy[source] / count - self.x[source] * self.y / (count * count);
        let spread = self.yy / count - (self.y / count).powi(2);
        if variance < 1e-9 || spread < 1e-18 {
            return (0.0, self.y / count, 1.0);
        }
        let slope = covariance / variance;
        let left = (1.0 - covariance * covariance / (variance * spread)).max(0.0);
        (slope, (self.y - slope * self.x[source]) / count, left)
    }
}

/// The four sources of a pixel: its channels, and their gray.
pub(super) fn sources(pixel: [u8; 3]) -> [f64; 4] {
    let [red, green, blue] = pixel.map(f64::from);
    [red, green, blue, crate::plan::GrayRule::Pillow.gray(pixel).into()]
}

/// The lines of all output channels over the pixels inside `inner` = (top, left, height, width). Of several sources that are as good,
/// the one of `usual` counts.
pub(super) fn lines(
    pixels: ArrayView3<'_, u8>,
    values: &Array3<f64>,
    [top, left, height, width]: [usize; 4],
    usual: &[usize],
) -> Vec<Line> {
    let count = values.dim().2;
    let mut sums: Vec<Sums> = (0..count).map(|_| Sums::new()).collect();
    for row in top..top + height {
        for column in left..left + width {
            let pixel = sources([0, 1, 2].map(|channel| pixels[[row, column, channel]]));
            for (channel, sums) in sums.iter_mut().enumerate() {
                sums.add(pixel, values[[row, column, channel]]);
            }
        }
    }
    let mut found: Vec<Line> = sums
        .iter()
        .enumerate()
        .map(|(channel, sums)| {
            let usual = usual.get(channel).copied().unwrap_or(channel.min(3));
            let left = |source: usize| sums.line(source).2;
            let best = (0..4).fold(usual, |best, source| {
                if left(source) < left(best) * 0.9 - 1e-12 {
                    source
                } else {
                    best
                }
            });
            let (slope, intercept, _) = sums.line(best);
            Line {
                source: best,
                slope,
                intercept,
                mean: 0.0,
                largest: 0.0,
            }
        })
        .collect();
    for row in top..top + height {
        for column in left..left + width {
            let pixel = sources([0, 1, 2].map(|channel| pixels[[row, column, channel]]));
            for (channel, line) in found.iter_mut().enumerate() {
                let expected = line.slope * pixel[line.source] + line.intercept;
                let off = (values[[row, column, channel]] - expected).abs()
                    / line.slope.abs().max(f64::MIN_POSITIVE);
                line.mean += off;
                line.largest = line.largest.max(off);
            }
        }
    }
    let pixels = (height * width).max(1) as f64;
    for line in &mut found {
        line.mean /= pixels;
    }
    found
}
