//! The definition: a weighted sum of pixels, rounded, for each column and then for each row.

use std::ops::Range;

use half::f16;
use prep_onnx_pipeline::{CHANNELS, Dtype, Layout};

use super::{Isa, Lanes, Ring, RowOut, as_lanes, lanes_of, plane_blocks};
use crate::{Axis, Finish, HALF, round};

/// Runs everywhere, and for sums that do not fit into 32 bits.
#[derive(Clone, Copy)]
pub struct Scalar;

/// Windows of the columns: first pixel in a row, weights.
pub struct Columns {
    windows: Vec<(usize, Vec<i32>)>,
    channels: [usize; CHANNELS],
    layout: Layout,
}

/// Windows of the rows: first row, weights.
pub struct Rows(Vec<(usize, Vec<i32>)>);

fn weigh(weights: &[i32], values: impl Iterator<Item = u8>) -> u8 {
    let products = weights
        .iter()
        .zip(values)
        .map(|(weight, value)| i64::from(*weight) * i64::from(value));
    round(products.sum::<i64>() + i64::from(HALF))
}

impl Isa for Scalar {
    const GROUP: usize = 1;
    type Columns = Columns;
    type Rows = Rows;

    fn columns(
        self,
        axis: &Axis,
        source: Range<usize>,
        channels: [usize; CHANNELS],
        layout: Layout,
    ) -> Columns {
        let window = |index| {
            let (start, weights) = axis.window(index);
            (start.saturating_sub(source.start), weights.to_vec())
        };
        Columns {
            windows: (0..axis.len()).map(window).collect(),
            channels,
            layout,
        }
    }

    fn rows(self, axis: &Axis, first: usize) -> Rows {
        let window = |index| {
            let (start, weights) = axis.window(index);
            (start.saturating_sub(first), weights.to_vec())
        };
        Rows((0..axis.len()).map(window).collect())
    }

    fn horizontal(
        self,
        columns: &Columns,
        rows: &[&[u8]],
        _: &[&[u8]],
        _: &mut [Lanes],
        groups: &mut [&mut [Lanes]],
    ) {
        let plane = plane_blocks(columns.windows.len()) * Lanes::COUNT;
        for (row, group) in rows.iter().zip(groups) {
            let lanes = lanes_of(group);
            for (column, (start, weights)) in columns.windows.iter().enumerate() {
                for (out, channel) in columns.channels.into_iter().enumerate() {
                    let lane = match columns.layout {
                        Layout::Nchw => out * plane + column,
                        Layout::Nhwc => column * CHANNELS + out,
                    };
                    let values = row[start * CHANNELS..].iter().skip(channel).step_by(CHANNELS);
                    lanes[lane] = weigh(weights, values.copied()).into();
                }
            }
        }
    }

    fn vertical(self, rows: &Rows, row: usize, ring: &Ring<'_>, finish: &Finish, out: &mut RowOut<'_>) {
        let (start, weights) = &rows.0[row];
        let (runs, length) = out.runs();
        let columns = runs * length / CHANNELS;
        let plane = plane_blocks(columns) * Lanes::COUNT;
        let groups = |tap| as_lanes(ring.group(start + tap));
        let pixel = |run: usize, index: usize| {
            let lane = run * plane + index;
            weigh(weights, (0..weights.len()).map(|tap| groups(tap)[lane] as u8))
        };
        let channel = |run: usize, index: usize| if runs == 1 { index % CHANNELS } else { run };
        let value = |run, index| finish.table.channel(channel(run, index))[usize::from(pixel(run, index))];
        for run in 0..runs {
            match finish.dtype {
                Dtype::Float32 => {
                    let elements = out.run::<f32>(run).iter_mut().enumerate();
                    elements.for_each(|(index, element)| *element = value(run, index));
                }
                Dtype::Float16 => {
                    let elements = out.run::<f16>(run).iter_mut().enumerate();
                    elements.for_each(|(index, element)| *element = f16::from_f32(value(run, index)));
                }
                Dtype::Uint8 => {
                    let elements = out.run::<u8>(run).iter_mut().enumerate();
                    elements.for_each(|(index, element)| *element = pixel(run, index));
                }
            }
        }
    }

    fn weigh_rows(self, source: &[u8], stride: usize, weights: &[i32], out: &mut [u8]) {
        for (index, value) in out.iter_mut().enumerate() {
            *value = weigh(weights, source.iter().skip(index).step_by(stride).copied());
        }
    }
}
