//! Values of sixteen rows to the bytes of four row groups.

use std::arch::x86_64::*;

use prep_onnx_pipeline::CHANNELS;

/// The values of two columns as words.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn words(first: [__m512i; CHANNELS], second: [__m512i; CHANNELS]) -> [__m512i; CHANNELS] {
    [
        _mm512_packs_epi32(first[0], second[0]),
        _mm512_packs_epi32(first[1], second[1]),
        _mm512_packs_epi32(first[2], second[2]),
    ]
}

/// Four columns as lanes, clamped: each quarter has those of one group.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn lanes(left: [__m512i; CHANNELS], right: [__m512i; CHANNELS]) -> [__m512i; CHANNELS] {
    [
        _mm512_packus_epi16(left[0], right[0]),
        _mm512_packus_epi16(left[1], right[1]),
        _mm512_packus_epi16(left[2], right[2]),
    ]
}

/// Four columns of each channel as columns of all channels in turn, in each quarter.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn in_turn([red, green, blue]: [__m512i; CHANNELS]) -> [__m512i; CHANNELS] {
    // Each column is at the place that it has in one of the results.
    let red = _mm512_shuffle_epi32::<0b01_10_11_00>(red);
    let green = _mm512_shuffle_epi32::<0b10_11_00_01>(green);
    let blue = _mm512_shuffle_epi32::<0b11_00_01_10>(blue);
    const SECOND: __mmask16 = 0x2222;
    const THIRD: __mmask16 = 0x4444;
    let third = |[first, second, third]: [__m512i; CHANNELS]| {
        let two = _mm512_mask_mov_epi32(first, SECOND, second);
        _mm512_mask_mov_epi32(two, THIRD, third)
    };
    [
        third([red, green, blue]),
        third([green, blue, red]),
        third([blue, red, green]),
    ]
}
