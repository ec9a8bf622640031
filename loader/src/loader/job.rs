//! One batch on the threads: read the files, lay out the memory, decode into it.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

use super::batch::{Batch, Item, Owner, Pixels};
use super::opened::{Image, Opened, Size, Work};
use super::queue::Queue;
use crate::decode::{ImageReader, SHARED_PIXELS, Scratch, Window, Workers, none_left};
use crate::source::Origin;
use crate::{ErrorKind, ImageError, Source};

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// The threads of the loader, for an image of a batch that has fewer images than there are threads.
struct Helpers<'a> {
    queue: &'a Queue,
    count: usize,
}

impl Workers for Helpers<'_> {
    fn count(&self) -> usize {
        self.count
    }

    fn run(&self, total: usize, job: &(dyn Fn(usize) + Sync)) {
        self.queue.threads().in_place_scope(|scope| {
            for index in 1..total {
                scope.spawn(move |_| job(index));
            }
            job(0);
        });
    }
}

/// Does one piece of work. A coordinator is no thread of the pool: it waits for the images of its batch
/// without taking up those of another one.
pub(super) fn run(queue: &Arc<Queue>, work: Work) {
    match work {
        Work::Begin { index, sources } => {
            let parts: Vec<(String, Origin)> = sources.into_iter().map(Source::into_parts).collect();
            let ids: Vec<String> = parts.iter().map(|(id, _)| id.clone()).collect();
            match catch_unwind(AssertUnwindSafe(|| open(queue, index, parts))) {
                Ok(opened) => {
                    if let Some(opened) = queue.admit(opened) {
                        decode(queue, opened);
                    }
                }
                Err(_) => queue.deliver(failed(queue, index, ids)),
            }
        }
        Work::Resume(opened) => decode(queue, opened),
    }
}

fn decode(queue: &Arc<Queue>, opened: Opened) {
    let (index, bytes) = (opened.index, opened.bytes());
    let ids: Vec<String> = opened.images.iter().map(|image| image.id.clone()).collect();
    let batch = catch_unwind(AssertUnwindSafe(|| into_batch(queue, opened)));
    queue.deliver(batch.unwrap_or_else(|_| {
        queue.release(Vec::new(), bytes);
        failed(queue, index, ids)
    }));
}

fn open(queue: &Queue, index: u64, parts: Vec<(String, Origin)>) -> Opened {
    let mut images: Vec<Option<Image>> = Vec::new();
    images.resize_with(parts.len(), || None);
    queue.threads().in_place_scope(|scope| {
        for (place, (id, origin)) in images.iter_mut().zip(parts) {
            scope.spawn(move |_| *place = Some(open_one(queue, id, origin)));
        }
    });
    Opened {
        index,
        images: images.into_iter().flatten().collect(),
    }
}

fn open_one(queue: &Queue, id: String, origin: Origin) -> Image {
    if queue.is_cancelled() {
        return Image {
            id,
            file: Err(cancelled()),
            size: None,
        };
    }
    let options = queue.options();
    // The only code of the caller's that runs here is that of a reader.
    let reading = || origin.read(&options.limits, queue.files().take_empty());
    let mut file = catch_unwind(AssertUnwindSafe(reading)).unwrap_or_else(|_| {
        Err(ImageError::new(
            ErrorKind::Internal,
            "the reader of the source panicked",
        ))
    });
    let mut size = None;
    if let Ok(bytes) = &file {
        match ImageReader::open(bytes, options) {
            Ok(reader) => {
                let (format, height, width) = (reader.format(), reader.height(), reader.width());
                size = Some(Size {
                    format,
                    height,
                    width,
                    original: reader.original_size(),
                });
            }
            Err(error) => file = Err(error),
        }
    }
    Image { id, file, size }
}

/// A buffer for the pixels of all images. Where there is no memory for it, the largest image fails, then the
/// next, until the rest fits.
fn lay_out(queue: &Queue, images: &mut [Image]) -> (Vec<u8>, usize) {
    loop {
        let total = images.iter().map(Image::bytes).sum();
        if let Some(buffer) = queue.take_pixels(total) {
            return (buffer, total);
        }
        let largest = images.iter_mut().max_by_key(|image| image.bytes());
        match largest.filter(|image| image.bytes() > 0) {
            Some(image) => image.file = Err(none_left(image.bytes(), "its pixels")),
            None => return (Vec::new(), 0),
        }
    }
}

fn into_batch(queue: &Arc<Queue>, mut opened: Opened) -> Batch {
    let counted = opened.bytes();
    let (buffer, total) = lay_out(queue, &mut opened.images);
    let mut pixels = Pixels {
        buffer,
        len: 0,
        counted: 0,
        owner: owner(queue),
    };
    let sizes: Vec<usize> = opened.images.iter().map(Image::bytes).collect();
    let mut items: Vec<Option<Item>> = Vec::new();
    items.resize_with(opened.images.len(), || None);
    let helpers = queue.threads().current_num_threads() / opened.images.len().max(1);
    queue.threads().in_place_scope(|scope| {
        let mut rest = &mut pixels.buffer[..total];
        for ((place, image), &bytes) in items.iter_mut().zip(opened.images).zip(&sizes) {
            let (slot, behind) = rest.split_at_mut(bytes);
            rest = behind;
            scope.spawn(move |_| *place = Some(decode_one(queue, image, slot, helpers)));
        }
    });

    // Failed images leave no hole.
    let items: Vec<Item> = items.into_iter().flatten().collect();
    let mut shapes = Vec::with_capacity(items.len() * 3);
    let (mut from, mut to) = (0, 0);
    for (item, bytes) in items.iter().zip(sizes) {
        if let Ok((height, width)) = item.size {
            shapes.extend([height as i64, width as i64, 3]);
            if from != to {
                pixels.buffer.copy_within(from..from + bytes, to);
            }
            to += bytes;
        }
        from += bytes;
    }
    pixels.len = to;
    pixels.counted = counted;
    Batch {
        index: opened.index,
        items,
        shapes,
        pixels,
    }
}

fn decode_one(queue: &Queue, image: Image, slot: &mut [u8], helpers: usize) -> Item {
    let Image { id, file, size } = image;
    let result = file.and_then(|file| {
        let result = read(queue, &file, size, slot, helpers);
        queue.files().put_file(file);
        result
    });
    Item {
        size: result.map_err(|error| error.map(|e| e.within(&id))),
        original: size.map(|size| size.original),
        format: size.map(|size| size.format),
        id,
    }
}

fn read(
    queue: &Queue,
    file: &[u8],
    size: Option<Size>,
    slot: &mut [u8],
    helpers: usize,
) -> Result<(usize, usize), ImageError> {
    if queue.is_cancelled() {
        return Err(cancelled());
    }
    let size = size.ok_or_else(|| ImageError::new(ErrorKind::Internal, "the size is unknown"))?;
    let reader = ImageReader::open(file, queue.options())?;
    // Taken, not borrowed: a thread that waits for others may begin another image.
    let mut scratch = SCRATCH.take();
    let result = if size.height * size.width < SHARED_PIXELS {
        reader.read_into(slot, &mut scratch)
    } else {
        let helpers = Helpers {
            queue,
            count: helpers,
        };
        let whole = Window::whole(size.height, size.width);
        reader.read_window_shared(&whole, slot, &mut scratch, &helpers)
    };
    SCRATCH.set(scratch);
    result?;
    Ok((size.height, size.width))
}

fn failed(queue: &Arc<Queue>, index: u64, ids: Vec<String>) -> Batch {
    let error = ImageError::new(ErrorKind::Internal, "reading the batch panicked");
    let items = ids.into_iter().map(|id| {
        let size = Err(error.clone().map(|e| e.within(&id)));
        Item {
            id,
            size,
            original: None,
            format: None,
        }
    });
    let pixels = Pixels {
        buffer: Vec::new(),
        len: 0,
        counted: 0,
        owner: owner(queue),
    };
    Batch {
        index,
        items: items.collect(),
        shapes: Vec::new(),
        pixels,
    }
}

/// Batches do not keep the queue alive.
fn owner(queue: &Arc<Queue>) -> Weak<dyn Owner> {
    let queue: Weak<Queue> = Arc::downgrade(queue);
    queue
}

fn cancelled() -> ImageError {
    ImageError::new(ErrorKind::Internal, "the loader was dropped")
}
