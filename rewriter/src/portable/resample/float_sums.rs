//! Sums of products of float32 in the order of `prep_onnx_pipeline::resample::FloatAxis`.
//!
//! A sum is a row of a batched MatMul: ONNX Runtime's CPU provider adds up to [`FUSED`] products in the order of the taps, each
//! fused with its addition. What torch rounds before it is added is multiplied before, and with 1 in the sum. Providers that
//! multiply otherwise (TF32, WebAssembly, which fuses nothing) are as far off as `prep_onnx_pipeline::resample::torch_bound` says.

use prep_onnx_pipeline::Filter;
use prep_onnx_pipeline::resample::{FloatAxis, FloatTap};

use crate::portable::graph::{Graph, Value, int};

/// Products that are added in one chain. A longer sum goes on from the one before.
const FUSED: usize = 128;

/// Chains of a sum whose number of taps is not known: the last one is as long as it has to be.
const CHAINS: usize = 3;

/// MatMul has another order where a factor has one row or one column.
const ROWS: usize = 2;

/// The needed outputs of an axis.
pub(super) struct FloatSums {
    /// int64 [count, taps].
    pub(super) indices: Value,
    /// What the values are multiplied with before the sum: float32 [count, taps, 1].
    pub(super) factors: Option<Value>,
    /// What they are multiplied with in the sum: float32 [count, 1, taps].
    pub(super) weights: Value,
    /// How many taps there are, where it is known.
    pub(super) taps: Option<usize>,
}

impl FloatSums {
    /// Of input, output, start and count of an axis.
    pub(super) fn known(
        graph: &mut Graph,
        [input, output, start, count]: [usize; 4],
        filter: Filter,
        antialias: bool,
    ) -> Self {
        let axis = FloatAxis::new(filter, antialias, input, output);
        let outputs: Vec<&[FloatTap]> = (start..start + count).map(|index| axis.taps(index)).collect();
        let taps = outputs.iter().map(|taps| taps.len()).max().unwrap_or(1);
        let (mut indices, mut factors) = (vec![0; count * taps], vec![1.0; count * taps]);
        let mut weights = vec![0.0; count * taps];
        for (output, of_output) in outputs.iter().enumerate() {
            for (at, tap) in of_output.iter().enumerate() {
                let place = output * taps + at;
                indices[place] = tap.index as i64;
                // The first product is added to 0.
                let in_sum = tap.fused || at == 0;
                let place_of_weight = if in_sum { &mut weights } else { &mut factors };
                place_of_weight[place] = tap.weight;
                if !in_sum {
                    weights[place] = 1.0;
                }
            }
        }
        let before = factors.iter().any(|factor| *factor != 1.0);
        Self {
            indices: graph.int64s(&[count, taps], &indices),
            factors: before.then(|| graph.floats(&[count, taps, 1], &factors)),
            weights: graph.floats(&[count, 1, taps], &weights),
            taps: Some(taps),
        }
    }

    /// float32 [source positions, lines] to float32 [count, lines]; `single` where there may be one line.
    pub(super) fn apply(&self, graph: &mut Graph, lines: &Value, single: bool) -> Value {
        let twice;
        let lines = if single {
            let first = slice(graph, lines, 1, 0, Some(1));
            twice = graph.op_with("Concat", &[lines, &first], vec![int("axis", 1)]);
            &twice
        } else {
            lines
        };
        let mut values = graph.op_with("Gather", &[lines, &self.indices], vec![int("axis", 0)]);
        if let Some(factors) = &self.factors {
            values = graph.op("Mul", &[&values, factors]);
        }
        let rows = vec![&self.weights; ROWS];
        let weights = graph.op_with("Concat", &rows, vec![int("axis", 1)]);
        let chains = match self.taps {
            Some(taps) if taps <= FUSED => 1,
            Some(taps) => 1 + (taps - FUSED).div_ceil(FUSED - 1),
            None => CHAINS,
        };
        let mut sums = None;
        let mut from = 0;
        for chain in 0..chains {
            let to = from + FUSED - usize::from(chain > 0);
            let (mut these, mut by) = (values.clone(), weights.clone());
            if chains > 1 {
                let end = (chain + 1 < chains).then_some(to);
                these = slice(graph, &these, 1, from, end);
                by = slice(graph, &by, 2, from, end);
            }
            if let Some(sum) = &sums {
                let sum = slice(graph, sum, 1, 0, Some(1));
                these = graph.op_with("Concat", &[&sum, &these], vec![int("axis", 1)]);
                let first = slice(graph, &weights, 2, 0, Some(1));
                let nothing = graph.op("Sub", &[&first, &first]);
                let one = graph.floats(&[], &[1.0]);
                let one = graph.op("Add", &[&nothing, &one]);
                by = graph.op_with("Concat", &[&one, &by], vec![int("axis", 2)]);
            }
            sums = Some(graph.op("MatMul", &[&by, &these]));
            from = to;
        }
        let sums = sums.unwrap_or(values);
        let row = graph.int(0);
        let sum = graph.op_with("Gather", &[&sums, &row], vec![int("axis", 1)]);
        if single {
            slice(graph, &sum, 1, 0, Some(usize::MAX))
        } else {
            sum
        }
    }
}

/// From `from` to before `to` along an axis: the end where there is none, the last one left out at `usize::MAX`.
fn slice(graph: &mut Graph, value: &Value, axis: i64, from: usize, to: Option<usize>) -> Value {
    let end = match to {
        None => i64::MAX,
        Some(usize::MAX) => -1,
        Some(to) => to as i64,
    };
    let (start, end, axes) = (
        graph.ints(&[from as i64]),
        graph.ints(&[end]),
        graph.ints(&[axis]),
    );
    graph.op("Slice", &[value, &start, &end, &axes])
}
