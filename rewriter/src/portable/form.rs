//! The form of the finished tensor: blocks, element type.

use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::plan::{Blocks, Form, OverviewPlace, PatchOrder};
use prep_onnx_pipeline::{Dtype, Layout, Plan};

use super::canvas::PAD_BYTES_OPSET;
use super::graph::{Graph, Value, int, ints};
use super::num::{Extent, Num};
use super::places::Pair;

/// The axis order in which the values are worked out.
pub(super) fn layout(form: &Form) -> Layout {
    match form.blocks {
        None | Some(Blocks::Tiles { .. } | Blocks::Frame { .. }) => form.layout,
        Some(Blocks::Patches {
            order: PatchOrder::ChannelsFirst,
            ..
        }) => Layout::Nchw,
        Some(Blocks::Patches {
            order: PatchOrder::ChannelsLast,
            ..
        }) => Layout::Nhwc,
    }
}

/// The finished tensor of `value`, which has four axes in the order of [`layout`] and the element type float32 or uint8.
pub(super) fn finish(graph: &mut Graph, form: &Form, value: Value, channels: usize, size: &Pair) -> Value {
    // Old runtimes fill up float32 alone.
    let filled = form.blocks.and_then(Blocks::rows).is_some();
    let rounded = |graph: &mut Graph, value: Value| match form.dtype {
        Dtype::Float16 => graph.cast(&value, DataType::FLOAT16),
        Dtype::Float32 | Dtype::Uint8 => value,
    };
    let mut value = value;
    if !filled {
        value = rounded(graph, value);
    }
    if let Some(blocks) = form.blocks {
        value = blocked(graph, form, blocks, &value, channels, size);
    }
    if filled {
        value = rounded(graph, value);
    }
    match form.dtype {
        // ONNX Runtime drops a Cast to float16 whose result is cast back, as float16 operators on
        // the CPU do: the value would not be rounded.
        Dtype::Float16 => apart(graph, form, &value),
        Dtype::Float32 | Dtype::Uint8 => value,
    }
}

/// `tensor`, a finished one, kept apart from what reads it by a Reshape to the same shape.
pub(super) fn apart(graph: &mut Graph, form: &Form, tensor: &Value) -> Value {
    let rank = form.shape(1, 1, form.blocks.map_or((1, 1), Blocks::unit)).len();
    let same = graph.ints(&vec![0; rank]);
    graph.pinned_reshape(tensor, &same)
}

/// The extents of the tensor of one image of `size`, without the axis of images; blocks on an axis of their own.
pub(super) fn extents(graph: &mut Graph, form: &Form, channels: usize, size: &Pair) -> Vec<Num> {
    let channels = Num::from(channels);
    let (rows, columns) = (size.rows.clone(), size.columns.clone());
    match (form.blocks, form.layout) {
        (None, Layout::Nchw) => vec![channels, rows, columns],
        (None, Layout::Nhwc) => vec![rows, columns, channels],
        (Some(Blocks::Frame { after_channels: true }), Layout::Nchw) => {
            vec![channels, 1.0.into(), rows, columns]
        }
        (Some(Blocks::Frame { .. }), Layout::Nchw) => vec![1.0.into(), channels, rows, columns],
        (Some(Blocks::Frame { .. }), Layout::Nhwc) => vec![1.0.into(), rows, columns, channels],
        (Some(blocks @ (Blocks::Tiles { .. } | Blocks::Patches { .. })), layout) => {
            let mut extents = vec![match blocks.rows() {
                Some(rows) => rows.into(),
                None => {
                    let [down, across] = grid(graph, blocks, size);
                    graph.mul(&down, &across)
                }
            }];
            match (blocks, layout) {
                (Blocks::Frame { .. }, _) => {}
                (Blocks::Tiles { height, width, .. }, Layout::Nchw) => {
                    extents.extend([channels, height.into(), width.into()]);
                }
                (Blocks::Tiles { height, width, .. }, Layout::Nhwc) => {
                    extents.extend([height.into(), width.into(), channels]);
                }
                (Blocks::Patches { size, repeat, .. }, _) => {
                    extents.push(graph.mul(&channels, &Num::from(repeat * size * size)));
                }
            }
            if blocks.has_sample() {
                extents.insert(0, 1.0.into());
            }
            extents
        }
    }
}

/// The tensor of tiles, [N, tiles, …], with the picture of the whole, [N, 1, …], as one more of them.
pub(super) fn beside(graph: &mut Graph, plan: &Plan, tiles: &Value, mut whole: Value, size: &Pair) -> Value {
    let (Some(blocks), Some(overview)) = (plan.form.blocks, &plan.overview) else {
        return tiles.clone();
    };
    let [down, across] = grid(graph, blocks, size);
    let count = graph.mul(&down, &across);
    let mut tensor = tiles.clone();
    // Beside one tile there is none of it, else one.
    let one = graph.sub(&count, &1.0.into());
    let one = graph.min(&one, &1.0.into());
    if overview.always || one.known() != Some(0.0) {
        if !overview.always && one.known().is_none() {
            let (start, axes) = (graph.ints(&[0]), graph.ints(&[1]));
            let end = graph.int64(&one);
            whole = graph.op("Slice", &[&whole, &start, &end, &axes]);
        }
        let all = match overview.place {
            OverviewPlace::First => [&whole, tiles],
            OverviewPlace::Last => [tiles, &whole],
        };
        tensor = graph.op_with("Concat", &all, vec![int("axis", 1)]);
    }
    if blocks.is_joined() {
        let extents = extents(graph, &plan.form, plan.channels(), size);
        let tile: Vec<&Num> = extents.iter().skip(1).collect();
        tensor = reshape(graph, &tensor, &tile);
    }
    tensor
}

/// Rows and columns of blocks in an image of `size`.
pub(super) fn grid(graph: &mut Graph, blocks: Blocks, size: &Pair) -> [Num; 2] {
    let (down, across) = match blocks {
        Blocks::Tiles { height, width, .. } => (height, width),
        Blocks::Patches { size, .. } => (size, size),
        Blocks::Frame { .. } => return [1.0.into(), 1.0.into()],
    };
    [
        graph.div(&size.rows, &down.into()),
        graph.div(&size.columns, &across.into()),
    ]
}

/// Whether the blocks of all images lie on one axis.
pub(super) fn is_joined(form: &Form) -> bool {
    form.blocks.is_some_and(Blocks::is_joined)
}

fn blocked(
    graph: &mut Graph,
    form: &Form,
    blocks: Blocks,
    value: &Value,
    channels: usize,
    size: &Pair,
) -> Value {
    let number = |number: usize| Num::from(number);
    let channels_num = number(channels);
    match blocks {
        Blocks::Frame { after_channels } => {
            let one = number(1);
            let extents = match form.layout {
                Layout::Nchw if after_channels => [&channels_num, &one, &size.rows, &size.columns],
                Layout::Nchw => [&one, &channels_num, &size.rows, &size.columns],
                Layout::Nhwc => [&one, &size.rows, &size.columns, &channels_num],
            };
            reshape(graph, value, &extents)
        }
        Blocks::Tiles {
            height,
            width,
            joined,
            rows,
            sample,
        } => {
            let down = graph.div(&size.rows, &height.into());
            let across = graph.div(&size.columns, &width.into());
            let (height, width) = (number(height), number(width));
            let tiles = graph.mul(&down, &across);
            let (cut, perm, tile) = match form.layout {
                Layout::Nchw => (
                    [&channels_num, &down, &height, &across, &width],
                    [0, 2, 4, 1, 3, 5],
                    [&channels_num, &height, &width],
                ),
                Layout::Nhwc => (
                    [&down, &height, &across, &width, &channels_num],
                    [0, 1, 3, 2, 4, 5],
                    [&height, &width, &channels_num],
                ),
            };
            let value = reshape(graph, value, &cut);
            let value = graph.op_with("Transpose", &[&value], vec![ints("perm", &perm)]);
            let count = (!joined).then_some(&tiles);
            let mut value = reshape(graph, &value, &count.into_iter().chain(tile).collect::<Vec<_>>());
            if let Some(rows) = rows {
                let lacking = graph.sub(&rows.into(), &tiles);
                value = filled_up(graph, form, &value, &lacking, 5);
            }
            if sample {
                let one = number(1);
                let count = rows.map_or(tiles, Num::from);
                let extents: Vec<&Num> = [&one, &count].into_iter().chain(tile).collect();
                value = reshape(graph, &value, &extents);
            }
            value
        }
        Blocks::Patches {
            size: edge,
            merge,
            repeat,
            order,
            joined,
            rows,
        } => {
            let unit = edge * merge;
            let down = graph.div(&size.rows, &unit.into());
            let across = graph.div(&size.columns, &unit.into());
            let groups = graph.mul(&down, &across);
            let patches = graph.mul(&groups, &number(merge * merge));
            let (merge, edge_num) = (number(merge), number(edge));
            // Group row, group column, row and column in the group, then the patch: what is repeated, and its values.
            let (cut, perm, repeated) = match order {
                PatchOrder::ChannelsFirst => (
                    [
                        &channels_num,
                        &down,
                        &merge,
                        &edge_num,
                        &across,
                        &merge,
                        &edge_num,
                    ],
                    [0, 2, 5, 3, 6, 1, 4, 7],
                    [number(channels), number(edge * edge)],
                ),
                PatchOrder::ChannelsLast => (
                    [
                        &down,
                        &merge,
                        &edge_num,
                        &across,
                        &merge,
                        &edge_num,
                        &channels_num,
                    ],
                    [0, 1, 4, 2, 5, 3, 6, 7],
                    [number(1), number(edge * edge * channels)],
                ),
            };
            let value = reshape(graph, value, &cut);
            let mut value = graph.op_with("Transpose", &[&value], vec![ints("perm", &perm)]);
            if repeat > 1 {
                value = reshape(graph, &value, &repeated.each_ref());
                value = graph.op_with("Concat", &vec![&value; repeat], vec![int("axis", 2)]);
            }
            let row = number(channels * repeat * edge * edge);
            let count = (!joined).then_some(&patches);
            let value = reshape(
                graph,
                &value,
                &count.into_iter().chain([&row]).collect::<Vec<_>>(),
            );
            match rows {
                None => value,
                Some(rows) => {
                    let lacking = graph.sub(&rows.into(), &patches);
                    filled_up(graph, form, &value, &lacking, 3)
                }
            }
        }
    }
}

/// [N, blocks, …] of `rank` axes with so many of 0 behind the blocks.
fn filled_up(graph: &mut Graph, form: &Form, value: &Value, lacking: &Num, rank: usize) -> Value {
    let none = Num::from(0.0);
    let mut pads = vec![&none; 2 * rank];
    pads[rank + 1] = lacking;
    let pads: Vec<Extent<'_>> = pads.into_iter().map(Extent::Num).collect();
    let pads = graph.shape(&pads);
    let bytes = form.dtype == Dtype::Uint8;
    if bytes && graph.opset >= PAD_BYTES_OPSET {
        let zero = graph.bytes(&[], &[0]);
        return graph.op("Pad", &[value, &pads, &zero]);
    }
    let zero = graph.floats(&[], &[0.0]);
    if !bytes {
        return graph.op("Pad", &[value, &pads, &zero]);
    }
    let floats = graph.cast(value, DataType::FLOAT);
    let floats = graph.op("Pad", &[&floats, &pads, &zero]);
    graph.cast(&floats, DataType::UINT8)
}

/// `value` as [everything else, extents].
fn reshape(graph: &mut Graph, value: &Value, extents: &[&Num]) -> Value {
    let extents: Vec<Extent<'_>> = [Extent::Rest]
        .into_iter()
        .chain(extents.iter().map(|extent| Extent::Num(extent)))
        .collect();
    let shape = graph.shape(&extents);
    graph.op("Reshape", &[value, &shape])
}
