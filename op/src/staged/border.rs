//! What lies around the image on the last canvas, in the finished tensor.

use half::f16;
use prep_onnx_pipeline::Layout;
use prep_onnx_pipeline::plan::Placement;

use crate::kernel::pixels::Fill;
use crate::run::OutputMut;

/// A canvas of `size` with its image at `inner` = [top, left, height, width].
struct Area {
    size: (usize, usize),
    inner: [usize; 4],
}

/// Writes `values`, one for each channel, around the image.
pub(super) fn fill(output: &mut OutputMut<'_>, layout: Layout, placement: &Placement, values: &[f32]) {
    let area = Area {
        size: placement.size,
        inner: placement.inner(),
    };
    match output {
        OutputMut::Float32(elements) => area.fill(elements, layout, values),
        OutputMut::Float16(elements) => {
            let values: Vec<f16> = values.iter().map(|value| f16::from_f32(*value)).collect();
            area.fill(elements, layout, &values);
        }
        OutputMut::Uint8(elements) => {
            let values: Vec<u8> = values.iter().map(|value| *value as u8).collect();
            area.fill(elements, layout, &values);
        }
    }
}

impl Area {
    fn fill<T: Fill>(&self, elements: &mut [T], layout: Layout, values: &[T]) {
        let (height, width) = self.size;
        match layout {
            Layout::Nchw => {
                for (plane, value) in elements.chunks_exact_mut((height * width).max(1)).zip(values) {
                    self.runs(|run| value.fill(&mut plane[run]));
                }
            }
            Layout::Nhwc => self.runs(|run| {
                let channels = values.len();
                T::fill_pixels(values, &mut elements[run.start * channels..run.end * channels]);
            }),
        }
    }

    /// The runs of pixels around the image: what is right of a row and left of the next one is one.
    fn runs(&self, mut each: impl FnMut(std::ops::Range<usize>)) {
        let (height, width) = self.size;
        let [top, left, inner_height, inner_width] = self.inner;
        if inner_height == 0 || inner_width == 0 {
            return each(0..height * width);
        }
        let mut start = 0;
        for row in top..top + inner_height {
            let inner = row * width + left;
            each(start..inner);
            start = inner + inner_width;
        }
        each(start..height * width);
    }
}
