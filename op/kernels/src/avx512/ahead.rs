//! Which lines of the rows that come next are asked for, and when.

use super::loads::LOAD;

/// Lines that are asked for with a vector.
#[derive(Clone, Copy)]
pub(super) struct Lines {
    /// The first one has this byte of a row.
    pub(super) first: u32,
    pub(super) count: u32,
}

impl Lines {
    /// Those of each vector, whose loads begin at `bases`, of rows that are read up to `end`.
    pub(super) fn of(bases: impl ExactSizeIterator<Item = u32> + Clone, end: usize) -> Vec<Self> {
        let vectors = bases.len();
        let mut next = bases.clone().next().unwrap_or(0);
        // Rows begin anywhere in a line, so that the last byte may lie in one more.
        let end = u32::try_from(end + LOAD - 1).unwrap_or(u32::MAX);
        let until = bases.skip(1).chain([end]);
        until
            .map(|until| {
                let count = until.saturating_sub(next).div_ceil(LOAD as u32);
                let first = next;
                next = next.saturating_add(count.saturating_mul(LOAD as u32));
                Self { first, count }
            })
            .take(vectors)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{LOAD, Lines};

    /// A byte of each.
    fn bytes(lines: &Lines) -> impl Iterator<Item = usize> {
        let &Lines { first, count } = lines;
        (0..count).map(move |line| first as usize + line as usize * LOAD)
    }

    /// Wherever in a line rows begin, each of their lines is asked for once, one behind them at most.
    #[test]
    fn no_line_is_left_out() {
        for (step, vectors) in (1..200_u32).flat_map(|step| [1, 2, 59, 60].map(|vectors| (step, vectors))) {
            let bases: Vec<_> = (0..vectors)
                .map(|vector| 5 + vector * step + vector % 3)
                .collect();
            let end = bases[bases.len() - 1] as usize + 21;
            let lines = Lines::of(bases.iter().copied(), end);
            assert_eq!(lines.len(), bases.len());
            for shift in 0..LOAD {
                let line = |byte: usize| (byte + shift) / LOAD;
                let asked: Vec<_> = lines.iter().flat_map(bytes).map(line).collect();
                let mut wanted: Vec<_> = (line(5)..=line(end - 1)).collect();
                if asked.len() > wanted.len() {
                    wanted.push(line(end - 1) + 1);
                }
                assert_eq!(
                    asked, wanted,
                    "step {step}, {vectors} vectors, from byte {shift} on"
                );
            }
        }
    }

    /// Vectors that read nothing, whose loads begin at 0, ask for nothing.
    #[test]
    fn loads_of_nothing_do_not_count() {
        let counts = |bases: &[u32]| -> Vec<u32> {
            let lines = Lines::of(bases.iter().copied(), 80);
            lines.iter().map(|lines| lines.count).collect()
        };
        assert_eq!(counts(&[0, 20, 40, 60, 80, 0]), [1, 0, 0, 1, 0, 1]);
        assert_eq!(counts(&[]), [0; 0]);
    }
}
