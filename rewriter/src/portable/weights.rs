//! The weights of an axis, and their rounding to integers.

use prep_onnx_pipeline::resample::{HAMMING, MAX_TORCHVISION_PRECISION, PILLOW_PRECISION};
use prep_onnx_pipeline::{Filter, Windows};

use super::axis::{DOUBLED, Sampling, Window};
use super::graph::{Graph, Value, int};
use super::num::Num;

/// Normalised weights: float64 [blocks, BLOCK, window].
pub(super) fn real_weights(graph: &mut Graph, filter: Filter, sampling: &Sampling, window: &Window) -> Value {
    let distance = graph.op("Sub", &[&window.positions, &window.center]);
    let half = graph.doubles(&[], &[0.5]);
    let distance = Num::Later(graph.op("Add", &[&distance, &half]));
    let distance = graph.mul(&distance, &sampling.inverse);
    let distance = graph.value(&distance);
    let weights = kernel(graph, filter, &distance);
    let before_first = graph.op("Less", &[&window.positions, &window.first]);
    let before_end = graph.op("Less", &[&window.positions, &window.end]);
    let inside = graph.op("Xor", &[&before_first, &before_end]);
    let zero = graph.doubles(&[], &[0.0]);
    let weights = graph.op("Where", &[&inside, &weights, &zero]);
    // CumSum adds in the order of the taps; ReduceSum may not.
    let axis = graph.int(2);
    let sums = graph.op("CumSum", &[&weights, &axis]);
    let last = graph.ints(&[-1]);
    let sum = graph.op_with("Gather", &[&sums, &last], vec![int("axis", 2)]);
    graph.op("Div", &[&weights, &sum])
}

/// Weights rounded to whole multiples of a power of two, times [`DOUBLED`]: float64 of the same shape.
pub(super) fn quantised(graph: &mut Graph, filter: Filter, windows: Windows, weights: &Value) -> Value {
    let half = graph.doubles(&[], &[0.5]);
    let (one, unit) = match windows {
        Windows::Pillow | Windows::Pillow12 => {
            let one = f64::from(1_u32 << PILLOW_PRECISION);
            (graph.doubles(&[], &[one]), graph.doubles(&[], &[DOUBLED / one]))
        }
        Windows::Torchvision => {
            let largest = graph.op_with("ReduceMax", &[weights], vec![int("keepdims", 0)]);
            let powers: Vec<f64> = (1..=MAX_TORCHVISION_PRECISION)
                .map(|bits| f64::from(1_u32 << bits))
                .collect();
            let powers = graph.doubles(&[powers.len()], &powers);
            let scaled = graph.op("Mul", &[&powers, &largest]);
            let rounded = graph.op("Add", &[&scaled, &half]);
            let limit = graph.doubles(&[], &[32_768.0]);
            let fits = graph.op("Less", &[&rounded, &limit]);
            let least = graph.doubles(&[], &[1.0]);
            let candidates = graph.op("Where", &[&fits, &powers, &least]);
            let one = graph.op_with("ReduceMax", &[&candidates], vec![int("keepdims", 0)]);
            let doubled = graph.doubles(&[], &[DOUBLED]);
            let unit = graph.op("Div", &[&doubled, &one]);
            (one, unit)
        }
    };
    let scaled = graph.op("Mul", &[weights, &one]);
    let integers = match filter {
        Filter::Bicubic | Filter::Lanczos => {
            let (sign, size) = (graph.op("Sign", &[&scaled]), graph.op("Abs", &[&scaled]));
            let size = graph.op("Add", &[&size, &half]);
            let size = graph.op("Floor", &[&size]);
            graph.op("Mul", &[&sign, &size])
        }
        Filter::Nearest
        | Filter::NearestExact
        | Filter::Bilinear
        | Filter::Box
        | Filter::Hamming
        | Filter::Area => {
            let sum = graph.op("Add", &[&scaled, &half]);
            graph.op("Floor", &[&sum])
        }
    };
    graph.op("Mul", &[&integers, &unit])
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
