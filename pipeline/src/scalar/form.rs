//! From an image [height, width, channel] to the elements of its tensor.

use half::f16;
use ndarray::Array3;

use crate::output::Elements;
use crate::plan::{Blocks, Form, PatchOrder};
use crate::steps::Pixels;
use crate::{Dtype, Error, Layout, Result, Tensor};

/// The tensor of one image.
pub(crate) fn finish(pixels: Pixels, form: Form) -> Result<Tensor> {
    let (height, width, channels) = match &pixels {
        Pixels::Uint8(image) => image.dim(),
        Pixels::Float32(image) => image.dim(),
    };
    form.check_size((height, width))?;
    let shape = form.shape(1, channels, (height, width));
    let elements = match (pixels, form.dtype) {
        (Pixels::Uint8(image), Dtype::Uint8) => Elements::Uint8(form.ordered(&image)),
        (Pixels::Float32(_), Dtype::Uint8) => {
            return Err(Error::new(
                "dtype",
                "uint8 cannot hold the result of rescale or normalize",
            ));
        }
        (pixels, Dtype::Float32) => Elements::Float32(form.ordered(&crate::steps::to_float(pixels))),
        (pixels, Dtype::Float16) => {
            let image = crate::steps::to_float(pixels).mapv(f16::from_f32);
            Elements::Float16(form.ordered(&image))
        }
    };
    Ok(Tensor { shape, elements })
}

impl Form {
    /// The values of an image [height, width, channel] in the order of the tensor. The blocks divide its size.
    pub fn ordered<T: Copy + Default>(&self, image: &Array3<T>) -> Vec<T> {
        let (height, width, channels) = image.dim();
        match self.blocks {
            None | Some(Blocks::Frame { .. }) => plain(image, self.layout, (0, 0), (height, width)).collect(),
            Some(
                blocks @ Blocks::Tiles {
                    height: rows,
                    width: columns,
                    ..
                },
            ) => {
                let (down, across) = blocks.grid((height, width));
                let mut values = Vec::with_capacity(image.len());
                for tile in 0..down * across {
                    let at = (tile / across * rows, tile % across * columns);
                    values.extend(plain(image, self.layout, at, (rows, columns)));
                }
                if let Some(tiles) = blocks.rows() {
                    values.resize(tiles * channels * rows * columns, T::default());
                }
                values
            }
            Some(
                blocks @ Blocks::Patches {
                    size,
                    merge,
                    repeat,
                    order,
                    ..
                },
            ) => {
                let (down, across) = blocks.grid((height, width));
                let mut values = Vec::with_capacity(image.len() * repeat);
                for patch in 0..down * across {
                    let (group, within) = (patch / (merge * merge), patch % (merge * merge));
                    let groups = across / merge;
                    let top = (group / groups * merge + within / merge) * size;
                    let left = (group % groups * merge + within % merge) * size;
                    match order {
                        PatchOrder::ChannelsFirst => {
                            for channel in 0..channels {
                                for _ in 0..repeat {
                                    for at in 0..size * size {
                                        values.push(image[[top + at / size, left + at % size, channel]]);
                                    }
                                }
                            }
                        }
                        PatchOrder::ChannelsLast => {
                            for at in 0..repeat * size * size {
                                let at = at % (size * size);
                                for channel in 0..channels {
                                    values.push(image[[top + at / size, left + at % size, channel]]);
                                }
                            }
                        }
                    }
                }
                if let Some(rows) = blocks.rows() {
                    values.resize(rows * channels * repeat * size * size, T::default());
                }
                values
            }
        }
    }
}

/// The values of a part of the image in the order of `layout`.
fn plain<T: Copy>(
    image: &Array3<T>,
    layout: Layout,
    (top, left): (usize, usize),
    (rows, columns): (usize, usize),
) -> impl Iterator<Item = T> + '_ {
    let channels = image.dim().2;
    let extents = match layout {
        Layout::Nchw => [channels, rows, columns],
        Layout::Nhwc => [rows, columns, channels],
    };
    ndarray::indices(extents).into_iter().map(move |(a, b, c)| {
        let (row, column, channel) = match layout {
            Layout::Nchw => (b, c, a),
            Layout::Nhwc => (a, b, c),
        };
        image[[top + row, left + column, channel]]
    })
}
