//! Workloads and peers that the benches share.
#![forbid(unsafe_code)]

mod peer;
mod timing;
mod workload;

pub use peer::Peer;
pub use timing::{COLD_INPUT, COLD_OUTPUT, FRAME_STEP, FRAMES, frame, median, quantile, thread_seconds};
pub use workload::{Target, WORKLOADS, Workload};
