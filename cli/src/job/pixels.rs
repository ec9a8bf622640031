//! Images that the loader decodes, through a model that takes pixels.

use prep_onnx_loader::{Loader, Source};
use prep_onnx_pipeline::{Error, ErrorKind, Result};

use super::inputs::Places;
use super::runner::{BatchDone, Runner};
use crate::answered::Answered;
use crate::host::Array;
use crate::inference::Picture;
use crate::results::{ImageResult, Kept};

/// As [`Runner::run`].
pub(super) fn run(
    runner: &mut Runner,
    sources: impl Iterator<Item = Source> + Send + 'static,
    batch_done: &mut BatchDone<'_>,
) -> Result<()> {
    let mut loader = Loader::builder()
        .batch_size(runner.batch)
        .decode(runner.decode.clone());
    if runner.threads > 0 {
        loader = loader.threads(runner.threads);
    }
    let places = Places::default();
    for batch in loader.build(places.of(sources))? {
        runner.inference.settle(batch.images().map(Picture::of_pixels))?;
        let outputs: Vec<Result<(Array, Option<Array>)>> =
            if runner.draw.is_some() && runner.inference.has_masks() {
                let images = batch.images().map(Picture::of_pixels);
                images
                    .map(|image| runner.inference.run_with_masks(&image))
                    .collect()
            } else {
                let outputs = runner.inference.run(&batch, runner.batch).into_iter();
                outputs.map(|output| Ok((output?, None))).collect()
            };
        let mut outputs = outputs.into_iter();
        let mut images = batch.images();
        let rows = batch.items().iter().map(|item| {
            let image = item.size.is_ok().then(|| images.next()).flatten();
            let (size, outcome) = match &item.size {
                Ok(size) => {
                    let output = outputs.next().unwrap_or_else(|| {
                        Err(Error::new("image", "was not run").with_kind(ErrorKind::Runtime))
                    });
                    (
                        Some(item.original.unwrap_or(*size)),
                        output.map_err(|error| error.within(&item.id)),
                    )
                }
                Err(error) => (None, Err(error.clone().into())),
            };
            let mut drawn = None;
            let outcome = match (&mut runner.draw, image, outcome) {
                (Some(draw), Some(image), Ok((array, masks))) => {
                    let answered = Answered::new(&runner.inference, &array, masks)?;
                    drawn = Some(draw.draw(&item.id, image, &answered)?);
                    match runner.kept(Ok(array))? {
                        Ok(Kept::Found(_)) => Ok(answered.into_kept()),
                        kept => kept,
                    }
                }
                (_, _, outcome) => runner.kept(outcome.map(|(array, _)| array))?,
            };
            Ok(ImageResult {
                id: item.id.clone(),
                path: places.next(),
                size,
                drawn,
                outcome,
            })
        });
        let rows: Vec<_> = rows.collect::<Result<_>>()?;
        drop(images);
        // The pixels go back to the loader while the rows are written.
        drop(batch);
        if batch_done(rows, runner.inference.rows())?.is_break() {
            break;
        }
    }
    Ok(())
}
