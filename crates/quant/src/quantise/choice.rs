//! Comparison and choice: operands at one scale, results exact.

use num_bigint::BigInt;
use num_traits::ToPrimitive;
use plonnx_ir::op::{Arg, Compare, Extremum, OneHot, Reduce};
use plonnx_ir::{CoreOp, NodeId};

use super::Lowering;
use super::constant::{ConstantUse, Nearest};
use super::given;
use super::operand::Operand;
use crate::error::QuantError;
use crate::scale;

/// Operands of different scales are compared at the finer one if the coarser then has at most this many bits.
const COMPARED_BITS: u64 = 24;

impl Lowering<'_> {
    pub(super) fn lower_reduce_extremum(&mut self, id: NodeId, reduce: &Reduce) -> Result<Operand, QuantError> {
        let operand = self.source.node(id).inputs[0];
        let x = self.narrow(operand)?;
        self.emit(id, CoreOp::Reduce(reduce.clone()), &[x.id], x.scale)
    }

    pub(super) fn lower_extremum(&mut self, id: NodeId, extremum: Extremum) -> Result<Operand, QuantError> {
        let inputs = self.source.node(id).inputs.clone();
        let (x, y) = match (self.structure.is_constant(inputs[0]), self.structure.is_constant(inputs[1])) {
            (false, true) => self.with_bound(id, extremum, inputs[0], inputs[1])?,
            (true, false) => self.with_bound(id, extremum, inputs[1], inputs[0])?,
            _ => {
                let both = self.at_common_scale(&inputs)?;
                (both[0], both[1])
            }
        };
        self.emit(id, CoreOp::Extremum(extremum), &[x.id, y.id], x.scale)
    }

    /// A narrow value of `x` and the constant `bound`, whose extremum is `id`, at one scale.
    fn with_bound(
        &mut self,
        id: NodeId,
        extremum: Extremum,
        x: NodeId,
        bound: NodeId,
    ) -> Result<(Operand, Operand), QuantError> {
        let mut value = self.narrow(x)?;
        let range = self.range(bound);
        let furthest = if extremum == Extremum::Max { range.max } else { range.min };
        if let Some(e) = self.scale_beyond(id, value, extremum, furthest) {
            value = self.at_scale(x, e)?;
        }
        let how = ConstantUse::at(value.scale);
        let interval = self.interval(value);
        // A bound that all values keep acts as if it were their end, whatever its magnitude.
        let kept = |end: &BigInt| end.to_i64().ok_or_else(|| self.no_window(x, interval));
        let clamp = match extremum {
            Extremum::Max => (kept(&interval.lo)?, how.clamp.1),
            Extremum::Min => (how.clamp.0, kept(&interval.hi)?),
        };
        Ok((value, self.constant(bound, ConstantUse { clamp, ..how })?))
    }

    /// The coarser scale that the extremum `id` of `value` and `bound` needs if no value keeps the bound, which then is
    /// the result.
    pub(super) fn scale_beyond(&self, id: NodeId, value: Operand, extremum: Extremum, bound: f64) -> Option<i32> {
        let interval = self.interval(value);
        let real = |end: &BigInt| end.to_f64().map_or(f64::INFINITY, |v| libm::ldexp(v, -value.scale));
        let beyond = match extremum {
            Extremum::Max => bound > real(&interval.hi),
            Extremum::Min => bound < real(&interval.lo),
        };
        let e = scale::exponent(bound.abs(), self.config.activation_bits as i32 - 1);
        (beyond && e < value.scale && self.is_real(id)).then_some(e)
    }

    /// A narrow value and a constant to compare it with, at its scale. A constant beyond the values acts as if it were
    /// just beyond, whatever its magnitude.
    fn with_limit(&mut self, x: NodeId, limit: NodeId, nearest: Nearest) -> Result<(Operand, Operand), QuantError> {
        let value = self.narrow(x)?;
        let interval = self.interval(value);
        let end = |v: Option<i64>| v.ok_or_else(|| self.no_window(x, interval));
        let clamp = (end(interval.lo.to_i64())? - 1, end(interval.hi.to_i64())? + 1);
        let how = ConstantUse { nearest, clamp, ..ConstantUse::at(value.scale) };
        Ok((value, self.constant(limit, how)?))
    }

    pub(super) fn lower_compare(&mut self, id: NodeId, compare: Compare) -> Result<Operand, QuantError> {
        let inputs = self.source.node(id).inputs.clone();
        // Inputs were rounded themselves: the constant is rounded as they are.
        let as_given = inputs.iter().any(|x| given::is_given(self.source, *x));
        let (x, y) = match (self.structure.is_constant(inputs[0]), self.structure.is_constant(inputs[1])) {
            (false, true) => {
                // x < c iff x < ceil(c), and x <= c iff x <= floor(c), for integers x.
                let nearest = match compare {
                    _ if as_given => Nearest::Either,
                    Compare::Less => Nearest::Above,
                    Compare::LessEqual => Nearest::Below,
                    Compare::Equal => Nearest::Either,
                };
                self.with_limit(inputs[0], inputs[1], nearest)?
            }
            (true, false) => {
                let nearest = match compare {
                    _ if as_given => Nearest::Either,
                    Compare::Less => Nearest::Below,
                    Compare::LessEqual => Nearest::Above,
                    Compare::Equal => Nearest::Either,
                };
                let (y, x) = self.with_limit(inputs[1], inputs[0], nearest)?;
                (x, y)
            }
            _ => {
                let (x, y) = (self.narrow(inputs[0])?, self.narrow(inputs[1])?);
                let finer = x.scale.max(y.scale);
                let widest = [x, y].iter().all(|v| {
                    let bits = self.interval(*v).magnitude().bits();
                    bits + u64::from((finer - v.scale).unsigned_abs()) <= COMPARED_BITS
                });
                let e = if widest { finer } else { x.scale.min(y.scale) };
                (self.at_scale(inputs[0], e)?, self.at_scale(inputs[1], e)?)
            }
        };
        self.emit(id, CoreOp::Compare(compare), &[x.id, y.id], 0)
    }

    pub(super) fn lower_select(&mut self, id: NodeId) -> Result<Operand, QuantError> {
        let inputs = self.source.node(id).inputs.clone();
        let condition = self.at_scale(inputs[0], 0)?;
        let branches = &inputs[1..];
        let (x, y) = if branches.iter().all(|b| self.structure.is_constant(*b)) {
            // Two constants: the scale of the result, at which both fit.
            let bits = self.config.activation_bits as i32 - 1;
            let e = if self.is_real(id) {
                branches.iter().map(|b| scale::exponent(self.range(*b).absmax(), bits)).min().unwrap_or(0)
            } else {
                0
            };
            (self.constant_at(branches[0], e)?, self.constant_at(branches[1], e)?)
        } else {
            let both = self.at_common_scale(branches)?;
            (both[0], both[1])
        };
        self.emit(id, CoreOp::Select, &[condition.id, x.id, y.id], x.scale)
    }

    pub(super) fn lower_one_hot(&mut self, id: NodeId, one_hot: OneHot) -> Result<Operand, QuantError> {
        let operand = self.source.node(id).inputs[0];
        let x = self.at_scale(operand, 0)?;
        self.emit(id, CoreOp::OneHot(one_hot), &[x.id], 0)
    }

    pub(super) fn lower_arg(&mut self, id: NodeId, arg: Arg) -> Result<Operand, QuantError> {
        let operand = self.source.node(id).inputs[0];
        let x = self.narrow(operand)?;
        self.emit(id, CoreOp::Arg(arg), &[x.id], 0)
    }
}
