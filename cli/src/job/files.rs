//! Images through a model that decodes them itself.

use std::sync::mpsc::sync_channel;

use prep_onnx_loader::{DecodeOptions, ImageReader, Source};
use prep_onnx_pipeline::{Error, ErrorKind, Result};

use super::runner::{BatchDone, Runner};
use crate::inference::Picture;
use crate::results::ImageResult;

/// Batches that are read ahead.
const AHEAD: usize = 2;

/// Most bytes of files that are read together, unless one alone is larger.
const BATCH_BYTES: usize = 256 << 20;

/// A file that was read, or why not.
struct File {
    id: String,
    path: Option<String>,
    bytes: Result<Vec<u8>>,
}

/// As [`Runner::run`]: files are read on a thread of their own while the model runs.
pub(super) fn run(
    runner: &mut Runner,
    sources: impl Iterator<Item = Source> + Send + 'static,
    batch_done: &mut BatchDone<'_>,
) -> Result<()> {
    let (sender, receiver) = sync_channel(AHEAD);
    let (options, size) = (runner.decode.clone(), runner.batch.max(1));
    let limits = options.limits;
    let read = move || {
        let mut batch = Vec::with_capacity(size);
        let mut held = 0;
        for source in sources {
            let (id, path) = (source.id().to_owned(), source.place());
            let bytes = source.read(&limits).map_err(Error::from);
            held += bytes.as_ref().map_or(0, Vec::len);
            batch.push(File { id, path, bytes });
            if batch.len() == size || held >= BATCH_BYTES {
                held = 0;
                // The other end is gone when the run has ended early.
                if sender
                    .send(std::mem::replace(&mut batch, Vec::with_capacity(size)))
                    .is_err()
                {
                    return;
                }
            }
        }
        if !batch.is_empty() {
            let _ = sender.send(batch);
        }
    };
    std::thread::Builder::new()
        .name("prep-onnx-read".to_owned())
        .spawn(read)
        .map_err(|error| {
            Error::new("a thread", format_args!("cannot be started: {error}")).with_kind(ErrorKind::Io)
        })?;
    for batch in receiver {
        let files = batch.iter().filter_map(|file| file.bytes.as_deref().ok());
        runner.inference.settle(files.map(Picture::of_file))?;
        let rows = rows(runner, batch, &options)?;
        if batch_done(rows, runner.inference.rows())?.is_break() {
            break;
        }
    }
    Ok(())
}

fn rows(runner: &mut Runner, batch: Vec<File>, options: &DecodeOptions) -> Result<Vec<ImageResult>> {
    let files: Vec<&[u8]> = batch
        .iter()
        .filter_map(|file| file.bytes.as_deref().ok())
        .collect();
    let mut outputs = runner.inference.run_files(&files, runner.batch).into_iter();
    let mut row = |file: File| {
        let (size, outcome) = match file.bytes {
            Ok(bytes) => {
                let size = ImageReader::open(&bytes, options)
                    .map(|image| (image.height(), image.width()))
                    .ok();
                let output = outputs
                    .next()
                    .unwrap_or_else(|| Err(Error::new("image", "was not run").with_kind(ErrorKind::Runtime)));
                (size.filter(|_| output.is_ok()), output)
            }
            Err(error) => (None, Err(error)),
        };
        Ok(ImageResult {
            outcome: runner.kept(outcome.map_err(|error| error.within(&file.id)))?,
            id: file.id,
            path: file.path,
            size,
            drawn: None,
        })
    };
    batch.into_iter().map(&mut row).collect()
}
