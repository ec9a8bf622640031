//! Finds the line on which a key such as `steps[1].std` stands.

use std::collections::HashMap;

use serde_json::value::RawValue;
use toml::de::{DeTable, DeValue};

use super::Notation;

/// The 1-based line of byte `offset`.
pub(super) fn line(text: &str, offset: usize) -> usize {
    text.as_bytes()
        .iter()
        .take(offset)
        .filter(|byte| **byte == b'\n')
        .count()
        + 1
}

/// The line of the deepest part of `path` that exists in `text`.
pub(super) fn find(text: &str, notation: Notation, path: &str) -> Option<usize> {
    let path = segments(path);
    let offset = match notation {
        Notation::Toml => in_toml(text, &path),
        Notation::Json => in_json(text, &path),
    };
    offset.map(|offset| line(text, offset))
}

enum Segment<'a> {
    Key(&'a str),
    Index(usize),
}

fn segments(path: &str) -> Vec<Segment<'_>> {
    path.split(['.', '['])
        .filter(|part| !part.is_empty())
        .map(|part| match part.strip_suffix(']').map(str::parse) {
            Some(Ok(index)) => Segment::Index(index),
            _ => Segment::Key(part),
        })
        .collect()
}

fn in_toml(text: &str, path: &[Segment<'_>]) -> Option<usize> {
    let root = DeTable::parse(text).ok()?;
    let mut found = None;
    let mut value: Option<&DeValue<'_>> = None;
    for segment in path {
        let (offset, next) = match (segment, value) {
            (Segment::Key(key), None) => {
                let (name, value) = root.get_ref().get_key_value(*key)?;
                (name.span().start, value.get_ref())
            }
            (Segment::Key(key), Some(DeValue::Table(table))) => match table.get_key_value(*key) {
                Some((name, value)) => (name.span().start, value.get_ref()),
                None => break,
            },
            (Segment::Index(index), Some(DeValue::Array(items))) => match items.get(*index) {
                Some(item) => (item.span().start, item.get_ref()),
                None => break,
            },
            _ => break,
        };
        found = Some(offset);
        value = Some(next);
    }
    found
}

fn in_json(text: &str, path: &[Segment<'_>]) -> Option<usize> {
    let mut value: &RawValue = serde_json::from_str(text).ok()?;
    let mut found = None;
    for segment in path {
        let next = match segment {
            Segment::Key(key) => serde_json::from_str::<HashMap<String, &RawValue>>(value.get())
                .ok()
                .and_then(|map| map.get(*key).copied()),
            Segment::Index(index) => serde_json::from_str::<Vec<&RawValue>>(value.get())
                .ok()
                .and_then(|items| items.get(*index).copied()),
        };
        let Some(next) = next else { break };
        found = Some(next.get().as_ptr() as usize - text.as_ptr() as usize);
        value = next;
    }
    found
}
