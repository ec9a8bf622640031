//! The command line of prep-onnx, and ONNX Runtime as its host.
//!
//! [`runtime`] finds, gets and loads ONNX Runtime; [`host`] runs models in it; [`lint`] knows the defects of its
//! execution providers; [`main`] is the binary, [`call`] a command of it for a caller in this process.
#![forbid(unsafe_code)]

mod answer;
mod answered;
mod args;
mod callable;
mod choose;
mod cli;
mod commands;
mod compare;
mod complete;
mod detection;
mod drawing;
mod embedded;
mod executions;
mod feeds;
pub mod host;
mod inference;
pub mod installation;
mod job;
mod labels;
pub mod lint;
mod map;
mod original;
mod output;
mod parse;
mod picture;
mod reading;
mod recognise;
mod results;
pub mod runtime;
mod seen;
mod size;
mod source;
mod then;
mod trial;
mod triton;
mod ui;

pub use cli::{Called, call, main, main_with};
