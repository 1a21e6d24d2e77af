//! Inputs: the circuit proves that every element is in a window.

use plonnx_ir::op::{Input, View, Window};
use plonnx_ir::{CoreOp, DType, Float, Interval, NodeId};

use super::Lowering;
use super::operand::Operand;
use crate::error::QuantError;
use crate::scale::{self, MAX_WINDOW_BITS};

impl Lowering<'_> {
    pub(super) fn lower_input(&mut self, id: NodeId, input: &Input<Float>) -> Result<Operand, QuantError> {
        if let Some((scale, window)) = self.fixed.get(&id.index()) {
            let op = Input { shape: input.shape.clone(), dtype: input.dtype, domain: *window };
            return self.emit(id, CoreOp::Input(op), &[], scale.0);
        }
        let mut e = self.targets.exponent(id);
        let anything = Interval::new(-(1 << (MAX_WINDOW_BITS - 1)), (1 << (MAX_WINDOW_BITS - 1)) - 1);
        let window = match input.dtype {
            DType::Bool => Window::unsigned(1),
            DType::Int => match self.depth(id) {
                Some(depth) => Window::unsigned(scale::bits_for(depth as i128).max(1)),
                None => {
                    let range = self.range(id);
                    scale::window(range, 0, self.config.headroom, range.min >= 0.0, &anything)
                        .ok_or_else(|| self.no_window(id, &anything))?
                }
            },
            DType::Real => {
                let at = |e| scale::window(self.range(id), e, self.config.headroom, false, &anything);
                let window = at(e).ok_or_else(|| self.no_window(id, &anything))?;
                // Inputs are packed for the transcript in whole digits, so that a bit on top costs a digit: either it is
                // saved, or the digit is used.
                if window.bits % 3 == 1 && !self.targets.is_shared(id) {
                    e += if self.is_small(id) && at(e + 2).is_some() { 2 } else { -1 };
                    at(e).ok_or_else(|| self.no_window(id, &anything))?
                } else {
                    window
                }
            }
        };
        let op = Input { shape: input.shape.clone(), dtype: input.dtype, domain: window };
        self.emit(id, CoreOp::Input(op), &[], e)
    }

    /// Whether `id` has so few elements that a digit more for each costs nothing.
    pub(super) fn is_small(&self, id: NodeId) -> bool {
        self.source.node(id).fact.len() <= 256
    }

    /// Number of indices that the unit vectors made from `id` distinguish, if that is all it is used for.
    fn depth(&self, id: NodeId) -> Option<usize> {
        let mut least: Option<usize> = None;
        for user in self.source.consumers(id) {
            let depth = match &self.source.node(user).op {
                CoreOp::OneHot(one_hot) => one_hot.depth,
                CoreOp::View(View::Retype { dtype: DType::Real } | View::Pad { .. } | View::Concat { .. }) => {
                    return None;
                }
                CoreOp::View(_) => self.depth(user)?,
                _ => return None,
            };
            least = Some(least.map_or(depth, |d| d.min(depth)));
        }
        least
    }
}
