//! The op without ONNX Runtime.

use std::sync::atomic::AtomicUsize;
use std::sync::{Mutex, PoisonError};

use half::f16;
use prep_onnx_pipeline::{Dtype, Error, FusedPlan, Result};

use super::cache::Extent;
use super::engine::{OutputImage, Scratch, Task, element_size, run_band};
use super::images::{Image, Images, Pixels, Shape};
use super::memory::lack;
use super::schedule::{Executor, Schedule};
use super::tables::{AnyPrepared, Tables};
use crate::kernel::Finish;
#[cfg(target_arch = "aarch64")]
use crate::kernel::neon::Neon;
use crate::kernel::scalar::Scalar;
use crate::kernel::{Isa, SimdLevel};
#[cfg(target_arch = "x86_64")]
use crate::kernel::{avx2::Avx2, avx512::Avx512, sse41::Sse41, vnni::Vnni};

/// The elements of the output, in C order.
#[derive(Debug)]
pub enum OutputMut<'a> {
    /// Elements of [`Dtype::Float32`].
    Float32(&'a mut [f32]),
    /// Elements of [`Dtype::Float16`].
    Float16(&'a mut [f16]),
    /// Elements of [`Dtype::Uint8`]; of a plan that makes int8, their bits.
    Uint8(&'a mut [u8]),
}

impl OutputMut<'_> {
    fn dtype(&self) -> Dtype {
        match self {
            Self::Float32(_) => Dtype::Float32,
            Self::Float16(_) => Dtype::Float16,
            Self::Uint8(_) => Dtype::Uint8,
        }
    }

    pub(crate) fn elements(&mut self) -> (*mut u8, usize) {
        match self {
            Self::Float32(elements) => (elements.as_mut_ptr().cast(), elements.len()),
            Self::Float16(elements) => (elements.as_mut_ptr().cast(), elements.len()),
            Self::Uint8(elements) => (elements.as_mut_ptr(), elements.len()),
        }
    }
}

/// A plan made ready to run, as often and from as many threads as wanted.
pub struct Preprocessor {
    pub(super) plan: FusedPlan,
    level: SimdLevel,
    pub(super) finish: Finish,
    pub(super) engine: AnyEngine,
}

pub(super) enum AnyEngine {
    Scalar(Engine<Scalar>),
    #[cfg(target_arch = "x86_64")]
    Sse41(Engine<Sse41>),
    #[cfg(target_arch = "x86_64")]
    Avx2(Engine<Avx2>),
    #[cfg(target_arch = "x86_64")]
    Vnni(Engine<Vnni>),
    #[cfg(target_arch = "x86_64")]
    Avx512(Engine<Avx512>),
    #[cfg(target_arch = "aarch64")]
    Neon(Engine<Neon>),
}

impl Preprocessor {
    /// Prepares `plan` at the level that [`SimdLevel::best`] gives.
    ///
    /// # Errors
    /// When the plan cannot be executed, or the environment names a level that this processor lacks.
    pub fn new(plan: FusedPlan) -> Result<Self> {
        Self::with_level(plan, SimdLevel::best()?)
    }

    /// Prepares `plan` at a given level.
    ///
    /// # Errors
    /// When the plan cannot be executed, or this processor lacks the level.
    pub fn with_level(plan: FusedPlan, level: SimdLevel) -> Result<Self> {
        plan.check()?;
        let lacking = || match level.checked() {
            Ok(_) => Error::new(level, "is not built in"),
            Err(error) => error,
        };
        let engine = match level {
            SimdLevel::Scalar => AnyEngine::Scalar(Engine::new(Scalar)),
            #[cfg(target_arch = "x86_64")]
            SimdLevel::Sse41 => AnyEngine::Sse41(Engine::new(Sse41::new().ok_or_else(lacking)?)),
            #[cfg(target_arch = "x86_64")]
            SimdLevel::Avx2 => AnyEngine::Avx2(Engine::new(Avx2::new().ok_or_else(lacking)?)),
            #[cfg(target_arch = "x86_64")]
            SimdLevel::Vnni => AnyEngine::Vnni(Engine::new(Vnni::new().ok_or_else(lacking)?)),
            #[cfg(target_arch = "x86_64")]
            SimdLevel::Avx512 => AnyEngine::Avx512(Engine::new(Avx512::new().ok_or_else(lacking)?)),
            #[cfg(not(target_arch = "x86_64"))]
            SimdLevel::Sse41 | SimdLevel::Avx2 | SimdLevel::Vnni | SimdLevel::Avx512 => return Err(lacking()),
            #[cfg(target_arch = "aarch64")]
            SimdLevel::Neon => AnyEngine::Neon(Engine::new(Neon::new().ok_or_else(lacking)?)),
            #[cfg(not(target_arch = "aarch64"))]
            SimdLevel::Neon => return Err(lacking()),
        };
        Ok(Self {
            finish: Finish::new(&plan),
            plan,
            level,
            engine,
        })
    }

    /// What is executed.
    pub fn plan(&self) -> &FusedPlan {
        &self.plan
    }

    /// The level that runs.
    pub fn level(&self) -> SimdLevel {
        self.level
    }

    /// Checks the input and gives the extents of its output.
    ///
    /// # Errors
    /// Names the input, and the expected and the actual shape.
    pub fn output_shape(&self, images: &Images<'_>) -> Result<Shape> {
        images.check(&self.plan, |_| ())
    }

    /// Computes the output, whose extents are those of [`Preprocessor::output_shape`].
    ///
    /// # Errors
    /// Names the input or output that does not fit, and the expected and the actual shape; not enough memory,
    /// which leaves the elements of the output in any state.
    pub fn run(&self, images: &Images<'_>, output: OutputMut<'_>, executor: &dyn Executor) -> Result<()> {
        match &self.engine {
            AnyEngine::Scalar(engine) => engine.run(&self.plan, &self.finish, images, output, executor),
            #[cfg(target_arch = "x86_64")]
            AnyEngine::Sse41(engine) => engine.run(&self.plan, &self.finish, images, output, executor),
            #[cfg(target_arch = "x86_64")]
            AnyEngine::Avx2(engine) => engine.run(&self.plan, &self.finish, images, output, executor),
            #[cfg(target_arch = "x86_64")]
            AnyEngine::Vnni(engine) => engine.run(&self.plan, &self.finish, images, output, executor),
            #[cfg(target_arch = "x86_64")]
            AnyEngine::Avx512(engine) => engine.run(&self.plan, &self.finish, images, output, executor),
            #[cfg(target_arch = "aarch64")]
            AnyEngine::Neon(engine) => engine.run(&self.plan, &self.finish, images, output, executor),
        }
    }
}

/// What a call needs besides input and output; kept for the next call.
struct Call<I: Isa> {
    images: Vec<Image>,
    /// For each image, its entry in `prepared`.
    prepared_of: Vec<usize>,
    prepared: Vec<AnyPrepared<I>>,
    cursors: Vec<AtomicUsize>,
}

/// Tables and buffers at one level.
pub(super) struct Engine<I: Isa> {
    pub(super) isa: I,
    pub(super) tables: Tables<I>,
    calls: Pool<Call<I>>,
    pub(super) scratches: Pool<Scratch>,
}

impl<I: Isa> Engine<I> {
    fn new(isa: I) -> Self {
        Self {
            isa,
            tables: Tables::new(isa),
            calls: Pool::new(),
            scratches: Pool::new(),
        }
    }

    fn run(
        &self,
        plan: &FusedPlan,
        finish: &Finish,
        images: &Images<'_>,
        mut output: OutputMut<'_>,
        executor: &dyn Executor,
    ) -> Result<()> {
        let mut call = self.calls.take(|| Call {
            images: Vec::new(),
            prepared_of: Vec::new(),
            prepared: Vec::new(),
            cursors: Vec::new(),
        });
        call.images.clear();
        let mut full = false;
        let checked = images.check(plan, |image| {
            full = full || call.images.try_reserve(1).is_err();
            if !full {
                call.images.push(image);
            }
        });
        let result = checked.and_then(|shape| {
            if full {
                return Err(lack(shape.images.saturating_mul(size_of::<Image>())));
            }
            check_output(finish.dtype, shape, &mut output)?;
            self.run_checked(plan, finish, images.pixels(), output, &mut call, executor)
        });
        call.prepared.clear();
        self.calls.give(call);
        result
    }

    fn run_checked(
        &self,
        plan: &FusedPlan,
        finish: &Finish,
        pixels: Pixels<'_>,
        mut output: OutputMut<'_>,
        call: &mut Call<I>,
        executor: &dyn Executor,
    ) -> Result<()> {
        let Some(first) = call.images.first() else {
            return Ok(());
        };
        let (rows, columns) = first.geometry.output;
        let image_bytes = rows * columns * prep_onnx_pipeline::CHANNELS * element_size(finish.dtype);
        call.prepared_of.clear();
        let entries = call.images.len();
        (call.prepared_of.try_reserve(entries))
            .map_err(|_| lack(entries.saturating_mul(size_of::<usize>())))?;
        for (index, image) in call.images.iter().enumerate() {
            if index == 0 || image.geometry != call.images[index - 1].geometry {
                call.prepared
                    .push(self.tables.get(plan, &image.geometry, Extent::Whole)?);
            }
            call.prepared_of.push(call.prepared.len() - 1);
        }
        let schedule = Schedule::new(call.images.len(), rows, executor.threads().max(1));
        schedule.start(&mut call.cursors);
        let call = &*call;
        let start = SharedOutput(output.elements().0);
        let failed: Mutex<Option<Error>> = Mutex::new(None);
        let work = |worker: usize| {
            let mut scratch = self.scratches.take(Scratch::default);
            scratch.reset();
            schedule.drain(&call.cursors, worker, |index, band| {
                let Image {
                    geometry,
                    start: from,
                } = call.images[index];
                let (height, width) = geometry.image;
                let task = Task {
                    index,
                    geometry,
                    pixels: pixels.of(index, from, height * width * prep_onnx_pipeline::CHANNELS),
                    output: start.image(index * image_bytes),
                };
                // SAFETY: `check_output` compared the output with the shape, which is this many images of
                // this geometry's output; `output` is borrowed mutably until the executor returns, and
                // the schedule hands every band of every image to one worker only.
                let result = unsafe {
                    match &call.prepared[call.prepared_of[index]] {
                        AnyPrepared::Level(prepared) => {
                            run_band(self.isa, prepared, finish, &task, band, &mut scratch)
                        }
                        AnyPrepared::Wide(prepared) => {
                            run_band(Scalar, prepared, finish, &task, band, &mut scratch)
                        }
                    }
                };
                if let Err(error) = result {
                    *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                }
            });
            self.scratches.give(scratch);
        };
        match schedule.workers() {
            1 => work(0),
            workers => executor.for_each(workers, &work)?,
        }
        match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

/// The output's address, for closures that run on several threads.
#[derive(Clone, Copy)]
pub(super) struct SharedOutput(pub(super) *mut u8);

impl SharedOutput {
    pub(super) fn image(self, offset: usize) -> OutputImage {
        OutputImage(self.0.wrapping_add(offset))
    }
}

// SAFETY: the address is only dereferenced in `run_band` and `copy`, whose callers write disjoint rows.
unsafe impl Send for SharedOutput {}
// SAFETY: as for `Send`.
unsafe impl Sync for SharedOutput {}

pub(crate) fn check_output(dtype: Dtype, shape: Shape, output: &mut OutputMut<'_>) -> Result<()> {
    check_elements(dtype, &shape.extents, output)
}

/// Checks that an output has the element type and the number of elements of its extents.
pub(crate) fn check_elements(dtype: Dtype, extents: &[usize], output: &mut OutputMut<'_>) -> Result<()> {
    if output.dtype() != dtype {
        return Err(Error::new("output", "has another element type").expected_got(dtype, output.dtype()));
    }
    let expected: usize = extents.iter().product();
    let (_, got) = output.elements();
    if got == expected {
        return Ok(());
    }
    Err(Error::new("output", "has another length")
        .expected_got(format_args!("{expected} elements, the shape {extents:?}"), got))
}

/// Values that are reused instead of allocated again. It never holds more than were in use at once.
pub(crate) struct Pool<T>(Mutex<Vec<T>>);

impl<T> Pool<T> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    pub(crate) fn take(&self, make: impl FnOnce() -> T) -> T {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        kept.unwrap_or_else(make)
    }

    pub(crate) fn give(&self, value: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(value);
    }
}
