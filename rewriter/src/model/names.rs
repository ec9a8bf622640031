//! Every name that a new value or node must not take.

use std::collections::{HashMap, HashSet};

/// What a name stands for; a name can stand for several things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// An input, output, node or value, here or in a subgraph.
    Other = 0,
    /// An initializer of the main graph.
    Initializer = 1,
    /// An entry of `value_info` of the main graph.
    ValueInfo = 2,
}

/// The names of a model: values and nodes of the main graph, of its subgraphs and of its training graphs.
#[derive(Debug, Default)]
pub(crate) struct Names(HashMap<Box<str>, u8>);

impl Names {
    pub(crate) fn add(&mut self, name: String, used: Use) {
        if !name.is_empty() {
            *self.0.entry(name.into_boxed_str()).or_default() |= used as u8;
        }
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(crate) fn is(&self, name: &str, used: Use) -> bool {
        self.0.get(name).is_some_and(|uses| uses & used as u8 != 0)
    }

    /// `wanted`, or where that is taken the first free one of `wanted_1`, `wanted_2`, …
    pub(crate) fn free_name(&self, wanted: &str) -> String {
        self.first_free(wanted, |name| !self.contains(name))
    }

    /// A prefix that no name starts with: `wanted/`, or else the first of `wanted_1/`, `wanted_2/`, …
    pub(crate) fn free_prefix(&self, wanted: &str) -> String {
        // What stands between `wanted` and the next slash, over all names.
        let suffixes = self
            .0
            .keys()
            .filter_map(|name| name.strip_prefix(wanted)?.split_once('/'));
        let suffixes: HashSet<&str> = suffixes.map(|(suffix, _)| suffix).collect();
        let free = |stem: &str| !suffixes.contains(&stem[wanted.len()..]);
        self.first_free(wanted, free) + "/"
    }

    fn first_free(&self, wanted: &str, free: impl Fn(&str) -> bool) -> String {
        let numbered = (1..=self.0.len() + 1).map(|number| format!("{wanted}_{number}"));
        // One more candidate than there are names: the last one is free whenever all before it are not.
        let mut candidates = std::iter::once(wanted.to_owned()).chain(numbered);
        candidates
            .find(|name| free(name))
            .unwrap_or_else(|| wanted.to_owned())
    }
}
