//! Workloads and peers that the benches share.
#![forbid(unsafe_code)]

mod peer;
mod workload;

pub use peer::Peer;
pub use workload::{WORKLOADS, Workload};
