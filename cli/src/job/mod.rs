//! A run over many images: where they come from, what becomes of them, and what survives a crash.
//!
//! [`Inputs`] names the images, [`Runner`] takes them through decoder and model, and [`Store`] keeps the
//! rows that are done in part files beside the output, so that another process can go on from there.

mod decoding;
mod draw;
mod each;
mod files;
mod folder;
mod inputs;
mod interrupt;
mod manifest;
mod model_files;
mod part;
mod pixels;
mod runner;
mod store;
mod summary;
mod tracker;

pub(crate) use decoding::{Decode, Decoding, MEASURED};
pub(crate) use draw::Draw;
pub(crate) use inputs::{Inputs, Shard};
pub(crate) use interrupt::Interrupt;
pub(crate) use manifest::Manifest;
pub(crate) use model_files::ModelFiles;
pub(crate) use runner::{Runner, check_classes};
pub(crate) use store::{Begin, Store};
pub(crate) use summary::{SKIPPED_FIX, Summary, no_images, skipped_in_words, skipped_json};
pub(crate) use tracker::Tracker;
