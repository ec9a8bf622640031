//! An inference service over HTTP: images in, the model's output out.
//!
//! ```text
//! request ─ admission ─ body, limited ─ decode (rayon) ─┐
//! request ─ …                                           ├─ one ragged batch ─ session, on its own thread
//! request ─ …                                           ┘
//! ```
//!
//! Every image is admitted or refused at once: at most [`Config::queue`] of them are inside, with at most
//! [`Config::memory`] bytes of bodies and as many of pixels, whatever the number of connections. [`serve`] is all
//! of it.
#![forbid(unsafe_code)]

mod answer;
mod batcher;
mod budget;
mod decoding;
mod metrics;
mod model;
mod routes;
mod service;

pub use model::Model;
pub use service::{Config, serve};
