//! Four source rows to one group of packed lanes.

use std::arch::x86_64::*;

use prep_onnx_pipeline::{CHANNELS, Layout};

use super::even::{ROWS, Rows};
use super::group::Group;
use super::loads::Loads;
use super::pair::pair;
use super::short::{PER_QUAD, SHARED, WIDE, short};
use super::tables::Columns;
use crate::{Lanes, lanes_of, plane_blocks};

/// Row groups that are resized at a time: each table is read once for both.
pub(super) const AT_ONCE: usize = 2;

const _: () = assert!(AT_ONCE == 2, "the groups that `each!` has code for");

/// How many blocks the scratch of [`resize`] has: lanes of each group, and copies of rows.
pub(super) fn scratch(columns: &Columns) -> usize {
    AT_ONCE * lanes(columns) + Rows::<AT_ONCE>::blocks(&(0..columns.row_bytes))
}

/// Blocks of the lanes of a group: the last vector, and one that only makes a pair, end behind three planes.
fn lanes(columns: &Columns) -> usize {
    CHANNELS * plane_blocks(columns.columns) + 2
}

/// What [`crate::Isa::horizontal`] is.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
pub(super) fn resize(
    columns: &Columns,
    rows: &[&[u8]],
    ahead: &[&[u8]],
    scratch: &mut [Lanes],
    groups: &mut [&mut [Lanes]],
) {
    let count = groups.len();
    assert!((1..=AT_ONCE).contains(&count), "as many groups as have scratch");
    assert!(rows.len() == count * ROWS, "the rows of all groups");
    let each = lanes(columns);
    let last = columns.vectors.saturating_sub(1) * columns.lanes;
    assert!(
        each * Lanes::COUNT >= last + Lanes::COUNT,
        "room for every vector"
    );
    let (lanes, copies) = scratch.split_at_mut(AT_ONCE * each);
    let asks = !ahead.is_empty();
    let wide = rows.iter().all(|row| row.len() >= columns.row_bytes);
    let rows = Rows::<AT_ONCE>::new(rows, ahead)
        .filter(|_| wide)
        .unwrap_or_else(|| Rows::copied(rows, 0..columns.row_bytes, copies));
    let (first, second) = lanes.split_at_mut(each);
    let mut open = [(0, first), (1, second)].map(|(group, lanes)| Group {
        first: rows.group(group),
        ahead: rows.ahead(group),
        lanes: lanes_of(lanes),
    });
    let open = &mut open[..count];
    // SAFETY: the rows are as wide as the tables and the lanes have room for every vector: asserted above.
    unsafe {
        match columns.loads {
            Loads::Pair => pair(columns, rows.distance, open, asks),
            Loads::Shared => short::<SHARED>(columns, rows.distance, open, asks),
            Loads::PerQuad => short::<PER_QUAD>(columns, rows.distance, open, asks),
            Loads::Wide => short::<WIDE>(columns, rows.distance, open, asks),
        }
    }
    for (scratch, group) in lanes.chunks_exact(each).zip(groups) {
        match columns.layout {
            Layout::Nchw => planes(scratch, columns.thirds, group, plane_blocks(columns.columns)),
            Layout::Nhwc => {
                let blocks = group.len();
                group.copy_from_slice(&scratch[..blocks]);
            }
        }
    }
}

/// For each channel: which lane of three blocks, put over each other, each of its 16 pixels is.
static PLANE: [Lanes; CHANNELS] = {
    let mut tables = [Lanes::ZERO; CHANNELS];
    let mut channel = 0;
    while channel < CHANNELS {
        let mut pixel = 0;
        while pixel < Lanes::COUNT {
            tables[channel].0[pixel] = ((pixel * CHANNELS + channel) % Lanes::COUNT) as i32;
            pixel += 1;
        }
        channel += 1;
    }
    tables
};

/// Sorts interleaved lanes into a plane of `blocks` blocks for each channel.
///
/// A channel has every third lane of a block, and other ones in each of three blocks: put over each other they fill one.
#[inline]
#[target_feature(enable = "avx512f")]
fn planes(interleaved: &[Lanes], thirds: [u16; CHANNELS], group: &mut [Lanes], blocks: usize) {
    let lanes = |lanes: &Lanes| {
        // SAFETY: `Lanes` is 64 bytes, aligned to 64.
        unsafe { _mm512_load_si512(lanes.0.as_ptr().cast()) }
    };
    let tables = PLANE.each_ref().map(lanes);
    let (first, others) = group.split_at_mut(blocks);
    let (second, third) = others.split_at_mut(blocks);
    let (interleaved, _) = interleaved.as_chunks::<CHANNELS>();
    let planes = first.iter_mut().zip(second).zip(third);
    for (three, ((first, second), third)) in interleaved.iter().zip(planes) {
        let [one, two, three] = [lanes(&three[0]), lanes(&three[1]), lanes(&three[2])];
        for (channel, (out, table)) in [first, second, third].into_iter().zip(tables).enumerate() {
            let [of_three, of_two] = [thirds[(channel + 1) % CHANNELS], thirds[(channel + 2) % CHANNELS]];
            let plane = _mm512_mask_mov_epi32(_mm512_mask_mov_epi32(one, of_two, two), of_three, three);
            // SAFETY: as for the loads.
            unsafe { _mm512_store_si512(out.0.as_mut_ptr().cast(), _mm512_permutexvar_epi32(table, plane)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use prep_onnx_pipeline::{CHANNELS, Filter, Layout, Windows};

    use super::super::loads::{Loads, MAX_QUADS};
    use super::super::tables::Columns;
    use super::super::tests::required;
    use super::{ROWS, resize, scratch};
    use crate::{Axis, HALF, Lanes, lanes_of, plane_blocks};

    /// The ways that another processor takes, too.
    #[test]
    fn each_way_gives_the_same_bytes() {
        if required().is_none() {
            return;
        }
        let mut met = Vec::new();
        for (filter, input, resized, output) in [
            (Filter::Bilinear, 500, 341, 224),
            (Filter::Bilinear, 60, 224, 224),
            (Filter::Bilinear, 700, 256, 224),
            (Filter::Bilinear, 1920, 455, 224),
            (Filter::Bilinear, 1600, 224, 224),
            (Filter::Bilinear, 40, 9, 9),
            (Filter::Bicubic, 1280, 384, 384),
            (Filter::Bicubic, 100, 97, 61),
            (Filter::Bicubic, 640, 256, 224),
            (Filter::Lanczos, 300, 222, 222),
            (Filter::Box, 2048, 224, 223),
            (Filter::Box, 333, 110, 110),
        ] {
            let offset = (resized - output) as i64 / 2;
            let axis = Axis::new(Some((Windows::Pillow, filter)), input, resized, offset, output);
            let source = axis.span();
            let bytes: Vec<u8> = (0..8 * source.len() * CHANNELS)
                .map(|at| (at as u32).wrapping_mul(0x9e37_79b9).rotate_left(9) as u8)
                .collect();
            let rows: Vec<&[u8]> = bytes.chunks_exact(source.len() * CHANNELS).collect();
            let value = |row: usize, column: usize, channel: usize| {
                let (start, weights) = axis.window(column);
                let products = weights.iter().enumerate().map(|(tap, weight)| {
                    let pixel = rows[row][(start - source.start + tap) * CHANNELS + channel];
                    i64::from(*weight) * i64::from(pixel)
                });
                crate::axis::round(i64::from(HALF) + products.sum::<i64>())
            };
            for columns in Columns::each_way(&axis, source.clone(), [0, 1, 2], Layout::Nchw, true) {
                let ends = columns
                    .bases
                    .iter()
                    .map(|base| *base as usize + columns.loads.reach());
                assert!(
                    ends.max() <= Some(columns.row_bytes),
                    "{:?} reads beyond rows",
                    columns.loads
                );
                let blocks = plane_blocks(output);
                for count in [1, 2] {
                    let mut room = vec![Lanes::ZERO; scratch(&columns)];
                    let mut made = vec![Lanes::ZERO; 2 * CHANNELS * blocks];
                    let mut groups: Vec<_> = made.chunks_exact_mut(CHANNELS * blocks).take(count).collect();
                    let rows = &rows[..count * ROWS];
                    // SAFETY: the processor has the features of the level.
                    unsafe { resize(&columns, rows, rows, &mut room, &mut groups) };
                    for (group, lanes) in groups.into_iter().map(|group| &*lanes_of(group)).enumerate() {
                        for channel in 0..CHANNELS {
                            for column in 0..output {
                                let four = lanes[channel * blocks * Lanes::COUNT + column].to_le_bytes();
                                let wanted =
                                    [0, 1, 2, 3].map(|row| value(group * ROWS + row, column, channel));
                                assert_eq!(
                                    four, wanted,
                                    "{filter:?} {input} {:?} {}",
                                    columns.loads, columns.lanes
                                );
                            }
                        }
                    }
                }
                met.push((columns.loads, columns.quads));
            }
        }
        for loads in [Loads::Pair, Loads::Shared, Loads::PerQuad, Loads::Wide] {
            for quads in (1..=MAX_QUADS).filter(|quads| loads.suits(*quads)) {
                assert!(met.contains(&(loads, quads)), "{loads:?} of {quads}");
            }
        }
    }
}
