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
    pub affine: Option<[[f32; 5]; CHANNELS]>,
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
        let affine =
            affine(&plan.operations, &table).map(|channels| channels.each_ref().map(Affine::constants));
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
fn affine(operations: &[Operation], table: &ValueTable) -> Option<[Affine; CHANNELS]> {
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
    // A host may have set the processor to flush subnormal numbers to zero: none may occur.
    let safe = |value: f32| value == 0.0 || value.is_normal();
    let exact = channels.iter().enumerate().all(|(channel, affine)| {
        table.channel(channel).iter().enumerate().all(|(pixel, value)| {
            let pixel = pixel as f32;
            let stages = affine.stages(pixel);
            let products = [pixel * affine.first[1], stages[1] * affine.second[1]];
            stages[2].to_bits() == value.to_bits() && stages.iter().chain(&products).all(|value| safe(*value))
        })
    });
    exact.then_some(channels)
}
