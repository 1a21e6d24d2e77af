//! Proof that a program's values stay in the field.

use plonnx_ir::{Field, Graph, Interval, IrError, bounds, verify};

use crate::error::QuantError;

/// Interval of every node of a program that meets all invariants of the field domain.
pub(crate) fn prove(graph: &Graph<Field>) -> Result<Vec<Interval>, QuantError> {
    verify(graph).map_err(first)?;
    bounds(graph).map_err(explained)
}

/// The first of several errors, with what to change.
pub(crate) fn first(errors: Vec<IrError>) -> QuantError {
    match errors.into_iter().next() {
        Some(error) => explained(error),
        None => QuantError::Calibration { reason: "the graph was rejected without a reason".into() },
    }
}

/// An error of the graph as one of quantisation, with what to change.
fn explained(error: IrError) -> QuantError {
    match error {
        IrError::Limit { node, op, what, got, limit } => QuantError::Bound {
            node,
            op,
            reason: format!("{what} is {got}, the limit is {limit}"),
            fix: "lower activation_bits or weight_bits",
        },
        other => QuantError::Graph(other),
    }
}
