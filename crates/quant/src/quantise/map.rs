//! Unary functions: fused with rounding where the operand is wide.

use num_traits::ToPrimitive;
use plonnx_ir::op::{Contract, Extremum, Quotient, Requant, Sum, Window};
use plonnx_ir::{CoreOp, Function, NodeId};

use super::Lowering;
use super::operand::Operand;
use crate::error::QuantError;
use crate::scale;

/// Bits of an operand of an inverse square root or a divisor: its square times a result of 31 bits stays in the field.
const PRECISE_BITS: i32 = 28;
/// Most bits of the operand of a square root.
const ROOT_BITS: i32 = scale::MAX_WINDOW_BITS as i32;

impl Lowering<'_> {
    pub(super) fn lower_map(&mut self, id: NodeId, function: Function) -> Result<Operand, QuantError> {
        let x = self.source.node(id).inputs[0];
        match function {
            Function::Abs => self.absolute(id, x),
            Function::Clip { lo, hi } => self.clip(id, x, lo, hi),
            Function::Ceil | Function::Floor | Function::Round | Function::Sign | Function::Trunc => {
                self.lower_rounding(id, x, function)
            }
            Function::Pow(1.0) => self.value(x),
            Function::Pow(2.0) if self.source.shape(x).len() <= 26 => {
                let square = Contract::elementwise(self.source.shape(x).len());
                self.lower_contract(id, &square, x, x)
            }
            Function::Reciprocal | Function::Pow(-1.0) => self.lower_reciprocal(id, x),
            Function::Relu => self.lower_relu(id, x),
            Function::Rsqrt | Function::Pow(-0.5) => {
                let v = self.precise(x, 1)?;
                self.rsqrt(id, v)
            }
            Function::Sqrt | Function::Pow(0.5) => self.sqrt(id, x),
            _ => self.lower_table(id, x, function),
        }
    }

    fn lower_relu(&mut self, id: NodeId, x: NodeId) -> Result<Operand, QuantError> {
        let value = self.value(x)?;
        if self.interval(value).lo >= 0.into() {
            return Ok(value);
        }
        let e = self.relu_scale(id, x, value.scale);
        let kept = self.relu(id, value, e, self.range(x))?;
        self.shaped(id, kept)
    }

    /// Target scale of a relu of an operand at scale `from`, coarser if negative operands, which it drops, are so large that
    /// they would need far more bits than its results.
    pub(super) fn relu_scale(&self, id: NodeId, x: NodeId, from: i32) -> i32 {
        const SLACK: i32 = 4;
        let most = self.config.activation_bits as i32 - 1 + SLACK;
        let widest = scale::exponent(self.range(x).absmax() * self.config.headroom, most);
        let e = self.targets.exponent(id).min(widest).min(from);
        if self.targets.is_shared(id) || !self.is_real(id) {
            return e;
        }
        let bits = self.bits(x, e);
        scale::whole_digits(e, from, bits, scale::relu_room(bits))
    }

    /// `2 * max(x, 0) - x`
    fn absolute(&mut self, id: NodeId, x: NodeId) -> Result<Operand, QuantError> {
        let value = self.narrow(x)?;
        if self.interval(value).lo >= 0.into() {
            return Ok(value);
        }
        let positive = self.relu(id, value, value.scale, self.range(x))?;
        let sum = Sum { coefficients: vec![2, -1] };
        self.emit(id, CoreOp::Sum(sum), &[positive.id, value.id], value.scale)
    }

    fn clip(&mut self, id: NodeId, x: NodeId, lo: f64, hi: f64) -> Result<Operand, QuantError> {
        if let Some(value) = self.rounded_and_clipped(id, x, lo, hi)? {
            return Ok(value);
        }
        let value = if lo == 0.0 {
            let value = self.lower_relu(id, x)?;
            if self.is_wide(value) { self.round(id, value, self.rounded_scale(id, value.scale))? } else { value }
        } else {
            let value = self.narrow(x)?;
            self.cut(id, value, Extremum::Max, lo)?
        };
        self.cut(id, value, Extremum::Min, hi)
    }

    /// Elementwise extremum of a narrow value that `id` is computed of and a number.
    fn cut(&mut self, id: NodeId, mut value: Operand, extremum: Extremum, limit: f64) -> Result<Operand, QuantError> {
        if let Some(e) = self.scale_beyond(id, value, extremum, limit) {
            let operand = self.range(self.source.node(id).inputs[0]);
            value = self.round_within(id, value, e, operand, false)?;
        }
        let scaled = libm::round(libm::ldexp(limit, value.scale));
        let interval = self.interval(value);
        let (lo, hi) = (interval.lo.to_f64().unwrap_or(f64::MIN), interval.hi.to_f64().unwrap_or(f64::MAX));
        let idle = match extremum {
            Extremum::Max => scaled <= lo,
            Extremum::Min => scaled >= hi,
        };
        if idle {
            return Ok(value);
        }
        let limit = self.filled(id, value, scaled as i64)?;
        self.emit(id, CoreOp::Extremum(extremum), &[value.id, limit.id], value.scale)
    }

    /// A narrow value of `id` that is at least `least` (0 or 1), with many bits: for operators that are steep near zero.
    pub(super) fn precise(&mut self, id: NodeId, least: i64) -> Result<Operand, QuantError> {
        if let Some(known) = self.precise.get(&(id.index(), least)) {
            return Ok(*known);
        }
        let value = self.value(id)?;
        if !self.is_wide(value) && self.interval(value).lo >= least.into() {
            return Ok(value);
        }
        let range = self.range(id);
        let e = self.precise_scale(id, least).max(self.least_scale(id)).min(value.scale);
        let value = self.within_reach(id, value, e)?;
        let shift = self.shift(id, value, e)?;
        let proven = scale::shifted(self.interval(value), shift);
        let nonnegative = self.structure.is_nonnegative(id);
        let narrow = if least == 0 && !nonnegative && proven.lo < 0.into() {
            // Rounding errors may take a value that is never negative below zero.
            self.relu(id, value, e, range)?
        } else {
            let window = scale::window(range, e, self.config.headroom, true, &proven);
            let window = window.ok_or_else(|| self.no_window(id, &proven))?;
            if proven.hi < least.into() {
                return Err(self.zero_divisor(id));
            }
            let window = Window { lo: window.lo.max(least), ..window };
            self.emit(id, CoreOp::Map(Requant::Round { shift, window }), &[value.id], e)?
        };
        let narrow = self.shaped(id, narrow)?;
        self.precise.insert((id.index(), least), narrow);
        Ok(narrow)
    }

    /// Scale at which the smallest calibrated value has more bits than an activation, if its largest allows.
    fn precise_scale(&self, id: NodeId, least: i64) -> i32 {
        if !self.is_real(id) {
            return 0;
        }
        let range = self.range(id);
        let reach = range.absmax() * self.config.headroom;
        let most = scale::exponent(reach, PRECISE_BITS);
        let smallest = range.min.abs().min(range.max.abs());
        let most =
            if least == 0 { most.max(self.targets.exponent(id).min(scale::exponent(reach, ROOT_BITS))) } else { most };
        if range.min <= 0.0 || smallest == 0.0 {
            return most;
        }
        most.min(scale::exponent(smallest, self.config.activation_bits as i32 + 3).max(self.targets.exponent(id)))
    }

    /// Scale at which the least value that is possible is at least 1, if an operand has room for it.
    fn least_scale(&self, id: NodeId) -> i32 {
        const ROOM: i32 = 30;
        let least = self.structure.least(id);
        if least <= 0.0 || !self.is_real(id) {
            return -scale::MAX_EXPONENT;
        }
        scale::exponent(least, 1).min(scale::exponent(self.range(id).absmax() * self.config.headroom, ROOM))
    }

    pub(super) fn zero_divisor(&self, id: NodeId) -> QuantError {
        let (node, range) = (self.source.node(id), self.range(id));
        QuantError::Divisor { node: node.name.clone(), op: node.op.name(), lo: range.min, hi: range.max }
    }

    fn sqrt(&mut self, id: NodeId, x: NodeId) -> Result<Operand, QuantError> {
        let v = self.precise(x, 0)?;
        let hi_bits = self.interval(v).magnitude().bits() as i32;
        // The result is at scale e with shift = 2 e - scale of v.
        let finest = (60 - hi_bits + v.scale).div_euclid(2);
        let coarsest = (v.scale + 1).div_euclid(2);
        // Floors are half a unit too small on average, which sums add up: a quarter of it is lost in other roundings.
        let e = (self.targets.exponent(id) + 2).min(finest).max(coarsest);
        let shift = u32::try_from(2 * e - v.scale).unwrap_or(0);
        let bits = ((hi_bits + shift as i32 + 1) / 2).clamp(1, 30) as u32;
        self.emit(id, CoreOp::Map(Requant::Sqrt { shift, bits }), &[v.id], e)
    }

    /// Inverse square root of a value of at least 1, named after `id`.
    pub(super) fn rsqrt(&mut self, id: NodeId, v: Operand) -> Result<Operand, QuantError> {
        let interval = self.interval(v);
        let (lo_bits, hi_bits) = (interval.lo.bits() as i32, self.enforced(v).hi.bits() as i32);
        let wanted = 2 * (self.config.activation_bits as i32 + 1) + interval.hi.bits() as i32;
        let lo_bits = lo_bits.max(1);
        let bits = |shift: i32| ((shift - lo_bits + 1) / 2 + 1).max(1);
        let mut shift = wanted.min(60);
        shift -= (shift - v.scale).rem_euclid(2);
        while shift > 2 && !root_fits(shift, bits(shift), hi_bits) {
            shift -= 2;
        }
        let bits = bits(shift).min(31) as u32;
        let e = (shift - v.scale) / 2;
        let shift = u32::try_from(shift).unwrap_or(0);
        self.emit(id, CoreOp::Map(Requant::Rsqrt { shift, bits }), &[v.id], e)
    }

    fn lower_reciprocal(&mut self, id: NodeId, x: NodeId) -> Result<Operand, QuantError> {
        let range = self.range(x);
        if range.min == 0.0 || range.max == 0.0 {
            return Err(self.zero_divisor(x));
        }
        if range.min < 0.0 && range.max > 0.0 {
            return self.inverse_of_either_sign(id, x);
        }
        if range.min > 0.0 {
            let v = self.precise(x, 1)?;
            return self.reciprocal(id, v, self.smallest(x));
        }
        let v = self.negated_divisor(x)?;
        let inverse = self.reciprocal(id, v, -range.max / self.config.headroom)?;
        self.reflected(id, inverse, 0)
    }

    /// The smallest value of a positive node that must be expected: the calibrated one with headroom, or what is proven.
    pub(super) fn smallest(&self, id: NodeId) -> f64 {
        // Rounded values may be a little below what is proven of real ones.
        const ROUNDED: f64 = 0.99;
        (self.range(id).min / self.config.headroom).max(self.structure.least(id) * ROUNDED)
    }

    /// Quotient of 1 and a narrow value of at least 1, for real values from `smallest` on.
    pub(super) fn reciprocal(&mut self, id: NodeId, v: Operand, smallest: f64) -> Result<Operand, QuantError> {
        let interval = self.interval(v);
        let calibrated = libm::floor(libm::ldexp(smallest, v.scale));
        let proven = interval.lo.to_f64().unwrap_or(1.0);
        let least = calibrated.max(proven).max(1.0);
        let hi_bits = self.enforced(v).hi.bits() as i32;
        let mut shift = interval.hi.bits() as i32 + self.config.activation_bits as i32;
        let bits = |shift: i32| (scale::ceil_log2(libm::ldexp(1.0, shift) / least + 2.0)).clamp(1, 61);
        // The circuit multiplies quotient and divisor.
        while shift > 0 && (shift > 57 || shift + bits(shift) > 61 || bits(shift) + hi_bits > 58) {
            shift -= 1;
        }
        let quotient = Quotient { shift: shift as u32, window: Window::unsigned(bits(shift) as u32) };
        let one = self.filled(id, Operand { scale: 0, ..v }, 1)?;
        self.emit(id, CoreOp::Div(quotient), &[one.id, v.id], shift - v.scale)
    }
}

/// Whether the products that prove an inverse square root stay in the field, for results of `bits` bits and operands of
/// `v_bits`: the result times the operand has `w_bits`, and its product with the result is checked in two parts.
fn root_fits(shift: i32, bits: i32, v_bits: i32) -> bool {
    let w_bits = (shift + v_bits + 1) / 2 + 1;
    let low = ((bits + w_bits - 58).max(0) + 2) / 3 * 3;
    bits <= 31 && bits + v_bits <= 59 && low < bits && low + w_bits <= 59 && low <= shift
}
