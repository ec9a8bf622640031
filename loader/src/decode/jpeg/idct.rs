//! Inverse transforms, with the arithmetic of libjpeg-turbo on x86-64.
//!
//! The full one follows the vector code (jidctint-avx2.asm), whose 16-bit lanes wrap and saturate where
//! coefficients are larger than any encoder makes them; elsewhere it equals the plain C. The reduced ones
//! follow jidctred.c.

use super::entropy::Block;

const BITS: u32 = 13;
const PASS_BITS: u32 = 2;

/// A constant in 13-bit fixed point.
const fn fix(value: f64) -> i32 {
    (value * 8192.0 + 0.5) as i32
}

/// Writes `side` x `side` samples, 8, 4, 2 or 1, to rows of `out` that are `stride` apart.
pub(super) fn inverse(block: &Block, quant: &[u16; 64], side: usize, out: &mut [u8], stride: usize) {
    match side {
        8 => full(block, quant, out, stride),
        4 => quarter(block, quant, out, stride),
        2 => sixteenth(block, quant, out, stride),
        _ => out[0] = limit(descale(product(block, quant, 0), 3)),
    }
}

fn full(block: &Block, quant: &[u16; 64], out: &mut [u8], stride: usize) {
    let dequantised = |at: usize| block[at].wrapping_mul(quant[at] as i16);
    let flat = block[8..].iter().all(|&coefficient| coefficient == 0);
    let mut columns = [[0_i16; 8]; 8];
    for (x, column) in columns.iter_mut().enumerate() {
        *column = if flat {
            [dequantised(x) << PASS_BITS; 8]
        } else {
            let input = std::array::from_fn(|y| dequantised(8 * y + x));
            one_dimension(input, BITS - PASS_BITS)
        };
    }
    for (y, row) in out.chunks_mut(stride).take(8).enumerate() {
        let input = std::array::from_fn(|x| columns[x][y]);
        let values = one_dimension(input, BITS + PASS_BITS + 3);
        for (sample, value) in row.iter_mut().zip(values) {
            *sample = (value.clamp(-128, 127) + 128) as u8;
        }
    }
}

fn one_dimension(input: [i16; 8], shift: u32) -> [i16; 8] {
    const F_0_298: i32 = fix(0.298631336);
    const F_0_390: i32 = fix(0.390180644);
    const F_0_541: i32 = fix(0.541196100);
    const F_0_765: i32 = fix(0.765366865);
    const F_0_899: i32 = fix(0.899976223);
    const F_1_175: i32 = fix(1.175875602);
    const F_1_501: i32 = fix(1.501321110);
    const F_1_847: i32 = fix(1.847759065);
    const F_1_961: i32 = fix(1.961570560);
    const F_2_053: i32 = fix(2.053119869);
    const F_2_562: i32 = fix(2.562915447);
    const F_3_072: i32 = fix(3.072711026);
    // Two products of 16 bits and their sum, as one instruction makes them.
    let pair = |a: i16, fa: i32, b: i16, fb: i32| (i32::from(a) * fa).wrapping_add(i32::from(b) * fb);
    let [i0, i1, i2, i3, i4, i5, i6, i7] = input;

    let even3 = pair(i2, F_0_541 + F_0_765, i6, F_0_541);
    let even2 = pair(i2, F_0_541, i6, F_0_541 - F_1_847);
    let even0 = i32::from(i0.wrapping_add(i4)) << BITS;
    let even1 = i32::from(i0.wrapping_sub(i4)) << BITS;

    let (z3, z4) = (i7.wrapping_add(i3), i5.wrapping_add(i1));
    let all3 = pair(z3, F_1_175 - F_1_961, z4, F_1_175);
    let all4 = pair(z3, F_1_175, z4, F_1_175 - F_0_390);
    let odd0 = pair(i7, F_0_298 - F_0_899, i1, -F_0_899).wrapping_add(all3);
    let odd1 = pair(i5, F_2_053 - F_2_562, i3, -F_2_562).wrapping_add(all4);
    let odd2 = pair(i5, -F_2_562, i3, F_3_072 - F_2_562).wrapping_add(all3);
    let odd3 = pair(i7, -F_0_899, i1, F_1_501 - F_0_899).wrapping_add(all4);

    let mut output = [0; 8];
    let halves = [
        (even0.wrapping_add(even3), odd3),
        (even1.wrapping_add(even2), odd2),
        (even1.wrapping_sub(even2), odd1),
        (even0.wrapping_sub(even3), odd0),
    ];
    for (i, (even, odd)) in halves.into_iter().enumerate() {
        let saturated = |sum: i32| {
            let value = sum.wrapping_add(1 << (shift - 1)) >> shift;
            value.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
        };
        output[i] = saturated(even.wrapping_add(odd));
        output[7 - i] = saturated(even.wrapping_sub(odd));
    }
    output
}

fn quarter(block: &Block, quant: &[u16; 64], out: &mut [u8], stride: usize) {
    let mut columns = [[0_i64; 4]; 8];
    for x in (0..8).filter(|&x| x != 4) {
        let value = |y: usize| product(block, quant, 8 * y + x);
        columns[x] = four(
            [
                value(0),
                value(1),
                value(2),
                value(3),
                value(5),
                value(6),
                value(7),
            ],
            BITS - PASS_BITS + 1,
        );
    }
    for (y, row) in out.chunks_mut(stride).take(4).enumerate() {
        let [a, b, c, d, _, e, f, g] = columns.map(|column| column[y]);
        let values = four([a, b, c, d, e, f, g], BITS + PASS_BITS + 3 + 1);
        for (sample, value) in row.iter_mut().zip(values) {
            *sample = limit(value);
        }
    }
}

/// Four outputs of the coefficients 0, 1, 2, 3, 5, 6, 7.
fn four([c0, c1, c2, c3, c5, c6, c7]: [i64; 7], shift: u32) -> [i64; 4] {
    let times = |value: i64, factor: f64| value * i64::from(fix(factor));
    let even = c0 << (BITS + 1);
    let across = times(c2, 1.847759065) - times(c6, 0.765366865);
    let (high, low) = (even + across, even - across);
    let odd0 =
        -times(c7, 0.211164243) + times(c5, 1.451774981) - times(c3, 2.172734803) + times(c1, 1.061594337);
    let odd2 =
        -times(c7, 0.509795579) - times(c5, 0.601344887) + times(c3, 0.899976223) + times(c1, 2.562915447);
    [high + odd2, low + odd0, low - odd0, high - odd2].map(|sum| descale(sum, shift))
}

fn sixteenth(block: &Block, quant: &[u16; 64], out: &mut [u8], stride: usize) {
    let mut columns = [[0_i64; 2]; 8];
    for x in [0, 1, 3, 5, 7] {
        let value = |y: usize| product(block, quant, 8 * y + x);
        columns[x] = two(
            [value(0), value(1), value(3), value(5), value(7)],
            BITS - PASS_BITS + 2,
        );
    }
    for (y, row) in out.chunks_mut(stride).take(2).enumerate() {
        let values = two([0, 1, 3, 5, 7].map(|x| columns[x][y]), BITS + PASS_BITS + 3 + 2);
        for (sample, value) in row.iter_mut().zip(values) {
            *sample = limit(value);
        }
    }
}

/// Two outputs of the coefficients 0, 1, 3, 5, 7.
fn two([c0, c1, c3, c5, c7]: [i64; 5], shift: u32) -> [i64; 2] {
    let times = |value: i64, factor: f64| value * i64::from(fix(factor));
    let even = c0 << (BITS + 2);
    let odd =
        -times(c7, 0.720959822) + times(c5, 0.850430095) - times(c3, 1.272758580) + times(c1, 3.624509785);
    [even + odd, even - odd].map(|sum| descale(sum, shift))
}

fn product(block: &Block, quant: &[u16; 64], at: usize) -> i64 {
    i64::from(block[at]) * i64::from(quant[at] as i16)
}

fn descale(value: i64, shift: u32) -> i64 {
    (value + (1 << (shift - 1))) >> shift
}

/// `IDCT_range_limit`: a sample from a value around zero. The table of libjpeg has 1024 entries, and values
/// beyond it begin again.
fn limit(value: i64) -> u8 {
    match value & 1023 {
        low @ 0..128 => (low + 128) as u8,
        128..512 => 255,
        512..896 => 0,
        high => (high - 896) as u8,
    }
}
