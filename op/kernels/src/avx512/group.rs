//! Four rows on their way to packed lanes: what is loaded, packed and stored.

use std::arch::asm;
use std::arch::x86_64::*;

use super::ahead::Lines;
use super::even::{Distance, ROWS};
use super::loads::LOAD;
use super::tables::{Mode, Packing};
use crate::x86::{Block, ROUNDING};
use crate::{Lanes, PRECISION};

/// From four bytes of each of four rows to the rows' bytes of each lane.
const TRANSPOSED: [i32; 4] = [0x0c08_0400, 0x0d09_0501, 0x0e0a_0602, 0x0f0b_0703];

/// For each byte of two lanes, where in them the value of a sum begins that is not in the top byte.
const VALUES: i64 = i64::from_le_bytes([22, 22, 22, 22, 54, 54, 54, 54]);

/// Four rows on their way to packed lanes.
pub(super) struct Group<'a> {
    /// The first row, and the first one of those that may be asked for.
    pub(super) first: *const u8,
    pub(super) ahead: *const u8,
    pub(super) lanes: &'a mut [i32],
}

impl Group<'_> {
    /// Asks for `lines` of the rows ahead.
    ///
    /// A loop of instructions, since the compiler unrolls one of its own: seven times the code, in every kernel twice.
    #[inline(always)]
    pub(super) fn ask(&self, Distance { stride, three }: Distance, lines: Lines) {
        let Lines { first, count } = lines;
        if count == 0 {
            return;
        }
        // SAFETY: a prefetch reads nothing, whatever the address.
        unsafe {
            asm!(
                "2:",
                "prefetcht1 [{line}]",
                "prefetcht1 [{line} + {stride}]",
                "prefetcht1 [{line} + {stride} * 2]",
                "prefetcht1 [{line} + {three}]",
                "add {line}, {LOAD}",
                "dec {count:e}",
                "jnz 2b",
                line = inout(reg) self.ahead.wrapping_add(first as usize) => _,
                count = inout(reg) count => _,
                stride = in(reg) stride,
                three = in(reg) three,
                LOAD = const LOAD,
                options(readonly, nostack),
            );
        }
    }
}

/// Something for each group of one or two, in code of its own: its loads step evenly then, which the processor foresees.
macro_rules! each {
    ($groups:ident, |$group:ident| $body:block) => {
        let [$group, others @ ..] = &mut *$groups else {
            unreachable!("a group")
        };
        $body
        if let [$group] = others {
            $body
        }
    };
}
pub(super) use each;

/// The 64 bytes from `byte` on in row `ROW` of those at `distance`.
///
/// An instruction, since of addresses that it knows the compiler makes a pointer for each row, for which there are no registers.
///
/// # Safety
/// As many bytes lie there.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn load<const ROW: usize>(
    byte: *const u8,
    Distance { stride, three }: Distance,
) -> __m512i {
    macro_rules! from {
        ($address:literal $(, $distance:ident)?) => {{
            let bytes: __m512i;
            asm!(
                concat!("vmovdqu64 {bytes}, [{byte}", $address, "]"),
                byte = in(reg) byte,
                $($distance = in(reg) $distance,)?
                bytes = lateout(zmm_reg) bytes,
                options(pure, readonly, nostack, preserves_flags),
            );
            bytes
        }};
    }
    // SAFETY: promised by the caller; the instruction is one of AVX-512 F and writes its register alone.
    unsafe {
        match ROW {
            0 => from!(""),
            1 => from!(" + {stride}", stride),
            2 => from!(" + {stride} * 2", stride),
            3 => from!(" + {three}", three),
            _ => unreachable!("a row of a group"),
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn block(block: &Block) -> __m512i {
    // SAFETY: a block is 64 bytes, aligned to 64.
    unsafe { _mm512_load_si512(block.0.as_ptr().cast()) }
}

/// # Safety
/// From lane `at` on there is room for a vector in `lanes`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) unsafe fn store(lanes: &mut [i32], at: usize, value: __m512i) {
    debug_assert!(at + Lanes::COUNT <= lanes.len());
    // SAFETY: promised by the caller.
    unsafe { _mm512_storeu_si512(lanes.as_mut_ptr().add(at).cast(), value) }
}

/// [`ROUNDING`], times 4 where weights are.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn rounding(mode: Mode) -> __m512i {
    _mm512_set1_epi32(if mode == Mode::Top { 4 * ROUNDING } else { ROUNDING })
}

/// The values of four rows' sums, the first row's in the lowest byte of each lane.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vbmi2")]
pub(super) fn pack(sums: [__m512i; ROWS], packing: Packing) -> __m512i {
    if packing.mode == Mode::Clamp {
        // Both packs saturate, which is the clamp: values lie in -512 to 511.
        let mut values = sums;
        for value in &mut values {
            *value = _mm512_srai_epi32::<PRECISION>(*value);
        }
        let [a, b, c, d] = values;
        let bytes = _mm512_packus_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d));
        let [first, second, third, fourth] = TRANSPOSED;
        return _mm512_shuffle_epi8(bytes, _mm512_set4_epi32(fourth, third, second, first));
    }
    let mut packed = _mm512_setzero_si512();
    if packing.mode == Mode::Shift {
        let bits = _mm512_set1_epi64(VALUES);
        for (sum, bytes) in sums.into_iter().zip(packing.bytes) {
            packed = _mm512_mask_multishift_epi64_epi8(packed, bytes, bits, sum);
        }
        return packed;
    }
    for sum in sums.into_iter().rev() {
        packed = _mm512_shldi_epi32::<8>(packed, sum);
    }
    packed
}
