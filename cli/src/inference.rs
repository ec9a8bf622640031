//! A model over batches of images whose sizes may differ.

use std::collections::BTreeMap;

use ndarray::{Array4, ArrayView3, ArrayView4, Axis, concatenate, stack};
use prep_onnx_loader::Batch;
use prep_onnx_pipeline::{Error, Result};

use crate::host::{Array, Feed, Session};

/// A session with what it needs beside the images.
pub(crate) struct Inference {
    session: Session,
    image_input: String,
    output: usize,
    feeds: Vec<(String, Array)>,
    /// The number of images that the model takes at once, where it is fixed.
    fixed_batch: Option<usize>,
}

impl Inference {
    /// Checks that the model has all it needs once the images are there.
    ///
    /// # Errors
    /// An input that is neither the images nor among `feeds`, or does not fit.
    pub(crate) fn new(
        session: Session,
        image_input: String,
        output: Option<&str>,
        feeds: Vec<(String, Array)>,
    ) -> Result<Self> {
        let port = session.inputs().iter().find(|input| input.name == image_input);
        let shape = port.and_then(|input| input.shape.as_deref());
        let fixed = |axis: usize| {
            let extent = shape.and_then(|shape| shape.get(axis)).copied();
            extent.and_then(|extent| usize::try_from(extent).ok())
        };
        let fixed_batch = fixed(0).filter(|batch| *batch > 0);
        // Any image of the right form shows whether the other inputs are there, before the first one is decoded.
        let extent = |axis: usize| fixed(axis).unwrap_or(1);
        let probe = Array4::<u8>::zeros((extent(0), extent(1), extent(2), 3));
        let output = session.output_index(output)?;
        session.check_feeds(&all_feeds(&image_input, probe.view(), &feeds))?;
        Ok(Self {
            session,
            image_input,
            output,
            feeds,
            fixed_batch,
        })
    }

    /// The name of the output that is taken.
    pub(crate) fn output_name(&self) -> &str {
        self.session
            .outputs()
            .get(self.output)
            .map_or("", |output| &output.name)
    }

    /// The output of each image that was decoded, in order. Images of one size run together, at most
    /// `limit` of them. An error is that of the images that ran together.
    pub(crate) fn run(&mut self, batch: &Batch, limit: usize) -> Vec<Result<Array>> {
        let limit = self.fixed_batch.unwrap_or(limit.max(1));
        let images: Vec<ArrayView3<'_, u8>> = batch.images().collect();
        let mut results: Vec<Option<Result<Array>>> = vec![None; images.len()];
        if let Some(whole) = batch.as_batch().filter(|whole| whole.dim().0 <= limit) {
            return match self.run_images(whole) {
                Ok(rows) => rows.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error); images.len()],
            };
        }
        let mut by_size: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
        for (index, image) in images.iter().enumerate() {
            let (height, width, _) = image.dim();
            by_size.entry((height, width)).or_default().push(index);
        }
        for group in by_size.values().flat_map(|indices| indices.chunks(limit)) {
            let views: Vec<_> = group
                .iter()
                .filter_map(|index| images.get(*index).copied())
                .collect();
            let rows = stack(Axis(0), &views)
                .map_err(|error| Error::new("images", error))
                .and_then(|stacked| self.run_images(stacked.view()));
            for (position, index) in group.iter().enumerate() {
                let row = match &rows {
                    Ok(rows) => rows
                        .get(position)
                        .cloned()
                        .ok_or_else(|| Error::new("output", "has too few rows")),
                    Err(error) => Err(error.clone()),
                };
                if let Some(slot) = results.get_mut(*index) {
                    *slot = Some(row);
                }
            }
        }
        let missing = || Err(Error::new("image", "was not run"));
        results
            .into_iter()
            .map(|result| result.unwrap_or_else(missing))
            .collect()
    }

    /// Runs images of one size, padded with copies of the last one to a fixed batch.
    fn run_images(&mut self, images: ArrayView4<'_, u8>) -> Result<Vec<Array>> {
        let count = images.dim().0;
        let padded = match self.fixed_batch {
            Some(batch) if count < batch && count > 0 => {
                let last = images.slice_axis(Axis(0), ((count - 1)..count).into());
                let views: Vec<_> = std::iter::once(images)
                    .chain(std::iter::repeat_n(last, batch - count))
                    .collect();
                Some(concatenate(Axis(0), &views).map_err(|error| Error::new("images", error))?)
            }
            _ => None,
        };
        let images = padded.as_ref().map_or(images, |padded| padded.view());
        let ran = images.dim().0;
        let feeds = all_feeds(&self.image_input, images, &self.feeds);
        let result = self.session.run(&feeds, &[self.output]);
        let array = result?
            .pop()
            .ok_or_else(|| Error::new("output", "was not computed"))?;
        if array.shape().first() == Some(&ran) {
            return Ok((0..count).filter_map(|index| array.row(index)).collect());
        }
        if ran == 1 {
            return Ok(vec![array]);
        }
        Err(Error::new(
            format_args!("output `{}`", self.output_name()),
            "has no row for each image",
        )
        .expected_got(
            format_args!("{ran} rows"),
            format_args!("shape {:?}", array.shape()),
        )
        .fix("run one image at a time: --batch 1"))
    }
}

fn all_feeds<'a>(
    image_input: &'a str,
    images: ArrayView4<'a, u8>,
    others: &'a [(String, Array)],
) -> Vec<(&'a str, Feed<'a>)> {
    let others = others
        .iter()
        .map(|(name, array)| (name.as_str(), Feed::Array(array)));
    std::iter::once((image_input, Feed::Images(images)))
        .chain(others)
        .collect()
}
