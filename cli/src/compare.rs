//! Two tensors that should be the same, bit for bit.

use half::f16;
use prep_onnx_pipeline::{CHANNELS, Error, Plan, Result, ValueTable};
use serde::Serialize;

use crate::host::Array;

/// How far a tensor is from the expected one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Difference {
    /// How many elements have other bits.
    pub(crate) differing: usize,
    /// How many elements there are.
    pub(crate) elements: usize,
    /// The largest difference, in steps of the 8-bit pixel value.
    pub(crate) max_lsb: f64,
    /// The largest distance in representable numbers of the element type.
    pub(crate) max_ulp: u64,
}

impl Difference {
    pub(crate) fn is_within(&self, tolerance_lsb: f64) -> bool {
        self.differing == 0 || (tolerance_lsb > 0.0 && self.max_lsb <= tolerance_lsb)
    }
}

/// Compares element by element.
///
/// # Errors
/// When element type or shape differ.
pub(crate) fn compare(expected: &Array, got: &Array, plan: &Plan) -> Result<Difference> {
    if expected.dtype() != got.dtype() || expected.shape() != got.shape() {
        return Err(Error::new("tensor", "has another form").expected_got(
            format_args!("{} {:?}", expected.dtype(), expected.shape()),
            format_args!("{} {:?}", got.dtype(), got.shape()),
        ));
    }
    let table = table(plan, expected);
    let steps = steps(&table);
    let half = matches!(expected, Array::Float16(_));
    let (channel_stride, channels) = (plan.channel_stride(expected.shape()), plan.channels());
    let keys = (keys(expected), keys(got));
    let values = expected.to_f64().into_iter().zip(got.to_f64());
    let mut difference = Difference {
        differing: 0,
        elements: keys.0.len(),
        max_lsb: 0.0,
        max_ulp: 0,
    };
    for (index, ((expected_key, got_key), (expected, got))) in
        keys.0.into_iter().zip(keys.1).zip(values).enumerate()
    {
        if expected_key == got_key {
            continue;
        }
        let channel = index / channel_stride % channels;
        let lsb = pixel_distance(&table, channel, half, expected, got)
            .unwrap_or((expected - got).abs() / steps[channel]);
        difference.differing += 1;
        difference.max_ulp = difference.max_ulp.max(expected_key.abs_diff(got_key));
        // NaN, of which no pixel is made, is as far away as can be.
        difference.max_lsb = difference
            .max_lsb
            .max(if lsb.is_nan() { f64::INFINITY } else { lsb });
    }
    Ok(difference)
}

/// The value of each pixel value in each channel.
type Table = [[f64; 256]; CHANNELS];

/// The value of each pixel value; of floats that were resized, those between which they lie; of a quantised model, its bytes.
fn table(plan: &Plan, expected: &Array) -> Table {
    let first = plan.float.iter().flat_map(|float| &float.operations);
    let operations: Vec<_> = first.chain(&plan.values.operations).copied().collect();
    let values = ValueTable::new(&operations);
    let bytes = plan
        .values
        .bytes()
        .filter(|_| matches!(expected, Array::Uint8(_) | Array::Int8(_)));
    let signed = matches!(expected, Array::Int8(_));
    std::array::from_fn(|channel| {
        std::array::from_fn(|pixel| match &bytes {
            Some(bytes) if signed => f64::from(bytes.channel(channel)[pixel] as i8),
            Some(bytes) => f64::from(bytes.channel(channel)[pixel]),
            None => f64::from(values.channel(channel)[pixel]),
        })
    })
}

/// The distance of the two pixel values, where both numbers are those of a pixel value.
fn pixel_distance(table: &Table, channel: usize, half: bool, one: f64, other: f64) -> Option<f64> {
    let pixel = |value: f64| {
        table[channel].iter().position(|entry| {
            let entry = if half {
                f64::from(f16::from_f64(*entry))
            } else {
                *entry
            };
            entry == value
        })
    };
    Some(pixel(one)?.abs_diff(pixel(other)?) as f64)
}

/// What one step of the pixel value changes in each channel.
fn steps(table: &Table) -> [f64; CHANNELS] {
    std::array::from_fn(|channel| {
        let row = table[channel];
        let step = (row[255] - row[0]).abs() / 255.0;
        if step > 0.0 { step } else { 1.0 }
    })
}

/// A number for each element: equal for equal bits, one apart for neighbours.
fn keys(array: &Array) -> Vec<i64> {
    // From sign and magnitude to two's complement; -0 lies one below 0.
    fn ordered(bits: i64, sign: i64) -> i64 {
        if bits & sign == 0 {
            bits
        } else {
            -(bits & !sign) - 1
        }
    }
    match array {
        Array::Float32(values) => values
            .iter()
            .map(|value| ordered(i64::from(value.to_bits()), 1 << 31))
            .collect(),
        Array::Float16(values) => values
            .iter()
            .map(|value| ordered(i64::from(value.to_bits()), 1 << 15))
            .collect(),
        Array::Float64(values) => values
            .iter()
            .map(|value| ordered(value.to_bits() as i64, i64::MIN))
            .collect(),
        other => other.to_f64().into_iter().map(|value| value as i64).collect(),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{ArrayD, IxDyn};
    use prep_onnx_pipeline::{Dtype, Layout, Notation, Pipeline};

    use super::*;

    fn plan() -> Plan {
        let pipeline =
            Pipeline::parse("[[steps]]\nstep = \"rescale\"\ndivisor = 255\n", Notation::Toml).unwrap();
        pipeline.compile(Layout::Nchw, Dtype::Float32).unwrap()
    }

    fn array(values: Vec<f32>) -> Array {
        Array::Float32(ArrayD::from_shape_vec(IxDyn(&[1, 3, 1, 1]), values).unwrap())
    }

    #[test]
    fn equal_bits_are_equal_and_neighbours_are_one_apart() {
        let one = array(vec![0.0, 0.5, 1.0]);
        let difference = compare(&one, &one, &plan()).unwrap();
        assert_eq!((difference.differing, difference.elements), (0, 3));
        let next = array(vec![-0.0, 0.5_f32.next_up(), 1.0]);
        let difference = compare(&one, &next, &plan()).unwrap();
        assert_eq!((difference.differing, difference.max_ulp), (2, 1));
        assert!(!difference.is_within(0.0));
        assert!(difference.is_within(1.0));
    }

    #[test]
    fn one_step_of_the_pixel_is_one_lsb() {
        let difference = compare(&array(vec![0.0; 3]), &array(vec![2.0 / 255.0, 0.0, 0.0]), &plan()).unwrap();
        assert_eq!(difference.max_lsb, 2.0);
        // A number that no pixel value becomes is measured by its size.
        let difference = compare(&array(vec![0.0; 3]), &array(vec![1e6, 0.0, 0.0]), &plan()).unwrap();
        assert!(difference.max_lsb > 2e8, "{difference:?}");
    }

    #[test]
    fn nan_is_never_within() {
        let difference = compare(&array(vec![0.0; 3]), &array(vec![f32::NAN, 0.0, 0.0]), &plan()).unwrap();
        assert!(!difference.is_within(1e9));
    }

    #[test]
    fn another_shape_is_an_error() {
        let flat = Array::Float32(ArrayD::zeros(IxDyn(&[3])));
        let error = compare(&array(vec![0.0; 3]), &flat, &plan()).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("expected float32 [1, 3, 1, 1], got float32 [3]"),
            "{error}"
        );
    }
}
