//! A Parquet table of detections.

use std::path::Path;
use std::sync::Arc;

use arrow_array::types::{Float32Type, Int64Type, UInt32Type, UInt64Type};
use arrow_array::{ArrayRef, FixedSizeListArray, PrimitiveArray, RecordBatch, StringArray};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use prep_onnx_pipeline::{Error, ErrorKind, Result};

use super::parquet::SharedBuffer;
use super::{ImageResult, Kept};
use crate::detection::{Columns, Detection};
use crate::labels::Labels;
use crate::output::OutputFile;

/// Most rows of one row group.
const GROUP_ROWS: usize = 65_536;

/// A row, of a box or of an image without one.
struct Row {
    id: String,
    path: Option<String>,
    size: Option<(u32, u32)>,
    status: &'static str,
    error: Option<String>,
    drawn: Option<String>,
    found: Option<Detection>,
}

/// A .parquet file with a row per box: id, path, width and height of the image, status (`ok`; `none` for the one row of an image
/// in which nothing was found; `error` for that of one that failed), error, x1, y1, x2, y2, score, label, and name where there
/// are names; rotated and keypoints as lists where the model gives them; drawn, and mask_pixels where there are masks, of what is drawn.
pub(crate) struct BoxesWriter<'a> {
    file: OutputFile,
    writer: Option<ArrowWriter<SharedBuffer>>,
    encoded: SharedBuffer,
    labels: &'a Labels,
    /// Whether there is a column with the files that images are drawn in.
    drawn: bool,
    rows: Vec<Row>,
    /// Known with the first box.
    columns: Option<Columns>,
}

fn failed(error: &dyn std::fmt::Display) -> Error {
    Error::new("table", "cannot be encoded")
        .with_kind(ErrorKind::Io)
        .why(error)
}

impl<'a> BoxesWriter<'a> {
    pub(super) fn create(path: &Path, labels: &'a Labels, drawn: bool) -> Result<Self> {
        Ok(Self {
            file: OutputFile::create(path)?,
            writer: None,
            encoded: SharedBuffer::default(),
            labels,
            drawn,
            rows: Vec::new(),
            columns: None,
        })
    }

    pub(super) fn push(&mut self, result: &ImageResult) -> Result<()> {
        let edge = |edge: usize| u32::try_from(edge).unwrap_or(u32::MAX);
        let row = |status, error, found| Row {
            id: result.id.clone(),
            path: result.path.clone(),
            size: result.size.map(|(height, width)| (edge(height), edge(width))),
            status,
            error,
            drawn: result.drawn.clone(),
            found,
        };
        match &result.outcome {
            Err(error) => self.rows.push(row("error", Some(error.to_string()), None)),
            Ok(Kept::Found(found)) if !found.is_empty() => {
                self.columns = self.columns.or(found.first().map(Detection::columns));
                let boxes = found
                    .iter()
                    .map(|detection| row("ok", None, Some(detection.clone())));
                self.rows.extend(boxes);
            }
            Ok(Kept::Found(_) | Kept::Output(_) | Kept::Top(_) | Kept::Map(_)) => {
                self.rows.push(row("none", None, None))
            }
        }
        // Without a box, what the columns are is not known yet.
        if self.columns.is_some() && self.rows.len() >= GROUP_ROWS {
            self.write_group()?;
        }
        Ok(())
    }

    fn write_group(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        let batch = table(&rows, (self.columns.unwrap_or_default(), self.drawn), self.labels)
            .map_err(|error| failed(&error))?;
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => {
                let properties = WriterProperties::builder()
                    .set_dictionary_enabled(false)
                    .set_created_by(concat!("prep-onnx ", env!("CARGO_PKG_VERSION")).to_owned())
                    .build();
                let writer = ArrowWriter::try_new(self.encoded.clone(), batch.schema(), Some(properties));
                none.insert(writer.map_err(|error| failed(&error))?)
            }
        };
        writer
            .write(&batch)
            .and_then(|()| writer.flush())
            .map_err(|error| failed(&error))?;
        self.drain()
    }

    fn drain(&mut self) -> Result<()> {
        let bytes = self.encoded.take();
        self.file.write(|out| out.write_all(&bytes))
    }

    pub(super) fn finish(mut self) -> Result<()> {
        if !self.rows.is_empty() || self.writer.is_none() {
            self.write_group()?;
        }
        if let Some(writer) = self.writer.take() {
            writer.close().map_err(|error| failed(&error))?;
        }
        self.drain()?;
        self.file.finish()
    }
}

fn table(
    rows: &[Row],
    (columns, drawn): (Columns, bool),
    labels: &Labels,
) -> std::result::Result<RecordBatch, ArrowError> {
    let mut fields = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    let mut push = |field: Field, array: ArrayRef| {
        fields.push(field);
        arrays.push(array);
    };
    let text = |of: &dyn Fn(&Row) -> Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(of).collect::<StringArray>())
    };
    let edge = |of: fn((u32, u32)) -> u32| -> ArrayRef {
        let edges = rows.iter().map(|row| row.size.map(of));
        Arc::new(edges.collect::<PrimitiveArray<UInt32Type>>())
    };
    let number = |of: &dyn Fn(&Detection) -> f32| -> ArrayRef {
        let numbers = rows.iter().map(|row| row.found.as_ref().map(of));
        Arc::new(numbers.collect::<PrimitiveArray<Float32Type>>())
    };
    push(
        Field::new("id", DataType::Utf8, false),
        text(&|row| Some(row.id.clone())),
    );
    push(
        Field::new("path", DataType::Utf8, true),
        text(&|row| row.path.clone()),
    );
    push(
        Field::new("width", DataType::UInt32, true),
        edge(|(_, width)| width),
    );
    push(
        Field::new("height", DataType::UInt32, true),
        edge(|(height, _)| height),
    );
    push(
        Field::new("status", DataType::Utf8, false),
        text(&|row| Some(row.status.to_owned())),
    );
    push(
        Field::new("error", DataType::Utf8, true),
        text(&|row| row.error.clone()),
    );
    if drawn {
        push(
            Field::new("drawn", DataType::Utf8, true),
            text(&|row| row.drawn.clone()),
        );
    }
    for (index, name) in ["x1", "y1", "x2", "y2"].into_iter().enumerate() {
        push(
            Field::new(name, DataType::Float32, true),
            number(&|found| found.corners[index]),
        );
    }
    push(
        Field::new("score", DataType::Float32, true),
        number(&|found| found.score),
    );
    let classes = rows.iter().map(|row| row.found.as_ref().map(|found| found.class));
    push(
        Field::new("label", DataType::Int64, true),
        Arc::new(classes.collect::<PrimitiveArray<Int64Type>>()),
    );
    if !labels.is_empty() {
        push(
            Field::new("name", DataType::Utf8, true),
            text(&|row| row.found.as_ref()?.name(labels)),
        );
    }
    if columns.mask {
        let pixels = rows.iter().map(|row| row.found.as_ref()?.mask_pixels);
        push(
            Field::new("mask_pixels", DataType::UInt64, true),
            Arc::new(pixels.collect::<PrimitiveArray<UInt64Type>>()),
        );
    }
    let present = NullBuffer::new(
        rows.iter()
            .map(|row| row.found.is_some())
            .collect::<BooleanBuffer>(),
    );
    let mut list = |name: &str,
                    count: usize,
                    of: &dyn Fn(&Detection) -> Vec<f32>|
     -> std::result::Result<(), ArrowError> {
        let item = Arc::new(Field::new_list_field(DataType::Float32, false));
        let numbers = rows.iter().flat_map(|row| {
            let mut numbers = row.found.as_ref().map(of).unwrap_or_default();
            numbers.resize(count, f32::NAN);
            numbers
        });
        let values: PrimitiveArray<Float32Type> = PrimitiveArray::from_iter_values(numbers);
        let count = i32::try_from(count)
            .map_err(|_| ArrowError::InvalidArgumentError("a list is too long".into()))?;
        let array = FixedSizeListArray::try_new_with_length(
            Arc::clone(&item),
            count,
            Arc::new(values),
            Some(present.clone()),
            rows.len(),
        )?;
        push(
            Field::new(name, DataType::FixedSizeList(item, count), true),
            Arc::new(array),
        );
        Ok(())
    };
    if columns.rotated {
        list("rotated", 5, &|found| {
            found.rotated.iter().flatten().copied().collect()
        })?;
    }
    let points = columns.keypoints[0] * columns.keypoints[1];
    if points > 0 {
        list("keypoints", points, &|found| {
            found.points.iter().flatten().copied().collect()
        })?;
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
}
