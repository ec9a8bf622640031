//! Images that tell pipelines apart.

use ndarray::Array3;

/// A stream of numbers: SplitMix64.
pub(super) struct Stream(u64);

impl Stream {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from `low` up to and without `end`.
    pub(super) fn range(&mut self, low: usize, end: usize) -> usize {
        low + (self.bits() % (end.saturating_sub(low)).max(1) as u64) as usize
    }

    fn byte(&mut self) -> u8 {
        (self.bits() >> 56) as u8
    }
}

type Size = (usize, usize);

/// The sizes that every callable is asked about; those after them follow from its outputs.
pub(super) const SIZES: [Size; 6] = [
    (240, 320),
    (333, 250),
    (201, 201),
    (96, 251),
    (480, 202),
    (64, 49),
];

/// One colour.
pub(super) fn flat((height, width): Size, color: [u8; 3]) -> Array3<u8> {
    Array3::from_shape_fn((height, width, 3), |(.., channel)| color[channel])
}

/// The value of a ramp over `length` pixels at position `at`.
pub(super) fn ramp(at: usize, length: usize) -> u8 {
    if length < 2 {
        return 128;
    }
    ((at as f64 * 255.0) / (length - 1) as f64).round() as u8
}

/// What one channel of a coded probe holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// A ramp from left to right.
    Columns,
    /// A ramp from top to bottom.
    Rows,
    /// Noise.
    Noise,
}

/// Where each code is: one in each channel, or in all three.
pub(super) fn coded((height, width): Size, codes: [Code; 3], seed: u64) -> Array3<u8> {
    let mut stream = Stream::new(seed);
    let noise = Array3::from_shape_simple_fn((height, width, 1), || stream.byte());
    Array3::from_shape_fn((height, width, 3), |(row, column, channel)| {
        match codes[channel] {
            Code::Columns => ramp(column, width),
            Code::Rows => ramp(row, height),
            Code::Noise => noise[[row, column, 0]],
        }
    })
}

/// Noise in all channels, none like the others.
pub(super) fn noise((height, width): Size, seed: u64) -> Array3<u8> {
    let mut stream = Stream::new(seed);
    Array3::from_shape_simple_fn((height, width, 3), || stream.byte())
}

/// Blocks of one value each, of all of `values` of each channel in an order drawn from the seed.
pub(super) fn blocks((height, width): Size, values: &[Vec<u8>; 3], seed: u64) -> Array3<u8> {
    let mut stream = Stream::new(seed);
    let most = values.iter().map(Vec::len).max().unwrap_or(1).max(1);
    let edge = (1..).find(|edge| edge * edge >= most).unwrap_or(16);
    let shifts = [0, 1, 2].map(|_| stream.range(0, edge * edge));
    Array3::from_shape_fn((height, width, 3), |(row, column, channel)| {
        let values = &values[channel];
        // From the middle outwards: crops take the borders.
        let (row, column) = (row * edge / height, column * edge / width);
        let index = row * edge + column + shifts[channel];
        values.get(index % values.len().max(1)).copied().unwrap_or(0)
    })
}

/// What photos are made of: slopes, edges, texture, saturated areas.
pub(super) fn scene((height, width): Size, seed: u64) -> Array3<u8> {
    let mut stream = Stream::new(seed);
    let kind = stream.range(0, 4);
    let slopes: Vec<[f64; 3]> = (0..3)
        .map(|_| [0, 1, 2].map(|_| stream.range(0, 2000) as f64 / 1000.0 - 1.0))
        .collect();
    let shapes: Vec<(usize, usize, usize, [u8; 3])> = (0..12)
        .map(|_| {
            let at = (stream.range(0, height), stream.range(0, width));
            let radius = stream.range(1, height.max(width) / 4 + 2);
            (at.0, at.1, radius, [stream.byte(), stream.byte(), stream.byte()])
        })
        .collect();
    let mut grain = Stream::new(seed ^ 0xA5A5);
    Array3::from_shape_fn((height, width, 3), |(row, column, channel)| {
        let noise = grain.byte();
        match kind {
            0 => noise,
            1 => 255 * (noise & 1),
            _ => {
                let inside = shapes.iter().rev().find(|(top, left, radius, _)| {
                    row.abs_diff(*top) <= *radius && column.abs_diff(*left) <= radius / 2 + 1
                });
                let base = match inside {
                    Some((.., color)) => f64::from(color[channel]),
                    None => {
                        let [a, b, c] = slopes[channel];
                        128.0
                            + 127.0
                                * (a * row as f64 / height as f64
                                    + b * column as f64 / width as f64
                                    + 0.3 * c)
                    }
                };
                let grain = if kind == 2 {
                    f64::from(noise % 24) - 12.0
                } else {
                    0.0
                };
                (base + grain).clamp(0.0, 255.0) as u8
            }
        }
    })
}
