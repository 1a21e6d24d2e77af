//! Activation functions that exporters write as several nodes.
//!
//! A function that is one node is one table lookup and rounds once; its pieces would each round.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, SQRT_2};

use plonnx_ir::op::{Contract, Reducer};
use plonnx_ir::{CoreOp, Function, NodeId};

use super::reduce;
use crate::lower::{Builder, Lowering};

/// Nesting of linear combinations that is looked through.
const DEPTH: usize = 4;

/// `x * g(x)` for the gates of Swish, HardSwish and Mish.
pub(super) fn gated(builder: &mut Builder, x: NodeId, y: NodeId) -> Lowering<Option<NodeId>> {
    for (x, gate) in [(x, y), (y, x)] {
        let function = match map(builder, gate) {
            Some((Function::Sigmoid, inner)) => match combination(builder, inner, x) {
                Some((terms, 0.0)) => match terms.as_slice() {
                    [(alpha, z)] if *z == x => Some(Function::Swish(*alpha)),
                    _ => None,
                },
                _ => None,
            },
            Some((Function::HardSigmoid { alpha, beta }, inner))
                if inner == x && close(alpha, 1.0 / 6.0) && close(beta, 0.5) =>
            {
                Some(Function::HardSwish)
            }
            Some((Function::Tanh, inner)) if map(builder, inner) == Some((Function::Softplus, x)) => {
                Some(Function::Mish)
            }
            _ => None,
        };
        if let Some(function) = function {
            return builder.map(function, x).map(Some);
        }
    }
    Ok(None)
}

/// `x / 2 * (1 + erf(x / sqrt 2))` and its approximation by tanh, in any order of the factors; `y` itself otherwise.
pub(super) fn gelu(builder: &mut Builder, y: NodeId) -> Lowering<NodeId> {
    match as_gelu(builder, y) {
        Some((function, x)) => builder.map(function, x),
        None => Ok(y),
    }
}

/// `log(sum(exp(z)))` for `x = sum(exp(z))` of values that are not known to be differences to their maximum: written as
/// it is, it needs a range that grows exponentially.
pub(super) fn log_sum_exp(builder: &mut Builder, x: NodeId) -> Lowering<Option<NodeId>> {
    let node = builder.graph.node(x);
    let (CoreOp::Reduce(reduce), [exp]) = (&node.op, node.inputs.as_slice()) else { return Ok(None) };
    let (Some((Function::Exp, z)), Reducer::Sum) = (map(builder, *exp), reduce.reducer) else { return Ok(None) };
    let (axes, keep) = (reduce.axes.clone(), reduce.keep);
    if builder.shape(z).contains(&0) || is_peak_difference(builder, z) {
        return Ok(None);
    }
    reduce::log_sum_exp(builder, z, &axes, keep).map(Some)
}

/// Whether `x` is something minus a maximum.
fn is_peak_difference(builder: &Builder, x: NodeId) -> bool {
    let node = builder.graph.node(x);
    let (CoreOp::Sum(sum), [_, _]) = (&node.op, node.inputs.as_slice()) else { return false };
    let subtracted = sum.coefficients.iter().zip(&node.inputs).find(|(c, _)| **c == -1.0);
    subtracted.is_some_and(|(_, peak)| {
        let (source, _) = builder.unrepeated(*peak);
        matches!(&builder.graph.node(source).op, CoreOp::Reduce(r) if r.reducer == Reducer::Max)
    })
}

fn as_gelu(builder: &Builder, y: NodeId) -> Option<(Function, NodeId)> {
    multiples(builder, y).into_iter().find_map(|(outer, product)| {
        let (a, b) = plain_product(builder, product)?;
        [(a, b), (b, a)].into_iter().find_map(|(linear, gate)| {
            let mut candidates = multiples(builder, linear).into_iter();
            candidates.find_map(|(factor, x)| Some((gelu_gate(builder, gate, x, outer * factor)?, x)))
        })
    })
}

/// The function that `factor * x * gate` is, when `gate` is a multiple of `1 + erf(..)` or `1 + tanh(..)`.
fn gelu_gate(builder: &Builder, gate: NodeId, x: NodeId, factor: f64) -> Option<Function> {
    let (terms, offset) = combination(builder, gate, x)?;
    let [(slope, bent)] = terms.as_slice() else { return None };
    if !close(*slope, offset) || !close(factor * offset, 0.5) {
        return None;
    }
    let (function, inner) = map(builder, *bent)?;
    let (argument, 0.0) = combination(builder, inner, x)? else { return None };
    match (function, argument.as_slice()) {
        (Function::Erf, [(scale, z)]) if *z == x && close(*scale, FRAC_1_SQRT_2) => Some(Function::Gelu),
        (Function::Tanh, [(s, p), (t, q)]) => {
            let (linear, cubic, cube) = if *p == x { (s, t, q) } else { (t, s, p) };
            let scale = FRAC_2_SQRT_PI / SQRT_2;
            let fits = (*p == x || *q == x)
                && is_cube(builder, *cube, x)
                && close(*linear, scale)
                && close(*cubic, 0.044715 * scale);
            fits.then_some(Function::GeluTanh)
        }
        _ => None,
    }
}

fn is_cube(builder: &Builder, y: NodeId, x: NodeId) -> bool {
    let square = |id| plain_product(builder, id) == Some((x, x));
    map(builder, y) == Some((Function::Pow(3.0), x))
        || plain_product(builder, y).is_some_and(|(a, b)| (a == x && square(b)) || (b == x && square(a)))
}

fn map(builder: &Builder, y: NodeId) -> Option<(Function, NodeId)> {
    match (&builder.graph.node(y).op, builder.graph.node(y).inputs.as_slice()) {
        (CoreOp::Map(function), [x]) => Some((*function, *x)),
        _ => None,
    }
}

/// Operands of an elementwise product of two tensors of one shape.
fn plain_product(builder: &Builder, y: NodeId) -> Option<(NodeId, NodeId)> {
    let node = builder.graph.node(y);
    match (&node.op, node.inputs.as_slice()) {
        (CoreOp::Contract(c), [a, b]) if *c == Contract::elementwise(node.fact.shape.len()) => Some((*a, *b)),
        _ => None,
    }
}

/// All `(c, x)` with `y = c * x` that multiples of one operand show, from `(1, y)` on.
fn multiples(builder: &Builder, y: NodeId) -> Vec<(f64, NodeId)> {
    let mut all = vec![(1.0, y)];
    let (mut factor, mut id) = (1.0, y);
    for _ in 0..DEPTH {
        let node = builder.graph.node(id);
        let (CoreOp::Sum(sum), [x]) = (&node.op, node.inputs.as_slice()) else { break };
        factor *= sum.coefficients.first().copied().unwrap_or(0.0);
        id = *x;
        all.push((factor, id));
    }
    all
}

/// `y` as a linear combination of nodes that are `x` or no linear combinations, and an offset.
fn combination(builder: &Builder, y: NodeId, x: NodeId) -> Option<(Vec<(f64, NodeId)>, f64)> {
    let mut terms = Vec::new();
    let mut offset = 0.0;
    let mut open = vec![(1.0, y, 0)];
    while let Some((factor, id, depth)) = open.pop() {
        let node = builder.graph.node(id);
        if id == x {
            terms.push((factor, id));
        } else if let Some(value) = builder.uniform(id) {
            offset += factor * value;
        } else if let CoreOp::Sum(sum) = &node.op {
            if depth == DEPTH || node.inputs.len() > DEPTH {
                return None;
            }
            open.extend(sum.coefficients.iter().zip(&node.inputs).map(|(c, x)| (factor * c, *x, depth + 1)));
        } else {
            terms.push((factor, id));
        }
    }
    Some((terms, offset))
}

/// Equal up to the rounding of 16-bit floats.
fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 5e-4 * b.abs()
}
