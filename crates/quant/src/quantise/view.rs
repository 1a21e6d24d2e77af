//! Data movement: the operand's scale carries over.

use plonnx_ir::op::{Requant, View, Window};
use plonnx_ir::{CoreOp, DType, Interval, NodeId};

use super::Lowering;
use super::operand::Operand;
use crate::error::QuantError;

impl Lowering<'_> {
    pub(super) fn lower_view(&mut self, id: NodeId, view: &View) -> Result<Operand, QuantError> {
        let inputs = self.source.node(id).inputs.clone();
        match view {
            // A wide value has no cells to move, but its elements may be read in another shape.
            View::Reshape { .. } => {
                let value = self.value(inputs[0])?;
                if self.is_wide(value) { Ok(value) } else { self.shaped(id, value) }
            }
            View::Retype { dtype } => self.retype(id, inputs[0], *dtype),
            _ => {
                let values = self.at_common_scale(&inputs)?;
                let ids: Vec<NodeId> = values.iter().map(|v| v.id).collect();
                let scale = values.first().map_or(0, |v| v.scale);
                self.emit(id, CoreOp::View(view.clone()), &ids, scale)
            }
        }
    }

    fn retype(&mut self, id: NodeId, operand: NodeId, dtype: DType) -> Result<Operand, QuantError> {
        let value = match dtype {
            DType::Real => self.narrow(operand)?,
            DType::Int => self.at_scale(operand, 0)?,
            DType::Bool => self.truth(operand)?,
        };
        self.emit(id, CoreOp::View(View::Retype { dtype }), &[value.id], value.scale)
    }

    /// A narrow value that is proven to be 0 or 1.
    fn truth(&mut self, id: NodeId) -> Result<Operand, QuantError> {
        let value = self.value(id)?;
        let value = if value.scale == 0 { value } else { self.at_scale(id, 0)? };
        if !self.is_wide(value) && Interval::new(0, 1).includes(self.interval(value)) {
            return Ok(value);
        }
        let op = Requant::Round { shift: 0, window: Window::unsigned(1) };
        let bit = self.emit(id, CoreOp::Map(op), &[value.id], 0)?;
        self.shaped(id, bit)
    }

    /// Narrow values of all `ids` at one scale: that of the coarsest, so that nothing grows. Constants follow the others.
    pub(super) fn at_common_scale(&mut self, ids: &[NodeId]) -> Result<Vec<Operand>, QuantError> {
        let mut coarsest: Option<i32> = None;
        for id in ids {
            if !self.structure.is_constant(*id) {
                let scale = self.narrow(*id)?.scale;
                coarsest = Some(coarsest.map_or(scale, |c| c.min(scale)));
            }
        }
        let e = match coarsest {
            Some(e) => e,
            None => {
                let mut e = i32::MAX;
                for id in ids {
                    e = e.min(self.value(*id)?.scale);
                }
                e
            }
        };
        ids.iter().map(|id| self.at_scale(*id, e)).collect()
    }
}
