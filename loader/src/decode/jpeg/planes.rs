//! Planes of samples, whole or reduced, on their way to rows of pixels.

use super::frame::{BLOCK, Frame};
use super::scans::zeroed;
use super::source::Fault;
use super::upsample::{Method, Plane};

/// The planes, and how blocks become samples.
pub(super) struct Samples {
    planes: Vec<Plane>,
    /// The side of a block of each component, in samples.
    sides: Vec<usize>,
    /// The smallest of them.
    side: usize,
    width: usize,
    height: usize,
}

impl Samples {
    pub(super) fn new(frame: &Frame, side: usize) -> Result<Self, Fault> {
        let (mut planes, mut sides) = (Vec::new(), Vec::new());
        for component in &frame.components {
            let own = frame.reduced_side(component, side);
            let (columns, rows) = frame.blocks(component);
            planes.push(Plane {
                samples: zeroed(columns * own * rows * own, 0)?,
                stride: columns * own,
                width: (frame.width * component.h * own).div_ceil(frame.max_h() * BLOCK),
                height: (frame.height * component.v * own).div_ceil(frame.max_v() * BLOCK),
            });
            sides.push(own);
        }
        Ok(Self {
            planes,
            sides,
            side,
            width: (frame.width * side).div_ceil(BLOCK),
            height: (frame.height * side).div_ceil(BLOCK),
        })
    }

    pub(super) fn methods(&self, frame: &Frame) -> Result<Vec<Method>, Fault> {
        let all = (frame.max_h(), frame.max_v());
        let components = frame.components.iter().zip(&self.sides).zip(&self.planes);
        components
            .map(|((component, &own), plane)| {
                let group = (component.h * own / self.side, component.v * own / self.side);
                Method::new(group, all, plane.width, self.side > 1)
            })
            .collect()
    }

    /// Hands the place of a block of a component, in column `x` and row `y` of its blocks, to `write`, with the side of the block and
    /// the distance of rows. Blocks that only fill up an MCU have no samples.
    pub(super) fn put(
        &mut self,
        (component, x, y): (usize, usize, usize),
        write: impl FnOnce(usize, &mut [u8], usize),
    ) {
        let (plane, side) = (&mut self.planes[component], self.sides[component]);
        let start = y * side * plane.stride + x * side;
        let inside = (x + 1) * side <= plane.stride;
        if let Some(samples) = plane
            .samples
            .get_mut(start..)
            .filter(|rest| inside && !rest.is_empty())
        {
            write(side, samples, plane.stride);
        }
    }

    /// Writes rows of pixels to `out`: `convert` makes one of the components' rows, which are as wide at least.
    pub(super) fn emit(
        &self,
        methods: &[Method],
        out: &mut [u8],
        mut convert: impl FnMut(&[Vec<u8>], &mut [u8]),
    ) -> Result<(), Fault> {
        // Room for the last column of the smallest component, enlarged.
        let room = self.width.next_multiple_of(4) + 8;
        let mut rows = Vec::new();
        for _ in methods {
            rows.push(zeroed(room, 0)?);
        }
        for (y, out) in out.chunks_exact_mut(self.width * 3).take(self.height).enumerate() {
            for ((method, plane), row) in methods.iter().zip(&self.planes).zip(&mut rows) {
                method.row(plane, y, row);
            }
            convert(&rows, out);
        }
        Ok(())
    }
}
