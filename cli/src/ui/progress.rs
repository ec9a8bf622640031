//! Lines on stderr that say what goes on.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_millis(100);

/// A counter that is redrawn in place; silent where stderr is no terminal.
pub(crate) struct Progress {
    total: Option<usize>,
    what: &'static str,
    started: Instant,
    drawn: Option<Instant>,
    shown: bool,
}

impl Progress {
    pub(crate) fn new(what: &'static str, total: Option<usize>, quiet: bool) -> Self {
        let shown = !quiet && std::io::stderr().is_terminal();
        Self {
            total,
            what,
            started: Instant::now(),
            drawn: None,
            shown,
        }
    }

    /// Shows that `done` are done, `failed` of them with an error.
    pub(crate) fn update(&mut self, done: usize, failed: usize) {
        if !self.shown || self.drawn.is_some_and(|drawn| drawn.elapsed() < EVERY) {
            return;
        }
        self.drawn = Some(Instant::now());
        let seconds = self.started.elapsed().as_secs_f64();
        let rate = done as f64 / seconds.max(1e-9);
        let of = self.total.map_or_else(String::new, |total| format!("/{total}"));
        let left = self.total.filter(|_| done > 0).map_or_else(String::new, |total| {
            format!(
                ", {:.0} s left",
                total.saturating_sub(done) as f64 / rate.max(1e-9)
            )
        });
        let failed = if failed > 0 {
            format!(", {failed} failed")
        } else {
            String::new()
        };
        // A line that cannot be drawn is no reason to stop.
        let _ = write!(
            std::io::stderr(),
            "\r{done}{of} {}, {rate:.0}/s{failed}{left}\x1b[K",
            self.what
        );
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.drawn.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
