//! The corpus, and small helpers.
#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses some of these")]

use std::path::{Path, PathBuf};

use prep_onnx_loader::{Decoded, Window};

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
    let alone = manifest["files"]
        .as_object()
        .unwrap()
        .keys()
        .map(|name| (name.clone(), read(name)));
    alone
        .chain(matrix().into_iter().map(|(name, bytes, _)| (name, bytes)))
        .collect()
}

/// The files of `make_matrix.py`, and what Pillow makes of each.
pub(crate) fn matrix() -> Vec<(String, Vec<u8>, serde_json::Value)> {
    let packed = read("matrix.bin");
    let part = |entry: &serde_json::Value| {
        let number = |key: &str| entry[key].as_u64().unwrap() as usize;
        packed[number("offset")..][..number("length")].to_vec()
    };
    let index = json("matrix.json");
    let entries = index["files"].as_object().unwrap().iter();
    entries
        .map(|(name, entry)| (name.clone(), part(entry), entry.clone()))
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

/// A generator with a fixed seed: the same mutations in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}

/// A damaged copy: cut, with flipped bits or other bytes, with bytes left out or twice.
pub(crate) fn mutated(bytes: &[u8], round: usize, random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if bytes.is_empty() {
        return bytes;
    }
    match round % 5 {
        0 => bytes.truncate(random.below(bytes.len())),
        1 => {
            let at = random.below(bytes.len());
            bytes[at] ^= 1 << random.below(8);
        }
        // Headers are where the damage hurts most.
        2 => {
            let at = random.below(bytes.len().min(96));
            bytes[at] = [0, 0xFF, 0x7F, 0x80, 1][random.below(5)];
        }
        3 => {
            for _ in 0..=random.below(8) {
                let at = random.below(bytes.len());
                bytes[at] = random.below(256) as u8;
            }
        }
        _ => {
            let from = random.below(bytes.len());
            let to = (from + random.below(24)).min(bytes.len());
            if round.is_multiple_of(2) {
                bytes.drain(from..to);
            } else {
                let copy = bytes[from..to].to_vec();
                bytes.splice(from..from, copy);
            }
        }
    }
    bytes
}

/// The pixels of a window of an image.
pub(crate) fn cut(image: &Decoded, window: &Window) -> Vec<u8> {
    let rows = image.data.chunks_exact(image.width * 3);
    rows.skip(window.rows.start)
        .take(window.rows.len())
        .flat_map(|row| &row[window.columns.start * 3..window.columns.end * 3])
        .copied()
        .collect()
}
