//! Bytes through tables of 256 bytes.

use std::arch::x86_64::*;

use prep_onnx_pipeline::CHANNELS;

use super::Avx512;
use crate::x86::Block;

/// A table in registers.
type Table = [__m512i; 4];

impl Avx512 {
    /// Each byte becomes its entry of `table`.
    pub fn look_up(self, table: &[u8; 256], bytes: &mut [u8]) {
        // SAFETY: `self` is the proof of the features.
        unsafe { look_up(table, bytes) }
    }

    /// Each byte becomes its entry of the table whose turn it is.
    pub fn look_up_in_turn(self, tables: [&[u8; 256]; CHANNELS], bytes: &mut [u8]) {
        // SAFETY: as above.
        unsafe { look_up_in_turn(tables, bytes) }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
fn look_up(table: &[u8; 256], bytes: &mut [u8]) {
    let table = load(table);
    for bytes in bytes.chunks_mut(Block::BYTES) {
        let (mask, values) = read(bytes);
        write(bytes, mask, entries(table, values));
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
fn look_up_in_turn(tables: [&[u8; 256]; CHANNELS], bytes: &mut [u8]) {
    let tables = [load(tables[0]), load(tables[1]), load(tables[2])];
    for (index, bytes) in bytes.chunks_mut(Block::BYTES).enumerate() {
        let (mask, values) = read(bytes);
        let mut found = entries(tables[0], values);
        for (channel, table) in tables.into_iter().enumerate().skip(1) {
            // The first byte of the vector that is of this channel.
            let first = (channel + CHANNELS - index * Block::BYTES % CHANNELS) % CHANNELS;
            let its = EVERY_THIRD << first;
            found = _mm512_mask_blend_epi8(its, found, entries(table, values));
        }
        write(bytes, mask, found);
    }
}

/// Bits 0, 3, 6, …
const EVERY_THIRD: u64 = 0x9249_2492_4924_9249;

#[target_feature(enable = "avx512f,avx512bw")]
fn load(table: &[u8; 256]) -> Table {
    // SAFETY: each load is of 64 of the 256 bytes.
    [0, 64, 128, 192].map(|at| unsafe { _mm512_loadu_epi8(table.as_ptr().add(at).cast()) })
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn entries(table: Table, values: __m512i) -> __m512i {
    let low = _mm512_permutex2var_epi8(table[0], values, table[1]);
    let high = _mm512_permutex2var_epi8(table[2], values, table[3]);
    _mm512_mask_blend_epi8(_mm512_movepi8_mask(values), low, high)
}

/// At most 64 bytes, and a bit for each of them.
#[target_feature(enable = "avx512f,avx512bw")]
fn read(bytes: &[u8]) -> (u64, __m512i) {
    let mask = !0 >> (Block::BYTES - bytes.len());
    // SAFETY: the mask selects the bytes of `bytes` only.
    (mask, unsafe {
        _mm512_maskz_loadu_epi8(mask, bytes.as_ptr().cast())
    })
}

#[target_feature(enable = "avx512f,avx512bw")]
fn write(bytes: &mut [u8], mask: u64, values: __m512i) {
    // SAFETY: the mask, that of `read`, selects the bytes of `bytes` only.
    unsafe { _mm512_mask_storeu_epi8(bytes.as_mut_ptr().cast(), mask, values) }
}
