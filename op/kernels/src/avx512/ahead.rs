//! When to ask for the rows that come next.

use super::tables::LOAD;

/// Which vectors ask for lines of the rows that come next: few enough that few lines are asked for again, which costs what a load
/// does, and so many that none is left out. The first and the last one do.
#[derive(Clone, Copy)]
pub(super) struct Ahead {
    /// Vectors from the first one to the next one that asks.
    first: usize,
    /// Vectors from each of the others to the next one.
    every: usize,
}

impl Ahead {
    /// Each vector asks.
    pub(super) const EACH: Self = Self { first: 1, every: 1 };

    /// Of vectors whose loads begin at these bytes of a row.
    pub(super) fn new(bases: impl Iterator<Item = u32> + Clone) -> Self {
        let steps = bases.clone().skip(1).zip(bases);
        // Where nothing is read a load begins at 0.
        let steps = steps.map(|(next, base)| next.saturating_sub(base) as usize);
        let every = (LOAD / steps.clone().max().unwrap_or(0).max(1)).max(1);
        Self {
            first: match steps.count() % every {
                0 => every,
                rest => rest,
            },
            every,
        }
    }

    /// Before the first vector.
    #[inline(always)]
    pub(super) fn start(self) -> Asking {
        Asking {
            next: self.first,
            every: self.every,
            left: 0,
        }
    }
}

/// At which vector it is.
pub(super) struct Asking {
    /// How far the next one but one that asks is from the next one.
    next: usize,
    every: usize,
    /// Vectors until the next one that asks.
    left: usize,
}

impl Asking {
    /// Whether the next vector asks.
    #[inline(always)]
    pub(super) fn asks(&mut self) -> bool {
        let asks = self.left == 0;
        if asks {
            self.left = self.next;
            self.next = self.every;
        }
        self.left -= 1;
        asks
    }
}

#[cfg(test)]
mod tests {
    use super::{Ahead, LOAD};

    /// Wherever in a line rows begin, those that loads begin in are asked for.
    #[test]
    fn no_line_is_left_out() {
        for (step, vectors) in (1..200_u32).flat_map(|step| [1, 2, 59, 60].map(|vectors| (step, vectors))) {
            let bases = (0..vectors).map(|vector| vector * step + vector % 3);
            for shift in 0..LOAD {
                let line = |base: u32| (base as usize + shift) / LOAD;
                let mut asking = Ahead::new(bases.clone()).start();
                let asked: Vec<_> = bases.clone().filter(|_| asking.asks()).map(line).collect();
                let missed = bases.clone().find(|base| !asked.contains(&line(*base)));
                assert!(
                    missed.is_none(),
                    "step {step}, {vectors} vectors, from byte {shift} on: {missed:?}"
                );
            }
        }
    }

    #[test]
    fn loads_of_nothing_do_not_count() {
        let asks = |bases: [u32; 6]| {
            let mut asking = Ahead::new(bases.into_iter()).start();
            bases.map(|_| asking.asks())
        };
        assert_eq!(
            asks([0, 0, 20, 40, 60, 0]),
            [true, false, true, false, false, true]
        );
    }
}
