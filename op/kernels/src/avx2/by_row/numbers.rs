//! Which windows have code of their own.

use crate::turned::layout::PAIRS;

/// How many quads hold so many neighbouring pairs, wherever these begin.
pub(super) const fn quads_of(pairs: usize) -> usize {
    pairs / PAIRS + 1
}

/// In place of how many quads' lower parts are added up at once: none, they are weighed by pairs as the upper ones are. For so few
/// taps it takes no more multiplications, and no bytes beside the pairs have to be stored.
pub(super) const BY_PAIRS: usize = 0;

/// The most taps for it: all lie in the most pairs that there is code for.
pub(super) const MOST_BY_PAIRS: usize = 11;

/// Calls a macro with how many quads are added up at once, and for each the numbers of pairs that there is code for.
macro_rules! with_numbers {
    ($call:ident) => {
        $call! {
            0: 4 5 6;
            4: 7 8 10 13;
            2: 7 8;
        }
    };
}
pub(super) use with_numbers;

macro_rules! listed {
    ($($at_once:literal: $($pairs:literal)*;)*) => {
        const NUMBERS: &[(usize, &[usize])] = &[$(($at_once, &[$($pairs),*])),*];
    };
}
with_numbers!(listed);

/// In place of a number of pairs in code: as many as there are, a multiple of [`STEP`].
pub(super) const MANY: usize = 0;

/// Pairs that are added without a loop, where there are many.
pub(super) const STEP: usize = 4;

/// Of a number of quads whose sums fit into 16 bits as many as there is code for.
pub(super) fn known_at_once(quads: usize) -> usize {
    let known = NUMBERS.iter().map(|(at_once, _)| *at_once);
    let known = known.filter(|at_once| *at_once != BY_PAIRS && *at_once <= quads);
    known.max().unwrap_or(1)
}

/// Of a number of pairs the least one from there on that there is code for.
pub(super) fn known_pairs(pairs: usize, at_once: usize) -> usize {
    let numbers = NUMBERS
        .iter()
        .filter(|known| known.0 == at_once)
        .flat_map(|known| known.1);
    let number = numbers.copied().find(|number| *number >= pairs);
    number.unwrap_or(pairs.next_multiple_of(STEP))
}
