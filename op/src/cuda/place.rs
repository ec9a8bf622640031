//! Launches of the kernels that weigh nothing: `place`, `mask` and `store`.

use prep_onnx_pipeline::plan::{Coefficients, GrayRule, Mirror};
use prep_onnx_pipeline::{Result, SourceFormat};

use super::calls::{
    MAX_BATCH, MAX_IMAGES, MAX_INNERS, MAX_STORED, MaskCall, PlaceCall, PlacedRecord, StoreCall, THREADS,
};
use super::context::Kernel;
use super::driver::DeviceAddress;
use super::engine::{Batch, Between, Target};
use super::route::Placing;

/// The most blocks of one image.
const MOST_BLOCKS: usize = 256;

/// An image to be placed: where its bytes begin, where those of its canvas do.
#[derive(Clone, Copy)]
pub(super) struct PlacedImage {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) placing: Placing,
}

/// The numbers that `op/cuda/preprocess.cu` gives to formats.
fn format(source: SourceFormat) -> (i32, [u8; 4], [i32; 6]) {
    let ycbcr = |matrix, range| {
        let of = Coefficients::of(matrix, range);
        [
            of.offset,
            of.luma,
            of.blue_cb,
            of.green_cb,
            of.green_cr,
            of.red_cr,
        ]
    };
    match source {
        SourceFormat::Rgb => (0, [0; 4], [0; 6]),
        SourceFormat::Bgr => (1, [0; 4], [0; 6]),
        SourceFormat::Gray => (2, [0; 4], [0; 6]),
        SourceFormat::Rgba { over: None } => (3, [0; 4], [0; 6]),
        SourceFormat::Rgba {
            over: Some([r, g, b]),
        } => (4, [r, g, b, 0], [0; 6]),
        SourceFormat::Nv12 { matrix, range } => (5, [0; 4], ycbcr(matrix, range)),
        SourceFormat::I420 { matrix, range } => (6, [0; 4], ycbcr(matrix, range)),
    }
}

fn gray(rule: Option<GrayRule>) -> i32 {
    match rule {
        None => 0,
        Some(GrayRule::Pillow) => 1,
        Some(GrayRule::Opencv) => 2,
        Some(GrayRule::Torchvision) => 3,
    }
}

fn mirror(mode: Option<Mirror>) -> i32 {
    match mode {
        None => 0,
        Some(Mirror::Reflect) => 1,
        Some(Mirror::Symmetric) => 2,
        Some(Mirror::Edge) => 3,
    }
}

/// Places `images`, which differ in their sizes alone, or those of `batch`, which are as the only one of `images`.
///
/// # Errors
/// The driver's.
///
/// # Safety
/// As for `Engine::resize`.
pub(super) unsafe fn place(
    target: Target<'_>,
    between: Between,
    images: &[PlacedImage],
    batch: Option<Batch>,
) -> Result<()> {
    let Some(first) = images.first() else {
        return Ok(());
    };
    let Placing {
        format: source,
        gray: rule,
        around: [a, b, c],
        mirror: mode,
        ..
    } = first.placing;
    let (format, over, coefficients) = format(source);
    let mut call = PlaceCall {
        pixels: between.pixels,
        output: between.output,
        from_stride: batch.map_or(0, |batch| batch.from_stride),
        to_stride: batch.map_or(0, |batch| batch.to_stride),
        batch: batch.is_some().into(),
        format,
        gray: gray(rule),
        mirror: mirror(mode),
        around: [a, b, c, 0],
        over,
        coefficients,
        images: [PlacedRecord::default(); MAX_IMAGES],
    };
    let (step, count) = match batch {
        Some(batch) => (MAX_BATCH, batch.images),
        None => (MAX_IMAGES, images.len()),
    };
    for start in (0..count).step_by(step) {
        let here = match batch {
            Some(_) => &images[..1],
            None => &images[start..images.len().min(start + step)],
        };
        let skipped = if batch.is_some() { start as u64 } else { 0 };
        for (record, image) in call.images.iter_mut().zip(here) {
            let Placing {
                turned,
                image: (rows, columns),
                offset,
                size,
                ..
            } = image.placing;
            // Images and canvases have at most 2^30 pixels, and offsets do not go beyond both.
            *record = PlacedRecord {
                from: image.from + skipped * call.from_stride,
                to: image.to + skipped * call.to_stride,
                rows: rows as i32,
                columns: columns as i32,
                top: offset.0 as i32,
                left: offset.1 as i32,
                height: size.0 as i32,
                width: size.1 as i32,
                turned: turned.into(),
                reserved: 0,
            };
        }
        let rows = here.iter().map(|image| image.placing.size.0).max().unwrap_or(0);
        let grid = (
            rows.clamp(1, MOST_BLOCKS) as u32,
            (count - start).min(step) as u32,
        );
        // SAFETY: the kernel takes a `PlaceCall`; the rest is promised by the caller.
        unsafe { launch(target, Kernel::Place, grid, &call) }?;
    }
    Ok(())
}

/// Writes the mask of images on canvases of `size`, of which each is at [top, left, height, width].
///
/// # Errors
/// The driver's.
///
/// # Safety
/// As for `Engine::resize`; at `output` is an int64 for each pixel of each canvas.
pub(super) unsafe fn mask(
    target: Target<'_>,
    output: DeviceAddress,
    size: (usize, usize),
    inners: &[[usize; 4]],
) -> Result<()> {
    for (index, part) in inners.chunks(MAX_INNERS).enumerate() {
        let before = (index * MAX_INNERS * size.0 * size.1 * size_of::<i64>()) as u64;
        let mut call = MaskCall {
            output: output + before,
            height: size.0 as i32,
            width: size.1 as i32,
            batch: 0,
            reserved: 0,
            images: [[0; 4]; MAX_INNERS],
        };
        for (record, inner) in call.images.iter_mut().zip(part) {
            *record = inner.map(|number| number as i32);
        }
        let grid = (size.0.clamp(1, MOST_BLOCKS) as u32, part.len() as u32);
        // SAFETY: the kernel takes a `MaskCall`; the rest is promised by the caller.
        unsafe { launch(target, Kernel::Mask, grid, &call) }?;
    }
    Ok(())
}

/// Writes words of the host, which travel in the parameters of the launches: a CUDA graph holds them.
///
/// # Errors
/// The driver's.
///
/// # Safety
/// As for `Engine::resize`; at `output` is memory for the words.
pub(super) unsafe fn store(target: Target<'_>, output: DeviceAddress, words: &[u32]) -> Result<()> {
    for (index, part) in words.chunks(MAX_STORED).enumerate() {
        let mut call = StoreCall {
            output: output + (index * MAX_STORED * size_of::<u32>()) as u64,
            count: part.len() as i32,
            reserved: 0,
            words: [0; MAX_STORED],
        };
        call.words[..part.len()].copy_from_slice(part);
        // SAFETY: the kernel takes a `StoreCall`; the rest is promised by the caller.
        unsafe { launch(target, Kernel::Store, (1, 1), &call) }?;
    }
    Ok(())
}

/// # Safety
/// As for `Driver::launch`, with a kernel of the context that takes a `P` and no shared memory.
unsafe fn launch<P>(target: Target<'_>, kernel: Kernel, grid: (u32, u32), call: &P) -> Result<()> {
    // SAFETY: promised by the caller.
    unsafe {
        target.context.driver().launch(
            target.context.function(kernel),
            grid,
            THREADS,
            0,
            target.stream,
            call,
        )
    }
}
