//! Which source pixels make an output pixel: the table of an axis, by the rule of a resize.

use prep_onnx_pipeline::plan::v1;
use prep_onnx_pipeline::resample::{Arithmetic, LinearAxis, OpencvFilter, nearest_index};
use prep_onnx_pipeline::{Filter, Result, Windows};

use super::context::Kernel;
use super::table::{HostTable, check_length};
use crate::kernel::Axis;
use crate::run::room;

/// How an axis is resized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Rule {
    /// Windows that widen with the scale; none for pixels as they are.
    Windows(Option<(Windows, Filter)>),
    /// torchvision's windows without antialiasing.
    Plain(Filter),
    /// OpenCV's INTER_LINEAR.
    Linear,
    /// OpenCV's INTER_NEAREST; for an axis that keeps its length, pixels as they are.
    Nearest,
}

impl Rule {
    /// Pixels as they are.
    pub(super) const COPY: Self = Self::Nearest;

    /// The rule of version 1.
    pub(super) fn of_v1(resize: Option<v1::Resize>) -> Self {
        Self::Windows(resize.map(|resize| (resize.resampler, resize.filter)))
    }

    /// That of `arithmetic`; `None` where there is no kernel.
    pub(super) fn of(arithmetic: Arithmetic) -> Option<Self> {
        match arithmetic {
            Arithmetic::Passes {
                windows,
                filter,
                antialias: true,
            } => Some(Self::Windows(Some((windows, filter)))),
            Arithmetic::Passes {
                filter,
                antialias: false,
                ..
            } => Some(Self::Plain(filter)),
            Arithmetic::Opencv { filter } => match filter {
                OpencvFilter::Nearest => Some(Self::Nearest),
                OpencvFilter::Linear => Some(Self::Linear),
                OpencvFilter::Cubic | OpencvFilter::Area => None,
            },
            Arithmetic::Torch { .. } => None,
        }
    }

    /// The rule for an image of `from` resized to `to`: where nothing changes, some libraries copy.
    pub(super) fn between(self, from: (usize, usize), to: (usize, usize)) -> Self {
        match self {
            Self::Plain(_) | Self::Linear if from == to => Self::COPY,
            Self::Windows(_) | Self::Plain(_) | Self::Linear | Self::Nearest => self,
        }
    }

    /// The kernel that reads its tables.
    pub(super) const fn kernel(self) -> Kernel {
        match self {
            Self::Windows(_) | Self::Plain(_) => Kernel::Preprocess,
            Self::Linear | Self::Nearest => Kernel::Sample,
        }
    }
}

/// One axis of a resize: the `output` positions from `offset` on, of `input` pixels resized to `resized`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct AxisPart {
    pub(super) rule: Rule,
    pub(super) rows: bool,
    pub(super) input: usize,
    pub(super) resized: usize,
    pub(super) offset: i64,
    pub(super) output: usize,
}

impl AxisPart {
    /// Its table.
    ///
    /// # Errors
    /// When an edge is too long, weights are too large, or there is no memory.
    pub(super) fn table(&self) -> Result<HostTable> {
        let Self {
            rule,
            rows,
            input,
            resized,
            offset,
            output,
        } = *self;
        let windows = |axis: Axis| {
            if rows {
                HostTable::rows(&axis, input)
            } else {
                HostTable::columns(&axis, input)
            }
        };
        check_length(input.max(output))?;
        match rule {
            Rule::Windows(resize) => {
                room(Axis::bytes(resize, input, resized, output))?;
                windows(Axis::new(resize, input, resized, offset, output))
            }
            Rule::Plain(filter) => {
                room(Axis::bytes(None, 1, 1, resized.saturating_add(output)))?;
                windows(Axis::plain(filter, input, resized, offset, output))
            }
            Rule::Linear => {
                room(resized.saturating_mul(64))?;
                let axis = if rows {
                    LinearAxis::rows(input, resized)
                } else {
                    LinearAxis::columns(input, resized)
                };
                let all = axis.positions.iter().zip(&axis.weights);
                Ok(HostTable::pairs(
                    input,
                    all.skip(offset.max(0) as usize)
                        .take(output)
                        .map(|(positions, weights)| (*positions, *weights)),
                ))
            }
            Rule::Nearest => {
                let at = |index: usize| nearest_index(input, resized, offset.max(0) as usize + index);
                Ok(HostTable::pairs(
                    input,
                    (0..output).map(|index| ([at(index); 2], [2048, 0])),
                ))
            }
        }
    }
}
