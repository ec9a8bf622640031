//! Values as the bytes that a quantised model takes.

use half::f16;
use serde::{Deserialize, Serialize};

use super::{Fill, Plan, Values};
use crate::{CHANNELS, Dtype, Error, Operation, Result};

/// `QuantizeLinear` of ONNX, as ONNX Runtime computes it: the quotient of two float32 numbers, rounded to the nearest whole number,
/// halves to the even one, plus the zero point, and no further than the range of the type.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quantize {
    /// The divisor of each output channel: a positive float32.
    pub scale: [f64; CHANNELS],
    /// What is added in each output channel: a number of the type.
    pub zero_point: [i32; CHANNELS],
    /// Whether the bytes are int8, else uint8.
    pub signed: bool,
    /// Whether the values are rounded to float16 before, as those of a model of float16 are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub half: bool,
}

/// The byte of each of the 256 pixel values in each output channel; of int8, its bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByteTable(Box<[[u8; 256]; CHANNELS]>);

impl ByteTable {
    /// The bytes of one channel, by pixel value.
    pub fn channel(&self, channel: usize) -> &[u8; 256] {
        &self.0[channel]
    }
}

impl Quantize {
    /// The smallest and the largest number of the type.
    pub const fn range(&self) -> (i32, i32) {
        if self.signed { (-128, 127) } else { (0, 255) }
    }

    /// The byte of a finite value of one channel; of int8, its bits.
    pub fn byte(&self, value: f32, channel: usize) -> u8 {
        let value = if self.half {
            f16::from_f32(value).to_f32()
        } else {
            value
        };
        let (least, most) = self.range();
        let rounded = (value / self.scale[channel] as f32).round_ties_even();
        // Exact: the zero point is small, and what is beyond float32's whole numbers is beyond the range.
        let moved = rounded + self.zero_point[channel] as f32;
        moved.clamp(least as f32, most as f32) as i32 as u8
    }

    /// The table of `operations` and this after them.
    pub fn table(&self, operations: &[Operation]) -> ByteTable {
        let mut table = Box::new([[0; 256]; CHANNELS]);
        for (channel, row) in table.iter_mut().enumerate() {
            for (pixel, byte) in row.iter_mut().enumerate() {
                *byte = self.byte(Operation::chain(operations, pixel as f32, channel), channel);
            }
        }
        ByteTable(table)
    }

    fn check(&self) -> Result<()> {
        let (least, most) = self.range();
        for channel in 0..CHANNELS {
            let (scale, zero_point) = (self.scale[channel], self.zero_point[channel]);
            let single = scale as f32;
            if !single.is_normal() || single < 0.0 || f64::from(single) != scale {
                return Err(Error::new(format_args!("scale[{channel}]"), "is not a scale")
                    .expected_got("a positive normal float32 number", scale));
            }
            if !(least..=most).contains(&zero_point) {
                return Err(
                    Error::new(format_args!("zero_point[{channel}]"), "is not of the type")
                        .expected_got(format_args!("{least} to {most}"), zero_point),
                );
            }
        }
        Ok(())
    }
}

impl Values {
    /// The byte of each pixel value, where values are quantised.
    pub fn bytes(&self) -> Option<ByteTable> {
        self.quantize.map(|quantize| quantize.table(&self.operations))
    }
}

impl Plan {
    /// The same plan with quantised values.
    ///
    /// # Errors
    /// Where not every value is that of one pixel: of floats that are resized, of a fill after the arithmetic; of an impossible
    /// scale or zero point.
    pub fn quantised(mut self, quantize: Quantize) -> Result<Self> {
        self.values.quantize = Some(quantize);
        self.form.dtype = Dtype::Uint8;
        self.check()?;
        Ok(self)
    }

    /// The plan of the pixels that values are looked up for: without arithmetic, to uint8. Of a quantised plan its tensor has the
    /// same shape, and an element for each element.
    pub fn pixels(&self) -> Self {
        let mut plan = self.clone();
        plan.values.operations.clear();
        plan.values.quantize = None;
        plan.form.dtype = Dtype::Uint8;
        plan
    }

    pub(super) fn check_quantize(&self) -> Result<()> {
        let Some(quantize) = &self.values.quantize else {
            return Ok(());
        };
        let within = |error: Error| error.within_key("values.quantize");
        quantize.check().map_err(within)?;
        if self.form.dtype != Dtype::Uint8 {
            return Err(within(
                Error::new("", "makes bytes").expected_got(Dtype::Uint8, self.form.dtype),
            ));
        }
        let lacks = |what: &str| {
            Err(within(Error::new(
                "",
                format_args!("is of pixel values alone, and the pipeline {what}"),
            )))
        };
        if self.float.is_some() {
            return lacks("resizes floats");
        }
        let valued = |fill: Fill| matches!(fill, Fill::Value { .. });
        if self.last_canvas().is_some_and(|canvas| valued(canvas.fill)) {
            return lacks("fills in a number after the arithmetic");
        }
        if self.form.blocks.and_then(super::Blocks::rows).is_some() {
            return lacks("fills rows of patches up");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantize(scale: f64, zero_point: i32, signed: bool) -> Quantize {
        Quantize {
            scale: [f64::from(scale as f32); CHANNELS],
            zero_point: [zero_point; CHANNELS],
            signed,
            half: false,
        }
    }

    #[test]
    fn halves_go_to_the_even_neighbour_and_the_range_ends_it() {
        let of = |quantize: Quantize, value: f32| quantize.byte(value, 0);
        let unsigned = quantize(2.0, 3, false);
        let expected = [
            (1.0, 3),
            (3.0, 5),
            (5.0, 5),
            (-1.0, 3),
            (-3.0, 1),
            (-100.0, 0),
            (1e30, 255),
        ];
        for (value, byte) in expected {
            assert_eq!(of(unsigned, value), byte, "{value}");
        }
        let signed = quantize(1.0, -3, true);
        for (value, byte) in [(0.0, -3_i8), (0.5, -3), (1.5, -1), (-1e9, -128), (500.0, 127)] {
            assert_eq!(of(signed, value) as i8, byte, "{value}");
        }
        let half = Quantize {
            half: true,
            ..quantize(1.0, 0, false)
        };
        assert_eq!((of(half, 70000.0), of(half, 2.4999)), (255, 2));
    }
}
