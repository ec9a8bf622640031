//! A call allocates nothing once buffers and tables of its image sizes are there.

use std::alloc::{GlobalAlloc, Layout as Memory, System};
use std::cell::Cell;

use prep_onnx_op::{Images, OutputMut, Preprocessor, Sequential, SimdLevel};
use prep_onnx_pipeline::{Dtype, Layout, Pipeline};
use serde_json::json;

/// The system's allocator, with the allocations of each thread counted: the test harness has threads too.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Memory) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: passed on from the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Memory) {
        // SAFETY: passed on from the caller.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_repeated_call_allocates_nothing() {
    let plan = Pipeline::from_value(json!({"steps": [
        {"step": "resize", "size": {"shortest_edge": 64}, "filter": "bilinear"},
        {"step": "center_crop", "size": [56, 56]},
        {"step": "rescale", "divisor": 255},
    ]}))
    .and_then(|pipeline| pipeline.plan(Layout::Nchw, Dtype::Float32))
    .expect("a plan");
    let pixels = vec![7; 3 * (100 * 80 + 90 * 300 + 100 * 80)];
    let shapes = [100, 80, 3, 90, 300, 3, 100, 80, 3];
    let images = Images::Ragged {
        pixels_shape: &[pixels.len() as i64],
        pixels: &pixels,
        shapes_shape: &[3, 3],
        shapes: &shapes,
    };
    let mut output = vec![0.0; 3 * 3 * 56 * 56];
    for level in SimdLevel::ALL.into_iter().filter(|level| level.is_available()) {
        let op = Preprocessor::with_level(plan.clone(), level).expect("an available level");
        let mut run = || {
            op.run(&images, OutputMut::Float32(&mut output), &Sequential)
                .expect("fitting lengths")
        };
        run();
        let before = ALLOCATIONS.get();
        (0..100).for_each(|_| run());
        assert_eq!(ALLOCATIONS.get() - before, 0, "{level}");
    }
}
