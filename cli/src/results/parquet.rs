//! A Parquet table.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use prep_onnx_pipeline::{Error, ErrorKind, Result};

mod columns;
mod maps;

use super::{ImageResult, Kept, differs};
use crate::labels::Labels;
use crate::output::OutputFile;
use columns::Columns;

/// Bytes of outputs that one row group holds.
const GROUP_BYTES: usize = 32 << 20;
/// Most rows of one row group.
const GROUP_ROWS: usize = 16_384;

/// A .parquet file with a row per image: id, path, height, width, status (`ok` or `error`), error, and
/// the output as a fixed-size list, or the highest elements as three of them, or what is told of a map. Of images that are drawn
/// the file, too.
pub(crate) struct ParquetWriter<'a> {
    file: OutputFile,
    writer: Option<ArrowWriter<SharedBuffer>>,
    /// What the writer has made and the file does not have yet.
    encoded: SharedBuffer,
    columns: Columns,
    labels: &'a Labels,
}

impl<'a> ParquetWriter<'a> {
    pub(super) fn create(path: &Path, labels: &'a Labels, drawn: bool) -> Result<Self> {
        Ok(Self {
            file: OutputFile::create(path)?,
            writer: None,
            encoded: SharedBuffer::default(),
            columns: Columns::new(drawn),
            labels,
        })
    }

    pub(super) fn push(&mut self, row: &ImageResult) -> Result<()> {
        if let Ok(kept) = &row.outcome
            && !self.columns.takes(kept)
        {
            return Err(match (kept, self.columns.output_form()) {
                (Kept::Output(array), Some((dtype, shape))) => differs(&row.id, (dtype, shape), array),
                _ => Error::new(&row.id, "has another number of elements than the images before")
                    .with_kind(ErrorKind::Model),
            });
        }
        self.columns.push(row, self.labels);
        if self.columns.form_is_known()
            && (self.columns.bytes() >= GROUP_BYTES || self.columns.rows() >= GROUP_ROWS)
        {
            self.write_group()?;
        }
        Ok(())
    }

    fn write_group(&mut self) -> Result<()> {
        let failed = |error: &dyn std::fmt::Display| {
            Error::new("table", "cannot be encoded")
                .with_kind(ErrorKind::Io)
                .why(error)
        };
        let batch = self.columns.take(self.labels).map_err(|error| failed(&error))?;
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => {
                // Embeddings do not compress; a page per group keeps what is held small.
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
        if self.columns.rows() > 0 {
            self.write_group()?;
        }
        if let Some(writer) = self.writer.take() {
            writer.close().map_err(|error| {
                Error::new("table", "cannot be encoded")
                    .with_kind(ErrorKind::Io)
                    .why(error)
            })?;
        }
        self.drain()?;
        self.file.finish()
    }
}

/// Bytes that one side writes and the other takes: the writer of the table wants a file of its own.
#[derive(Clone, Default)]
pub(super) struct SharedBuffer(Arc<std::sync::Mutex<Vec<u8>>>);

impl SharedBuffer {
    pub(super) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

impl Write for SharedBuffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Float32Type, Float64Type, UInt32Type, UInt64Type};
    use arrow_array::{Array as _, RecordBatch};
    use arrow_schema::DataType;
    use ndarray::{ArrayD, IxDyn};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;
    use crate::host::Array;
    use crate::labels::Ranked;

    fn row(id: &str, outcome: Result<Kept>) -> ImageResult {
        ImageResult {
            id: id.to_owned(),
            path: Some(format!("folder/{id}")),
            size: outcome.is_ok().then_some((3, 4)),
            drawn: None,
            outcome,
        }
    }

    fn written(rows: &[ImageResult], labels: &Labels) -> Result<RecordBatch> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.parquet");
        let mut writer = ParquetWriter::create(&path, labels, false)?;
        for row in rows {
            writer.push(row)?;
        }
        writer.finish()?;
        let file = std::fs::File::open(path).unwrap();
        let mut reader = ParquetRecordBatchReaderBuilder::try_new(file)
            .unwrap()
            .build()
            .unwrap();
        Ok(reader.next().unwrap().unwrap())
    }

    fn output(values: &[f32]) -> Kept {
        let shape = IxDyn(&[values.len()]);
        Kept::Output(Array::Float32(
            ArrayD::from_shape_vec(shape, values.to_vec()).unwrap(),
        ))
    }

    #[test]
    fn a_table_reads_back_with_its_failures_in_place() {
        let rows = [
            row("a", Err(Error::new("a", "is bad"))),
            row("b", Ok(output(&[1.5, f32::NAN]))),
            row("c", Ok(output(&[-0.0, 3.0]))),
        ];
        let table = written(&rows, &Labels::default()).unwrap();
        let names: Vec<_> = table
            .schema()
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect();
        assert_eq!(
            names,
            ["id", "path", "width", "height", "status", "error", "output"]
        );
        let text = |name: &str, row: usize| {
            table
                .column_by_name(name)
                .unwrap()
                .as_string::<i32>()
                .value(row)
                .to_owned()
        };
        assert_eq!(
            (text("id", 2), text("path", 2), text("status", 0)),
            ("c".into(), "folder/c".into(), "error".into())
        );
        assert_eq!(
            (text("error", 0), text("status", 1)),
            ("a: is bad".into(), "ok".into())
        );
        let width = table
            .column_by_name("width")
            .unwrap()
            .as_primitive::<UInt32Type>();
        assert!(width.is_null(0) && width.value(1) == 4);
        let list = table.column_by_name("output").unwrap();
        assert!(matches!(list.data_type(), DataType::FixedSizeList(_, 2)));
        let list = list.as_fixed_size_list();
        assert!(list.is_null(0) && list.is_valid(1));
        let values = list.value(2);
        let values = values.as_primitive::<Float32Type>();
        assert_eq!(values.value(0).to_bits(), (-0.0_f32).to_bits());
        assert!(list.value(1).as_primitive::<Float32Type>().value(1).is_nan());
    }

    #[test]
    fn the_highest_elements_are_columns() {
        let top = |index, score| Kept::Top(vec![Ranked { index, score }]);
        let labels = Labels::parse("cat\ndog\n", false).unwrap();
        let rows = [
            row("a", Ok(top(1, 0.5))),
            row("b", Err(Error::new("b", "is bad"))),
        ];
        let table = written(&rows, &labels).unwrap();
        let list = |name: &str| table.column_by_name(name).unwrap().as_fixed_size_list().clone();
        assert_eq!(
            list("top_index").value(0).as_primitive::<UInt64Type>().value(0),
            1
        );
        assert_eq!(
            list("top_score").value(0).as_primitive::<Float64Type>().value(0),
            0.5
        );
        assert_eq!(list("top_label").value(0).as_string::<i32>().value(0), "dog");
        assert!(list("top_label").is_null(1));
    }

    #[test]
    fn an_output_of_another_form_is_an_error() {
        let rows = [row("a", Ok(output(&[1.0]))), row("b", Ok(output(&[1.0, 2.0])))];
        let error = written(&rows, &Labels::default()).unwrap_err().to_string();
        assert!(
            error.contains("expected float32 [1], got float32 [2] for b"),
            "{error}"
        );
    }

    #[test]
    fn a_table_of_failures_only_has_no_output() {
        let rows = [row("a", Err(Error::new("a", "is bad")))];
        let table = written(&rows, &Labels::default()).unwrap();
        assert!(table.num_rows() == 1 && table.column_by_name("output").is_none());
    }
}
