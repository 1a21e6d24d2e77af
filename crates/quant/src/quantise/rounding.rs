//! Functions with integer results. They take the exact operand: rounding it first could cross an integer.

use plonnx_ir::op::{Compare, Requant, Sum};
use plonnx_ir::{CoreOp, Function, NodeId};

use super::Lowering;
use super::operand::Operand;
use crate::error::QuantError;
use crate::range::Range;
use crate::scale;

impl Lowering<'_> {
    /// Floor, ceil, round, sign or trunc. Round takes ties to even; where its result is only clipped, as in quantised
    /// models, only if a table of all operands is small enough, and up otherwise.
    pub(super) fn lower_rounding(&mut self, id: NodeId, x: NodeId, function: Function) -> Result<Operand, QuantError> {
        if function == Function::Sign {
            return self.sign(id, x);
        }
        let value = self.value(x)?;
        if value.scale <= 0 {
            return Ok(value);
        }
        let half = u32::try_from(value.scale - 1).ok().filter(|s| *s < 58).map(|s| 1i64 << s);
        let half = half.ok_or_else(|| self.too_wide(id, format!("operands in steps of 2^{}", -value.scale)))?;
        let nonnegative = self.structure.is_nonnegative(x);
        match function {
            Function::Ceil => self.rounded_from(id, value, half - 1, nonnegative),
            Function::Trunc if !nonnegative => {
                let above = self.offset(id, value, -half)?;
                let up = self.relu(id, above, 0, self.range(x))?;
                let below = self.reflected(id, value, -half)?;
                let down = self.relu(id, below, 0, self.range(x))?;
                self.emit(id, CoreOp::Sum(Sum { coefficients: vec![1, -1] }), &[up.id, down.id], 0)
            }
            Function::Round => {
                let proven = self.interval(value);
                let window = scale::window(self.range(x), value.scale, self.config.headroom, nonnegative, proven);
                match window {
                    Some(window) if window.bits <= self.config.table_bits => {
                        self.exact_table(id, value, window, Function::Round)
                    }
                    _ if self.fusion.is_deferred(id) => self.rounded_from(id, value, 0, nonnegative),
                    _ => self.rounded_to_even(id, value, nonnegative),
                }
            }
            _ => self.rounded_from(id, value, -half, nonnegative),
        }
    }

    /// `clip(round(operand))` by one table, ties up, for a deferred rounding `x`; `None` if a table cannot serve it or need
    /// not.
    pub(super) fn rounded_and_clipped(
        &mut self,
        id: NodeId,
        x: NodeId,
        lo: f64,
        hi: f64,
    ) -> Result<Option<Operand>, QuantError> {
        let rounding = matches!(self.source.node(x).op, CoreOp::Map(Function::Round)) && self.fusion.is_deferred(x);
        if !rounding || self.values[x.index()].is_some() {
            return Ok(None);
        }
        let operand = self.source.node(x).inputs[0];
        let value = self.value(operand)?;
        if value.scale <= 0 {
            return Ok(None);
        }
        let value = self.within_reach(id, value, 0)?;
        let shift = self.shift(id, value, 0)?;
        let proven = scale::shifted(self.interval(value), shift);
        let nonnegative = self.structure.is_nonnegative(operand);
        let window = scale::window(self.range(x), 0, self.config.headroom, nonnegative, &proven);
        let Some(window) = window.filter(|w| w.bits <= self.config.table_bits) else { return Ok(None) };
        let reach = Range { min: window.lo as f64, max: window.hi() as f64 };
        if reach.min >= lo && reach.max <= hi {
            return Ok(None);
        }
        let table = self.table(Function::Clip { lo, hi }, window, 0, reach, |i| (window.lo + i) as f64);
        let result = self.emit(id, CoreOp::Map(Requant::Table { shift, table }), &[value.id], 0)?;
        Ok(Some(self.shaped(id, result)?))
    }

    /// `floor(value + addend + 1/2)`
    fn rounded_from(
        &mut self,
        id: NodeId,
        value: Operand,
        addend: i64,
        nonnegative: bool,
    ) -> Result<Operand, QuantError> {
        let moved = self.offset(id, value, addend)?;
        self.round_within(id, moved, 0, self.range(id), nonnegative)
    }

    /// The nearest integer, of two the even one. With ties rounded up to `u` and down to `w`, which differ by 1 at ties
    /// only: `u - ((u - w) and (u mod 2))`.
    fn rounded_to_even(&mut self, id: NodeId, value: Operand, nonnegative: bool) -> Result<Operand, QuantError> {
        let up = self.rounded_from(id, value, 0, nonnegative)?;
        let down = self.rounded_from(id, value, -1, false)?;
        // An integer at scale 1 stands for its half.
        let half_of_up = Operand { scale: 1, ..up };
        let half = self.rounded_from(id, half_of_up, -1, nonnegative)?;
        let bit = Range { min: 0.0, max: 1.0 };
        // The sum of the two bits, halved and rounded down, is 1 if both are.
        let both = Sum { coefficients: vec![2, -1, -2] };
        let both = self.emit(id, CoreOp::Sum(both), &[up.id, down.id, half.id], 1)?;
        let both = self.offset(id, both, -1)?;
        let odd_tie = self.round_within(id, both, 0, bit, true)?;
        self.emit(id, CoreOp::Sum(Sum { coefficients: vec![1, -1] }), &[up.id, odd_tie.id], 0)
    }

    /// `(0 < x) - (x < 0)`
    fn sign(&mut self, id: NodeId, x: NodeId) -> Result<Operand, QuantError> {
        let value = self.narrow(x)?;
        let zero = self.filled(id, value, 0)?;
        let positive = self.emit(id, CoreOp::Compare(Compare::Less), &[zero.id, value.id], 0)?;
        let negative = self.emit(id, CoreOp::Compare(Compare::Less), &[value.id, zero.id], 0)?;
        self.emit(id, CoreOp::Sum(Sum { coefficients: vec![1, -1] }), &[positive.id, negative.id], 0)
    }
}
