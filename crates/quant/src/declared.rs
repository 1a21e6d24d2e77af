//! Ranges of the nodes of a float graph, propagated from declared ranges of its inputs by interval arithmetic.
//!
//! The result is sound for linear operators and monotonic functions. Other functions are sampled on a grid, and
//! correlation between operands is ignored, so that ranges are often wider than those observed on samples.

use std::collections::BTreeMap;

use plonnx_ir::op::{Contract, Conv, Extremum, Reducer, View};
use plonnx_ir::{CoreOp, DType, Float, Function, Graph, NodeId};

use crate::calibrate::{Calibration, CalibrationSource};
use crate::error::QuantError;
use crate::range::Range;
use crate::structure::peak_difference;

/// Propagates `ranges`, one `(min, max)` per input, to every node of `graph`.
///
/// Fails when a range is empty or not finite, and when an operator is undefined somewhere on the range of its operand,
/// or its result is too large for a floating-point number.
pub fn calibrate_declared(graph: &Graph<Float>, ranges: &[(f64, f64)]) -> Result<Calibration, QuantError> {
    let inputs = graph.inputs();
    if inputs.len() != ranges.len() {
        let reason = format!("expected {} declared input ranges, got {}", inputs.len(), ranges.len());
        return Err(QuantError::Calibration { reason });
    }
    let mut known: Vec<Range> = vec![Range::point(0.0); graph.len()];
    for id in graph.ids() {
        let node = graph.node(id);
        let operands: Vec<Range> = node.inputs.iter().map(|i| known[i.index()]).collect();
        let declared = inputs.iter().position(|i| *i == id).and_then(|i| ranges.get(i));
        if let Some((min, max)) = declared
            && !(min <= max && min.is_finite() && max.is_finite())
        {
            let reason = format!("expected a finite range with min <= max, got [{min}, {max}]");
            return Err(QuantError::Input { input: node.name.clone(), reason });
        }
        let range = image(graph, id, &operands, declared.copied());
        known[id.index()] = range.filter(|r| r.is_finite()).ok_or_else(|| {
            let worst = operands.last().copied().unwrap_or(Range::point(0.0));
            QuantError::Undefined { node: node.name.clone(), op: node.op.name(), lo: worst.min, hi: worst.max }
        })?;
    }
    let quietest = known.iter().map(|range| range.absmax()).collect();
    Ok(Calibration { ranges: known, quietest, fixed: BTreeMap::new(), source: CalibrationSource::Declared })
}

/// Range of the result of `id` for operands in these ranges; `None` where the operator is undefined on a part of them.
fn image(graph: &Graph<Float>, id: NodeId, operands: &[Range], declared: Option<(f64, f64)>) -> Option<Range> {
    let node = graph.node(id);
    let joined = || operands.iter().copied().reduce(Range::join);
    let count = |i: usize| graph.node(node.inputs[i]).fact.len();
    Some(match &node.op {
        CoreOp::Input(_) => declared.map(|(min, max)| Range { min, max })?,
        CoreOp::Const(tensor, _) if tensor.is_empty() => Range::point(0.0),
        // A mask constant may be infinite; it is as good as the largest number.
        CoreOp::Const(tensor, _) => Range::of(tensor.iter().map(|v| v.clamp(-MASK, MASK)))?,
        CoreOp::View(View::Pad { .. }) if operands.len() == 1 => operands[0].join(Range::point(0.0)),
        CoreOp::View(_) => joined()?,
        CoreOp::Contract(c) => contract(c, graph, node.inputs[0], node.inputs[1], operands),
        CoreOp::Conv(conv) => convolution(conv, graph, node.inputs[1], operands),
        CoreOp::Sum(sum) => {
            let terms = operands.iter().zip(&sum.coefficients).map(|(r, c)| r.scaled(*c));
            let total = terms.reduce(Range::plus)?;
            match peak_difference(graph, id) {
                Some(_) => Range { min: total.min.min(0.0), max: 0.0 },
                None => total,
            }
        }
        CoreOp::Reduce(reduce) => match reduce.reducer {
            Reducer::Max | Reducer::Min => operands[0],
            Reducer::Sum => operands[0].scaled(count(0) as f64 / node.fact.len().max(1) as f64),
        },
        CoreOp::Map(function) => function_image(*function, operands[0])?,
        CoreOp::Div(()) => {
            let [x, y] = operands else { return None };
            if y.min <= 0.0 && y.max >= 0.0 {
                return None;
            }
            x.times(Range { min: 1.0 / y.max, max: 1.0 / y.min })
        }
        CoreOp::Extremum(Extremum::Max) => {
            let [x, y] = operands else { return None };
            Range { min: x.min.max(y.min), max: x.max.max(y.max) }
        }
        CoreOp::Extremum(Extremum::Min) => {
            let [x, y] = operands else { return None };
            Range { min: x.min.min(y.min), max: x.max.min(y.max) }
        }
        CoreOp::Compare(_) | CoreOp::OneHot(_) => Range { min: 0.0, max: 1.0 },
        CoreOp::Select => operands.get(1)?.join(*operands.get(2)?),
        CoreOp::Arg(arg) => {
            let extent = graph.shape(node.inputs[0]).get(arg.axis).copied().unwrap_or(1);
            Range { min: 0.0, max: extent.saturating_sub(1) as f64 }
        }
    })
}

/// Magnitude that stands for infinity in constants.
const MASK: f64 = 1e30;

/// Sum over the contracted labels; a constant operand counts with the magnitudes of its elements.
fn contract(spec: &Contract, graph: &Graph<Float>, a: NodeId, b: NodeId, operands: &[Range]) -> Range {
    let terms: f64 =
        spec.summed().iter().map(|l| spec.extent(*l, graph.shape(a), graph.shape(b)).unwrap_or(1) as f64).product();
    if a == b && spec.a == spec.b {
        return operands[0].squared().scaled(terms);
    }
    let general = operands[0].times(operands[1]).scaled(terms);
    let constant = |id: NodeId| match &graph.node(id).op {
        CoreOp::Const(tensor, DType::Real) => Some(tensor),
        _ => None,
    };
    let (weights, labels, x) = match (constant(a), constant(b)) {
        (Some(w), None) => (w, &spec.a, operands[1]),
        (None, Some(w)) => (w, &spec.b, operands[0]),
        _ => return general,
    };
    // Labels that only the other operand has repeat every weight.
    let own: f64 = spec
        .summed()
        .iter()
        .filter(|l| !labels.contains(l))
        .map(|l| spec.extent(*l, graph.shape(a), graph.shape(b)).unwrap_or(1) as f64)
        .product();
    let kept: Vec<bool> = labels.iter().map(|l| spec.out.contains(l)).collect();
    row_sums(weights, &kept).map(|rows| linear_image(&rows, x).scaled(own)).unwrap_or(general)
}

/// Sum over channels and kernel; elements outside the operand are zero.
fn convolution(conv: &Conv, graph: &Graph<Float>, w: NodeId, operands: &[Range]) -> Range {
    let padded = conv.before.iter().chain(&conv.after).any(|p| *p > 0);
    let x_range = if padded { operands[0].join(Range::point(0.0)) } else { operands[0] };
    let shape = graph.shape(w);
    let terms: f64 = shape.iter().skip(1).map(|d| *d as f64).product();
    if let CoreOp::Const(tensor, _) = &graph.node(w).op {
        let kept: Vec<bool> = (0..shape.len()).map(|axis| axis == 0).collect();
        if let Some(rows) = row_sums(tensor, &kept) {
            return linear_image(&rows, x_range);
        }
    }
    x_range.times(operands[1]).scaled(terms)
}

/// Sums of the positive and of the negative elements of every row: the elements that share their position on all axes
/// that are `kept`.
fn row_sums(tensor: &plonnx_ir::Tensor<f64>, kept: &[bool]) -> Option<Vec<(f64, f64)>> {
    let mut sums: std::collections::BTreeMap<Vec<usize>, (f64, f64)> = std::collections::BTreeMap::new();
    for (position, v) in tensor.array().indexed_iter() {
        let key: Vec<usize> = kept.iter().enumerate().filter(|(_, k)| **k).map(|(axis, _)| position[axis]).collect();
        let (up, down) = sums.entry(key).or_default();
        if *v >= 0.0 { *up += v } else { *down += v }
    }
    (!sums.is_empty()).then(|| sums.into_values().collect())
}

/// Range of `sum w * x` over rows of weights, for all `x` in one range.
fn linear_image(rows: &[(f64, f64)], x: Range) -> Range {
    rows.iter().map(|(up, down)| x.scaled(*up).plus(x.scaled(*down))).reduce(Range::join).unwrap_or(Range::point(0.0))
}

/// Range of a function on an interval, from both ends, zero and a grid.
fn function_image(function: Function, x: Range) -> Option<Range> {
    const STEPS: u32 = 1024;
    let width = x.max - x.min;
    let grid = (0..=STEPS).map(|i| x.min + width * f64::from(i) / f64::from(STEPS));
    let zero = (x.min <= 0.0 && x.max >= 0.0).then_some(0.0);
    Range::of(grid.chain([x.max]).chain(zero).map(|v| function.eval(v)))
}

#[cfg(test)]
mod tests {
    use plonnx_ir::Tensor;

    use super::*;

    #[test]
    fn weights_bound_a_product_by_their_rows() {
        let mut graph = Graph::new();
        let input = plonnx_ir::op::Input { shape: vec![1, 2], dtype: DType::Real, domain: () };
        let x = graph.add("x", CoreOp::Input(input), &[]).unwrap();
        let w = Tensor::from_vec(&[2, 2], vec![1.0, -2.0, 3.0, 4.0]).unwrap();
        let w = graph.add("w", CoreOp::Const(w, DType::Real), &[]).unwrap();
        let spec = Contract::parse("ab,bc->ac").unwrap();
        let y = graph.add("y", CoreOp::Contract(spec), &[x, w]).unwrap();
        let log = graph.add("log", CoreOp::Map(Function::Log), &[y]).unwrap();
        graph.add_output("log", log);
        // Columns (1, 3) and (-2, 4) on [-1, 2]: [-4, 8] and [-4 - 4, 2 + 8] = [-8, 10].
        let error = calibrate_declared(&graph, &[(-1.0, 2.0)]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "map \"log\": undefined on the declared range [-8, 10] of its operand; calibrate with samples"
        );
        let wrong = calibrate_declared(&graph, &[(2.0, 1.0)]).unwrap_err();
        assert!(matches!(wrong, QuantError::Input { .. }), "{wrong}");
    }
}
