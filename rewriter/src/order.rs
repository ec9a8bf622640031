//! The order of the fields of a file, by which a copy that a protobuf library wrote is put back.
//!
//! Libraries write the fields of a message sorted by number; those with one number keep their order. Embedding writes
//! them where they cost no copy of the rest, so a file that was read and written again has the same fields elsewhere.

use std::collections::{BTreeMap, VecDeque};
use std::io::{Read, Seek};
use std::ops::Range;

use prep_onnx_pipeline::Result;
use serde::{Deserialize, Serialize};

use crate::edit::Edit;
use crate::model::Model;
use crate::wire::{Field, Scanner};

/// The most runs of a message that are noted. Libraries write one for each number; only files whose fields
/// alternate have so many, and those no library writes.
const MOST_RUNS: usize = 64;
/// The number of the graph among the fields of a model.
const GRAPH: u32 = 7;

/// A field number, and how many fields of it follow each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Run(u32, u64);

/// The numbers of the fields of a file and of its graph, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    model: Vec<Run>,
    graph: Vec<Run>,
}

/// Where the fields of a file and of its graph lie.
struct Places {
    model: Vec<Field>,
    graph: Vec<Field>,
}

impl Places {
    /// `None` for a file with several graphs, which a library makes one of.
    fn of(reader: impl Read + Seek) -> Result<Option<Self>> {
        let (mut scanner, len) = Scanner::new(reader)?;
        let mut places = Self {
            model: Vec::new(),
            graph: Vec::new(),
        };
        let mut graphs = 0;
        while let Some(field) = scanner.field(len)? {
            places.model.push(field);
            if !field.is_bytes(GRAPH) {
                scanner.skip(&field)?;
                continue;
            }
            graphs += 1;
            while let Some(inner) = scanner.field(field.end)? {
                places.graph.push(inner);
                scanner.skip(&inner)?;
            }
        }
        Ok((graphs == 1).then_some(places))
    }
}

impl Order {
    /// The order of the file in `reader`; `None` where it has too many runs, or several graphs.
    ///
    /// # Errors
    /// What the wire format forbids.
    pub(crate) fn of(reader: impl Read + Seek) -> Result<Option<Self>> {
        let Some(places) = Places::of(reader)? else {
            return Ok(None);
        };
        Ok(runs(&places.model)
            .zip(runs(&places.graph))
            .map(|(model, graph)| Self { model, graph }))
    }

    /// `model` with its fields in this order; `None` where it has other fields.
    ///
    /// # Errors
    /// What the wire format forbids.
    pub(crate) fn put_back(&self, model: &Model) -> Result<Option<Edit>> {
        let whole = Edit::of_ranges(model, std::iter::once(0..model.bytes()));
        let Some(places) = Places::of(whole.reader())? else {
            return Ok(None);
        };
        let (outer, inner) = (
            ordered(&places.model, &self.model),
            ordered(&places.graph, &self.graph),
        );
        let (Some(outer), Some(inner)) = (outer, inner) else {
            return Ok(None);
        };
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for field in outer {
            if field.is_bytes(GRAPH) {
                ranges.push(field.start..field.payload);
                ranges.extend(inner.iter().map(|inner| inner.start..inner.end));
            } else {
                ranges.push(field.start..field.end);
            }
        }
        Ok(Some(Edit::of_ranges(model, ranges)))
    }
}

/// The runs of `fields`; `None` where they are too many.
fn runs(fields: &[Field]) -> Option<Vec<Run>> {
    let mut runs: Vec<Run> = Vec::new();
    for field in fields {
        match runs.last_mut() {
            Some(Run(number, count)) if *number == field.number => *count += 1,
            _ => runs.push(Run(field.number, 1)),
        }
        if runs.len() > MOST_RUNS {
            return None;
        }
    }
    Some(runs)
}

/// `fields` in `order`; `None` where that has others, or more or less of them.
fn ordered(fields: &[Field], order: &[Run]) -> Option<Vec<Field>> {
    let mut of_number: BTreeMap<u32, VecDeque<Field>> = BTreeMap::new();
    for field in fields {
        of_number.entry(field.number).or_default().push_back(*field);
    }
    let mut sorted = Vec::with_capacity(fields.len());
    for Run(number, count) in order {
        let left = of_number.get_mut(number)?;
        let count = usize::try_from(*count)
            .ok()
            .filter(|count| *count <= left.len())?;
        sorted.extend(left.drain(..count));
    }
    (sorted.len() == fields.len()).then_some(sorted)
}
