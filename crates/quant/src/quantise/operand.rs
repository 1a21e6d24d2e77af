//! Field values that stand for float nodes, and how they are rounded.

use num_traits::ToPrimitive;
use plonnx_ir::op::{Requant, Sum, View, Window};
use plonnx_ir::{CoreOp, DType, Field, Interval, Log2Scale, NodeId, Tensor, op_bound};

use super::Lowering;
use crate::error::QuantError;
use crate::range::Range;
use crate::scale::{self, WIDE_BITS};

/// A field node read at a scale. A wide value keeps the shape of the operator that made it; the float node it stands
/// for may be a reshape of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operand {
    pub(super) id: NodeId,
    /// Real value is integer times 2^-scale. It differs from the scale noted at the node after a multiplication by a
    /// power of two, which changes no integer.
    pub(super) scale: i32,
}

/// A shift by more bits gives 0 for every value.
const MAX_SHIFT: i32 = WIDE_BITS as i32 - 2;

/// What to change when a bound is exceeded.
pub(super) const FEWER_BITS: &str = "lower activation_bits or weight_bits";

impl Lowering<'_> {
    /// Adds a node named after float node `at`, and proves that its values stay in the field.
    pub(super) fn emit(
        &mut self,
        at: NodeId,
        op: CoreOp<Field>,
        inputs: &[NodeId],
        scale: i32,
    ) -> Result<Operand, QuantError> {
        let id = self.graph.add_noted(&self.source.node(at).name, op, inputs, Log2Scale(scale))?;
        let operands: Vec<Interval> = inputs.iter().map(|i| self.intervals[i.index()].clone()).collect();
        let interval = op_bound(&self.graph, id, &operands);
        let bits = interval.magnitude().bits();
        self.enforced.push(self.enforced_of(id, &interval));
        self.intervals.push(interval);
        if bits > u64::from(WIDE_BITS) {
            return Err(self.too_wide(at, format!("values may need {bits} bits, the limit is {WIDE_BITS}")));
        }
        Ok(Operand { id, scale })
    }

    pub(super) fn too_wide(&self, at: NodeId, reason: String) -> QuantError {
        let node = self.source.node(at);
        QuantError::Bound { node: node.name.clone(), op: node.op.name(), reason, fix: FEWER_BITS }
    }

    pub(super) fn interval(&self, value: Operand) -> &Interval {
        &self.intervals[value.id.index()]
    }

    /// What circuits enforce of a narrow value by range checks alone: its window, even where its operands never reach the
    /// ends. Roots and quotients have to be the only ones for all of it.
    pub(super) fn enforced(&self, value: Operand) -> &Interval {
        &self.enforced[value.id.index()]
    }

    fn enforced_of(&self, id: NodeId, interval: &Interval) -> Interval {
        let node = self.graph.node(id);
        match &node.op {
            CoreOp::Map(map) => {
                let (lo, hi) = map.range();
                Interval::new(lo, hi)
            }
            op if op.is_wide() || node.inputs.iter().all(|i| self.enforced[i.index()] == self.intervals[i.index()]) => {
                interval.clone()
            }
            _ => {
                let operands: Vec<Interval> = node.inputs.iter().map(|i| self.enforced[i.index()].clone()).collect();
                op_bound(&self.graph, id, &operands)
            }
        }
    }

    pub(super) fn is_wide(&self, value: Operand) -> bool {
        self.graph.node(value.id).op.is_wide()
    }

    /// What float node `id` became; a constant at the scale of an activation.
    pub(super) fn value(&mut self, id: NodeId) -> Result<Operand, QuantError> {
        match self.values[id.index()] {
            Some(value) => Ok(value),
            None if self.structure.is_constant(id) => {
                let bits = self.config.activation_bits as i32 - 1;
                let e = if self.is_real(id) { scale::exponent(self.range(id).absmax(), bits) } else { 0 };
                self.constant_at(id, e)
            }
            None => {
                // A deferred node that is needed after all.
                let value = self.lower(id)?;
                self.values[id.index()] = Some(value);
                Ok(value)
            }
        }
    }

    /// The value of `id`, rounded to its target scale if it is wide.
    pub(super) fn narrow(&mut self, id: NodeId) -> Result<Operand, QuantError> {
        let value = self.value(id)?;
        if !self.is_wide(value) {
            return Ok(value);
        }
        let value = self.round_to_target(id, value)?;
        self.values[id.index()] = Some(value);
        Ok(value)
    }

    /// A narrow value of `id` at scale `e` exactly.
    pub(super) fn at_scale(&mut self, id: NodeId, e: i32) -> Result<Operand, QuantError> {
        if self.structure.is_constant(id) {
            return self.constant_at(id, e);
        }
        let value = self.value(id)?;
        if !self.is_wide(value) && value.scale == e {
            return Ok(value);
        }
        let raised = if value.scale < e { self.raised(id, value, e)? } else { value };
        self.round(id, raised, e)
    }

    /// `value` at the finer scale `e`: wide, exact.
    pub(super) fn raised(&mut self, at: NodeId, value: Operand, e: i32) -> Result<Operand, QuantError> {
        let factor = u32::try_from(e - value.scale).ok().and_then(|s| 1i64.checked_shl(s)).filter(|f| *f > 0);
        let factor = factor
            .ok_or_else(|| self.too_wide(at, format!("scales 2^{} and 2^{} are too far apart", -value.scale, -e)))?;
        self.emit(at, CoreOp::Sum(Sum { coefficients: vec![factor] }), &[value.id], e)
    }

    /// Scale at which `id` is best rounded when its value has scale `from`: its target, or slightly finer.
    pub(super) fn rounded_scale(&self, id: NodeId, from: i32) -> i32 {
        let target = self.targets.exponent(id);
        if self.targets.is_shared(id) || !self.is_real(id) {
            return target;
        }
        let bits = self.bits(id, target) + 1;
        scale::whole_digits(target, from, bits, scale::round_room(bits))
    }

    /// Bits of the calibrated magnitudes of `id` with headroom at scale `e`.
    pub(super) fn bits(&self, id: NodeId, e: i32) -> i32 {
        e - scale::exponent(self.range(id).absmax() * self.config.headroom, 0)
    }

    /// [`Lowering::round`] to the target scale of `id`.
    pub(super) fn round_to_target(&mut self, id: NodeId, value: Operand) -> Result<Operand, QuantError> {
        let e = self.rounded_scale(id, value.scale);
        if let Some(floor) = self.effective.floors[id.index()]
            && self.needs_floor(id, value, floor)
        {
            return self.round_above(id, value, e, floor);
        }
        self.round(id, value, e)
    }

    /// Rounds the value of `id` to scale `e`, or to its own scale if that is coarser. The result is narrow and has the
    /// shape of `id`.
    pub(super) fn round(&mut self, id: NodeId, value: Operand, e: i32) -> Result<Operand, QuantError> {
        self.round_within(id, value, e, self.range(id), self.structure.is_nonnegative(id))
    }

    /// [`Lowering::round`] for a value that stands for no float node but is of the shape of `at`.
    pub(super) fn round_within(
        &mut self,
        at: NodeId,
        value: Operand,
        e: i32,
        range: Range,
        nonnegative: bool,
    ) -> Result<Operand, QuantError> {
        let e = e.min(value.scale);
        let value = self.within_reach(at, value, e)?;
        let shift = self.shift(at, value, e)?;
        let proven = scale::shifted(self.interval(value), shift);
        let window = scale::window(range, e, self.config.headroom, nonnegative, &proven);
        let window = window.ok_or_else(|| self.no_window(at, &proven))?;
        let rounded = self.emit(at, CoreOp::Map(Requant::Round { shift, window }), &[value.id], e)?;
        self.shaped(at, rounded)
    }

    pub(super) fn no_window(&self, at: NodeId, proven: &Interval) -> QuantError {
        let bits = proven.magnitude().bits() + 1;
        self.too_wide(at, format!("a rounded value needs {bits} bits, the limit is {}", scale::MAX_WINDOW_BITS))
    }

    /// `value`, rounded where it is so much finer than scale `e` that one shift cannot bridge them: next to values at
    /// scale `e` it is nearly nothing.
    pub(super) fn within_reach(&mut self, at: NodeId, mut value: Operand, e: i32) -> Result<Operand, QuantError> {
        const STAGE: i32 = 40;
        while value.scale - e > MAX_SHIFT {
            let shift = STAGE as u32;
            let proven = scale::shifted(self.interval(value), shift);
            let window = scale::proven_window(&proven).ok_or_else(|| self.no_window(at, &proven))?;
            let op = CoreOp::Map(Requant::Round { shift, window });
            value = self.emit(at, op, &[value.id], value.scale - STAGE)?;
        }
        Ok(value)
    }

    /// Bits between the scale of `value` and the coarser scale `e`.
    pub(super) fn shift(&self, at: NodeId, value: Operand, e: i32) -> Result<u32, QuantError> {
        u32::try_from(value.scale - e)
            .ok()
            .filter(|s| *s <= MAX_SHIFT as u32)
            .ok_or_else(|| self.too_wide(at, format!("scales 2^{} and 2^{} are too far apart", -value.scale, -e)))
    }

    /// `value` in the shape of float node `at`.
    pub(super) fn shaped(&mut self, at: NodeId, value: Operand) -> Result<Operand, QuantError> {
        let shape = self.source.shape(at).to_vec();
        self.in_shape(at, value, &shape)
    }

    /// `value` in another shape with as many elements; narrow.
    pub(super) fn in_shape(&mut self, at: NodeId, value: Operand, shape: &[usize]) -> Result<Operand, QuantError> {
        if self.graph.shape(value.id) == shape {
            return Ok(value);
        }
        let view = View::Reshape { shape: shape.to_vec() };
        self.emit(at, CoreOp::View(view), &[value.id], value.scale)
    }

    /// `value + addend`, wide, in the shape of `value`. The addend is an integer at the scale of `value`.
    pub(super) fn offset(&mut self, at: NodeId, value: Operand, addend: i64) -> Result<Operand, QuantError> {
        if addend == 0 {
            return Ok(value);
        }
        let constant = self.filled(at, value, addend)?;
        let sum = Sum { coefficients: vec![1, 1] };
        self.emit(at, CoreOp::Sum(sum), &[value.id, constant.id], value.scale)
    }

    /// `addend - value`, wide, in the shape of `value`.
    pub(super) fn reflected(&mut self, at: NodeId, value: Operand, addend: i64) -> Result<Operand, QuantError> {
        if addend == 0 {
            return self.emit(at, CoreOp::Sum(Sum { coefficients: vec![-1] }), &[value.id], value.scale);
        }
        let constant = self.filled(at, value, addend)?;
        let sum = Sum { coefficients: vec![-1, 1] };
        self.emit(at, CoreOp::Sum(sum), &[value.id, constant.id], value.scale)
    }

    /// A constant in the shape and at the scale of `value`.
    pub(super) fn filled(&mut self, at: NodeId, value: Operand, element: i64) -> Result<Operand, QuantError> {
        let shape = self.graph.shape(value.id).to_vec();
        let dtype = if value.scale == 0 { self.graph.node(value.id).fact.dtype } else { DType::Real };
        let dtype = if dtype == DType::Bool { DType::Int } else { dtype };
        let scalar = self.emit(at, CoreOp::Const(Tensor::scalar(element), dtype), &[], value.scale)?;
        self.emit(at, CoreOp::View(View::Broadcast { shape }), &[scalar.id], value.scale)
    }

    /// `max(value, 0)` at scale `e`, narrow, in the shape of `value`, where the operand is within `range`.
    pub(super) fn relu(&mut self, at: NodeId, value: Operand, e: i32, range: Range) -> Result<Operand, QuantError> {
        let value = self.within_reach(at, value, e)?;
        let shift = self.shift(at, value, e)?;
        let proven = scale::shifted(self.interval(value), shift);
        let window = scale::window(range, e, self.config.headroom, false, &proven);
        let window = window.ok_or_else(|| self.no_window(at, &proven))?;
        let bits = relu_bits(window);
        self.emit(at, CoreOp::Map(Requant::Relu { shift, bits }), &[value.id], e)
    }

    /// Whether `value` reaches so far below `floor` that its bits would be wasted there.
    fn needs_floor(&self, id: NodeId, value: Operand, floor: f64) -> bool {
        let lo = self.interval(value).lo.to_f64().unwrap_or(f64::NEG_INFINITY);
        let range = self.range(id);
        range.min < floor && libm::ldexp(lo, -value.scale) < floor && range.max > floor
    }

    /// `max(value, floor)` at scale `e`, narrow.
    fn round_above(&mut self, id: NodeId, value: Operand, e: i32, floor: f64) -> Result<Operand, QuantError> {
        let range = self.range(id);
        let e =
            e.max(scale::exponent((range.max - floor) * self.config.headroom, self.config.activation_bits as i32 - 1));
        let e = e.min(value.scale);
        let units = libm::round(libm::ldexp(floor, e)) as i64;
        let at_value = u32::try_from(value.scale - e).ok().and_then(|s| units.checked_mul(1i64.checked_shl(s)?));
        let at_value = at_value.ok_or_else(|| self.too_wide(id, format!("a mask reaches {}", range.min)))?;
        let above = self.offset(id, value, -at_value)?;
        let reach = Range { min: range.min - floor, max: range.max - floor };
        let kept = self.relu(id, above, e, reach)?;
        let back = self.offset(id, kept, units)?;
        self.round_within(id, back, e, Range { min: floor, max: range.max }, false)
    }
}

/// Bits of the symmetric window of a relu that holds `window`, in whole digits: the circuit checks no finer one without a
/// comparison.
pub(super) fn relu_bits(window: Window) -> u32 {
    let reach = i128::from(window.lo).unsigned_abs().max(i128::from(window.hi()).unsigned_abs() + 1);
    (128 - (reach.max(2) - 1).leading_zeros()).next_multiple_of(scale::DIGIT_BITS)
}
