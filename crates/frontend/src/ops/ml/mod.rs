//! The operator set `ai.onnx.ml`: models of scikit-learn, XGBoost and LightGBM as their converters write them.
//!
//! Texts exist only as class labels: a result that would be a text is the index of that text among the labels, and a
//! note says so. NaN does not exist in circuits, so that what these operators do with missing values has no effect.

pub(super) mod encoding;
mod ensemble;
mod forest;
mod labels;
pub(super) mod linear_model;
mod post_transform;
pub(super) mod scaling;
pub(super) mod svm;

pub(super) use ensemble::{classifier, ensemble, regressor};

use plonnx_ir::{DType, NodeId};

use crate::lower::{Builder, Call, Lowering, invalid};

/// Operand 0 as real numbers with a row per sample, and how many rows and columns it has. A vector is one row.
fn rows(call: &mut Call) -> Lowering<(NodeId, usize, usize)> {
    let x = call.input(0)?;
    let shape = call.shape(x);
    let (n, f) = match shape.as_slice() {
        [f] => (1, *f),
        [n, f] => (*n, *f),
        _ => return invalid(format!("expected a row of features per sample, got shape {shape:?}")),
    };
    let x = call.reshape(x, &[n, f])?;
    Ok((x, n, f))
}

/// `x` plus a constant per column.
fn shifted(builder: &mut Builder, x: NodeId, offsets: Vec<f64>) -> Lowering<NodeId> {
    if offsets.iter().all(|o| *o == 0.0) {
        return Ok(x);
    }
    let offsets = builder.tensor(&[offsets.len()], offsets, DType::Real)?;
    builder.linear(&[(1.0, x), (1.0, offsets)])
}
