//! How a pipeline lies in a model.

use std::fmt;
use std::str::FromStr;

use prep_onnx_pipeline::{Error, Result};
use serde::Serialize;

/// How a pipeline lies in a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lowering {
    /// A custom node and a model-local function of the same name in standard ops: runs everywhere, and
    /// fast where the library is loaded.
    #[default]
    OneFile,
    /// Standard ops in the graph itself, for runtimes without model-local functions.
    Standard,
    /// A custom node only: needs the library.
    Fused,
}

impl Lowering {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::OneFile, Self::Standard, Self::Fused];

    /// Its name in options and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::OneFile => "one-file",
            Self::Standard => "standard",
            Self::Fused => "fused",
        }
    }
}

impl fmt::Display for Lowering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Lowering {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|lowering| lowering.name() == text)
            .ok_or_else(|| {
                let names = Self::ALL.map(Self::name).join(", ");
                Error::new("lower", "is no way to embed")
                    .expected_got(format!("one of {names}"), format!("`{text}`"))
            })
    }
}
