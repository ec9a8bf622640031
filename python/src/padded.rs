//! Pixels of four bytes, as Pillow holds RGB, packed to three.

use std::sync::{Mutex, PoisonError};

use prep_onnx_op::Executor;
use prep_onnx_pipeline::{CHANNELS, Result};

/// Bytes of a pixel of Pillow.
pub(crate) const PADDED: usize = 4;

/// The most bytes of buffers that are kept for the next call.
const KEPT: usize = 64 << 20;

/// Buffers for packed images, kept from call to call.
#[derive(Default)]
pub(crate) struct Packer {
    free: Mutex<Vec<Vec<u8>>>,
}

impl Packer {
    /// The images with three bytes a pixel; `None` for those that have them already.
    ///
    /// # Errors
    /// When a job could not be run.
    pub(crate) fn pack(
        &self,
        images: &[(&[u8], bool)],
        executor: &(dyn Executor + Sync),
    ) -> Result<Vec<Option<Vec<u8>>>> {
        if images.iter().all(|(_, padded)| !padded) {
            return Ok(vec![None; images.len()]);
        }
        let packed: Vec<_> = images.iter().map(|_| Mutex::new(None)).collect();
        let job = |index: usize| {
            if let (Some((pixels, true)), Some(place)) = (images.get(index), packed.get(index)) {
                let mut buffer = self.take();
                pack(pixels, &mut buffer);
                *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(buffer);
            }
        };
        let workers = executor.threads().clamp(1, images.len());
        let of_worker = |worker: usize| (worker..images.len()).step_by(workers).for_each(job);
        match workers {
            1 => of_worker(0),
            workers => executor.for_each(workers, &of_worker)?,
        }
        let place =
            |place: Mutex<Option<Vec<u8>>>| place.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(packed.into_iter().map(place).collect())
    }

    /// Takes buffers back.
    pub(crate) fn keep(&self, buffers: impl IntoIterator<Item = Option<Vec<u8>>>) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes: usize = free.iter().map(Vec::len).sum();
        for buffer in buffers.into_iter().flatten() {
            bytes += buffer.len();
            if bytes > KEPT {
                break;
            }
            free.push(buffer);
        }
    }

    fn take(&self) -> Vec<u8> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        free.unwrap_or_default()
    }
}

fn pack(from: &[u8], to: &mut Vec<u8>) {
    let bytes = from.len() / PADDED * CHANNELS;
    to.resize(bytes, 0);
    // Four bytes at once, of which the next pixel overwrites the last.
    let whole = (from.len() / PADDED).saturating_sub(1);
    for index in 0..whole {
        to[index * CHANNELS..][..PADDED].copy_from_slice(&from[index * PADDED..][..PADDED]);
    }
    if let Some(last) = from.get(whole * PADDED..).filter(|last| !last.is_empty()) {
        to[whole * CHANNELS..].copy_from_slice(&last[..CHANNELS]);
    }
}
