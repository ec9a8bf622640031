//! The columns of one row group.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::types::{
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{
    ArrayRef, ArrowPrimitiveType, BooleanArray, FixedSizeListArray, PrimitiveArray, RecordBatch, StringArray,
};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_schema::{ArrowError, DataType, Field, Schema};

use super::super::{ImageResult, Kept};
use super::maps;
use crate::host::Array;
use crate::labels::{Labels, Ranked};
use crate::map::Map;

/// Rows that wait to be written, column by column.
#[derive(Default)]
pub(super) struct Columns {
    ids: Vec<String>,
    paths: Vec<Option<String>>,
    sizes: Vec<Option<(u32, u32)>>,
    errors: Vec<Option<String>>,
    /// The files that images are drawn in, where they are.
    drawn: Option<Vec<Option<String>>>,
    kept: Vec<Option<Kept>>,
    labels: Vec<Vec<String>>,
    bytes: usize,
    form: Option<Form>,
}

/// The form of what is kept of every image.
enum Form {
    /// An array of the form of this one.
    Output(Array),
    /// So many ranked elements.
    Top(usize),
    /// What is told of maps like this one.
    Map(Map),
}

impl Columns {
    /// With a column of the files that images are drawn in, where they are.
    pub(super) fn new(drawn: bool) -> Self {
        Self {
            drawn: drawn.then(Vec::new),
            ..Self::default()
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn form_is_known(&self) -> bool {
        self.form.is_some()
    }

    /// Element type and shape of the outputs, once known.
    pub(super) fn output_form(&self) -> Option<(&'static str, &[usize])> {
        match &self.form {
            Some(Form::Output(array)) => Some((array.dtype(), array.shape())),
            _ => None,
        }
    }

    /// Whether this goes into one column with what came before.
    pub(super) fn takes(&self, kept: &Kept) -> bool {
        match (&self.form, kept) {
            (None, _) => true,
            (Some(Form::Output(form)), Kept::Output(array)) => {
                form.shape() == array.shape() && form.dtype() == array.dtype()
            }
            (Some(Form::Top(count)), Kept::Top(top)) => *count == top.len(),
            (Some(Form::Map(form)), Kept::Map(map)) => maps::is_like(form, map),
            (Some(_), Kept::Output(_) | Kept::Top(_) | Kept::Found(_) | Kept::Map(_)) => false,
        }
    }

    pub(super) fn push(&mut self, row: &ImageResult, labels: &Labels) {
        let edge = |edge: usize| u32::try_from(edge).unwrap_or(u32::MAX);
        self.ids.push(row.id.clone());
        self.paths.push(row.path.clone());
        self.sizes
            .push(row.size.map(|(height, width)| (edge(height), edge(width))));
        self.errors
            .push(row.outcome.as_ref().err().map(ToString::to_string));
        let kept = row.outcome.as_ref().ok();
        if let (None, Some(kept)) = (&self.form, kept) {
            self.form = Some(match kept {
                Kept::Output(array) => Form::Output(array.missing()),
                Kept::Top(top) => Form::Top(top.len()),
                Kept::Map(map) => Form::Map(map.clone()),
                // They have a table of their own.
                Kept::Found(_) => Form::Top(0),
            });
        }
        self.bytes += row.id.len() + 64;
        let mut names = Vec::new();
        match kept {
            Some(Kept::Output(array)) => self.bytes += array.shape().iter().product::<usize>() * 8,
            Some(Kept::Top(top)) => names.extend(top.iter().map(|ranked| labels.name(ranked.index))),
            Some(Kept::Map(map)) => self.bytes += maps::bytes(map),
            Some(Kept::Found(_)) | None => {}
        }
        if let Some(drawn) = &mut self.drawn {
            drawn.push(row.drawn.clone());
        }
        self.kept.push(kept.cloned());
        self.labels.push(names);
    }

    /// The rows as a table; none remain.
    pub(super) fn take(&mut self, names: &Labels) -> Result<RecordBatch, ArrowError> {
        let with_labels = !names.is_empty();
        self.bytes = 0;
        let ids = std::mem::take(&mut self.ids);
        let paths = std::mem::take(&mut self.paths);
        let sizes = std::mem::take(&mut self.sizes);
        let errors = std::mem::take(&mut self.errors);
        let kept = std::mem::take(&mut self.kept);
        let labels = std::mem::take(&mut self.labels);
        let status = errors
            .iter()
            .map(|error| if error.is_none() { "ok" } else { "error" });
        let status: StringArray = status.map(Some).collect();
        let edges = |edge: fn((u32, u32)) -> u32| -> PrimitiveArray<UInt32Type> {
            sizes.iter().map(|size| size.map(edge)).collect()
        };
        let mut fields = vec![
            Field::new("id", DataType::Utf8, false),
            Field::new("path", DataType::Utf8, true),
            Field::new("width", DataType::UInt32, true),
            Field::new("height", DataType::UInt32, true),
            Field::new("status", DataType::Utf8, false),
            Field::new("error", DataType::Utf8, true),
        ];
        let mut arrays: Vec<ArrayRef> = vec![
            Arc::new(ids.iter().map(Some).collect::<StringArray>()),
            Arc::new(paths.into_iter().collect::<StringArray>()),
            Arc::new(edges(|(_, width)| width)),
            Arc::new(edges(|(height, _)| height)),
            Arc::new(status),
            Arc::new(errors.into_iter().collect::<StringArray>()),
        ];
        if let Some(drawn) = &mut self.drawn {
            fields.push(Field::new("drawn", DataType::Utf8, true));
            arrays.push(Arc::new(
                std::mem::take(drawn).into_iter().collect::<StringArray>(),
            ));
        }
        if let Some(Form::Map(form)) = &self.form {
            let rows = kept.iter().map(|kept| match kept {
                Some(Kept::Map(map)) => Some(map),
                _ => None,
            });
            for (field, array) in maps::columns(form, &rows.collect::<Vec<_>>(), names) {
                fields.push(field);
                arrays.push(array);
            }
        }
        let present = NullBuffer::new(kept.iter().map(Option::is_some).collect::<BooleanBuffer>());
        let mut push = |name: &str, count: usize, values: ArrayRef, shape: Option<String>| {
            let item = Arc::new(Field::new_list_field(values.data_type().clone(), false));
            let count = i32::try_from(count)
                .map_err(|_| ArrowError::InvalidArgumentError("an output is too long".into()))?;
            let mut field = Field::new(name, DataType::FixedSizeList(Arc::clone(&item), count), true);
            if let Some(shape) = shape {
                field.set_metadata(HashMap::from([("shape".to_owned(), shape)]));
            }
            fields.push(field);
            let list = FixedSizeListArray::try_new_with_length(
                item,
                count,
                values,
                Some(present.clone()),
                kept.len(),
            )?;
            arrays.push(Arc::new(list));
            Ok::<_, ArrowError>(())
        };
        match &self.form {
            Some(Form::Output(missing)) => {
                let rows: Vec<&Array> = kept
                    .iter()
                    .map(|kept| match kept {
                        Some(Kept::Output(array)) => array,
                        _ => missing,
                    })
                    .collect();
                push(
                    "output",
                    missing.shape().iter().product(),
                    values(&rows),
                    Some(format!("{:?}", missing.shape())),
                )?;
            }
            Some(Form::Top(count)) => {
                let ranked: Vec<Option<Ranked>> = kept
                    .iter()
                    .flat_map(|kept| ranks(kept.as_ref(), *count))
                    .collect();
                let indices = ranked
                    .iter()
                    .map(|ranked| ranked.as_ref().map_or(0, |ranked| ranked.index as u64));
                let scores = ranked
                    .iter()
                    .map(|ranked| ranked.as_ref().map_or(f64::NAN, |ranked| ranked.score));
                let indices: PrimitiveArray<UInt64Type> = PrimitiveArray::from_iter_values(indices);
                let scores: PrimitiveArray<Float64Type> = PrimitiveArray::from_iter_values(scores);
                push("top_index", *count, Arc::new(indices), None)?;
                push("top_score", *count, Arc::new(scores), None)?;
                if with_labels {
                    let names = labels.iter().flat_map(|names| {
                        (0..*count).map(|place| Some(names.get(place).map_or("", String::as_str)))
                    });
                    push(
                        "top_label",
                        *count,
                        Arc::new(names.collect::<StringArray>()),
                        None,
                    )?;
                }
            }
            Some(Form::Map(_)) | None => {}
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
    }
}

fn ranks(kept: Option<&Kept>, count: usize) -> impl Iterator<Item = Option<Ranked>> {
    let top = match kept {
        Some(Kept::Top(top)) => top.as_slice(),
        _ => &[],
    };
    (0..count).map(|place| top.get(place).cloned())
}

/// The elements of arrays of one type, one after another.
fn values(rows: &[&Array]) -> ArrayRef {
    macro_rules! primitive {
        ($variant:ident, $type:ty) => {
            Arc::new(PrimitiveArray::<$type>::from_iter_values(
                rows.iter().flat_map(|row| match row {
                    Array::$variant(array) => array
                        .iter()
                        .copied()
                        .collect::<Vec<<$type as ArrowPrimitiveType>::Native>>(),
                    _ => Vec::new(),
                }),
            ))
        };
    }
    match rows.first() {
        Some(Array::Float64(_)) => primitive!(Float64, Float64Type),
        Some(Array::Float16(_)) => primitive!(Float16, Float16Type),
        Some(Array::Int8(_)) => primitive!(Int8, Int8Type),
        Some(Array::Int16(_)) => primitive!(Int16, Int16Type),
        Some(Array::Int32(_)) => primitive!(Int32, Int32Type),
        Some(Array::Int64(_)) => primitive!(Int64, Int64Type),
        Some(Array::Uint8(_)) => primitive!(Uint8, UInt8Type),
        Some(Array::Uint16(_)) => primitive!(Uint16, UInt16Type),
        Some(Array::Uint32(_)) => primitive!(Uint32, UInt32Type),
        Some(Array::Uint64(_)) => primitive!(Uint64, UInt64Type),
        Some(Array::Bool(_)) => {
            let rows = rows.iter().flat_map(|row| match row {
                Array::Bool(array) => array.iter().copied().collect::<Vec<bool>>(),
                _ => Vec::new(),
            });
            Arc::new(BooleanArray::from(rows.collect::<Vec<bool>>()))
        }
        Some(Array::Float32(_)) | None => primitive!(Float32, Float32Type),
    }
}
