//! Pixels of several rows turned, so that a lane is a row: what the levels that do so share.
//!
//! How they lie is [`layout`]'s, which of them are made together [`windows`]'. [`orders`] says how the bytes of a row become those
//! of each channel; [`quads`] are tables of windows that take whole quads.

pub(super) mod bounds;
pub(super) mod layout;
pub(super) mod orders;
pub(super) mod quads;
pub(super) mod windows;
