//! SVMClassifier, SVMRegressor: kernels of a sample with support vectors.
//!
//! Spec: the pages of these names; all opsets of ai.onnx.ml; where the page leaves votes and scores open, as
//! onnxruntime. Rejected: probabilities (`prob_a`) of more than two classes, which onnxruntime finds by iteration; post
//! transforms other than NONE.
//! Cost: a multiplication per support vector and feature, and one table step per support vector.

use plonnx_ir::op::{Contract, Reducer};
use plonnx_ir::{CoreOp, DType, Function, NodeId};

use super::labels::Labels;
use super::post_transform::PostTransform;
use super::{rows, shifted};
use crate::lower::{Call, Lowering, Results, extent, invalid, unsupported};

/// Weighted sums `[n, sums]` of the kernels of `x` with the support vectors. `weights` has a row of `count` numbers for
/// every sum.
fn sums(call: &mut Call, x: NodeId, vectors: Vec<f64>, count: usize, weights: Vec<f64>) -> Lowering<NodeId> {
    let f = call.shape(x)[1];
    let sums = weights.len() / count.max(1);
    if vectors.len() != count.saturating_mul(f) {
        return invalid(format!("expected {count} support vectors of {f} features, got {} numbers", vectors.len()));
    }
    if call.text("kernel_type", "LINEAR")? == "LINEAR" {
        call.ignore(&["kernel_params"]);
        // A weighted sum of linear functions is one linear function.
        let mut folded = vec![0.0; sums * f];
        for (i, weight) in weights.iter().enumerate() {
            let (sum, vector) = (i / count, i % count);
            for k in 0..f {
                folded[sum * f + k] += weight * vectors[vector * f + k];
            }
        }
        let folded = call.tensor(&[sums, f], folded, DType::Real)?;
        return call.contract(x, b"nf", folded, b"pf", b"np");
    }
    let kernels = kernels(call, x, vectors, count)?;
    let weights = call.tensor(&[sums, count], weights, DType::Real)?;
    call.contract(kernels, b"nv", weights, b"pv", b"np")
}

/// Kernels `[n, vectors]` of `x` with the support vectors, of which there are `count`; not linear.
fn kernels(call: &mut Call, x: NodeId, vectors: Vec<f64>, count: usize) -> Lowering<NodeId> {
    let shape = call.shape(x);
    let (n, f) = (shape[0], shape[1]);
    let parameters = call.floats("kernel_params")?.filter(|v| !v.is_empty()).unwrap_or_else(|| vec![0.0; 3]);
    let [gamma, offset, degree] = parameters[..] else {
        return invalid(format!("expected 3 kernel parameters, got {}", parameters.len()));
    };
    let kernel = call.text("kernel_type", "LINEAR")?;
    let table = call.tensor(&[count, f], vectors, DType::Real)?;
    if kernel == "RBF" {
        // The squared distance, from differences: |x|^2 - 2 x v + |v|^2 would cancel.
        let left = call.reshape(x, &[n, 1, f])?;
        let right = call.reshape(table, &[1, count, f])?;
        let difference = call.linear(&[(1.0, left), (-1.0, right)])?;
        let square = call.add(CoreOp::Contract(Contract::elementwise(3)), &[difference, difference])?;
        let distance = call.reduce(Reducer::Sum, square, &[2], false)?;
        let exponent = call.scale(-gamma, distance)?;
        return call.map(Function::Exp, exponent);
    }
    let product = call.contract(x, b"nf", table, b"vf", b"nv")?;
    let scaled = call.scale(gamma, product)?;
    let moved = shifted(call, scaled, vec![offset; count])?;
    match kernel {
        "POLY" => call.map(Function::Pow(degree), moved),
        "SIGMOID" => call.map(Function::Tanh, moved),
        other => invalid(format!("kernel_type {other}")),
    }
}

/// Rows of operand 0 as real numbers.
fn samples(call: &mut Call) -> Lowering<(NodeId, usize, usize)> {
    let (x, n, f) = rows(call)?;
    Ok((call.retype(x, DType::Real)?, n, f))
}

fn untransformed(call: &mut Call) -> Lowering<()> {
    match PostTransform::of(call)? {
        PostTransform::None => Ok(()),
        other => unsupported(format!("post_transform {other:?} of a support vector machine"), "use NONE"),
    }
}

pub(in crate::ops) fn regressor(call: &mut Call) -> Results {
    let (x, _, f) = samples(call)?;
    untransformed(call)?;
    let one_class = call.flag("one_class", false)?;
    let coefficients = call.floats("coefficients")?.unwrap_or_default();
    let rho = call.floats("rho")?.unwrap_or_default();
    let [rho] = rho[..] else { return invalid(format!("expected one number as rho, got {}", rho.len())) };
    let vectors = call.floats("support_vectors")?.unwrap_or_default();
    let count = extent(call.int("n_supports")?.unwrap_or(0), "n_supports")?;
    let expected = if count == 0 { f } else { count };
    if coefficients.len() != expected {
        return invalid(format!("expected {expected} coefficients, got {}", coefficients.len()));
    }
    let scores = match count {
        // Without support vectors the coefficients are those of a linear function.
        0 => {
            call.ignore(&["kernel_params", "kernel_type"]);
            let coefficients = call.tensor(&[1, f], coefficients, DType::Real)?;
            call.contract(x, b"nf", coefficients, b"cf", b"nc")?
        }
        _ => sums(call, x, vectors, count, coefficients)?,
    };
    let scores = shifted(call, scores, vec![rho])?;
    if !one_class {
        return Ok(vec![scores]);
    }
    let inside = super::scaling::above(call, scores, 0.0)?;
    let inside = call.retype(inside, DType::Real)?;
    let doubled = call.scale(2.0, inside)?;
    Ok(vec![shifted(call, doubled, vec![-1.0])?])
}

pub(in crate::ops) fn classifier(call: &mut Call) -> Results {
    let (x, n, _) = samples(call)?;
    untransformed(call)?;
    let labels = Labels::of(call, "classlabels_ints", "classlabels_strings")?;
    let classes = labels.len();
    let sizes = call.extents("vectors_per_class")?.unwrap_or_default();
    if sizes.len() != classes || classes < 2 {
        return unsupported("a classifier without support vectors", "use a LinearClassifier");
    }
    let pairs: Vec<(usize, usize)> = (0..classes).flat_map(|i| (i + 1..classes).map(move |j| (i, j))).collect();
    let count = sizes.iter().try_fold(0usize, |sum, size| sum.checked_add(*size)).unwrap_or(usize::MAX);
    let coefficients = call.floats("coefficients")?.unwrap_or_default();
    let rho = call.floats("rho")?.unwrap_or_default();
    let vectors = call.floats("support_vectors")?.unwrap_or_default();
    if coefficients.len() != count.saturating_mul(classes - 1) || rho.len() != pairs.len() {
        return invalid(format!(
            "expected {} rows of {count} coefficients and {} rho, got {} and {}",
            classes - 1,
            pairs.len(),
            coefficients.len(),
            rho.len()
        ));
    }
    // The decision of classes i and j weighs the vectors of i by row j - 1 and those of j by row i.
    let starts: Vec<usize> = sizes.iter().scan(0, |at, size| Some(std::mem::replace(at, *at + size))).collect();
    let mut weights = vec![0.0; pairs.len() * count];
    for (pair, (i, j)) in pairs.iter().enumerate() {
        for (class, row) in [(*i, j - 1), (*j, *i)] {
            for v in starts[class]..starts[class] + sizes[class] {
                weights[pair * count + v] = coefficients[row * count + v];
            }
        }
    }
    let decisions = sums(call, x, vectors, count, weights)?;
    let decisions = shifted(call, decisions, rho)?;

    // A positive decision is a vote for the first of its classes.
    let first = super::scaling::above(call, decisions, 0.0)?;
    let first = call.retype(first, DType::Int)?;
    let mut table = vec![0.0; pairs.len() * classes];
    let mut base = vec![0.0; classes];
    for (pair, (i, j)) in pairs.iter().enumerate() {
        table[pair * classes + i] = 1.0;
        table[pair * classes + j] = -1.0;
        base[*j] += 1.0;
    }
    let table = call.tensor(&[pairs.len(), classes], table, DType::Int)?;
    let votes = call.contract(first, b"np", table, b"pc", b"nc")?;
    let base = call.tensor(&[classes], base, DType::Int)?;
    let votes = call.linear(&[(1.0, votes), (1.0, base)])?;

    let (a, b) = (call.floats("prob_a")?.unwrap_or_default(), call.floats("prob_b")?.unwrap_or_default());
    let result = match (a.as_slice(), b.as_slice()) {
        ([], []) if classes == 2 => {
            // The first class wins where the decision is positive; the second score is the decision all the same.
            let other = call.scale(-1.0, decisions)?;
            Some(pair(call, other, decisions)?)
        }
        ([], []) => Some(decisions),
        ([a], [b]) => {
            let scaled = call.scale(-*a, decisions)?;
            let exponent = shifted(call, scaled, vec![-*b])?;
            let first = call.map(Function::Sigmoid, exponent)?;
            let negative = call.scale(-1.0, first)?;
            let second = shifted(call, negative, vec![1.0])?;
            Some(pair(call, first, second)?)
        }
        _ if call.wants(1) => {
            return unsupported(
                "probabilities of more than two classes",
                "export the classifier without probabilities, or use the label alone",
            );
        }
        _ => None,
    };
    debug_assert_eq!(call.shape(votes), [n, classes]);
    let label = labels.of_largest(call, votes)?;
    Ok(std::iter::once(label).chain(result).collect())
}

/// Columns `x` and `y` side by side.
fn pair(call: &mut Call, x: NodeId, y: NodeId) -> Lowering<NodeId> {
    call.add(CoreOp::View(plonnx_ir::op::View::Concat { axis: 1 }), &[x, y])
}
