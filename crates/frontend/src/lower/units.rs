//! Quantised models: real tensors that are known to be integers times a scale.
//!
//! `DequantizeLinear` gives such a tensor. Operators that commute with a positive factor act on the integers, and the
//! scale moves on: into known weights, or behind the operator. So the integers of the model reach the circuit as they
//! are, and nothing is rounded but where the model rounds.

use plonnx_ir::op::{Reducer, Sum, View};
use plonnx_ir::{CoreOp, DType, Float, Function, NodeId};

use super::Builder;
use super::error::Lowering;

/// What a real tensor consists of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scaled {
    /// A tensor of kind Real whose elements are integers.
    pub(crate) units: NodeId,
    /// Positive.
    pub(crate) scale: f64,
}

impl Builder {
    /// `scale * units`, with a note of what it consists of.
    pub(crate) fn in_units(&mut self, units: NodeId, scale: f64) -> Lowering<NodeId> {
        let id = self.scale(scale, units)?;
        if scale > 0.0 && scale.is_finite() && id != units && !self.is_known(id) {
            self.scaled.insert(id, Scaled { units, scale });
        }
        Ok(id)
    }

    /// What `x` consists of: without a note, of itself.
    pub(crate) fn scaled(&self, x: NodeId) -> Scaled {
        self.scaled.get(&x).copied().unwrap_or(Scaled { units: x, scale: 1.0 })
    }

    /// `op` on the integers of its operands, when that gives the same: `None` otherwise.
    pub(super) fn on_units(&mut self, op: &CoreOp<Float>, inputs: &[NodeId]) -> Lowering<Option<NodeId>> {
        let Some(first) = inputs.iter().find_map(|x| self.scaled.get(x)).copied() else { return Ok(None) };
        match (op, inputs) {
            (CoreOp::Conv(_) | CoreOp::Contract(_), [a, b]) => {
                let (x, y) = (self.scaled(*a), self.scaled(*b));
                let (mut x_units, mut y_units) = (x.units, y.units);
                let mut scale = x.scale * y.scale;
                if self.is_known(x_units) {
                    x_units = self.scale(scale, x_units)?;
                    scale = 1.0;
                } else if self.is_known(y_units) {
                    y_units = self.scale(scale, y_units)?;
                    scale = 1.0;
                }
                let units = self.add(op.clone(), &[x_units, y_units])?;
                Ok(Some(self.in_units(units, scale)?))
            }
            (CoreOp::Sum(Sum { coefficients }), [_]) => match coefficients.as_slice() {
                [c] if *c > 0.0 && c.is_finite() => Ok(Some(self.in_units(first.units, c * first.scale)?)),
                _ => Ok(None),
            },
            _ if commutes(op) => {
                let mut units = Vec::new();
                for x in inputs {
                    match self.scaled.get(x) {
                        Some(x) if x.scale == first.scale => units.push(x.units),
                        // A fill of nothing, or of what never wins.
                        None if self.uniform(*x).is_some_and(|v| v == 0.0 || v.is_infinite()) => units.push(*x),
                        _ => return Ok(None),
                    }
                }
                let units = self.add(op.clone(), &units)?;
                Ok(Some(self.in_units(units, first.scale)?))
            }
            _ => Ok(None),
        }
    }
}

/// Whether the operator gives `s * y` for operands `s * x` if it gives `y` for `x`, for every positive `s`.
fn commutes(op: &CoreOp<Float>) -> bool {
    match op {
        CoreOp::View(View::Retype { dtype }) => *dtype == DType::Real,
        CoreOp::View(_) | CoreOp::Extremum(_) | CoreOp::Map(Function::Relu | Function::Abs) => true,
        CoreOp::Reduce(reduce) => matches!(reduce.reducer, Reducer::Sum | Reducer::Max | Reducer::Min),
        _ => false,
    }
}
