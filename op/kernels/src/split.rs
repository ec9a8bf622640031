//! Weights as two 16-bit numbers, at the levels that multiply words.

/// Bits of the lower part of a weight.
pub(super) const LOW_BITS: u32 = 11;

/// A weight as two signed 16-bit numbers: `w = split[0] * 2^11 + split[1]`.
pub(super) fn split(weight: i32) -> [i16; 2] {
    [
        (weight >> LOW_BITS) as i16,
        (weight & ((1 << LOW_BITS) - 1)) as i16,
    ]
}

/// Two 16-bit weights as a dword.
pub(super) fn pair(first: i16, second: i16) -> i32 {
    i32::from(first as u16) | i32::from(second) << 16
}

/// Weights of two rows: upper parts, lower parts.
pub(super) type PairWeights = [i32; 2];

/// Weights of the four rows of a group: rows 0 and 1, rows 2 and 3.
pub(super) type GroupWeights = [PairWeights; 2];

/// Those of the weights of a group's rows.
pub(super) fn group_weights(weights: [i32; 4]) -> GroupWeights {
    let [[high0, low0], [high1, low1], [high2, low2], [high3, low3]] = weights.map(split);
    [
        [pair(high0, high1), pair(low0, low1)],
        [pair(high2, high3), pair(low2, low3)],
    ]
}
