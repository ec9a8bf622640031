//! Inverse transforms, with the arithmetic of libjpeg-turbo on x86-64.
//!
//! The full one follows the vector code (jidctint-avx2.asm), whose 16-bit lanes wrap and saturate where
//! coefficients are larger than any encoder makes them; elsewhere it equals the plain C. The reduced ones
//! follow jidctred-sse2.asm, the smallest jidctred.c.

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
        _ => out[0] = average(block, quant),
    }
}

fn full(block: &Block, quant: &[u16; 64], out: &mut [u8], stride: usize) {
    let dequantised = |at: usize| block[at].wrapping_mul(quant[at] as i16);
    let flat = block[8..].iter().all(|&coefficient| coefficient == 0);
    if flat && block[1..8].iter().all(|&coefficient| coefficient == 0) {
        let value = centred(descale(i32::from(dequantised(0) << PASS_BITS), PASS_BITS + 3));
        for row in out.chunks_mut(stride).take(8) {
            row[..8].fill(value);
        }
        return;
    }
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
            *sample = centred(i32::from(value));
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
        output[i] = saturated(descale(even.wrapping_add(odd), shift));
        output[7 - i] = saturated(descale(even.wrapping_sub(odd), shift));
    }
    output
}

fn quarter(block: &Block, quant: &[u16; 64], out: &mut [u8], stride: usize) {
    // Rows of eight columns, of which the fifth is not used.
    let mut rows = [[0_i16; 8]; 7];
    for (row, y) in rows.iter_mut().zip(QUARTER) {
        for (x, value) in row.iter_mut().enumerate() {
            *value = block[8 * y + x].wrapping_mul(quant[8 * y + x] as i16);
        }
    }
    let flat = rows[1..].as_flattened().iter().fold(0, |all, value| all | value) == 0;
    let mut columns = [[0_i16; 8]; 4];
    if flat {
        columns = [rows[0].map(|value| value << PASS_BITS); 4];
    } else {
        let sums = four(&rows, BITS - PASS_BITS + 1);
        for (column, sum) in columns.as_flattened_mut().iter_mut().zip(sums.as_flattened()) {
            *column = saturated(*sum);
        }
    }
    let mut turned = [[0_i16; 4]; 7];
    for (turned, x) in turned.iter_mut().zip(QUARTER) {
        *turned = [columns[0][x], columns[1][x], columns[2][x], columns[3][x]];
    }
    let values = four(&turned, BITS + PASS_BITS + 3 + 1);
    for (y, row) in out.chunks_mut(stride).take(4).enumerate() {
        for (sample, column) in row.iter_mut().zip(&values) {
            *sample = centred(column[y]);
        }
    }
}

/// The coefficients that four outputs are made of.
const QUARTER: [usize; 7] = [0, 1, 2, 3, 5, 6, 7];

/// Four outputs of the coefficients [`QUARTER`], for several lines beside each other: written so that the compiler has a vector
/// operation for each.
#[inline]
fn four<const N: usize>([c0, c1, c2, c3, c5, c6, c7]: &[[i16; N]; 7], shift: u32) -> [[i32; N]; 4] {
    let [mut out0, mut out1, mut out2, mut out3] = [[0; N]; 4];
    for x in 0..N {
        let even = i32::from(c0[x]) << (BITS + 1);
        let across = pair(c2[x], fix(1.847759065), c6[x], -fix(0.765366865));
        let (high, low) = (even.wrapping_add(across), even.wrapping_sub(across));
        let odd0 = pair(c1[x], fix(1.061594337), c3[x], -fix(2.172734803)).wrapping_add(pair(
            c5[x],
            fix(1.451774981),
            c7[x],
            -fix(0.211164243),
        ));
        let odd2 = pair(c1[x], fix(2.562915447), c3[x], fix(0.899976223)).wrapping_add(pair(
            c5[x],
            -fix(0.601344887),
            c7[x],
            -fix(0.509795579),
        ));
        out0[x] = descale(high.wrapping_add(odd2), shift);
        out1[x] = descale(low.wrapping_add(odd0), shift);
        out2[x] = descale(low.wrapping_sub(odd0), shift);
        out3[x] = descale(high.wrapping_sub(odd2), shift);
    }
    [out0, out1, out2, out3]
}

fn sixteenth(block: &Block, quant: &[u16; 64], out: &mut [u8], stride: usize) {
    let mut rows = [[0_i16; 8]; 5];
    for (row, y) in rows.iter_mut().zip([0, 1, 3, 5, 7]) {
        for (x, value) in row.iter_mut().enumerate() {
            *value = block[8 * y + x].wrapping_mul(quant[8 * y + x] as i16);
        }
    }
    let [c0, c1, c3, c5, c7] = &rows;
    let mut columns = [[0; 8]; 2];
    for x in 0..8 {
        let even = i32::from(c0[x]) << (BITS + 2);
        let odd = two_odd([c1[x], c3[x], c5[x], c7[x]]);
        columns[0][x] = descale(even.wrapping_add(odd), BITS - PASS_BITS + 2);
        columns[1][x] = descale(even.wrapping_sub(odd), BITS - PASS_BITS + 2);
    }
    for (column, row) in columns.iter().zip(out.chunks_mut(stride)) {
        // The first column never was cut to 16 bits.
        let even = column[0].wrapping_shl(BITS + 2);
        let odd = two_odd([1, 3, 5, 7].map(|x| saturated(column[x])));
        for (sample, sum) in row
            .iter_mut()
            .zip([even.wrapping_add(odd), even.wrapping_sub(odd)])
        {
            *sample = centred(descale(sum, BITS + PASS_BITS + 3 + 2));
        }
    }
}

/// What the coefficients 1, 3, 5, 7 add to the first of two outputs and take from the second.
#[inline(always)]
fn two_odd([c1, c3, c5, c7]: [i16; 4]) -> i32 {
    pair(c1, fix(3.624509785), c3, -fix(1.272758580)).wrapping_add(pair(
        c5,
        fix(0.850430095),
        c7,
        -fix(0.720959822),
    ))
}

/// The average alone, in plain C: the table that limits it has 1024 entries, and values beyond it begin again.
fn average(block: &Block, quant: &[u16; 64]) -> u8 {
    match descale(i32::from(block[0]) * i32::from(quant[0] as i16), 3) & 1023 {
        low @ 0..128 => (low + 128) as u8,
        128..512 => 255,
        512..896 => 0,
        high => (high - 896) as u8,
    }
}

/// Two products of 16 bits and their sum, as one instruction makes them.
#[inline(always)]
fn pair(a: i16, factor_a: i32, b: i16, factor_b: i32) -> i32 {
    (i32::from(a) * factor_a).wrapping_add(i32::from(b) * factor_b)
}

#[inline(always)]
fn descale(sum: i32, shift: u32) -> i32 {
    sum.wrapping_add(1 << (shift - 1)) >> shift
}

fn saturated(value: i32) -> i16 {
    value.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}

/// A sample from a value around zero.
fn centred(value: i32) -> u8 {
    (value.clamp(-128, 127) + 128) as u8
}
