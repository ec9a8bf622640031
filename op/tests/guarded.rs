//! Images and outputs between pages that nothing may touch: a load or a store outside of them ends the process.
//!
//! Loads that are written as instructions are seen by no sanitizer.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::ffi::c_void;
use std::ptr::null_mut;

use common::{Random, cases, image, levels, pipeline, reference};
use half::f16;
use prep_onnx_op::{Images, OutputMut, Preprocessor, Sequential};
use prep_onnx_pipeline::{Dtype, Pipeline};
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};

/// Bytes of a page, or a multiple of that, on every processor here.
const PAGE: usize = 1 << 16;

/// Where bytes lie between the two pages.
#[derive(Clone, Copy)]
enum Side {
    /// They begin where the first page ends.
    First,
    /// They end where the last page begins.
    Last,
}

/// Bytes with a page that nothing may touch before or behind them.
struct Guarded {
    pages: *mut c_void,
    length: usize,
    first: usize,
    bytes: usize,
}

impl Guarded {
    fn new(bytes: usize, side: Side) -> Self {
        let inner = bytes.next_multiple_of(PAGE);
        let length = inner + 2 * PAGE;
        // SAFETY: new pages, wherever the system puts them.
        let pages = unsafe {
            mmap_anonymous(
                null_mut(),
                length,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE,
            )
        };
        let pages = pages.unwrap();
        for guard in [0, PAGE + inner] {
            // SAFETY: a page of those above, to which nothing points yet.
            unsafe { mprotect(pages.cast::<u8>().add(guard).cast(), PAGE, MprotectFlags::empty()) }.unwrap();
        }
        let first = match side {
            Side::First => PAGE,
            Side::Last => PAGE + inner - bytes,
        };
        Self {
            pages,
            length,
            first,
            bytes,
        }
    }

    /// Its bytes as elements of another type, whose size they are a multiple of.
    fn elements<T: Copy>(&mut self) -> &mut [T] {
        let count = self.bytes / size_of::<T>();
        // SAFETY: these pages may be read and written, are borrowed exclusively and are filled with zeros, which every type here has; a
        // multiple of its size before the end of a page is aligned for it.
        unsafe {
            let first = self.pages.cast::<u8>().add(self.first);
            std::slice::from_raw_parts_mut(first.cast(), count)
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: the pages of `new`, to which nothing points any more.
        unsafe { munmap(self.pages, self.length) }.unwrap();
    }
}

/// The elements that `run` writes to `output`, as bytes.
fn written(output: &mut Guarded, dtype: Dtype, run: impl FnOnce(OutputMut<'_>)) -> Vec<u8> {
    match dtype {
        Dtype::Float32 => run(OutputMut::Float32(output.elements::<f32>())),
        Dtype::Float16 => run(OutputMut::Float16(output.elements::<f16>())),
        Dtype::Uint8 => run(OutputMut::Uint8(output.elements::<u8>())),
    }
    output.elements::<u8>().to_vec()
}

#[test]
#[cfg_attr(miri, ignore = "Miri sees every access, and has no pages to protect")]
fn nothing_outside_is_touched() {
    let count = cases(if cfg!(debug_assertions) { 60 } else { 600 });
    let levels = levels();
    let mut compared = 0;
    for seed in 0..count as u64 {
        let mut random = Random(seed ^ 0x6a09_e667);
        let pipeline = pipeline(&mut random, false, 120);
        let most = if random.chance(15) { 900 } else { 120 };
        let (height, width) = (random.size(most), random.size(most));
        let image = image(&mut random, height, width);
        let parsed = Pipeline::from_value(pipeline.clone()).unwrap();
        let Some(expected) = reference(&parsed, std::slice::from_ref(&image)) else {
            continue;
        };
        let (layout, dtype) = parsed.output.or_usual();
        let plan = parsed.plan(layout, dtype).unwrap();
        let side = *random.pick(&[Side::First, Side::Last]);
        let mut pixels = Guarded::new(image.len(), side);
        pixels.elements::<u8>().copy_from_slice(image.as_slice().unwrap());
        let images = Images::Batch {
            shape: &[1, height as i64, width as i64, 3],
            image: pixels.elements::<u8>(),
        };
        for level in &levels {
            let op = Preprocessor::with_level(plan.clone(), *level).unwrap();
            let mut output = Guarded::new(expected.len(), side);
            let got = written(&mut output, dtype, |output| {
                op.run(&images, output, &Sequential).unwrap();
            });
            assert!(got == expected, "{level} {pipeline} {height}x{width}");
            compared += 1;
        }
    }
    assert!(
        compared >= count,
        "{compared} of {count} cases, at {} levels",
        levels.len()
    );
    eprintln!("{count} random cases, {compared} outputs compared");
}
