//! Ctrl-C: the batch that is under way is finished and its rows are kept; the second one ends the process at once.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Whether the user, or the system, wants the run to end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt {
    /// Each signal with its flag.
    signals: Vec<(i32, Arc<AtomicBool>)>,
}

impl Interrupt {
    /// Watches from now on. Before, and where that fails, a signal ends the process, as is usual.
    /// `quiet` leaves out the word that it has arrived.
    pub(crate) fn watch(quiet: bool) -> Self {
        let mut signals = Vec::new();
        for signal in [SIGINT, SIGTERM] {
            let raised = Arc::new(AtomicBool::new(false));
            // In this order: the first signal finds the flag down, the second one finds it up.
            let second =
                flag::register_conditional_shutdown(signal, exit_code(signal).into(), Arc::clone(&raised));
            if second.is_ok() && flag::register(signal, Arc::clone(&raised)).is_ok() {
                signals.push((signal, raised));
            }
        }
        if !quiet {
            tell_at_once();
        }
        Self { signals }
    }

    /// Whether another batch may begin.
    pub(crate) fn next_batch(&self) -> ControlFlow<()> {
        match self.exit_code() {
            None => ControlFlow::Continue(()),
            Some(_) => ControlFlow::Break(()),
        }
    }

    /// The exit code of a run that was asked to end: 128 and the number of the signal.
    pub(crate) fn exit_code(&self) -> Option<u8> {
        let raised = self
            .signals
            .iter()
            .find(|(_, raised)| raised.load(Ordering::Relaxed));
        raised.map(|(signal, _)| exit_code(*signal))
    }
}

fn exit_code(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(u8::MAX)
}

/// Says that the signal has arrived, while the batch is still under way.
#[cfg(unix)]
fn tell_at_once() {
    use std::io::{IsTerminal, Read};
    use std::os::unix::net::UnixStream;

    let Ok((mut told, wake)) = UnixStream::pair() else {
        return;
    };
    if signal_hook::low_level::pipe::register(SIGINT, wake).is_err() {
        return;
    }
    // Without the thread the signal is obeyed all the same.
    let _ = std::thread::Builder::new()
        .name("prep-onnx-signal".to_owned())
        .spawn(move || {
            if told.read(&mut [0]).is_ok_and(|read| read > 0) {
                let text = "finishing the batch that is under way; Ctrl-C again stops at once";
                // Over the progress line.
                let start = if std::io::stderr().is_terminal() {
                    "\r\x1b[K"
                } else {
                    ""
                };
                anstream::eprintln!("{start}{}", crate::ui::dim(text));
            }
        });
}

#[cfg(not(unix))]
fn tell_at_once() {}
