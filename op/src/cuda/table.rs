//! The weights of one axis as the kernel reads them: `struct Axis` of `op/cuda/preprocess.cu`.

use prep_onnx_pipeline::{Error, Result};

use crate::kernel::Axis;

/// Output columns of a tile, at most.
pub(super) const TILE_COLUMNS: usize = 64;

/// Output positions that share a span; tiles begin at multiples of it.
const SPAN: usize = 8;

/// Taps in one word of weights.
const GROUP: usize = 4;

/// Bytes of a weight.
const PLANES: usize = 3;

/// The longest axis: three bytes a pixel must stay countable in 31 bits.
const LONGEST: usize = 1 << 29;

/// The bytes of one axis.
pub(super) struct HostTable {
    pub(super) bytes: Vec<u8>,
    /// The most source pixels that the columns of one tile read.
    pub(super) tile_span: usize,
}

/// First position and number of groups, or first and end.
type Pair = (usize, usize);

impl HostTable {
    /// The table of columns: windows are pixels, tap groups begin with the window.
    pub(super) fn columns(axis: &Axis, input: usize) -> Result<Self> {
        check(axis, input)?;
        let windows = padded(axis, |start| (start, 0));
        let spans = spans(axis.len(), |index| {
            let (start, weights) = axis.window(index);
            (start, start + weights.len())
        });
        let tile_span = spans
            .chunks(TILE_COLUMNS / SPAN)
            .map(|spans| {
                let all = spans.iter().copied().fold((0, 0), union);
                all.1 - all.0
            })
            .max()
            .unwrap_or(0);
        Ok(Self {
            bytes: bytes(axis, input, 0, &windows, &spans, |_| 0),
            tile_span,
        })
    }

    /// The table of rows: windows are groups of four rows, counted from the first row that is read.
    pub(super) fn rows(axis: &Axis, input: usize) -> Result<Self> {
        check(axis, input)?;
        let first = axis.span().start;
        let split = |start: usize| ((start - first) / GROUP, (start - first) % GROUP);
        let windows = padded(axis, split);
        let spans = spans(axis.len(), |index| {
            let (start, groups) = windows[index];
            (start, start + groups)
        });
        Ok(Self {
            bytes: bytes(axis, input, first, &windows, &spans, |start| split(start).1),
            tile_span: 0,
        })
    }

    /// The table of an axis whose positions read two pixels each, with 11-bit weights.
    pub(super) fn pairs(input: usize, pairs: impl Iterator<Item = ([usize; 2], [i32; 2])>) -> Self {
        let mut words = vec![0, input as u32, 0, 0];
        for ([first, second], [a, b]) in pairs {
            words.extend([first as u32, second as u32, a.cast_unsigned(), b.cast_unsigned()]);
        }
        words[0] = (words.len() / 4 - 1) as u32;
        Self {
            bytes: words.iter().flat_map(|word: &u32| word.to_ne_bytes()).collect(),
            tile_span: 0,
        }
    }
}

/// # Errors
/// When an edge is too long for the kernels.
pub(super) fn check_length(longest: usize) -> Result<()> {
    if longest <= LONGEST {
        return Ok(());
    }
    Err(Error::new("image", "has an edge that is too long for CUDA")
        .expected_got(format_args!("at most {LONGEST} pixels"), longest)
        .fix("run this model with the CPU execution provider"))
}

fn check(axis: &Axis, input: usize) -> Result<()> {
    check_length(input.max(axis.len()))?;
    if axis.wide {
        return Err(Error::new("resize", "has weights whose sums leave 32 bits")
            .fix("run this model with the CPU execution provider"));
    }
    Ok(())
}

/// For each position the first group and the number of groups. A position without taps repeats the start
/// before it: starts never fall.
fn padded(axis: &Axis, split: impl Fn(usize) -> Pair) -> Vec<Pair> {
    let mut last = 0;
    (0..axis.len())
        .map(|index| {
            let (start, weights) = axis.window(index);
            if weights.is_empty() {
                return (last, 0);
            }
            let (group, lead) = split(start);
            last = group;
            (group, (lead + weights.len()).div_ceil(GROUP))
        })
        .collect()
}

fn union(a: Pair, b: Pair) -> Pair {
    match (a.0 == a.1, b.0 == b.1) {
        (true, _) => b,
        (_, true) => a,
        _ => (a.0.min(b.0), a.1.max(b.1)),
    }
}

fn spans(length: usize, range: impl Fn(usize) -> Pair) -> Vec<Pair> {
    (0..length.div_ceil(SPAN))
        .map(|span| {
            (span * SPAN..length.min((span + 1) * SPAN))
                .map(&range)
                .fold((0, 0), union)
        })
        .collect()
}

/// Header, windows, spans, weights; `lead` gives how many taps of weight 0 come before a window that
/// starts there.
fn bytes(
    axis: &Axis,
    input: usize,
    first: usize,
    windows: &[Pair],
    spans: &[Pair],
    lead: impl Fn(usize) -> usize,
) -> Vec<u8> {
    let length = axis.len();
    let groups = windows.iter().map(|window| window.1).max().unwrap_or(0);
    let mut words: Vec<u32> = Vec::with_capacity(4 + 2 * (length + spans.len()) + groups * PLANES * length);
    // No number here exceeds LONGEST.
    let word = |value: usize| value as u32;
    words.extend([word(length), word(input), word(first), 0]);
    for pair in windows.iter().chain(spans) {
        words.extend([word(pair.0), word(pair.1)]);
    }
    let base = words.len();
    words.resize(base + groups * PLANES * length, 0);
    for index in 0..length {
        let (start, weights) = axis.window(index);
        if weights.is_empty() {
            continue;
        }
        let lead = lead(start);
        for (tap, weight) in weights.iter().enumerate() {
            let (group, lane) = ((lead + tap) / GROUP, (lead + tap) % GROUP);
            for plane in 0..PLANES {
                let byte = weight.cast_unsigned() >> (8 * plane) & 0xff;
                words[base + (group * PLANES + plane) * length + index] |= byte << (8 * lane);
            }
        }
    }
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use prep_onnx_pipeline::{Filter, Resampler, Windows};

    use super::*;

    #[test]
    fn sums_of_real_sizes_fit_into_32_bits() {
        let mut most = 0;
        let sizes = (1..=40).chain([63, 64, 65, 224, 255, 256, 257, 1080, 4099]);
        for windows in Windows::ALL {
            for filter in Filter::ALL
                .iter()
                .filter(|filter| Resampler::from(*windows).check_filter(**filter).is_ok())
            {
                for input in sizes.clone() {
                    for output in sizes.clone() {
                        let axis = Axis::new(Some((*windows, *filter)), input, output, 0, output);
                        assert!(!axis.wide, "{windows} {filter} {input} {output}");
                        for index in 0..output {
                            let sum: u64 = axis
                                .window(index)
                                .1
                                .iter()
                                .map(|w| u64::from(w.unsigned_abs()))
                                .sum();
                            most = most.max(sum);
                        }
                    }
                }
            }
        }
        // 2.0 is where 255 times the sum leaves 31 bits.
        let most = most as f64 / f64::from(1 << 22);
        assert!(most < 1.6, "{most}");
        eprintln!("the magnitudes of a window's weights sum to at most {most}");
    }

    #[test]
    fn a_table_is_header_windows_spans_and_byte_planes() {
        let axis = Axis::new(None, 10, 10, -1, 12);
        let table = HostTable::rows(&axis, 10).unwrap();
        let words: Vec<u32> = table
            .bytes
            .chunks(4)
            .map(|bytes| u32::from_ne_bytes(bytes.try_into().unwrap()))
            .collect();
        assert_eq!(words[..4], [12, 10, 0, 0]);
        let pairs: Vec<_> = words[4..4 + 2 * 14]
            .chunks(2)
            .map(|pair| (pair[0], pair[1]))
            .collect();
        assert_eq!(pairs[..4], [(0, 0), (0, 1), (0, 1), (0, 1)]);
        assert_eq!(pairs[11], (2, 0));
        assert_eq!(pairs[12..], [(0, 2), (1, 3)]);
        // 1 << 22 is 0x40 in the third byte, in the lane of the row within its group.
        let high = &words[4 + 2 * 14 + 2 * 12..];
        assert_eq!(high[..6], [0, 0x40, 0x4000, 0x40_0000, 0x4000_0000, 0x40]);
        assert_eq!(words.len(), 4 + 2 * 14 + 3 * 12);
    }

    #[test]
    fn an_axis_too_long_is_refused() {
        let axis = Axis::new(None, 4, 4, 0, 4);
        let error = HostTable::columns(&axis, LONGEST + 1).err().unwrap();
        assert!(error.to_string().contains("at most 536870912"), "{error}");
    }
}
