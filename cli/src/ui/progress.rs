//! A line on stderr that says how far a run is.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_millis(100);
const SETTLED: Duration = Duration::from_secs(1);

/// A counter that is redrawn in place; silent where stderr is no terminal.
pub(crate) struct Progress {
    /// How many there are in all, once that is known.
    total: Arc<OnceLock<usize>>,
    /// How many were done before.
    earlier: usize,
    what: &'static str,
    started: Instant,
    drawn: Option<Instant>,
    shown: bool,
}

impl Progress {
    pub(crate) fn new(what: &'static str, total: Arc<OnceLock<usize>>, earlier: usize, quiet: bool) -> Self {
        let shown = !quiet && std::io::stderr().is_terminal();
        Self {
            total,
            earlier,
            what,
            started: Instant::now(),
            drawn: None,
            shown,
        }
    }

    /// So many of those that were done before are not.
    pub(crate) fn not_done(&mut self, count: usize) {
        self.earlier = self.earlier.saturating_sub(count);
    }

    /// Whether anybody sees it.
    pub(crate) fn is_shown(&self) -> bool {
        self.shown
    }

    /// Shows that `done` more are done, `failed` of them with an error.
    pub(crate) fn update(&mut self, done: usize, failed: usize) {
        if !self.shown || self.drawn.is_some_and(|drawn| drawn.elapsed() < EVERY) {
            return;
        }
        self.drawn = Some(Instant::now());
        let line = self.line(done, failed, self.started.elapsed());
        // Without the wrap a line that is wider than the terminal stays one that can be redrawn. A line that
        // cannot be drawn is no reason to stop.
        let _ = write!(std::io::stderr(), "\r\x1b[?7l{line}\x1b[K\x1b[?7h");
    }

    fn line(&self, done: usize, failed: usize, elapsed: Duration) -> String {
        const BAR: usize = 20;
        let rate = done as f64 / elapsed.as_secs_f64().max(1e-9);
        let failed = match failed {
            0 => String::new(),
            failed => format!(", {failed} failed"),
        };
        let what = self.what;
        let all = self.earlier + done;
        let Some(total) = self.total.get() else {
            return format!("{all} {what}, {rate:.0}/s{failed}");
        };
        let left = total.saturating_sub(all);
        let filled = (all * BAR).checked_div(*total).unwrap_or(BAR).min(BAR);
        let bar = format!("{}{}", "█".repeat(filled), "░".repeat(BAR - filled));
        // The first images wait for threads and memory: their rate says nothing yet.
        let left = if done == 0 || elapsed < SETTLED {
            String::new()
        } else {
            let seconds = (left as f64 / rate.max(1e-9)).min(1e9);
            format!(", {} left", super::duration(Duration::from_secs_f64(seconds)))
        };
        format!("{bar} {all}/{total} {what}, {rate:.0}/s{failed}{left}")
    }

    /// Removes the line, so that another one can be written in its place.
    pub(crate) fn clear(&mut self) {
        if self.drawn.take().is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_rate_errors_and_time_left() {
        let total = Arc::new(OnceLock::new());
        let progress = Progress::new("images", Arc::clone(&total), 100, true);
        let line = |done, failed| progress.line(done, failed, Duration::from_secs(10));
        assert_eq!(line(200, 0), "300 images, 20/s");
        total.set(1000).unwrap();
        assert_eq!(
            line(200, 3),
            "██████░░░░░░░░░░░░░░ 300/1000 images, 20/s, 3 failed, 35.0 s left"
        );
        let soon = progress.line(200, 3, Duration::from_millis(900));
        assert_eq!(soon, "██████░░░░░░░░░░░░░░ 300/1000 images, 222/s, 3 failed");
        assert_eq!(line(0, 0), "██░░░░░░░░░░░░░░░░░░ 100/1000 images, 0/s");
        assert_eq!(
            line(2000, 0),
            "████████████████████ 2100/1000 images, 200/s, 0.00 s left"
        );
    }
}
