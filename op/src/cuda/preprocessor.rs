//! A plan on the GPU.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ffi::c_void;
use std::sync::{Arc, Mutex, PoisonError};

use half::f16;
use prep_onnx_pipeline::{CHANNELS, Dtype, Error, FusedPlan, Geometry, Layout, Result};

use super::context::{Buffer, Context};
use super::driver::DeviceAddress;
use super::launch::{Call, ImageRecord, MAX_BATCH, MAX_IMAGES, Needs, THREADS, Tiling, VALUES};
use super::table::HostTable;
use crate::run::{
    Axis, Image, ImageShapes, Images, OutputMut, Pixels, Shape, check_output, element_size, room,
};

/// A CUDA stream (`CUstream`, which is also `cudaStream_t`); null is the default stream.
#[derive(Clone, Copy, Debug)]
pub struct Stream(pub *mut c_void);

/// Images in device memory.
#[derive(Clone, Copy, Debug)]
pub struct DeviceImages<'a> {
    /// The device address of the uint8 elements.
    pub pixels: DeviceAddress,
    /// The extents, in host memory.
    pub shapes: ImageShapes<'a>,
}

/// Tables that are kept for each context: more than two launches of images of different sizes need.
const MOST_TABLES: usize = 512;

/// A plan made ready to run on GPUs, as often and from as many threads as wanted.
///
/// The first call with a new image size allocates, copies and waits; later ones only launch. So run once
/// with the same sizes before a CUDA graph is captured.
pub struct Preprocessor {
    plan: FusedPlan,
    /// For each output channel and pixel value the bits of the element.
    values: Box<[u32; VALUES]>,
    /// By number of the context.
    resident: Mutex<HashMap<u64, Resident>>,
}

/// What lies in the memory of one context.
struct Resident {
    values: Arc<Buffer>,
    tables: HashMap<AxisKey, Kept>,
    /// Counts the uses.
    clock: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct AxisKey {
    rows: bool,
    input: usize,
    resized: usize,
}

struct Kept {
    table: Arc<Table>,
    used: u64,
}

/// The tables of the columns and of the rows of an image.
type ImageTables = [Arc<Table>; 2];

struct Table {
    buffer: Buffer,
    tile_span: usize,
}

impl Preprocessor {
    /// Prepares `plan`. Needs no GPU yet.
    ///
    /// # Errors
    /// When the plan cannot be executed.
    pub fn new(plan: FusedPlan) -> Result<Self> {
        plan.check()?;
        let table = plan.table();
        let mut values = Box::new([0; VALUES]);
        for (channel, row) in values.chunks_exact_mut(VALUES / CHANNELS).enumerate() {
            for (pixel, (bits, value)) in row.iter_mut().zip(table.channel(channel)).enumerate() {
                *bits = match plan.dtype {
                    Dtype::Float32 => value.to_bits(),
                    Dtype::Float16 => f16::from_f32(*value).to_bits().into(),
                    Dtype::Uint8 => pixel as u32,
                };
            }
        }
        Ok(Self {
            plan,
            values,
            resident: Mutex::new(HashMap::new()),
        })
    }

    /// What is executed.
    pub fn plan(&self) -> &FusedPlan {
        &self.plan
    }

    /// Checks the input and gives the extents of its output.
    ///
    /// # Errors
    /// Names the input, and the expected and the actual shape.
    pub fn output_shape(&self, shapes: &ImageShapes<'_>) -> Result<Shape> {
        shapes.check(&self.plan, |_| ())
    }

    /// Launches the work on `stream`, in the context that is current on this thread, else in the stream's,
    /// and returns without waiting for it.
    ///
    /// # Errors
    /// Names the input that does not fit, or the driver's call that failed and its result.
    ///
    /// # Safety
    /// `stream` is null or alive, and belongs to the context. Until its work is done, `images.pixels` is
    /// device memory with the elements that the shapes describe, and `output` device memory for
    /// [`Preprocessor::output_shape`] elements of the plan's type, aligned to them.
    pub unsafe fn launch(
        &self,
        images: &DeviceImages<'_>,
        output: DeviceAddress,
        stream: Stream,
    ) -> Result<Shape> {
        if let ImageShapes::List(_) = images.shapes {
            return Err(apart());
        }
        let mut list: Vec<Image> = Vec::new();
        let shape = images.shapes.check(&self.plan, |image| list.push(image))?;
        if shape.extents.contains(&0) {
            return Ok(shape);
        }
        // SAFETY: promised by the caller.
        let context = unsafe { Context::current(stream.0) }?;
        let batch = matches!(images.shapes, ImageShapes::Batch { .. });
        let most = if batch { MAX_BATCH } else { MAX_IMAGES };
        for (index, part) in list.chunks(most).enumerate() {
            let part = Part {
                images: part,
                batch,
                first: index * most,
                pixels: images.pixels,
                output,
            };
            // SAFETY: promised by the caller; the shapes were checked above.
            unsafe { self.launch_part(&context, &part, stream) }?;
        }
        Ok(shape)
    }

    /// # Safety
    /// As for [`Preprocessor::launch`]; `context` is current.
    unsafe fn launch_part(&self, context: &Arc<Context>, part: &Part<'_>, stream: Stream) -> Result<()> {
        let Some(first) = part.images.first() else {
            return Ok(());
        };
        let distinct = if part.batch {
            &part.images[..1]
        } else {
            part.images
        };
        // SAFETY: promised by the caller.
        let (values, tables) = unsafe { self.resident(context, distinct, stream) }?;
        let mut records = [ImageRecord::default(); MAX_IMAGES];
        for ((record, image), [columns, rows]) in records.iter_mut().zip(distinct).zip(&tables) {
            *record = ImageRecord {
                offset: image.start as u64,
                columns: columns.buffer.address(),
                rows: rows.buffer.address(),
                vertical_first: image.geometry.vertical_first.into(),
                reserved: 0,
            };
        }
        let needs = Needs {
            images: part.images.len(),
            output: first.geometry.output,
            vertical_first: distinct.iter().any(|image| image.geometry.vertical_first),
        };
        let horizontal_first = distinct
            .iter()
            .zip(&tables)
            .filter(|(image, _)| !image.geometry.vertical_first);
        let (tiling, tiles, shared) =
            Tiling::new(needs, horizontal_first.map(|(_, [columns, _])| columns.tile_span));
        let (height, width) = first.geometry.image;
        let call = Call {
            pixels: part.pixels,
            output: part.output,
            values: values.address(),
            stride: if part.batch {
                (height * width * CHANNELS) as u64
            } else {
                0
            },
            first_image: part.first as u64,
            tiling,
            element_size: element_size(self.plan.dtype) as i32,
            channels_last: (self.plan.layout == Layout::Nhwc).into(),
            channels: self.plan.channels.map(|channel| channel as i32),
            reserved: 0,
            images: records,
        };
        let grid = (tiles, part.images.len() as u32);
        // SAFETY: the function takes a `Call`, whose layout is checked at compile time on both sides. The
        // tables fit the shapes, which fit the caller's memory: every read lies in an image and every write
        // in the output. `values` and `tables` are freed only after the work of the context is done.
        unsafe {
            context
                .driver()
                .launch(context.function(), grid, THREADS, shared, stream.0, &call)
        }
    }

    /// The value table, and for each image the tables of columns and rows, in device memory.
    ///
    /// # Safety
    /// As for [`Preprocessor::launch`]; `context` is current.
    unsafe fn resident(
        &self,
        context: &Arc<Context>,
        images: &[Image],
        stream: Stream,
    ) -> Result<(Arc<Buffer>, Vec<ImageTables>)> {
        let mut all = self.resident.lock().unwrap_or_else(PoisonError::into_inner);
        let resident = match all.entry(context.id()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let bytes: Vec<u8> = self.values.iter().flat_map(|bits| bits.to_ne_bytes()).collect();
                new.insert(Resident {
                    // SAFETY: promised by the caller.
                    values: Arc::new(unsafe { Buffer::with_bytes(context, &bytes, stream.0) }?),
                    tables: HashMap::new(),
                    clock: 0,
                })
            }
        };
        let values = Arc::clone(&resident.values);
        let mut tables = Vec::with_capacity(images.len());
        for image in images {
            // SAFETY: promised by the caller.
            let pair = unsafe {
                [
                    self.table(resident, context, &image.geometry, false, stream)?,
                    self.table(resident, context, &image.geometry, true, stream)?,
                ]
            };
            tables.push(pair);
        }
        Ok((values, tables))
    }

    /// # Safety
    /// As for [`Preprocessor::launch`]; `context` is current and `resident` its memory.
    unsafe fn table(
        &self,
        resident: &mut Resident,
        context: &Arc<Context>,
        of: &Geometry,
        rows: bool,
        stream: Stream,
    ) -> Result<Arc<Table>> {
        let (input, resized, offset, output) = if rows {
            (of.image.0, of.resized.0, of.offset.0, of.output.0)
        } else {
            (of.image.1, of.resized.1, of.offset.1, of.output.1)
        };
        let key = AxisKey { rows, input, resized };
        resident.clock += 1;
        let used = resident.clock;
        if let Some(kept) = resident.tables.get_mut(&key) {
            kept.used = used;
            return Ok(Arc::clone(&kept.table));
        }
        let resize = self.plan.resize.map(|resize| (resize.resampler, resize.filter));
        room(Axis::bytes(resize, input, resized, output))?;
        let axis = Axis::new(resize, input, resized, offset, output);
        let host = if rows {
            HostTable::rows(&axis, input)
        } else {
            HostTable::columns(&axis, input)
        }?;
        let table = Arc::new(Table {
            // SAFETY: promised by the caller.
            buffer: unsafe { Buffer::with_bytes(context, &host.bytes, stream.0) }?,
            tile_span: host.tile_span,
        });
        if resident.tables.len() >= MOST_TABLES
            && let Some(oldest) = resident
                .tables
                .iter()
                .min_by_key(|(_, kept)| kept.used)
                .map(|(key, _)| *key)
        {
            resident.tables.remove(&oldest);
        }
        let kept = Kept {
            table: Arc::clone(&table),
            used,
        };
        resident.tables.insert(key, kept);
        Ok(table)
    }

    /// Runs on host memory: copies the images to the GPU, the output back, and waits.
    ///
    /// # Errors
    /// As [`Preprocessor::launch`], and when the output does not fit.
    pub fn run(&self, images: &Images<'_>, mut output: OutputMut<'_>) -> Result<()> {
        let Pixels::Joined(joined) = images.pixels() else {
            return Err(apart());
        };
        let shape = self.output_shape(&images.shapes())?;
        check_output(self.plan.dtype, shape, &mut output)?;
        let (elements, length) = output.elements();
        if length == 0 {
            return Ok(());
        }
        let stream = Stream(std::ptr::null_mut());
        // SAFETY: the null stream needs nothing.
        let context = unsafe { Context::current(stream.0) }?;
        // SAFETY: the context is current.
        let pixels = unsafe { Buffer::with_bytes(&context, joined, stream.0) }?;
        let bytes = length * element_size(self.plan.dtype);
        let result = Buffer::new(&context, bytes)?;
        let device_images = DeviceImages {
            pixels: pixels.address(),
            shapes: images.shapes(),
        };
        // SAFETY: both buffers were just allocated with these lengths, and live until the download, which
        // waits for the stream; `elements` is the output's memory, of this many bytes.
        unsafe {
            self.launch(&device_images, result.address(), stream)?;
            context
                .driver()
                .download(result.address(), elements, bytes, stream.0)
        }
    }
}

/// The images of one launch.
struct Part<'a> {
    images: &'a [Image],
    batch: bool,
    /// The index of the first one in the output.
    first: usize,
    pixels: DeviceAddress,
    output: DeviceAddress,
}

/// The error of a list: the images of a launch lie in one buffer.
fn apart() -> Error {
    Error::new("images", "are a list, which the GPU does not take")
        .expected_got("a batch, or pixels one after another with their shapes", "a list")
}
