//! Resizes on the GPU: tables in its memory, and launches for one image or many.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use half::f16;
use prep_onnx_pipeline::{CHANNELS, Dtype, Result, ValueTable};

use super::calls::{FormRecord, ImageRecord, MAX_BATCH, MAX_IMAGES, ResizeCall, THREADS, VALUES};
use super::context::{Buffer, Context};
use super::driver::{DeviceAddress, Handle};
use super::rule::{AxisPart, Rule};
use super::tiling::{Needs, Tiling};

/// Tables that are kept for each context: more than two launches of images of different sizes need.
const MOST_TABLES: usize = 512;

/// The most blocks that fill what lies around an image.
const MOST_AROUND: usize = 32;

/// An image to be resized, or none of it where the part is empty.
#[derive(Clone, Copy, Debug)]
pub(super) struct ResizeImage {
    /// Where its pixels begin, in bytes.
    pub(super) from: u64,
    /// Where its result begins, in elements.
    pub(super) to: u64,
    pub(super) resize: Resize,
}

/// Which part of a resized image goes where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resize {
    pub(super) rule: Rule,
    /// (height, width) of the image.
    pub(super) image: (usize, usize),
    /// (height, width) that it is resized to.
    pub(super) resized: (usize, usize),
    pub(super) vertical_first: bool,
    /// The first row and column of the part; what lies outside the resized image is 0.
    pub(super) offset: (i64, i64),
    /// (height, width) of the part.
    pub(super) part: (usize, usize),
    /// (height, width) of the canvas.
    pub(super) canvas: (usize, usize),
    /// The row and column of the canvas where the part begins.
    pub(super) at: (usize, usize),
}

/// What the images of [`Engine::resize`] have together.
#[derive(Clone, Copy)]
pub(super) struct Batch {
    pub(super) images: usize,
    /// Bytes from image to image.
    pub(super) from_stride: u64,
    /// Elements from result to result.
    pub(super) to_stride: u64,
}

/// Where pixels are and results go.
#[derive(Clone, Copy)]
pub(super) struct Between {
    pub(super) pixels: DeviceAddress,
    pub(super) output: DeviceAddress,
}

/// What the launches of one call go to.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) context: &'a Arc<Context>,
    pub(super) stream: Handle,
}

/// The tables of a plan in the memory of GPUs.
pub(super) struct Engine {
    /// For each output channel and pixel value the bits of the element.
    values: Box<[u32; VALUES]>,
    /// By number of the context.
    resident: Mutex<HashMap<u64, Resident>>,
}

/// What lies in the memory of one context.
struct Resident {
    values: Arc<Buffer>,
    tables: HashMap<AxisPart, Kept>,
    /// Counts the uses.
    clock: u64,
}

struct Kept {
    table: Arc<Table>,
    used: u64,
}

/// The tables of the columns and of the rows of an image; none where nothing of it is on the canvas.
type ImageTables = Option<[Arc<Table>; 2]>;

struct Table {
    buffer: Buffer,
    tile_span: usize,
}

/// The bits of a value in an element of type `dtype`.
pub(super) fn bits(dtype: Dtype, value: f32) -> u32 {
    match dtype {
        Dtype::Float32 => value.to_bits(),
        Dtype::Float16 => f16::from_f32(value).to_bits().into(),
        Dtype::Uint8 => u32::from(value as u8),
    }
}

impl Engine {
    /// For plans whose values are those of `table`.
    pub(super) fn new(table: &ValueTable, dtype: Dtype) -> Self {
        let mut values = Box::new([0; VALUES]);
        for (channel, row) in values.chunks_exact_mut(VALUES / CHANNELS).enumerate() {
            for (element, value) in row.iter_mut().zip(table.channel(channel)) {
                *element = bits(dtype, *value);
            }
        }
        Self {
            values,
            resident: Mutex::new(HashMap::new()),
        }
    }

    /// Resizes `images`, or the images of `batch`, which all are as the only one of `images`. With `valued` the result has the values of the table; `form.values` need not be set.
    ///
    /// # Errors
    /// Names what does not fit, or the driver's call that failed.
    ///
    /// # Safety
    /// The context of `target` is current, its stream null or alive in it. Until the work is done, `between` is device memory with
    /// the bytes and for the elements that `images` and `form` speak of.
    pub(super) unsafe fn resize(
        &self,
        target: Target<'_>,
        between: Between,
        form: (FormRecord, bool),
        images: &[ResizeImage],
        batch: Option<Batch>,
    ) -> Result<()> {
        let Some(first) = images.first() else {
            return Ok(());
        };
        match batch {
            None => {
                let (those, others): (Vec<_>, Vec<_>) = (images.iter().copied())
                    .partition(|image| image.resize.rule.kernel() == first.resize.rule.kernel());
                for part in those.chunks(MAX_IMAGES).chain(others.chunks(MAX_IMAGES)) {
                    // SAFETY: promised by the caller.
                    unsafe { self.launch(target, between, form, part, None) }?;
                }
            }
            Some(batch) => {
                for start in (0..batch.images).step_by(MAX_BATCH) {
                    let image = ResizeImage {
                        from: first.from + start as u64 * batch.from_stride,
                        to: first.to + start as u64 * batch.to_stride,
                        ..*first
                    };
                    let part = Batch {
                        images: MAX_BATCH.min(batch.images - start),
                        ..batch
                    };
                    // SAFETY: promised by the caller.
                    unsafe { self.launch(target, between, form, &[image], Some(part)) }?;
                }
            }
        }
        Ok(())
    }

    /// One launch, of images whose rules have one kernel.
    ///
    /// # Safety
    /// As for [`Engine::resize`].
    unsafe fn launch(
        &self,
        target: Target<'_>,
        between: Between,
        (form, valued): (FormRecord, bool),
        images: &[ResizeImage],
        batch: Option<Batch>,
    ) -> Result<()> {
        let Some(first) = images.first() else {
            return Ok(());
        };
        let rule = first.resize.rule;
        // SAFETY: promised by the caller.
        let (values, tables) = unsafe { self.resident(target, images) }?;
        let mut records = [ImageRecord::default(); MAX_IMAGES];
        for ((record, image), tables) in records.iter_mut().zip(images).zip(&tables) {
            let address = |axis: usize| tables.as_ref().map_or(0, |tables| tables[axis].buffer.address());
            let Resize { canvas, at, .. } = image.resize;
            *record = ImageRecord {
                from: image.from,
                to: image.to,
                columns: address(0),
                rows: address(1),
                // Edges are at most 2^29.
                height: canvas.0 as i32,
                width: canvas.1 as i32,
                top: at.0 as i32,
                left: at.1 as i32,
                vertical_first: image.resize.vertical_first.into(),
                tiles: 0,
            };
        }
        let count = batch.map_or(images.len(), |batch| batch.images);
        let most = |of: fn(&Resize) -> usize| images.iter().map(|image| of(&image.resize)).max().unwrap_or(0);
        let needs = Needs {
            images: count,
            output: (most(|resize| resize.part.0), most(|resize| resize.part.1)),
            vertical_first: images.iter().any(|image| image.resize.vertical_first),
        };
        let horizontal_first = (images.iter().zip(&tables))
            .filter(|(image, _)| !image.resize.vertical_first)
            .filter_map(|(_, tables)| Some(tables.as_ref()?[0].tile_span));
        let (tiling, shared) = Tiling::new(needs, horizontal_first);
        let tiles = tiling.tiles(needs.output);
        for (record, image) in records.iter_mut().zip(images) {
            record.tiles = tiling.tiles(image.resize.part) as i32;
        }
        let covered = images
            .iter()
            .all(|image| image.resize.part == image.resize.canvas);
        let around = if covered && form.used == form.all {
            0
        } else {
            most(|resize| resize.canvas.0).clamp(1, MOST_AROUND)
        };
        let call = ResizeCall {
            pixels: between.pixels,
            output: between.output,
            from_stride: batch.map_or(0, |batch| batch.from_stride),
            to_stride: batch.map_or(0, |batch| batch.to_stride),
            form: FormRecord {
                values: if valued { values.address() } else { 0 },
                ..form
            },
            batch: batch.is_some().into(),
            tiles: tiles as i32,
            tiling,
            images: records,
        };
        let grid = (tiles + around as u32, count as u32);
        if grid.0 == 0 {
            return Ok(());
        }
        // SAFETY: the kernel of the rule takes a `ResizeCall`, whose layout is checked at compile time on both sides, and tables
        // of the rule. The tables fit the images, which fit the caller's memory: every read lies in an image and every write in the
        // output. `values` and `tables` are freed only after the work of the context is done.
        unsafe {
            target.context.driver().launch(
                target.context.function(rule.kernel()),
                grid,
                THREADS,
                shared,
                target.stream,
                &call,
            )
        }
    }

    /// The value table, and for each image the tables of columns and rows, in device memory.
    ///
    /// # Safety
    /// As for [`Engine::resize`].
    unsafe fn resident(
        &self,
        target: Target<'_>,
        images: &[ResizeImage],
    ) -> Result<(Arc<Buffer>, Vec<ImageTables>)> {
        let mut all = self.resident.lock().unwrap_or_else(PoisonError::into_inner);
        let resident = match all.entry(target.context.id()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let bytes: Vec<u8> = self.values.iter().flat_map(|bits| bits.to_ne_bytes()).collect();
                new.insert(Resident {
                    // SAFETY: promised by the caller.
                    values: Arc::new(unsafe { Buffer::with_bytes(target.context, &bytes, target.stream) }?),
                    tables: HashMap::new(),
                    clock: 0,
                })
            }
        };
        let values = Arc::clone(&resident.values);
        let mut tables = Vec::with_capacity(images.len());
        for image in images {
            if image.resize.part.0 * image.resize.part.1 == 0 {
                tables.push(None);
                continue;
            }
            // SAFETY: promised by the caller.
            tables.push(Some(unsafe {
                [
                    resident.table(target, image.resize.axis(false))?,
                    resident.table(target, image.resize.axis(true))?,
                ]
            }));
        }
        Ok((values, tables))
    }
}

impl Resize {
    fn axis(&self, rows: bool) -> AxisPart {
        let of = |pair: (usize, usize)| if rows { pair.0 } else { pair.1 };
        AxisPart {
            rule: self.rule,
            rows,
            input: of(self.image),
            resized: of(self.resized),
            offset: if rows { self.offset.0 } else { self.offset.1 },
            output: of(self.part),
        }
    }
}

impl Resident {
    /// # Safety
    /// As for [`Engine::resize`]; this is the memory of the context of `target`.
    unsafe fn table(&mut self, target: Target<'_>, axis: AxisPart) -> Result<Arc<Table>> {
        self.clock += 1;
        let used = self.clock;
        if let Some(kept) = self.tables.get_mut(&axis) {
            kept.used = used;
            return Ok(Arc::clone(&kept.table));
        }
        let host = axis.table()?;
        let table = Arc::new(Table {
            // SAFETY: promised by the caller.
            buffer: unsafe { Buffer::with_bytes(target.context, &host.bytes, target.stream) }?,
            tile_span: host.tile_span,
        });
        if self.tables.len() >= MOST_TABLES
            && let Some(oldest) = (self.tables.iter())
                .min_by_key(|(_, kept)| kept.used)
                .map(|(axis, _)| *axis)
        {
            self.tables.remove(&oldest);
        }
        let kept = Kept {
            table: Arc::clone(&table),
            used,
        };
        self.tables.insert(axis, kept);
        Ok(table)
    }
}
