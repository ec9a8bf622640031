//! The resize of a stage, uint8 to uint8.

use std::ops::Range;

use prep_onnx_pipeline::plan::{Placement, v1};
use prep_onnx_pipeline::resample::{Arithmetic, OpencvFilter};
use prep_onnx_pipeline::{CHANNELS, Dtype, FusedPlan, Geometry, Layout, Result};

use super::linear;
use super::pixels::Pixels;
use crate::SimdLevel;
use crate::run::{Executor, OutputMut, Preprocessor, grow, room};

/// Who computes a resize.
pub(super) enum Resampler {
    /// The engine of version 1.
    Engine {
        arithmetic: Arithmetic,
        preprocessor: Box<Preprocessor>,
    },
    /// INTER_LINEAR.
    Linear(SimdLevel),
    /// The definition itself.
    Plain(Arithmetic),
}

/// The resize of version 1 with the windows and the filter of an arithmetic, where the engine has it.
pub(super) fn engine_step(arithmetic: Arithmetic) -> Option<v1::Resize> {
    match arithmetic {
        Arithmetic::Passes {
            windows,
            filter,
            antialias: true,
        } => Some(v1::Resize {
            // The engine takes sizes from a geometry, never from this rule.
            size: v1::Size::Exact { height: 1, width: 1 },
            filter,
            resampler: windows,
        }),
        Arithmetic::Passes { antialias: false, .. }
        | Arithmetic::Opencv { .. }
        | Arithmetic::Torch { .. } => None,
    }
}

impl Resampler {
    pub(super) fn new(arithmetic: Arithmetic, level: SimdLevel) -> Result<Self> {
        if let Some(step) = engine_step(arithmetic) {
            let plan = FusedPlan {
                resize: Some(step),
                crop: None,
                channels: [0, 1, 2],
                operations: Vec::new(),
                layout: Layout::Nhwc,
                dtype: Dtype::Uint8,
            };
            return Ok(Self::Engine {
                arithmetic,
                preprocessor: Box::new(Preprocessor::with_level(plan, level)?),
            });
        }
        Ok(match arithmetic {
            Arithmetic::Opencv {
                filter: OpencvFilter::Linear,
            } => Self::Linear(level),
            Arithmetic::Passes { .. } | Arithmetic::Opencv { .. } | Arithmetic::Torch { .. } => {
                Self::Plain(arithmetic)
            }
        })
    }

    /// Whether the pixels of a resize from one size to the other are those that there were.
    pub(super) fn keeps(&self, from: (usize, usize), to: (usize, usize)) -> bool {
        from == to && matches!(self, Self::Linear(_))
    }

    /// The rows and columns `part` of the image resized to `to`.
    pub(super) fn resize(
        &self,
        image: &Pixels<'_>,
        to: (usize, usize),
        part: (Range<usize>, Range<usize>),
        executor: &dyn Executor,
    ) -> Result<Pixels<'static>> {
        match self {
            Self::Engine {
                arithmetic,
                preprocessor,
            } => {
                if image.channels == 1 {
                    return self
                        .resize(&image.tripled()?, to, part, executor)?
                        .first_channel();
                }
                let size = (part.0.len(), part.1.len());
                let mut bytes = Vec::new();
                grow(&mut bytes, size.0 * size.1 * CHANNELS, 0)?;
                let geometry = Geometry {
                    image: image.size,
                    resized: to,
                    offset: (part.0.start as i64, part.1.start as i64),
                    output: size,
                    vertical_first: arithmetic.vertical_first(image.size, to),
                };
                let output = OutputMut::Uint8(&mut bytes);
                preprocessor.run_geometry(geometry, &image.bytes, output, executor)?;
                Pixels::new(size, CHANNELS, bytes)
            }
            Self::Linear(level) => linear::resize(*level, image, to, part, executor),
            Self::Plain(arithmetic) => {
                let size = (part.0.len(), part.1.len());
                let (rows, columns) = match arithmetic {
                    Arithmetic::Passes { .. } => size,
                    // All of the resized image, of which the part is cut.
                    Arithmetic::Opencv { .. } | Arithmetic::Torch { .. } => to,
                };
                // The result, and what the first pass leaves.
                let values =
                    (rows * columns).saturating_add(image.size.0.max(rows) * columns.max(image.size.1));
                room(values.saturating_mul(image.channels * size_of::<f32>()))?;
                let resized = arithmetic.resize_part(image.view()?, to, part);
                let (bytes, _) = resized
                    .as_standard_layout()
                    .into_owned()
                    .into_raw_vec_and_offset();
                Pixels::new(size, image.channels, bytes)
            }
        }
    }
}

/// The rows and columns of a resized image that its canvas shows.
pub(crate) fn visible(placement: &Placement) -> (Range<usize>, Range<usize>) {
    let visible = |from: usize, offset: i64, size: usize| {
        let clamped = |at: i64| at.clamp(0, from as i64) as usize;
        clamped(offset)..clamped(offset.saturating_add_unsigned(size as u64))
    };
    let Placement { from, offset, size } = *placement;
    (
        visible(from.0, offset.0, size.0),
        visible(from.1, offset.1, size.1),
    )
}
