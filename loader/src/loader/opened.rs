//! What a queue hands out to be done, and what is known of a batch before its pixels.

use crate::{Format, ImageError, Source};

/// A batch whose files are in memory and whose sizes are known.
pub(super) struct Opened {
    pub(super) index: u64,
    pub(super) images: Vec<Image>,
}

pub(super) struct Image {
    pub(super) id: String,
    pub(super) file: Result<Vec<u8>, ImageError>,
    pub(super) size: Option<Size>,
}

#[derive(Clone, Copy)]
pub(super) struct Size {
    pub(super) format: Format,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) original: (usize, usize),
}

impl Size {
    pub(super) fn bytes(self) -> usize {
        self.height * self.width * 3
    }
}

impl Image {
    /// Bytes of pixels to come.
    pub(super) fn bytes(&self) -> usize {
        match (&self.file, self.size) {
            (Ok(_), Some(size)) => size.bytes(),
            (Ok(_) | Err(_), _) => 0,
        }
    }
}

impl Opened {
    pub(super) fn index(&self) -> u64 {
        self.index
    }

    /// Bytes of pixels to come.
    pub(super) fn bytes(&self) -> u64 {
        self.images.iter().map(|image| image.bytes() as u64).sum()
    }
}

/// What a coordinator does next.
pub(super) enum Work {
    /// Read the files of a batch, and decode them if their pixels fit.
    Begin { index: u64, sources: Vec<Source> },
    /// Decode a batch whose pixels the queue has counted.
    Resume(Opened),
}
