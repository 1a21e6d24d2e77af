//! NegativeLogLikelihoodLoss, SoftmaxCrossEntropyLoss: how badly log probabilities predict classes.
//!
//! Spec: the pages of these names; all opsets. The log probability of a class is a product with the class's unit vector.
//! Classes that depend on the data must lie in `[0, classes)`, or be the ignored one. Nothing is rejected.

use plonnx_ir::op::{Label, Reducer};
use plonnx_ir::{CoreOp, DType, NodeId};

use super::compare::equals;
use super::logic::negation;
use super::one_hot::unit_vectors;
use super::{div, softmax};
use crate::lower::{Call, Lowering, Results, invalid};

/// Labels of samples, classes and positions.
const N: Label = b'n';
const C: Label = b'c';
const D: Label = b'd';

pub(super) fn negative_log_likelihood(call: &mut Call) -> Results {
    let logs = call.input(0)?;
    Ok(vec![loss(call, logs)?])
}

pub(super) fn softmax_cross_entropy(call: &mut Call) -> Results {
    let scores = call.input(0)?;
    if call.rank(scores) < 2 {
        return invalid(format!("expected samples and classes, got shape {:?}", call.shape(scores)));
    }
    let logs = softmax::log_distribution(call, scores, &[1])?;
    Ok(vec![loss(call, logs)?, logs])
}

/// Loss of the log probabilities `logs` for the classes of operand 1 with the weights of operand 2.
fn loss(call: &mut Call, logs: NodeId) -> Lowering<NodeId> {
    let (classes, weights) = (call.input(1)?, call.optional(2));
    let (shape, target_shape) = (call.shape(logs), call.shape(classes));
    let fits = shape.len() >= 2 && target_shape.first() == shape.first() && target_shape[1..] == shape[2..];
    if !fits {
        return invalid(format!("log probabilities of shape {shape:?} and classes of shape {target_shape:?}"));
    }
    let (samples, depth, positions) = (shape[0], shape[1], shape[2..].iter().product::<usize>());
    let logs = call.reshape(logs, &[samples, depth, positions])?;
    let mut classes = call.reshape(classes, &[samples, positions])?;
    let mut factor = None;
    if let Some(ignored) = call.int("ignore_index")? {
        let is_ignored = equals(call, classes, ignored as f64)?;
        let zero = call.scalar(0.0, DType::Int)?;
        let zeros = call.broadcast(zero, &[samples, positions])?;
        classes = call.add(CoreOp::Select, &[is_ignored, zeros, classes])?;
        let counts = negation(call, is_ignored)?;
        factor = Some(call.retype(counts, DType::Real)?);
    }
    let unit = unit_vectors(call, classes, depth)?;
    if let Some(weights) = weights {
        if call.shape(weights) != [depth] {
            return invalid(format!("weights of shape {:?} for {depth} classes", call.shape(weights)));
        }
        let own = call.contract(unit, &[N, D, C], weights, &[C], &[N, D])?;
        factor = Some(match factor {
            Some(counts) => call.product(own, counts)?,
            None => own,
        });
    }
    let chosen = call.contract(unit, &[N, D, C], logs, &[N, C, D], &[N, D])?;
    let mut loss = call.scale(-1.0, chosen)?;
    if let Some(factor) = factor {
        loss = call.product(loss, factor)?;
    }
    let reduction = call.text("reduction", "mean")?;
    match (reduction, factor) {
        ("none", _) => call.reshape(loss, &target_shape),
        ("sum", _) => call.reduce(Reducer::Sum, loss, &[0, 1], false),
        ("mean", Some(factor)) => {
            let sum = call.reduce(Reducer::Sum, loss, &[0, 1], false)?;
            let total = call.reduce(Reducer::Sum, factor, &[0, 1], false)?;
            div::quotient(call, sum, total)
        }
        ("mean", None) => {
            let sum = call.reduce(Reducer::Sum, loss, &[0, 1], false)?;
            let count = samples * positions;
            if count == 0 { invalid("mean of no elements") } else { call.scale(1.0 / count as f64, sum) }
        }
        (other, _) => invalid(format!("reduction is \"{other}\", expected none, sum or mean")),
    }
}
