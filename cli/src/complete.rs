//! What may come next on a command line, where the command line alone does not say it.

use std::ffi::OsStr;

use clap::CommandFactory;
use clap_complete::engine::{
    ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter,
};
use clap_complete::env::CompleteEnv;
use prep_onnx_pipeline::steps::{Step, StepInfo};
use prep_onnx_pipeline::{PRESETS, Resampler};

use crate::args::Cli;
use crate::commands::completions::VARIABLE;

/// Answers the script of a shell, if this process was started by one, and ends.
pub(crate) fn answer_shell() {
    CompleteEnv::with_factory(Cli::command).var(VARIABLE).complete();
}

fn presets() -> Vec<CompletionCandidate> {
    let candidate = |preset: &prep_onnx_pipeline::Preset| {
        CompletionCandidate::new(preset.name).help(Some(preset.description().into()))
    };
    PRESETS.iter().map(candidate).collect()
}

/// For an argument that names a preset.
pub(crate) fn preset() -> ArgValueCandidates {
    ArgValueCandidates::new(presets)
}

/// For an argument that names a step.
pub(crate) fn step() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let candidate = |step: &StepInfo| CompletionCandidate::new(step.name).help(Some(step.summary.into()));
        Step::ALL.iter().map(candidate).collect()
    })
}

/// For an argument that names a preset or a file.
pub(crate) fn preset_or_file() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let begun = typed.to_string_lossy();
        let mut found = presets();
        found.retain(|preset| preset.get_value().to_string_lossy().starts_with(&*begun));
        found.extend(PathCompleter::file().complete(typed));
        found
    })
}

/// For an argument that names whose arithmetic a resize has.
pub(crate) fn resampler() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let names = Resampler::ALL.iter().map(|resampler| resampler.name());
        names.map(CompletionCandidate::new).collect()
    })
}
