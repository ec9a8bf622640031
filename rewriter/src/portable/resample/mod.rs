//! The resize of images in a graph: which windows, which weights, which arithmetic.

mod area;
mod axis;
mod digits;
mod fast;
mod float_sums;
mod float_taps;
mod flow;
mod long;
mod nearest;
mod opencv;
mod pair;
mod parts;
mod pass;
mod plain;
mod read_rows;
mod separable;
mod shapes;
mod taps;
mod torch;
mod two;
mod weights;
mod windows;

use prep_onnx_pipeline::resample::{Arithmetic, OpencvFilter};
use prep_onnx_pipeline::{Filter, Plan, Result, Windows};

use super::graph::Graph;
use super::num::{Condition, Num};
use super::picture::Picture;
use super::places::{Along, Pair, Placed};
use axis::Axis;
use nearest::Nearest;

pub use fast::MAX_DEVIATION;

use super::Portable;

/// Checks that `portable` has the filters of `plan` at `opset`.
pub(super) fn check(plan: &Plan, portable: Portable, opset: i64) -> Result<()> {
    let mut resamples = plan.stages.iter().filter_map(|stage| stage.resample);
    match portable {
        Portable::Exact => Ok(()),
        Portable::Fast => resamples.try_for_each(|resample| fast::check(resample.sampling, opset)),
    }
}

/// The part of the resized image that is on the canvas: of `picture`, resized to `to`, what `placed` shows.
pub(super) fn resize(
    graph: &mut Graph,
    portable: Portable,
    picture: &Picture,
    sampling: Arithmetic,
    to: &Pair,
    placed: &Placed,
) -> Picture {
    let part = Placed {
        rows: not_empty(graph, &placed.rows),
        columns: not_empty(graph, &placed.columns),
    };
    let resized = resize_part(graph, portable, picture, sampling, to, &part);
    if !placed.rows.may_be_empty && !placed.columns.may_be_empty {
        return resized;
    }
    // Of one row, that may be none.
    let first = |along: &Along, whole: &Along| Along {
        start: 0.0.into(),
        count: along.count.clone(),
        from: whole.count.clone(),
        ..along.clone()
    };
    resized.cut(
        graph,
        &Placed {
            rows: first(&placed.rows, &part.rows),
            columns: first(&placed.columns, &part.columns),
        },
    )
}

/// At least one position of the image.
fn not_empty(graph: &mut Graph, along: &Along) -> Along {
    if !along.may_be_empty {
        return along.clone();
    }
    let last = graph.sub(&along.from, &1.0.into());
    Along {
        start: graph.min(&along.start, &last),
        count: graph.max(&along.count, &1.0.into()),
        ..along.clone()
    }
}

fn resize_part(
    graph: &mut Graph,
    portable: Portable,
    picture: &Picture,
    sampling: Arithmetic,
    to: &Pair,
    part: &Placed,
) -> Picture {
    let axis = |from: &Num, to: &Num, along: &Along| Axis {
        input: from.clone(),
        output: to.clone(),
        start: along.start.clone(),
        count: along.count.clone(),
    };
    let rows = axis(&picture.size.rows, &to.rows, &part.rows);
    let columns = axis(&picture.size.columns, &to.columns, &part.columns);
    match sampling {
        Arithmetic::Passes { windows, filter, .. } if filter.support().is_none() => nearest::nearest(
            graph,
            picture,
            [&rows, &columns],
            Nearest::Windows(windows, filter),
        ),
        Arithmetic::Passes {
            windows,
            filter,
            antialias: true,
        } if portable == Portable::Fast => fast::resize(graph, (windows, filter), picture, to, part),
        Arithmetic::Passes {
            windows,
            filter,
            antialias,
        } => separable::resize(graph, picture, [&rows, &columns], (windows, filter, antialias)),
        Arithmetic::Opencv {
            filter: OpencvFilter::Nearest,
        } => nearest::nearest(graph, picture, [&rows, &columns], Nearest::Opencv),
        Arithmetic::Opencv {
            filter: OpencvFilter::Linear,
        } => opencv::linear(graph, picture, [&rows, &columns]),
        Arithmetic::Opencv {
            filter: OpencvFilter::Cubic,
        } => opencv::cubic(graph, picture, [&rows, &columns]),
        Arithmetic::Opencv {
            filter: OpencvFilter::Area,
        } => area::area(graph, picture, [&rows, &columns]),
        Arithmetic::Torch { filter, antialias } => {
            torch::resize_bytes(graph, picture, [&rows, &columns], (filter, antialias))
        }
    }
}

/// Resizes the floats of `picture` to `to`.
pub(super) fn resize_floats(
    graph: &mut Graph,
    picture: &Picture,
    (filter, antialias): (Filter, bool),
    to: &Pair,
) -> Picture {
    let axis = |from: &Num, to: &Num| Axis {
        input: from.clone(),
        output: to.clone(),
        start: 0.0.into(),
        count: to.clone(),
    };
    let rows = axis(&picture.size.rows, &to.rows);
    let columns = axis(&picture.size.columns, &to.columns);
    torch::resize(graph, picture, [&rows, &columns], (filter, antialias))
}

/// Whether the vertical pass comes first, by `Windows::vertical_first`.
fn vertical_first(graph: &mut Graph, windows: Windows, from: &Pair, to: &Pair) -> Condition {
    let (rows, columns) = (&from.rows, &from.columns);
    let fewer_rows = graph.sub(rows, &to.rows);
    let much = match windows {
        Windows::Torchvision => return Condition::Known(false),
        Windows::Pillow12 => {
            let columns = graph.mul(columns, &100.0.into());
            graph.less(&columns, rows)
        }
        Windows::Pillow => {
            let fewer_columns = graph.sub(columns, &to.columns);
            let fewer_columns = graph.mul(&fewer_columns, &2.0.into());
            graph.less(&fewer_columns, &fewer_rows)
        }
    };
    let shrinks = graph.less(&0.0.into(), &fewer_rows);
    graph.and(&shrinks, &much)
}
