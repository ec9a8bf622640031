//! What an embedded model says about how to restore the original.

use prep_onnx_pipeline::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::edit::Replacement;
use crate::order::Order;

/// The version of the format below.
const VERSION: u32 = 1;

/// The inverse of an embedding, kept as JSON in `metadata_props`.
///
/// It covers everything up to the original's last byte; what follows that was appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    version: u32,
    /// The size of the original in bytes.
    pub(crate) length: u64,
    /// SHA-256, in hexadecimal, of the original without the data of its tensors.
    ///
    /// Not of the whole file: digesting 500 MB takes longer than copying them.
    pub(crate) sha256: String,
    changes: Vec<Change>,
    /// How the fields of the embedded file stand, for one that a library wrote again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) order: Option<Order>,
}

/// Position in the original, number of bytes that were put there, the original bytes in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Change(u64, u64, String);

impl Record {
    pub(crate) fn new(length: u64, digest: &[u8]) -> Self {
        Self {
            version: VERSION,
            length,
            sha256: to_hex(digest),
            changes: Vec::new(),
            order: None,
        }
    }

    /// Notes that `original` at position `at` gave way to `inserted` bytes.
    pub(crate) fn push(&mut self, at: u64, original: &[u8], inserted: u64) {
        self.changes.push(Change(at, inserted, to_hex(original)));
    }

    pub(crate) fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| Error::new("", format!("cannot be encoded: {error}")))
    }

    pub(crate) fn from_json(text: &str) -> Result<Self> {
        let invalid = |what: String| Error::new("", what);
        let record: Self = serde_json::from_str(text)
            .map_err(|error| invalid(format!("is not what embed writes: {error}")))?;
        if record.version != VERSION {
            return Err(invalid("has an unknown version".into()).expected_got(VERSION, record.version));
        }
        Ok(record)
    }

    /// The changes to the embedded file that restore the original, and where in it the original ends.
    ///
    /// `None` where the numbers are impossible.
    pub(crate) fn inverse(&self) -> Option<(Vec<Replacement>, u64)> {
        let mut replacements = Vec::with_capacity(self.changes.len());
        // Distance from positions in the original to positions in the embedded file.
        let mut shift = 0_i64;
        for Change(at, inserted, original) in &self.changes {
            let original = from_hex(original)?;
            let at = at.checked_add_signed(shift)?;
            shift = shift
                .checked_add_unsigned(*inserted)?
                .checked_sub_unsigned(original.len() as u64)?;
            replacements.push(Replacement::new(at, *inserted, original));
        }
        Some((replacements, self.length.checked_add_signed(shift)?))
    }
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let bytes = text.as_bytes();
    if !bytes.len().is_multiple_of(2) {
        return None;
    }
    bytes
        .chunks_exact(2)
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}
