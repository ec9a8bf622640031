//! The weights of an axis, and their rounding to integers.

use prep_onnx_pipeline::resample::{HAMMING, MAX_TORCHVISION_PRECISION, PILLOW_PRECISION};
use prep_onnx_pipeline::{Filter, Windows};

use super::axis::Sampling;
use super::pair::reduced;
use super::windows::Window;
use crate::portable::graph::{Graph, Value, int};
use crate::portable::num::Num;

/// Weights before they are rounded.
pub(super) struct Weights {
    /// float64 [rows, window, blocks].
    pub(super) values: Value,
    /// What they are to be divided by, where that is not 1: float64 [rows, 1, blocks].
    pub(super) sums: Option<Value>,
}

/// Weights as whole numbers.
pub(super) struct Integers {
    /// float64 [rows, window, blocks].
    pub(super) weights: Value,
    /// What they are to be multiplied by to be in units of higher digits, a power of two, the largest with which none has more than
    /// [`LARGEST`]: float64 without axes, or of each of two axes.
    pub(super) units: Value,
    /// How many of these units are `1 / small`, and `small`.
    in_one: (Value, f64),
}

impl Integers {
    /// What a unit of higher digits is, where so many steps are 1: float64 without axes, or of each of two axes.
    pub(super) fn unit_in_steps(&self, graph: &mut Graph, steps: f32) -> Value {
        let (units, small) = &self.in_one;
        let steps = graph.doubles(&[], &[f64::from(steps) * small]);
        graph.op("Div", &[&steps, units])
    }
}

/// The most units of higher digits that are 1, as bits: sums of them times bytes stay below 2^24.
pub(super) const MAX_UNITS_BITS: u32 = 15;

/// The largest higher digit.
pub(super) const LARGEST: f64 = 2048.0;

/// Weights and their sums. `center` is that of each output, float64 [rows, 1, blocks], `input` the source extent.
pub(super) fn antialiased(
    graph: &mut Graph,
    filter: Filter,
    sampling: &Sampling,
    center: &Value,
    (window, input): (&Window, &Num),
) -> Weights {
    // Both factors negative.
    let distance = graph.op("Sub", &[center, &window.positions]);
    let half = graph.doubles(&[], &[0.5]);
    let distance = Num::Later(graph.op("Sub", &[&distance, &half]));
    let distance = graph.mul(&distance, &sampling.negative_inverse);
    let distance = graph.value(&distance);
    let weights = kernel(graph, filter, &distance);
    // Beyond its window a sample has no weight. That of the cubic kernel is there of the order of the square of the rounding
    // errors, which no sum of weights near 1 tells from 0; what is beyond the image is not near.
    let inside = if filter == Filter::Bicubic {
        let input = graph.value(input);
        graph.op("Less", &[&window.positions, &input])
    } else {
        window.inside(graph)
    };
    let zero = graph.doubles(&[], &[0.0]);
    let weights = graph.op("Where", &[&inside, &weights, &zero]);
    // CumSum adds in the order of the taps; ReduceSum may not.
    let axis = graph.int(1);
    let sums = graph.op("CumSum", &[&weights, &axis]);
    let last = graph.ints(&[-1]);
    let sums = graph.op_with("Gather", &[&sums, &last], vec![int("axis", 1)]);
    Weights {
        values: weights,
        sums: Some(sums),
    }
}

/// Weights, of two axes where they are `paired`, rounded to whole multiples of a power of two.
pub(super) fn quantised(
    graph: &mut Graph,
    signed: bool,
    windows: Windows,
    weights: &Weights,
    paired: bool,
) -> Integers {
    // The largest power of two, up to so many bits, times which the largest of `weights`, in which 1 is `unit`, stays below a limit
    // in which 1 is 1; in `unit`. The largest one is that of a pixel near its sample: of the negative ones none is as large.
    let power = |graph: &mut Graph, weights: &Value, unit: f64, bits: u32, limit: f64| {
        let largest = reduced(graph, "ReduceMax", weights, paired);
        let powers: Vec<f64> = (0..=bits).map(|bits| f64::from(1_u32 << bits) / unit).collect();
        let mut limits: Vec<f64> = powers.iter().map(|power| limit / power).collect();
        // The least one whatever the weights.
        limits[0] = f64::MAX;
        let [powers, limits] = [powers, limits].map(|values| graph.doubles(&[values.len()], &values));
        let fits = graph.op("Less", &[&largest, &limits]);
        let zero = graph.doubles(&[], &[0.0]);
        let candidates = graph.op("Where", &[&fits, &powers, &zero]);
        reduced(graph, "ReduceMax", &candidates, paired)
    };
    let (scaled, units, in_one) = match windows {
        Windows::Pillow | Windows::Pillow12 => {
            let unit = f64::from(1_u32 << PILLOW_PRECISION);
            let one = graph.doubles(&[], &[unit]);
            let scaled = match &weights.sums {
                None => graph.op("Mul", &[&weights.values, &one]),
                Some(sums) => {
                    // A power of two changes no other bit, and there are fewer sums.
                    let sums = graph.op("Div", &[sums, &one]);
                    graph.op("Div", &[&weights.values, &sums])
                }
            };
            let units = power(graph, &scaled, unit, MAX_UNITS_BITS, LARGEST);
            (scaled, units.clone(), (units, 1.0 / unit))
        }
        Windows::Torchvision => {
            let normalised = match &weights.sums {
                None => weights.values.clone(),
                Some(sums) => graph.op("Div", &[&weights.values, sums]),
            };
            // Rounded, it stays below 2^15.
            let one = power(graph, &normalised, 1.0, MAX_TORCHVISION_PRECISION, 32_767.5);
            let in_one = power(graph, &normalised, 1.0, MAX_UNITS_BITS, LARGEST);
            let scaled = graph.op("Mul", &[&normalised, &one]);
            (scaled, graph.op("Div", &[&in_one, &one]), (in_one, 1.0))
        }
    };
    let half = graph.doubles(&[], &[0.5]);
    let weights = if signed {
        let (sign, size) = (graph.op("Sign", &[&scaled]), graph.op("Abs", &[&scaled]));
        let size = graph.op("Add", &[&size, &half]);
        let size = graph.op("Floor", &[&size]);
        graph.op("Mul", &[&sign, &size])
    } else {
        let sum = graph.op("Add", &[&scaled, &half]);
        graph.op("Floor", &[&sum])
    };
    Integers {
        weights,
        units,
        in_one,
    }
}

/// Whether a filter has negative weights.
pub(super) fn is_signed(filter: Filter) -> bool {
    match filter {
        Filter::Bicubic | Filter::Lanczos => true,
        Filter::Nearest
        | Filter::NearestExact
        | Filter::Bilinear
        | Filter::Box
        | Filter::Hamming
        | Filter::Area => false,
    }
}

fn kernel(graph: &mut Graph, filter: Filter, x: &Value) -> Value {
    let [zero, half, one] = [0.0, 0.5, 1.0].map(|value| graph.doubles(&[], &[value]));
    match filter {
        Filter::Nearest | Filter::NearestExact | Filter::Area => one,
        Filter::Box => {
            let minus_half = graph.doubles(&[], &[-0.5]);
            let above = graph.op("Less", &[&minus_half, x]);
            let over = graph.op("Less", &[&half, x]);
            let inside = graph.op("Xor", &[&above, &over]);
            graph.op("Where", &[&inside, &one, &zero])
        }
        Filter::Bilinear => {
            let x = graph.op("Abs", &[x]);
            let rest = graph.op("Sub", &[&one, &x]);
            graph.op("Max", &[&rest, &zero])
        }
        Filter::Bicubic => bicubic(graph, x),
        Filter::Hamming => {
            let x = graph.op("Abs", &[x]);
            let at_zero = graph.op("Equal", &[&x, &zero]);
            let angle = angle(graph, &x, &at_zero);
            let sinc = sinc(graph, &angle);
            let cosine = graph.op("Cos", &[&angle]);
            let [base, share] = HAMMING.map(|value| graph.doubles(&[], &[value]));
            let share = graph.op("Mul", &[&share, &cosine]);
            let raised = graph.op("Add", &[&base, &share]);
            let weight = graph.op("Mul", &[&sinc, &raised]);
            let weight = graph.op("Where", &[&at_zero, &one, &weight]);
            let inside = graph.op("Less", &[&x, &one]);
            graph.op("Where", &[&inside, &weight, &zero])
        }
        Filter::Lanczos => {
            let [three, minus_three] = [3.0, -3.0].map(|value| graph.doubles(&[], &[value]));
            let at_zero = graph.op("Equal", &[x, &zero]);
            let narrow = angle(graph, x, &at_zero);
            let wide = graph.op("Div", &[x, &three]);
            let wide = angle(graph, &wide, &at_zero);
            let (narrow, wide) = (sinc(graph, &narrow), sinc(graph, &wide));
            let weight = graph.op("Mul", &[&narrow, &wide]);
            let weight = graph.op("Where", &[&at_zero, &one, &weight]);
            let below = graph.op("Less", &[x, &minus_three]);
            let below_end = graph.op("Less", &[x, &three]);
            let inside = graph.op("Xor", &[&below, &below_end]);
            graph.op("Where", &[&inside, &weight, &zero])
        }
    }
}

fn bicubic(graph: &mut Graph, x: &Value) -> Value {
    const A: f64 = -0.5;
    let mut number = |value: f64| graph.doubles(&[], &[value]);
    let [one, two] = [1.0, 2.0].map(&mut number);
    let [a2, a3, five, eight, four, a] = [A + 2.0, A + 3.0, 5.0, 8.0, 4.0, A].map(&mut number);
    // The outer polynomial is exactly 0 at 2, as the kernel is from there on.
    let x = graph.op("Abs", &[x]);
    let x = graph.op("Min", &[&x, &two]);
    let near = graph.op("Mul", &[&x, &a2]);
    let near = graph.op("Sub", &[&near, &a3]);
    let near = graph.op("Mul", &[&near, &x]);
    let near = graph.op("Mul", &[&near, &x]);
    let near = graph.op("Add", &[&near, &one]);
    let far = graph.op("Sub", &[&x, &five]);
    let far = graph.op("Mul", &[&far, &x]);
    let far = graph.op("Add", &[&far, &eight]);
    let far = graph.op("Mul", &[&far, &x]);
    let far = graph.op("Sub", &[&far, &four]);
    let far = graph.op("Mul", &[&far, &a]);
    let is_near = graph.op("Less", &[&x, &one]);
    graph.op("Where", &[&is_near, &near, &far])
}

/// `x * pi`, and 1 where `x` is 0.
fn angle(graph: &mut Graph, x: &Value, at_zero: &Value) -> Value {
    let [one, pi] = [1.0, std::f64::consts::PI].map(|value| graph.doubles(&[], &[value]));
    let angle = graph.op("Mul", &[x, &pi]);
    graph.op("Where", &[at_zero, &one, &angle])
}

fn sinc(graph: &mut Graph, angle: &Value) -> Value {
    let sine = graph.op("Sin", &[angle]);
    graph.op("Div", &[&sine, angle])
}
