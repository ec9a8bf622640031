//! Which windows have code of their own.

/// Calls a macro with the numbers of pairs that there is code for: where both parts of weights are added, and where the upper ones
/// are, which pays for few windows of four pairs, and for most of nine and more.
macro_rules! with_numbers {
    ($call:ident) => {
        $call! { [4 5 6 7 8] [5 6 7 8 10 13] }
    };
}
pub(super) use with_numbers;

/// Calls a macro with the places of as many pairs as the largest of these numbers.
macro_rules! with_places {
    ($call:ident) => {
        $call! { 0 1 2 3 4 5 6 7 8 9 10 11 12 }
    };
}
pub(super) use with_places;

macro_rules! places {
    ($($place:literal)*) => {
        [$($place),*].len()
    };
}

macro_rules! numbers {
    ([$($whole:literal)*] [$($bounded:literal)*]) => {
        /// Of a number of pairs the least one from there on that there is code for.
        pub(super) fn known_pairs(pairs: usize) -> usize {
            let numbers = [$($whole,)* $($bounded),*].into_iter().filter(|number| *number >= pairs);
            numbers.min().unwrap_or(pairs)
        }

        const _: () = assert!($($whole <= with_places!(places) &&)* $($bounded <= with_places!(places) &&)* true);
    };
}
with_numbers!(numbers);

/// In place of a number of pairs in code: as many as there are.
pub(super) const ANY: usize = 0;

/// Pairs of [`ANY`] that are added without a loop.
pub(super) const STEP: usize = 4;
