//! Which windows have code of their own.

/// Calls a macro with the numbers of pairs that there is code for.
macro_rules! with_numbers {
    ($call:ident) => {
        $call! { 4 5 6 7 8 10 13 }
    };
}
pub(super) use with_numbers;

macro_rules! listed {
    ($($pairs:literal)*) => {
        const NUMBERS: &[usize] = &[$($pairs),*];
    };
}
with_numbers!(listed);

/// In place of a number of pairs in code: as many as there are, a multiple of [`STEP`].
pub(super) const MANY: usize = 0;

/// Pairs that are added without a loop, where there are many.
pub(super) const STEP: usize = 4;

/// Of a number of pairs the least one from there on that there is code for.
pub(super) fn known_pairs(pairs: usize) -> usize {
    let number = NUMBERS.iter().copied().find(|number| *number >= pairs);
    number.unwrap_or(pairs.next_multiple_of(STEP))
}
