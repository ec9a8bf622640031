//! Where the rows go.

use std::path::Path;

use prep_onnx_pipeline::Error;

use super::Options;
use crate::answer::{Failure, Outcome};
use crate::args::Global;
use crate::results::Format;

/// Where the rows go.
pub(super) enum Out<'a> {
    File(&'a Path, Format),
    /// Standard output, as lines of JSON.
    Stream,
    /// A table, or the answer to `--json`.
    Show,
}

impl<'a> Out<'a> {
    pub(super) fn of(options: &'a Options, global: &Global) -> Outcome<Self> {
        let Some(path) = options.out.as_deref() else {
            return Ok(Self::Show);
        };
        if path == Path::new("-") {
            let with = [
                (options.resume, "--resume"),
                (options.retry_failed, "--retry-failed"),
                (global.json, "--json"),
            ];
            return match with.iter().find(|(given, _)| *given) {
                None => Ok(Self::Stream),
                Some((_, name)) => Err(Failure::usage(
                    Error::new(
                        name,
                        "does not go with -o -, which writes lines of JSON to standard output",
                    )
                    .fix("name a file, or leave one of them out"),
                )),
            };
        }
        let format = Format::of(path).map_err(Failure::usage)?;
        if options.top_k.is_some() && format == Format::Npy {
            return Err(Failure::usage(
                Error::new("--top-k", "does not go with .npy, which holds whole outputs")
                    .fix("write .jsonl or .parquet, or leave --top-k out"),
            ));
        }
        Ok(Self::File(path, format))
    }
}
