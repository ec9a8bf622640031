//! From a uint8 pixel value to an output element, in the order of the output's channels.

use half::f16;
use prep_onnx_pipeline::{CHANNELS, Dtype, FusedPlan, Layout, Operation, Operator, Precision, ValueTable};

/// The form of the output elements.
pub struct Finish {
    pub layout: Layout,
    pub dtype: Dtype,
    /// The value of each pixel value: the definition.
    pub table: ValueTable,
    /// The table in float16; empty for other element types.
    half: Vec<[f16; 256]>,
    /// The division-free form, when it gives the table's bits for all 256 pixel values of all channels.
    /// Made once: read back from the stack for every row, they would wait for the stores of the row before.
    pub affine: Option<AffineForm>,
}

/// The affine form of all channels.
pub struct AffineForm {
    pub scaling: Scaling,
    /// Of each channel: both parts of the first factor, the shift, both parts of the second factor.
    pub constants: [[f32; 5]; CHANNELS],
}

/// What the first factor makes of pixel values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scaling {
    /// Nothing: it is 1.
    Pixels,
    /// `x / 255 * 2^32`: the integer of four bytes x, rounded up to float32.
    ///
    /// In base 256 the quotient is 0.xxxx…, and x begins with its highest bit: what float32 has no room for is always more than half
    /// of its last place.
    Bytes,
    /// A product.
    Factor,
}

/// `y = x * first`, `z = y - shift`, `z * second`, where a factor is the sum of two float32 numbers:
/// `fma(x, high, x * low)`.
///
/// A division by c is a product with 1 / c so split: for 8-bit values it nearly always rounds to the
/// same float32, and is checked.
#[derive(Clone, Copy, Debug)]
struct Affine {
    first: [f32; 2],
    shift: f32,
    second: [f32; 2],
}

impl Finish {
    pub fn new(plan: &FusedPlan) -> Self {
        let table = plan.table();
        let affine = affine(&plan.operations, &table);
        let half = match plan.dtype {
            Dtype::Float16 => (0..CHANNELS)
                .map(|channel| table.channel(channel).map(f16::from_f32))
                .collect(),
            Dtype::Float32 | Dtype::Uint8 => Vec::new(),
        };
        Self {
            layout: plan.layout,
            dtype: plan.dtype,
            table,
            half,
            affine,
        }
    }

    /// The float16 element of a pixel value.
    pub fn half(&self, channel: usize, pixel: u8) -> f16 {
        self.half[channel][usize::from(pixel)]
    }
}

impl Affine {
    const IDENTITY: Self = Self {
        first: [1.0, 0.0],
        shift: 0.0,
        second: [1.0, 0.0],
    };

    /// The same with intermediate results times a power of two.
    fn enlarged(&self, by: f32) -> Self {
        Self {
            first: self.first.map(|part| part * by),
            shift: self.shift * by,
            second: self.second.map(|part| part / by),
        }
    }

    /// Both factors and the shift, in the order of their use.
    fn constants(&self) -> [f32; 5] {
        let ([first, first_low], [second, second_low]) = (self.first, self.second);
        [first, first_low, self.shift, second, second_low]
    }

    /// The three intermediate results, as the SIMD kernels compute them.
    fn stages(&self, pixel: f32) -> [f32; 3] {
        let scale = |x: f32, [high, low]: [f32; 2]| x.mul_add(high, x * low);
        let first = scale(pixel, self.first);
        let shifted = first - self.shift;
        [first, shifted, scale(shifted, self.second)]
    }
}

/// The affine form of a chain of at most one scale, one shift and one more scale, if it is exact.
fn affine(operations: &[Operation], table: &ValueTable) -> Option<AffineForm> {
    let mut channels = [Affine::IDENTITY; CHANNELS];
    // 0: nothing yet, 1: scaled, 2: shifted, 3: scaled again.
    let mut stage = 0;
    for operation in operations {
        let scales = matches!(operation.operator, Operator::Multiply | Operator::Divide);
        let next = match (scales, stage) {
            (true, 0) => 1,
            (false, 0 | 1) => 2,
            (true, 1 | 2) => 3,
            _ => return None,
        };
        for (affine, operand) in channels.iter_mut().zip(operation.operands) {
            let factor = match operation.operator {
                Operator::Multiply => operand,
                Operator::Divide => 1.0 / operand,
                Operator::Add | Operator::Subtract if operation.precision != Precision::Float32 => {
                    return None;
                }
                Operator::Add => -operand,
                Operator::Subtract => operand,
            };
            let high = factor as f32;
            let split = [high, (factor - f64::from(high)) as f32];
            match next {
                1 => affine.first = split,
                2 => affine.shift = high,
                _ => affine.second = split,
            }
        }
        stage = next;
    }
    let form = |scaling, channels: &[Affine; CHANNELS]| AffineForm {
        scaling,
        constants: channels.each_ref().map(Affine::constants),
    };
    let enlarged = channels.each_ref().map(|channel| channel.enlarged(WHOLE));
    let bytes =
        |channel: &Affine| (0..=255).all(|pixel| channel.stages(f32::from(pixel))[0] == repeated(pixel));
    if enlarged.iter().all(bytes) && exact(&enlarged, table) {
        return Some(form(Scaling::Bytes, &enlarged));
    }
    let scaling = if channels
        .iter()
        .all(|channel| channel.first == Affine::IDENTITY.first)
    {
        Scaling::Pixels
    } else {
        Scaling::Factor
    };
    exact(&channels, table).then(|| form(scaling, &channels))
}

/// 1 as a fraction of 32 bits.
const WHOLE: f32 = 4_294_967_296.0;

/// Four bytes `pixel`, rounded up to float32.
fn repeated(pixel: u8) -> f32 {
    let integer = u32::from_ne_bytes([pixel; 4]);
    let nearest = integer as f32;
    if f64::from(nearest) < f64::from(integer) {
        nearest.next_up()
    } else {
        nearest
    }
}

/// Whether the form gives the bits of the table, without subnormal numbers.
fn exact(channels: &[Affine; CHANNELS], table: &ValueTable) -> bool {
    // A host may have set the processor to flush subnormal numbers to zero: none may occur.
    let safe = |value: f32| value == 0.0 || value.is_normal();
    channels.iter().enumerate().all(|(channel, affine)| {
        table.channel(channel).iter().enumerate().all(|(pixel, value)| {
            let pixel = pixel as f32;
            let stages = affine.stages(pixel);
            let products = [pixel * affine.first[1], stages[1] * affine.second[1]];
            stages[2].to_bits() == value.to_bits() && stages.iter().chain(&products).all(|value| safe(*value))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The quotient that AVX-512 makes without a division or a product.
    #[test]
    fn four_bytes_rounded_up_are_the_division_by_255() {
        for pixel in 0..=u8::MAX {
            assert_eq!(repeated(pixel), f32::from(pixel) / 255.0 * WHOLE, "{pixel}");
        }
    }

    fn operation(operator: Operator, operand: f32) -> Operation {
        Operation {
            operator,
            precision: Precision::Float32,
            operands: [f64::from(operand); CHANNELS],
        }
    }

    #[test]
    fn the_scaling_is_what_the_operations_are() {
        let normalise = [
            operation(Operator::Subtract, 0.485),
            operation(Operator::Divide, 0.229),
        ];
        let after = |first| [&[first], &normalise[..]].concat();
        let cases = [
            (after(operation(Operator::Divide, 255.0)), Scaling::Bytes),
            // Another function: it rounds 126 of the 256 values otherwise.
            (after(operation(Operator::Multiply, 1.0 / 255.0)), Scaling::Factor),
            (normalise.to_vec(), Scaling::Pixels),
        ];
        for (operations, scaling) in cases {
            let form = affine(&operations, &ValueTable::new(&operations)).expect("an affine form");
            assert_eq!(form.scaling, scaling, "{operations:?}");
        }
    }
}
