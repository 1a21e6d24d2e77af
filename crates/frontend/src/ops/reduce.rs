//! ReduceSum, ReduceMean, ReduceMax, ReduceMin, ReduceProd, ReduceSumSquare, ReduceL1, ReduceL2, ReduceLogSum,
//! ReduceLogSumExp: all elements along axes joined into one.
//!
//! Spec: the pages of these names; all opsets. The axes are an attribute first and an operand later (from 13 for
//! ReduceSum, from 18 for the others). With noop_with_empty_axes and no axes every element is reduced on its own. Means,
//! roots and logarithms of integers are integers, towards zero. Rejected: axes that depend on the data, and products of
//! more than 64 factors.

use plonnx_ir::op::Reducer;
use plonnx_ir::{DType, Function, NodeId};

use super::cast::of_reals;
use super::div;
use crate::lower::{Builder, Call, Lowering, Results, axes, invalid, unsupported};

/// What is computed along the axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Sum,
    Mean,
    Max,
    Min,
    Prod,
    SumSquare,
    L1,
    L2,
    LogSum,
    LogSumExp,
}

/// Most factors of a product.
const FACTORS: usize = 64;

/// Along which axes, and whether they stay.
struct Along {
    axes: Vec<usize>,
    keep: bool,
    /// Whether the operand has no other use.
    sole: bool,
}

pub(super) fn lower(call: &mut Call, kind: Kind) -> Results {
    let x = call.input(0)?;
    let since = if kind == Kind::Sum { 13 } else { 18 };
    let given = call.moved_ints("axes", 1, since)?.unwrap_or_default();
    let keep = call.flag("keepdims", true)?;
    let rank = call.rank(x);
    let no_op = call.flag("noop_with_empty_axes", false)?;
    let axes = if given.is_empty() && !no_op { (0..rank).collect() } else { axes(&given, rank)? };
    let along = Along { axes, keep, sole: call.sole_use.first() == Some(&true) };
    Ok(vec![reduce(call, kind, x, &along)?])
}

fn reduce(call: &mut Call, kind: Kind, x: NodeId, along: &Along) -> Lowering<NodeId> {
    match kind {
        Kind::Sum => sum(call, x, along),
        Kind::Mean => {
            let count: usize = along.axes.iter().map(|a| call.graph.shape(x)[*a]).product();
            if count == 0 {
                return invalid("mean of no elements");
            }
            let sum = sum(call, x, along)?;
            if call.dtype(x) == DType::Real {
                return call.scale(1.0 / count as f64, sum);
            }
            let count = call.scalar(count as f64, DType::Int)?;
            let unsigned = call.elem(0).is_some_and(|e| !e.is_signed());
            div::truncating(call, sum, count, unsigned)
        }
        Kind::Max => call.reduce(Reducer::Max, x, &along.axes, along.keep),
        Kind::Min => call.reduce(Reducer::Min, x, &along.axes, along.keep),
        Kind::Prod => product(call, x, along),
        Kind::SumSquare => sum_of_squares(call, x, along),
        Kind::L1 => {
            let magnitude = call.map(Function::Abs, x)?;
            sum(call, magnitude, along)
        }
        Kind::L2 => {
            let squares = sum_of_squares(call, x, along)?;
            of_reals(call, squares, |b, x| b.map(Function::Sqrt, x))
        }
        Kind::LogSum => {
            let sum = sum(call, x, along)?;
            of_reals(call, sum, |b, x| b.map(Function::Log, x))
        }
        Kind::LogSumExp => {
            if call.shape(x).contains(&0) {
                return invalid("maximum of no elements");
            }
            of_reals(call, x, |b, x| log_sum_exp(b, x, &along.axes, along.keep))
        }
    }
}

/// Logarithm of the sum of exponentials of differences to the maximum, and the maximum.
pub(super) fn log_sum_exp(builder: &mut Builder, x: NodeId, axes: &[usize], keep: bool) -> Lowering<NodeId> {
    let max = builder.reduce(Reducer::Max, x, axes, true)?;
    let centred = builder.linear(&[(1.0, x), (-1.0, max)])?;
    let exp = builder.map(Function::Exp, centred)?;
    let sum = builder.reduce(Reducer::Sum, exp, axes, keep)?;
    let log = builder.map(Function::Log, sum)?;
    let shape = builder.shape(log);
    let max = builder.reshape(max, &shape)?;
    builder.linear(&[(1.0, log), (1.0, max)])
}

fn sum(call: &mut Call, x: NodeId, along: &Along) -> Lowering<NodeId> {
    call.sum_along(x, &along.axes, along.keep, along.sole)
}

fn sum_of_squares(call: &mut Call, x: NodeId, along: &Along) -> Lowering<NodeId> {
    let squares = call.square(x)?;
    call.sum_along(squares, &along.axes, along.keep, true)
}

/// Product as a tree of products of the slices along the axes.
fn product(call: &mut Call, x: NodeId, along: &Along) -> Lowering<NodeId> {
    let shape = call.shape(x);
    let kept: Vec<usize> = (0..shape.len()).filter(|i| !along.axes.contains(i)).collect();
    let count: usize = along.axes.iter().map(|a| shape[*a]).product();
    if count > FACTORS {
        return unsupported(format!("a product of {count} factors, the limit is {FACTORS}"), "use fewer factors");
    }
    let perm: Vec<usize> = along.axes.iter().chain(&kept).copied().collect();
    let rest: Vec<usize> = kept.iter().map(|i| shape[*i]).collect();
    let moved = call.transpose(x, &perm)?;
    let stacked = call.reshape(moved, &[&[count], rest.as_slice()].concat())?;
    let dtype = if call.dtype(x) == DType::Real { DType::Real } else { DType::Int };
    let one = call.scalar(1.0, dtype)?;
    let mut level = vec![call.broadcast(one, &rest)?];
    if count > 0 {
        level.clear();
    }
    for i in 0..count {
        let slice = call.narrow(stacked, 0, i, 1)?;
        level.push(call.reshape(slice, &rest)?);
    }
    while level.len() > 1 {
        let mut next = Vec::with_capacity(level.len().div_ceil(2));
        for pair in level.chunks(2) {
            next.push(if let [a, b] = pair { call.product(*a, *b)? } else { pair[0] });
        }
        level = next;
    }
    let out: Vec<usize> = (0..shape.len())
        .filter_map(|i| match (along.axes.contains(&i), along.keep) {
            (false, _) => Some(shape[i]),
            (true, true) => Some(1),
            (true, false) => None,
        })
        .collect();
    call.reshape(level[0], &out)
}
