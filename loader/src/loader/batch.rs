//! What the consumer gets.

use std::fmt;
use std::sync::Weak;

use ndarray::{ArrayView1, ArrayView2, ArrayView3, ArrayView4};

use crate::{Format, ImageError};

/// The fate of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Item {
    /// The id of the source.
    pub id: String,
    /// Height and width in pixels, or why there are none. The error names the id.
    pub size: Result<(usize, usize), ImageError>,
    /// Height and width in the file, turned upright: those of `size` unless the decode was scaled. `None` where
    /// the header could not be read.
    pub original: Option<(usize, usize)>,
    /// The format, where it was recognised.
    pub format: Option<Format>,
}

/// Images decoded together. The buffer goes back to the loader when the batch is dropped.
pub struct Batch {
    pub(super) index: u64,
    pub(super) items: Vec<Item>,
    /// One row of height, width, 3 per image with pixels.
    pub(super) shapes: Vec<i64>,
    pub(super) pixels: Pixels,
}

/// Whom the buffer of a batch returns to.
pub(super) trait Owner: Send + Sync {
    /// Takes back a buffer for which `counted` bytes are counted.
    fn release(&self, buffer: Vec<u8>, counted: u64);
}

/// The front `len` bytes of a recycled buffer, and whom it returns to.
pub(super) struct Pixels {
    pub(super) buffer: Vec<u8>,
    pub(super) len: usize,
    /// What the owner counts for this buffer.
    pub(super) counted: u64,
    pub(super) owner: Weak<dyn Owner>,
}

impl Drop for Pixels {
    fn drop(&mut self) {
        if let Some(owner) = self.owner.upgrade() {
            owner.release(std::mem::take(&mut self.buffer), self.counted);
        }
    }
}

impl Batch {
    /// The position of the batch in the order of the sources, from 0.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Every source of the batch, in order, the failed ones included.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The items that have pixels: their order is that of the rows of [`shapes`](Self::shapes).
    pub fn decoded(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| item.size.is_ok())
    }

    /// How many images have pixels.
    pub fn len(&self) -> usize {
        self.shapes.len() / 3
    }

    /// Whether no image has pixels.
    pub fn is_empty(&self) -> bool {
        self.shapes.is_empty()
    }

    /// The `pixels` input of a ragged model: RGB bytes of all images, one after another.
    pub fn pixels(&self) -> ArrayView1<'_, u8> {
        ArrayView1::from(self.bytes())
    }

    /// The parts of the batch, for an owner of another kind: the items, the elements of [`shapes`](Self::shapes), and those of
    /// [`pixels`](Self::pixels). The buffer no longer returns to the loader, nor counts for its bounds.
    pub fn into_parts(mut self) -> (Vec<Item>, Vec<i64>, Vec<u8>) {
        let mut buffer = std::mem::take(&mut self.pixels.buffer);
        buffer.truncate(self.pixels.len);
        (
            std::mem::take(&mut self.items),
            std::mem::take(&mut self.shapes),
            buffer,
        )
    }

    /// [`pixels`](Self::pixels) as a slice.
    pub fn bytes(&self) -> &[u8] {
        &self.pixels.buffer[..self.pixels.len]
    }

    /// The `shapes` input of a ragged model: \[N, 3\] of height, width and 3.
    pub fn shapes(&self) -> ArrayView2<'_, i64> {
        // The lengths agree by construction, so the fallback is the empty batch.
        ArrayView2::from_shape((self.len(), 3), &self.shapes)
            .unwrap_or_else(|_| ArrayView2::from(&[[0; 3]; 0]))
    }

    /// The `image` input of a batch model, \[N, H, W, 3\], when there are images and all have one size.
    pub fn as_batch(&self) -> Option<ArrayView4<'_, u8>> {
        let (first, rest) = self.shapes.split_first_chunk::<3>()?;
        if rest.chunks_exact(3).any(|shape| shape != first) {
            return None;
        }
        ArrayView4::from_shape(
            (self.len(), first[0] as usize, first[1] as usize, 3),
            self.bytes(),
        )
        .ok()
    }

    /// The \[H, W, 3\] pixels of each image, in the order of [`decoded`](Self::decoded).
    pub fn images(&self) -> impl Iterator<Item = ArrayView3<'_, u8>> {
        let mut rest = self.bytes();
        self.shapes.chunks_exact(3).filter_map(move |shape| {
            let (height, width) = (shape[0] as usize, shape[1] as usize);
            let (image, behind) = rest.split_at_checked(height * width * 3)?;
            rest = behind;
            ArrayView3::from_shape((height, width, 3), image).ok()
        })
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("index", &self.index)
            .field("items", &self.items)
            .finish_non_exhaustive()
    }
}
