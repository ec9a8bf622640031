//! Taking external data into the model.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;

use prep_onnx_pipeline::{Error, Result};

use crate::edit::{DataRange, Replacement};
use crate::model::{ExternalTensor, Model, Source, folder};
use crate::wire::{Field, Scanner, Value, varint};

/// The most bytes of a tensor's message without its data.
const MAX_TENSOR: u64 = 1 << 20;

mod field {
    pub(super) const DIMS: u32 = 1;
    pub(super) const DATA_TYPE: u32 = 2;
    pub(super) const RAW_DATA: u32 = 9;
    pub(super) const EXTERNAL_DATA: u32 = 13;
    pub(super) const DATA_LOCATION: u32 = 14;
}

/// The changes that put the data of every external tensor into its message, and the new lengths of the messages
/// around them but for the main graph, sorted by position.
///
/// # Errors
/// A data file that is missing, too short or outside of the model's folder; a tensor that says neither how long
/// its data is nor of what type.
pub(crate) fn replacements(model: &Model) -> Result<Vec<Replacement>> {
    let mut sources: HashMap<&str, Source> = HashMap::new();
    for file in model.external_files() {
        // Links out of the folder are what this is for; what the model itself names is not followed out of it.
        file.check_readable(model.path())?;
        let path = folder(model.path()).join(&file.location);
        let source = File::open(&path)
            .and_then(Source::new)
            .map_err(|error| Error::new(path.display(), format!("cannot be read: {error}")))?;
        sources.insert(&file.location, source);
    }
    let mut replacements = Vec::new();
    // By the start of a message around tensors: it, and by how much it grows.
    let mut growth: BTreeMap<u64, (Field, i64)> = BTreeMap::new();
    for tensor in model.skeleton.external.tensors() {
        let within = |error: Error| error.within(format!("tensor `{}`", tensor.name));
        let source = sources.get(tensor.location.as_str()).cloned();
        let source = source.ok_or_else(|| within(Error::new("", "has no data file")))?;
        let replacement = with_data(model, tensor, source).map_err(within)?;
        let holders = tensor.holders.as_ref().ok_or_else(|| {
            within(
                Error::new("", "lies too deep in subgraphs for --single-file")
                    .fix("leave --single-file out, or save the model without external data"),
            )
        })?;
        let grows = replacement.added() as i64 - replacement.removed as i64;
        for holder in holders {
            growth.entry(holder.start).or_insert((*holder, 0)).1 += grows;
        }
        replacements.push(replacement);
    }
    // The innermost first: a longer length takes more bytes in all messages around it.
    let starts: Vec<u64> = growth.keys().rev().copied().collect();
    for start in starts {
        let Some((holder, grows)) = growth.get(&start).copied() else {
            continue;
        };
        if model.skeleton.graphs.iter().any(|graph| graph.start == start) {
            continue;
        }
        let mut length = Vec::new();
        varint(
            &mut length,
            (holder.end - holder.payload).saturating_add_signed(grows),
        );
        let replacement = Replacement::new(holder.after_tag, holder.payload - holder.after_tag, length);
        let grows = replacement.added() as i64 - replacement.removed as i64;
        for (outer, sum) in growth
            .range_mut(..start)
            .map(|(_, entry)| (entry.0, &mut entry.1))
        {
            if outer.end >= holder.end {
                *sum += grows;
            }
        }
        replacements.push(replacement);
    }
    replacements.sort_by_key(|replacement| replacement.at);
    Ok(replacements)
}

/// The message of a tensor with its data in the place of the reference.
fn with_data(model: &Model, tensor: &ExternalTensor, source: Source) -> Result<Replacement> {
    let message = model.range(tensor.field.payload, tensor.field.end, MAX_TENSOR)?;
    let mut kept = Vec::with_capacity(message.len());
    let (mut elements, mut data_type) = (Some(1_u64), 0);
    let (mut scanner, end) = Scanner::new(std::io::Cursor::new(&message))?;
    while let Some(part) = scanner.field(end)? {
        let mut dimension = |size: u64| elements = elements.and_then(|product| product.checked_mul(size));
        match (part.number, part.value) {
            (field::DIMS, Value::Varint(size)) => dimension(size),
            (field::DIMS, Value::Bytes) => packed(&scanner.bytes(&part, MAX_TENSOR)?, dimension),
            (field::DATA_TYPE, Value::Varint(number)) => data_type = number,
            _ => scanner.skip(&part)?,
        }
        if !matches!(
            part.number,
            field::RAW_DATA | field::EXTERNAL_DATA | field::DATA_LOCATION
        ) {
            let bytes = message.get(part.start as usize..part.end as usize);
            kept.extend_from_slice(bytes.unwrap_or_default());
        }
    }
    let needed = elements
        .zip(bits(data_type))
        .and_then(|(elements, bits)| Some(elements.checked_mul(bits)?.div_ceil(8)));
    let len = tensor.length.or(needed).ok_or_else(|| {
        Error::new(
            "",
            "does not say how long its data is, and its element type has no known size",
        )
        .expected_got(
            "a length, or a numeric element type",
            format!("element type {data_type}"),
        )
    })?;
    let left = source.len.saturating_sub(tensor.offset);
    if len > left {
        return Err(Error::new("", "its data file is cut short")
            .expected_got(format!("{len} bytes from byte {} on", tensor.offset), left));
    }
    // An empty tensor has its empty data, so that it does not lack any.
    varint(&mut kept, u64::from(field::RAW_DATA) << 3 | 2);
    varint(&mut kept, len);
    let mut inserted = Vec::new();
    varint(&mut inserted, kept.len() as u64 + len);
    inserted.append(&mut kept);
    Ok(Replacement {
        data: Some(DataRange {
            source,
            start: tensor.offset,
            len,
        }),
        ..Replacement::new(
            tensor.field.after_tag,
            tensor.field.end - tensor.field.after_tag,
            inserted,
        )
    })
}

/// Hands out the integers of a packed field.
fn packed(bytes: &[u8], mut each: impl FnMut(u64)) {
    let (mut value, mut shift) = (0_u64, 0);
    for byte in bytes {
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or_default();
        shift += 7;
        if *byte < 0x80 {
            each(value);
            (value, shift) = (0, 0);
        }
    }
}

/// How many bits an element takes in a tensor's bytes, by its number in `TensorProto.DataType`.
fn bits(data_type: u64) -> Option<u64> {
    Some(match data_type {
        21..=23 => 4,
        25 => 2,
        2 | 3 | 9 | 17..=20 | 24 => 8,
        4 | 5 | 10 | 16 => 16,
        1 | 6 | 12 => 32,
        7 | 11 | 13 | 14 => 64,
        15 => 128,
        _ => return None,
    })
}
