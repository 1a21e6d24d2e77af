//! LinearClassifier, LinearRegressor: a matrix product with intercepts.
//!
//! Spec: the pages of these names; all opsets of ai.onnx.ml. Rejected: a classifier of two classes with one row of
//! coefficients, post transforms SOFTMAX_ZERO and PROBIT.

use plonnx_ir::{DType, NodeId};

use super::labels::Labels;
use super::post_transform::PostTransform;
use super::{rows, shifted};
use crate::lower::{Call, Lowering, Results, extent, invalid, unsupported};

pub(in crate::ops) fn classifier(call: &mut Call) -> Results {
    // Each class has scores of its own either way.
    call.ignore(&["multi_class"]);
    let labels = Labels::of(call, "classlabels_ints", "classlabels_strings")?;
    let transform = PostTransform::of(call)?;
    if labels.len() == 2 && call.floats("intercepts")?.is_some_and(|v| v.len() == 1) {
        return unsupported("two classes with one score", "give each class a row of coefficients");
    }
    let scores = scores(call, labels.len())?;
    let label = labels.of_largest(call, scores)?;
    Ok(vec![label, transform.apply(call, scores)?])
}

pub(in crate::ops) fn regressor(call: &mut Call) -> Results {
    let targets = extent(call.int("targets")?.unwrap_or(1), "targets")?;
    let transform = PostTransform::of(call)?;
    let scores = scores(call, targets)?;
    Ok(vec![transform.apply(call, scores)?])
}

/// `x` times the coefficients plus the intercepts: `[n, outputs]`.
fn scores(call: &mut Call, outputs: usize) -> Lowering<NodeId> {
    let (x, _, f) = rows(call)?;
    let x = call.retype(x, DType::Real)?;
    let coefficients = call.floats("coefficients")?.unwrap_or_default();
    let intercepts = call.floats("intercepts")?.filter(|v| !v.is_empty()).unwrap_or_else(|| vec![0.0; outputs]);
    if coefficients.len() != outputs.saturating_mul(f) || intercepts.len() != outputs {
        return invalid(format!(
            "expected {outputs} rows of {f} coefficients and as many intercepts, got {} and {}",
            coefficients.len(),
            intercepts.len()
        ));
    }
    let coefficients = call.tensor(&[outputs, f], coefficients, DType::Real)?;
    let product = call.contract(x, b"nf", coefficients, b"cf", b"nc")?;
    shifted(call, product, intercepts)
}
