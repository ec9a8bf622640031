//! What is told of maps, as columns.

use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::types::{Float32Type, Int64Type, UInt32Type, UInt64Type};
use arrow_array::{Array as _, ArrayRef, ListArray, PrimitiveArray};
use arrow_schema::Field;

use crate::labels::Labels;
use crate::map::{Map, Shows};

/// About how much of a row group a map takes.
pub(super) fn bytes(map: &Map) -> usize {
    match &map.shows {
        Shows::Classes(counts) => 16 * counts.len(),
        Shows::Above(_) | Shows::Values(_) => 16,
    }
}

/// Whether two maps are told of in the same columns.
pub(super) fn is_like(one: &Map, other: &Map) -> bool {
    std::mem::discriminant(&one.shows) == std::mem::discriminant(&other.shows)
}

/// The columns of maps like `form`: map_height and map_width, and classes with their pixels, the pixels above, or the range.
pub(super) fn columns(form: &Map, maps: &[Option<&Map>], labels: &Labels) -> Vec<(Field, ArrayRef)> {
    let column = |name: &str, array: ArrayRef| (Field::new(name, array.data_type().clone(), true), array);
    let edge = |edge: fn(&Map) -> usize| -> ArrayRef {
        let edges = maps
            .iter()
            .map(|map| map.map(|map| u32::try_from(edge(map)).unwrap_or(u32::MAX)));
        Arc::new(edges.collect::<PrimitiveArray<UInt32Type>>())
    };
    let mut columns = vec![
        column("map_height", edge(|map| map.height)),
        column("map_width", edge(|map| map.width)),
    ];
    match form.shows {
        Shows::Classes(_) => {
            let counts = || {
                maps.iter().map(|map| match &map.as_ref()?.shows {
                    Shows::Classes(counts) => Some(counts.as_slice()),
                    Shows::Above(_) | Shows::Values(_) => None,
                })
            };
            let classes = counts().map(|row| Some(row?.iter().map(|(class, _)| Some(*class))));
            let pixels = counts().map(|row| Some(row?.iter().map(|(_, pixels)| Some(*pixels))));
            let classes = ListArray::from_iter_primitive::<Int64Type, _, _>(classes);
            let pixels = ListArray::from_iter_primitive::<UInt64Type, _, _>(pixels);
            columns.push(column("map_label", Arc::new(classes)));
            columns.push(column("map_pixels", Arc::new(pixels)));
            if !labels.is_empty() {
                let mut names = ListBuilder::new(StringBuilder::new());
                for row in counts() {
                    for (class, _) in row.unwrap_or_default() {
                        names.values().append_option(labels.name_of(*class));
                    }
                    names.append(row.is_some());
                }
                columns.push(column("map_name", Arc::new(names.finish())));
            }
        }
        Shows::Above(_) => {
            let above = maps.iter().map(|map| match map.as_ref()?.shows {
                Shows::Above(pixels) => Some(pixels),
                Shows::Classes(_) | Shows::Values(_) => None,
            });
            let above: PrimitiveArray<UInt64Type> = above.collect();
            columns.push(column("map_above", Arc::new(above)));
        }
        Shows::Values(_) => {
            for (index, name) in ["map_low", "map_high"].into_iter().enumerate() {
                let values = maps.iter().map(|map| match map.as_ref()?.shows {
                    Shows::Values(range) => range.map(|range| range[index]),
                    Shows::Classes(_) | Shows::Above(_) => None,
                });
                let values: PrimitiveArray<Float32Type> = values.collect();
                columns.push(column(name, Arc::new(values)));
            }
        }
    }
    columns
}
