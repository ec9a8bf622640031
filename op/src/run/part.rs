//! One image of which only the needed part is there.

use std::ops::Range;

use prep_onnx_pipeline::{CHANNELS, Error, FusedPlan, Geometry, ImageStatus, Result};

use super::cache::Extent;
#[cfg(target_arch = "x86_64")]
use super::copy::{RowSource, Stored, copy};
use super::engine::{Scratch, Task, run_band};
use super::images::Shape;
use super::preprocessor::{AnyEngine, Engine, OutputMut, Preprocessor, SharedOutput, check_output};
use super::schedule::{Executor, bands};
use super::tables::{AnyPrepared, Prepared};
use crate::kernel::Finish;
use crate::kernel::Isa;
#[cfg(target_arch = "x86_64")]
use crate::kernel::rows::RowKernels;
use crate::kernel::scalar::Scalar;
#[cfg(target_arch = "x86_64")]
use crate::kernel::with_row_kernels;

/// The rows and columns of an image that its output is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) rows: Range<usize>,
    pub(crate) columns: Range<usize>,
    geometry: Geometry,
}

/// Why an image has no tensor: without enough memory, it is larger than the limits.
pub(crate) type BadPart = (ImageStatus, Error);

macro_rules! with_engine {
    ($preprocessor:expr, $engine:ident => $call:expr) => {
        match &$preprocessor.engine {
            AnyEngine::Scalar($engine) => $call,
            #[cfg(target_arch = "x86_64")]
            AnyEngine::Sse41($engine) => $call,
            #[cfg(target_arch = "x86_64")]
            AnyEngine::Avx2($engine) => $call,
            #[cfg(target_arch = "x86_64")]
            AnyEngine::Vnni($engine) => $call,
            #[cfg(target_arch = "x86_64")]
            AnyEngine::Avx512($engine) => $call,
            #[cfg(target_arch = "aarch64")]
            AnyEngine::Neon($engine) => $call,
        }
    };
}

impl Preprocessor {
    /// What is needed of an image of `height` x `width` pixels.
    ///
    /// # Errors
    /// An image without pixels, or that would be resized to none or to too many; not enough memory.
    pub(crate) fn part(&self, height: usize, width: usize) -> Result<Part, BadPart> {
        let geometry = (self.plan.geometry(height, width)).map_err(|error| (ImageStatus::Size, error))?;
        with_engine!(self, engine => engine.part(&self.plan, geometry))
            .map_err(|error| (ImageStatus::Limit, error))
    }

    /// Computes the output of one image from the pixels of its part.
    ///
    /// # Errors
    /// When `pixels` or `output` have another size, or there is not enough memory.
    pub(crate) fn run_part(
        &self,
        part: &Part,
        pixels: &[u8],
        mut output: OutputMut<'_>,
        executor: &dyn Executor,
    ) -> Result<(), BadPart> {
        let expected = part.rows.len() * part.columns.len() * CHANNELS;
        if pixels.len() != expected {
            let error = Error::new("pixels", "are not the part of the image that is needed")
                .expected_got(format_args!("{expected} bytes"), pixels.len());
            return Err((ImageStatus::Internal, error));
        }
        let shape = Shape {
            extents: self.plan.output_shape(1, part.geometry.output),
            images: 1,
        };
        check_output(self.finish.dtype, shape, &mut output)
            .map_err(|error| (ImageStatus::Internal, error))?;
        let output = SharedOutput(output.elements().0);
        with_engine!(self, engine => {
            // SAFETY: `check_output` compared the output, which is borrowed mutably, with the shape of this
            // image's output.
            unsafe { engine.run_one(&self.plan, &self.finish, (part.geometry, Extent::Part), pixels, output, executor) }
        })
        .map_err(|error| (ImageStatus::Limit, error))
    }

    /// Computes the output of one image, with this geometry instead of that of the plan. Around the image the elements are any.
    ///
    /// # Errors
    /// When `pixels` or `output` have another size, or there is not enough memory.
    pub(crate) fn run_geometry(
        &self,
        geometry: Geometry,
        pixels: &[u8],
        mut output: OutputMut<'_>,
        executor: &dyn Executor,
    ) -> Result<()> {
        let expected = geometry.image.0 * geometry.image.1 * CHANNELS;
        if pixels.len() != expected {
            return Err(Error::new("pixels", "are not those of the image")
                .expected_got(format_args!("{expected} bytes"), pixels.len()));
        }
        #[cfg(target_arch = "x86_64")]
        if self.plan.resize.is_none() {
            let stored = Stored::new(&geometry, pixels);
            let done = with_row_kernels!(self.level(), kernels => {
                let output = super::places::borrowed(&mut output);
                self.run_rows(kernels, &stored, &geometry, output, executor)
            });
            if let Some(done) = done {
                return done;
            }
        }
        let output = self.checked(&geometry, &mut output)?;
        with_engine!(self, engine => {
            // SAFETY: `checked` compared the output, which is borrowed mutably, with this geometry.
            unsafe { engine.run_one(&self.plan, &self.finish, (geometry, Extent::Whole), pixels, output, executor) }
        })
    }

    /// Computes the output of one image, whose rows come from `source`, as [`Self::run_geometry`]; the plan does not resize.
    ///
    /// # Errors
    /// When `output` has another size, or there is not enough memory.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn run_rows<K: RowKernels, S: RowSource<K>>(
        &self,
        kernels: K,
        source: &S,
        geometry: &Geometry,
        mut output: OutputMut<'_>,
        executor: &dyn Executor,
    ) -> Result<()> {
        let output = self.checked(geometry, &mut output)?;
        let each = (|| None, drop::<Option<S::Cursor>>);
        bands(geometry.output.0, executor, each, |kept, band| {
            let cursor = match kept {
                Some(cursor) => cursor,
                None => kept.insert(source.cursor()?),
            };
            // SAFETY: `checked` compared the output, which is borrowed mutably, with this geometry; no row is in two bands.
            unsafe {
                copy(
                    kernels,
                    (source, cursor),
                    (&self.finish, self.plan.channels),
                    geometry,
                    output.image(0),
                    band,
                )
            }
        })
    }

    /// The start of the output of one image.
    ///
    /// # Errors
    /// When it has another type or size.
    fn checked(&self, geometry: &Geometry, output: &mut OutputMut<'_>) -> Result<SharedOutput> {
        let shape = Shape {
            extents: self.plan.output_shape(1, geometry.output),
            images: 1,
        };
        check_output(self.finish.dtype, shape, output)?;
        Ok(SharedOutput(output.elements().0))
    }
}

fn ranges<I: Isa>(prepared: &Prepared<I>) -> (Range<usize>, Range<usize>) {
    (prepared.rows.source.clone(), prepared.columns.source.clone())
}

impl<I: Isa> Engine<I> {
    fn part(&self, plan: &FusedPlan, geometry: Geometry) -> Result<Part> {
        let (rows, columns) = match self.tables.get(plan, &geometry, Extent::Part)? {
            AnyPrepared::Level(prepared) => ranges(&prepared),
            AnyPrepared::Wide(prepared) => ranges(&prepared),
        };
        Ok(Part {
            rows,
            columns,
            geometry,
        })
    }

    /// # Safety
    /// As for [`run_band`], for all rows of the output image.
    unsafe fn run_one(
        &self,
        plan: &FusedPlan,
        finish: &Finish,
        (geometry, extent): (Geometry, Extent),
        pixels: &[u8],
        output: SharedOutput,
        executor: &dyn Executor,
    ) -> Result<()> {
        let prepared = self.tables.get(plan, &geometry, extent)?;
        let take = || {
            let mut scratch = self.scratches.take(Scratch::default);
            scratch.reset();
            scratch
        };
        let give = |scratch| self.scratches.give(scratch);
        bands(geometry.output.0, executor, (take, give), |scratch, band| {
            let task = Task {
                index: 0,
                geometry,
                pixels,
                output: output.image(0),
            };
            // SAFETY: promised by the caller; no row is in two bands.
            unsafe {
                match &prepared {
                    AnyPrepared::Level(prepared) => {
                        run_band(self.isa, prepared, finish, &task, band, scratch)
                    }
                    AnyPrepared::Wide(prepared) => run_band(Scalar, prepared, finish, &task, band, scratch),
                }
            }
        })
    }
}
