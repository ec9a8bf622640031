//! A Parquet table.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use prep_onnx_pipeline::{Error, Result};

mod columns;

use super::{ImageResult, Kept, differs};
use crate::labels::Labels;
use crate::output::OutputFile;
use columns::Columns;

/// Bytes of outputs that one row group holds.
const GROUP_BYTES: usize = 32 << 20;
/// Most rows of one row group.
const GROUP_ROWS: usize = 16_384;

/// A .parquet file with a row per image: id, path, height, width, status (`ok` or `error`), error, and
/// the output as a fixed-size list, or the highest elements as three of them.
pub(crate) struct ParquetWriter<'a> {
    file: OutputFile,
    writer: Option<ArrowWriter<SharedBuffer>>,
    /// What the writer has made and the file does not have yet.
    encoded: SharedBuffer,
    columns: Columns,
    labels: &'a Labels,
}

impl<'a> ParquetWriter<'a> {
    pub(super) fn create(path: &Path, labels: &'a Labels) -> Result<Self> {
        Ok(Self {
            file: OutputFile::create(path)?,
            writer: None,
            encoded: SharedBuffer::default(),
            columns: Columns::default(),
            labels,
        })
    }

    pub(super) fn push(&mut self, row: &ImageResult) -> Result<()> {
        if let Ok(kept) = &row.outcome
            && !self.columns.takes(kept)
        {
            return Err(match (kept, self.columns.output_form()) {
                (Kept::Output(array), Some((dtype, shape))) => differs(&row.id, (dtype, shape), array),
                _ => Error::new(&row.id, "has another number of elements than the images before"),
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
        let failed = |error: &dyn std::fmt::Display| Error::new("table", "cannot be encoded").why(error);
        let batch = self
            .columns
            .take(!self.labels.is_empty())
            .map_err(|error| failed(&error))?;
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
            writer
                .close()
                .map_err(|error| Error::new("table", "cannot be encoded").why(error))?;
        }
        self.drain()?;
        self.file.finish()
    }
}

/// Bytes that one side writes and the other takes: the writer of the table wants a file of its own.
#[derive(Clone, Default)]
struct SharedBuffer(Arc<std::sync::Mutex<Vec<u8>>>);

impl SharedBuffer {
    fn take(&self) -> Vec<u8> {
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
