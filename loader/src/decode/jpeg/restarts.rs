//! Where the restart intervals of a scan lie in its file.

/// Most intervals that are kept: files with more have one for every few blocks.
const MOST: usize = 1 << 17;

/// The first byte of each interval, and the byte behind the end-of-image marker. Of too many intervals the first one alone.
#[derive(Debug, Default)]
#[cfg_attr(
    not(all(feature = "rust-jpeg", not(feature = "c-jpeg"))),
    allow(dead_code, reason = "only a stream has intervals")
)]
pub(super) struct Restarts {
    pub(super) starts: Vec<usize>,
    pub(super) end: usize,
}

impl Restarts {
    /// Another interval.
    pub(super) fn push(&mut self, start: usize) {
        if self.starts.len() <= MOST {
            self.starts.push(start);
        }
    }

    /// The end of the image.
    pub(super) fn finish(&mut self, end: usize) {
        self.end = end;
        if self.starts.len() > MOST {
            self.starts.truncate(1);
        }
    }
}
