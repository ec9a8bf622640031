//! The corpus, and small helpers.
#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses some of these")]

use std::path::{Path, PathBuf};

pub(crate) fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

pub(crate) fn json(name: &str) -> serde_json::Value {
    serde_json::from_slice(&read(name)).unwrap()
}

pub(crate) fn read(name: &str) -> Vec<u8> {
    std::fs::read(corpus().join(name)).unwrap()
}

/// Every file of the corpus, by name.
pub(crate) fn files() -> Vec<(String, Vec<u8>)> {
    let manifest = json("manifest.json");
    manifest["files"]
        .as_object()
        .unwrap()
        .keys()
        .map(|name| (name.clone(), read(name)))
        .collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Most memory that this process ever had resident, in bytes; `None` where the system does not say.
pub(crate) fn peak_rss() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}
