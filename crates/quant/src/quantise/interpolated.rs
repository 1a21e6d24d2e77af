//! Functions so steep that no table has steps fine enough: a table of values and one of slopes.
//!
//! The operand is a point of the table and a rest: `f(point + rest) = f(point) + slope(point) * rest`. The slope is that of
//! the chord over the step, so the error falls with the square of the step.

use plonnx_ir::op::{Contract, Requant, Sum, Table, Window};
use plonnx_ir::{CoreOp, Function, NodeId};

use super::Lowering;
use super::operand::Operand;
use super::table::{Arguments, RESULT_SLACK, steepest};
use crate::error::QuantError;
use crate::range::Range;
use crate::scale;

/// Most bits between the scales of values and of products of slopes.
const APART: i32 = 30;

impl Lowering<'_> {
    /// `function` of the narrow `value`, wide unless it is never negative; `values` is the scale of its table. `value` has a finer scale than
    /// `arguments`, which cover `reach`; `operands` are usual.
    pub(super) fn interpolated(
        &mut self,
        id: NodeId,
        value: Operand,
        function: Function,
        arguments: Arguments,
        values: i32,
        (operands, reach): (Range, Range),
    ) -> Result<Operand, QuantError> {
        let Arguments { e, lo, hi, .. } = arguments;
        let value = self.within_reach(id, value, e)?;
        let shift = self.shift(id, value, e)?;
        let window = Window { lo, bits: scale::bits_for(i128::from(hi) - i128::from(lo) + 1).max(1) };
        let point = self.emit(id, CoreOp::Map(Requant::Round { shift, window }), &[value.id], e)?;
        let rest = Sum { coefficients: vec![1, -(1i64 << shift)] };
        let rest = self.emit(id, CoreOp::Sum(rest), &[value.id, point.id], value.scale)?;
        let remainder = Requant::Round { shift: 0, window: Window::signed(shift) };
        let rest = self.emit(id, CoreOp::Map(remainder), &[rest.id], value.scale)?;

        let real = |units: i64| libm::ldexp(units as f64, -e);
        let half = libm::ldexp(0.5, -e);
        let slope = |units: i64| {
            let at = |x: f64| x.max(reach.min).min(reach.max);
            let (from, to) = (at(real(units) - half), at(real(units) + half));
            let slope = (function.eval(to) - function.eval(from)) / (to - from);
            if slope.is_finite() { slope } else { 0.0 }
        };
        // Slopes far beyond those of calibrated operands give results that have no window.
        let bits = self.config.activation_bits as i32;
        let usual = steepest(function, operands);
        let slopes = scale::exponent(usual, bits).min(values + APART - value.scale);
        let limit = libm::ldexp(1.0, bits + RESULT_SLACK);
        let integer = |i: i64| libm::round(libm::ldexp(slope(lo + i), slopes)).clamp(-limit, limit) as i64;
        let integers = (0..1i64 << window.bits).map(integer).collect();
        let name = format!("{function:?} slope").to_lowercase();
        let slope_table = self.shared(Table { name, window, values: integers });
        let value_table = self.table(function, window, values, reach, |i| real(lo + i));

        let base = self.emit(id, CoreOp::Map(Requant::Table { shift: 0, table: value_table }), &[point.id], values)?;
        let slope = self.emit(id, CoreOp::Map(Requant::Table { shift: 0, table: slope_table }), &[point.id], slopes)?;
        let product = CoreOp::Contract(Contract::elementwise(self.graph.shape(rest.id).len()));
        let finest = value.scale + slopes;
        let change = self.emit(id, product, &[slope.id, rest.id], finest)?;
        let (scale, coefficients) = if finest >= values {
            (finest, vec![1i64 << (finest - values).min(62), 1])
        } else {
            (values, vec![1, 1i64 << (values - finest).min(62)])
        };
        let sum = self.emit(id, CoreOp::Sum(Sum { coefficients }), &[base.id, change.id], scale)?;
        if !self.structure.is_nonnegative(id) {
            return Ok(sum);
        }
        // A chord may leave a function that bends at zero, and others see a value that is never negative.
        let kept = self.relu(id, sum, self.targets.exponent(id).min(scale), self.range(id))?;
        self.shaped(id, kept)
    }
}
