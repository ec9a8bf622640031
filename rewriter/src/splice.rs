//! Changes to a file that can be undone: inside of its graph, outside of it, and behind its last byte.

use onnx_protobuf::Message;
use prep_onnx_pipeline::{Error, Result};

use crate::edit::{Edit, Replacement};
use crate::model::Model;
use crate::order::Order;
use crate::record::Record;
use crate::sorted::sorted;
use crate::wire::{bytes_field, varint};

/// The most bytes of the original that a record holds for one change.
pub(crate) const MAX_REPLACED: u64 = 2 << 20;

mod field {
    pub(super) const MODEL_METADATA_PROPS: u32 = 14;
    pub(super) const PAIR_FIRST: u32 = 1;
    pub(super) const PAIR_SECOND: u32 = 2;
}

/// Changes to a model, and the key of the record that undoes them.
pub(crate) struct Splice {
    pub(crate) key: &'static str,
    /// What comes at the start of the first graph.
    pub(crate) front: Vec<u8>,
    /// Changes inside of graphs, of which insertions at one place come in their order.
    pub(crate) inner: Vec<Replacement>,
    /// Changes outside of graphs.
    pub(crate) outer: Vec<Replacement>,
    /// What comes behind the last byte, before the record.
    pub(crate) appended: Vec<u8>,
}

impl Splice {
    /// No changes, recorded under `key`.
    pub(crate) fn new(key: &'static str) -> Self {
        Self {
            key,
            front: Vec::new(),
            inner: Vec::new(),
            outer: Vec::new(),
            appended: Vec::new(),
        }
    }

    /// `model` with the changes. The record is the last field of the file.
    ///
    /// # Errors
    /// Changes that overlap; one that takes away more than a record holds.
    pub(crate) fn edit(self, model: &Model) -> Result<Edit> {
        let mut replacements = self.outer;
        for (index, graph) in model.skeleton.graphs.iter().enumerate() {
            let front = if index == 0 { self.front.as_slice() } else { &[] };
            let before = graph.end - graph.payload;
            let mut len = before + front.len() as u64;
            let within =
                |change: &&Replacement| change.at >= graph.payload && change.at + change.removed <= graph.end;
            for change in self.inner.iter().filter(within) {
                len = len - change.removed + change.added();
            }
            if front.is_empty() && len == before {
                continue;
            }
            let mut inserted = Vec::new();
            varint(&mut inserted, len);
            inserted.extend_from_slice(front);
            replacements.push(Replacement::new(
                graph.after_tag,
                graph.payload - graph.after_tag,
                inserted,
            ));
        }
        replacements.extend(self.inner);
        replacements.sort_by_key(|replacement| replacement.at);

        let mut record = Record::new(model.bytes(), &model.skeleton.digest);
        for replacement in &replacements {
            let (at, end) = (replacement.at, replacement.at + replacement.removed);
            let original = model.range(at, end, MAX_REPLACED)?;
            record.push(at, &original, replacement.added());
        }
        let with_record = |record: &Record| {
            let mut appended = self.appended.clone();
            metadata_entry(&mut appended, self.key, &record.to_json()?);
            let mut replacements = replacements.clone();
            replacements.push(Replacement::new(model.bytes(), 0, appended));
            Edit::new(model, replacements, model.bytes())
        };
        record.order = Order::of(with_record(&record)?.reader())?;
        with_record(&record)
    }
}

/// Appends an entry of `metadata_props`.
pub(crate) fn metadata_entry(out: &mut Vec<u8>, key: &str, value: &str) {
    let mut entry = Vec::new();
    bytes_field(&mut entry, field::PAIR_FIRST, key.as_bytes());
    bytes_field(&mut entry, field::PAIR_SECOND, value.as_bytes());
    bytes_field(out, field::MODEL_METADATA_PROPS, &entry);
}

/// `message` as ONNX's own libraries write it.
pub(crate) fn encode<M: Message>(message: &M) -> Result<Vec<u8>> {
    let bytes = message
        .write_to_bytes()
        .map_err(|error| Error::new("", format!("cannot be encoded: {error}")))?;
    sorted(bytes, M::NAME)
}
