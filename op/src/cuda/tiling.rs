//! How a launch is cut into blocks.

use super::calls::{THREADS, VALUES};
use super::table::TILE_COLUMNS;

/// Shared memory that every GPU gives a block without being asked to.
const SHARED: usize = 48 * 1024;

/// Blocks that keep the largest GPUs busy: about four for each of 132 multiprocessors.
const ENOUGH_BLOCKS: usize = 528;

/// Where the vertical pass comes first: rows of a tile times pixels of a piece of its columns.
const PIECE_SUMS: usize = 1024;

/// The part of `struct Call` of `op/cuda/preprocess.cu` that says who does what.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct Tiling {
    tile_rows: i32,
    tile_columns: i32,
    chunk_groups: i32,
    stage_pitch: i32,
    piece: i32,
    reserved: i32,
}

/// What the images of a launch need.
#[derive(Clone, Copy, Default)]
pub(super) struct Needs {
    pub(super) images: usize,
    /// The largest height and the largest width that an image's tiles cover.
    pub(super) output: (usize, usize),
    pub(super) vertical_first: bool,
}

impl Tiling {
    /// The tiling and the bytes of shared memory of a block. `spans` are the
    /// source pixels that a tile's columns read, of the images whose horizontal pass comes first.
    pub(super) fn new(needs: Needs, spans: impl Iterator<Item = usize>) -> (Self, u32) {
        let (height, width) = needs.output;
        let tile_columns = width.clamp(1, TILE_COLUMNS);
        let column_tiles = width.div_ceil(tile_columns);
        let tiles = |rows: usize| column_tiles * height.div_ceil(rows);
        let tile_rows = [32, 16]
            .into_iter()
            .find(|rows| *rows < height + 8 && needs.images * tiles(*rows) >= ENOUGH_BLOCKS)
            .unwrap_or(8);
        let sums = tile_rows * tile_columns * 3 * size_of::<u32>();
        let room = SHARED - VALUES * size_of::<u32>() - sums;
        let middle = |groups: usize, pixels: usize| groups * pixels * 3 * size_of::<u32>();
        let mut chunk_groups = THREADS as usize / tile_columns;
        let piece = PIECE_SUMS / tile_rows;
        let mut used = 0;
        if needs.vertical_first {
            chunk_groups = 4;
            used = (PIECE_SUMS * 3) * (size_of::<u32>() + 1) + middle(chunk_groups, piece);
        }
        // The sixteen bytes align the stage.
        let staged = |pitch: usize, groups: usize| middle(groups, tile_columns) + 16 + groups * 4 * pitch;
        // A word is read beyond the last tap, and rows begin at any address modulo 16.
        let pitch_of = |span: usize| (span * 3 + 32).next_multiple_of(16);
        let pitch = spans
            .map(pitch_of)
            .filter(|pitch| staged(*pitch, 1) <= room)
            .max();
        if let Some(pitch) = pitch {
            while staged(pitch, chunk_groups) > room {
                chunk_groups /= 2;
            }
        }
        let pitch = pitch.unwrap_or(0);
        let shared = VALUES * size_of::<u32>() + sums + used.max(staged(pitch, chunk_groups));
        // All of these are far below 2^31: edges are, by the tables, and images of 2^29 pixels have tiles of 8 rows.
        let number = |value: usize| value as i32;
        let tiling = Self {
            tile_rows: number(tile_rows),
            tile_columns: number(tile_columns),
            chunk_groups: number(chunk_groups),
            stage_pitch: number(pitch),
            piece: number(piece),
            reserved: 0,
        };
        (tiling, shared as u32)
    }

    /// How many tiles a part of (height, width) is cut into.
    pub(super) fn tiles(&self, (height, width): (usize, usize)) -> u32 {
        let (rows, columns) = (self.tile_rows as usize, self.tile_columns as usize);
        (height.div_ceil(rows) * width.div_ceil(columns)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_never_needs_more_shared_memory_than_every_gpu_has() {
        for images in [1, 3, 64, 65_535] {
            for height in [1, 8, 31, 224, 5000] {
                for width in [1, 5, 16, 63, 64, 224, 5000] {
                    for span in [1, 17, 64, 300, 600, 3000, 1 << 29] {
                        for vertical_first in [false, true] {
                            let needs = Needs {
                                images,
                                output: (height, width),
                                vertical_first,
                            };
                            let (tiling, shared) = Tiling::new(needs, [span].into_iter());
                            let tiles = tiling.tiles((height, width));
                            let context = format!("{images} {height} {width} {span}: {tiling:?} {shared}");
                            assert!(shared as usize <= SHARED, "{context}");
                            let column_tiles = (width as u32).div_ceil(tiling.tile_columns as u32);
                            assert!(tiling.chunk_groups >= 1, "{context}");
                            let rows = tiles / column_tiles * tiling.tile_rows as u32;
                            assert!(rows as usize >= height, "{context}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn large_batches_have_large_tiles_and_staged_rows() {
        let needs = Needs {
            images: 256,
            output: (224, 224),
            vertical_first: false,
        };
        let (tiling, _) = Tiling::new(needs, [287].into_iter());
        let tiles = tiling.tiles(needs.output);
        assert_eq!((tiling.tile_rows, tiling.tile_columns, tiles), (32, 64, 28));
        assert!(
            tiling.chunk_groups == 4 && tiling.stage_pitch >= 287 * 3 + 32,
            "{tiling:?}"
        );
        let (tiling, _) = Tiling::new(Needs { images: 1, ..needs }, [287].into_iter());
        assert_eq!(tiling.tile_rows, 8);
    }
}
