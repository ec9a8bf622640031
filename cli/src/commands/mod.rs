//! The commands, one file each: its options, and what it does with them.

pub(crate) mod bench;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod diagnose;
pub(crate) mod doctor;
pub(crate) mod embed;
pub(crate) mod export;
pub(crate) mod inspect;
pub(crate) mod learn;
pub(crate) mod library;
pub(crate) mod man;
pub(crate) mod pipelines;
pub(crate) mod preview;
pub(crate) mod run;
pub(crate) mod runtime;
pub(crate) mod steps;
pub(crate) mod strip;
pub(crate) mod verify;
