//! An inference service over HTTP: images in, the model's output or answers out.
//!
//! ```text
//! request ─ admission ─ body, limited ─ decode (rayon) ─┐
//! request ─ …                                           ├─ one ragged batch ─ session, on its own thread
//! request ─ …                                           ┘
//! ```
//!
//! Nothing that a client does not send holds a place: heads, bodies and idle connections have times, and when
//! connections or descriptors run out, those that wait for their clients are closed.
//!
//! Every image is admitted or refused at once: at most [`Config::queue`] of them are inside, with at most
//! [`Config::memory`] bytes of bodies and as many of pixels, whatever the number of connections. [`serve`] is all
//! of it.
#![forbid(unsafe_code)]

mod answer;
mod batcher;
mod budget;
mod connections;
mod decoding;
mod metrics;
mod model;
mod output;
mod routes;
mod service;

pub use model::Model;
pub use service::{Config, serve};
