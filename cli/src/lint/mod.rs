//! Known defects of execution providers, looked for in a model.

mod kernels;
mod table;
mod target;

use std::fmt;

use prep_onnx_pipeline::Result;
use prep_onnx_rewriter::{Model, Node, nodes};
use serde::Serialize;

pub use table::LINTS;
pub use target::Target;

/// What a construct does on an execution provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// The model does not load, or its run fails.
    Fails,
    /// The results are wrong, or other than on another provider.
    Wrong,
    /// The results are right only with a setting of the provider.
    Setting,
    /// The results are right by ONNX, and not those of Pillow or torchvision.
    Differs,
    /// The results are right; the nodes run on the CPU, with copies.
    Slow,
    /// What is read of the provider makes it doubtful, and nobody ran it.
    Unknown,
}

impl Effect {
    /// Whether a model with it should not be used as it is.
    pub fn is_defect(self) -> bool {
        matches!(self, Self::Fails | Self::Wrong)
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fails => "fails",
            Self::Wrong => "wrong",
            Self::Setting => "setting",
            Self::Differs => "differs",
            Self::Slow => "slow",
            Self::Unknown => "unknown",
        })
    }
}

/// One known defect.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Lint {
    /// Its name.
    pub id: &'static str,
    /// The execution providers that have it.
    pub providers: &'static [Target],
    /// What it does.
    pub effect: Effect,
    /// What is looked for.
    pub finds: &'static str,
    /// What happens.
    pub happens: &'static str,
    /// The versions of ONNX Runtime, and how that is known.
    pub versions: &'static str,
    /// What to do.
    pub fix: &'static str,
    #[serde(skip)]
    matches: fn(&Node) -> bool,
}

/// A defect that a model has.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// Which one.
    #[serde(flatten)]
    pub lint: &'static Lint,
    /// The nodes, by place and name; ops of the same name at one place once.
    pub nodes: Vec<String>,
    /// How many nodes they are.
    pub count: usize,
}

/// What is known against running a model on a provider, the worst first.
#[derive(Clone, Debug)]
pub struct Findings {
    /// The defects.
    pub found: Vec<Finding>,
    /// The nodes that were looked at, those in functions and subgraphs included.
    pub nodes: usize,
}

impl Findings {
    /// Whether nothing fails and nothing is wrong.
    pub fn is_usable(&self) -> bool {
        self.found.iter().all(|finding| !finding.lint.effect.is_defect())
    }
}

/// Looks for the defects of a provider in a model, embedded or not, its functions and subgraphs included.
///
/// # Errors
/// Those of [`nodes`].
pub fn lint(model: &Model, target: impl Into<Target>) -> Result<Findings> {
    let target = target.into();
    let nodes = nodes(model)?;
    let mut found: Vec<Finding> = LINTS
        .iter()
        .filter(|lint| lint.providers.contains(&target))
        .filter_map(|lint| {
            let hit: Vec<&Node> = nodes.iter().filter(|node| (lint.matches)(node)).collect();
            let mut names: Vec<String> = Vec::new();
            for name in hit.iter().map(|node| name(node)) {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            (!hit.is_empty()).then_some(Finding {
                lint,
                nodes: names,
                count: hit.len(),
            })
        })
        .collect();
    found.sort_by_key(|finding| finding.lint.effect);
    Ok(Findings {
        found,
        nodes: nodes.len(),
    })
}

/// The op with its element type and place: `prep.onnx::ImageBatchToFloat32V1/MatMul of float32`.
fn name(node: &Node) -> String {
    let of = node.inputs.iter().find_map(|input| input.element);
    let of = of.map_or_else(String::new, |element| format!(" of {element}"));
    format!("{}{}{of}", node.place, node.title())
}
