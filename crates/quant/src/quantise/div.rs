//! Division. The circuit divides by integers of at least 1.

use num_bigint::BigInt;
use plonnx_ir::op::{Contract, Label, Quotient, Requant, View, Window};
use plonnx_ir::{CoreOp, Function, Interval, NodeId, Tensor};

use super::Lowering;
use super::operand::Operand;
use crate::error::QuantError;
use crate::range::Range;
use crate::scale;

impl Lowering<'_> {
    pub(super) fn lower_div(&mut self, id: NodeId) -> Result<Operand, QuantError> {
        let inputs = self.source.node(id).inputs.clone();
        let (x, y) = (inputs[0], inputs[1]);
        if self.structure.is_constant(y) {
            return self.over_constant(id, x, y);
        }
        let root = self.divisor_root(y);
        let range = self.range(root);
        if range.min == 0.0 || range.max == 0.0 {
            return Err(self.zero_divisor(root));
        }
        if !self.is_real(id) {
            return self.integer_quotient(id, x, y);
        }
        if range.min < 0.0 && range.max > 0.0 {
            return self.over_either_sign(id, x, y);
        }
        let small = self.source.node(root).fact.len() < self.source.node(id).fact.len();
        let sqrt = matches!(self.source.node(root).op, CoreOp::Map(Function::Sqrt)) && self.fusion.is_deferred(root);
        if !small && !sqrt {
            return self.quotient(id, x, y);
        }
        let inverse = if sqrt {
            let radicand = self.source.node(root).inputs[0];
            let v = self.precise(radicand, 1)?;
            self.rsqrt(root, v)?
        } else if range.min > 0.0 {
            let v = self.precise(root, 1)?;
            self.reciprocal(root, v, self.smallest(root))?
        } else {
            let v = self.negated_divisor(root)?;
            let inverse = self.reciprocal(root, v, -range.max / self.config.headroom)?;
            let negative = self.reflected(root, inverse, 0)?;
            let limits = Range { min: 1.0 / range.max, max: 1.0 / range.min };
            self.round_within(root, negative, inverse.scale, limits, false)?
        };
        self.times_inverse(id, x, y, inverse)
    }

    /// The node that a deferred divisor repeats or reshapes.
    fn divisor_root(&self, mut y: NodeId) -> NodeId {
        while self.fusion.is_deferred(y)
            && let CoreOp::View(View::Broadcast { .. } | View::Reshape { .. }) = &self.source.node(y).op
        {
            y = self.source.node(y).inputs[0];
        }
        y
    }

    /// `x` times the inverse of what the views at `y` repeat.
    fn times_inverse(&mut self, id: NodeId, x: NodeId, y: NodeId, inverse: Operand) -> Result<Operand, QuantError> {
        let source = self.source;
        let value =
            if self.structure.is_constant(x) { self.weights(x, self.config.activation_bits)? } else { self.narrow(x)? };
        let shape = source.shape(id).to_vec();
        let full: Vec<Label> = (b'a'..=b'z').take(shape.len()).collect();
        if full.len() != shape.len() {
            return Err(self.unsupported(id, format!("{} axes", shape.len()), "use at most 26"));
        }
        // One broadcast at the end of a chain of reshapes: labels say which axes repeat.
        let mut below = y;
        if self.fusion.is_deferred(y)
            && let CoreOp::View(View::Broadcast { .. }) = &source.node(y).op
        {
            below = source.node(y).inputs[0];
        }
        let factor = self.replayed(below, inverse)?;
        let own = source.shape(below);
        let skipped = shape.len() - own.len();
        let kept: Vec<usize> = (0..own.len()).filter(|i| own[*i] == shape[i + skipped]).collect();
        let kept_shape: Vec<usize> = kept.iter().map(|i| own[*i]).collect();
        let factor = self.in_shape(id, factor, &kept_shape)?;
        let labels = kept.iter().map(|i| full[i + skipped]).collect();
        let spec = Contract { a: full.clone(), b: labels, out: full };
        self.emit(id, CoreOp::Contract(spec), &[value.id, factor.id], value.scale + factor.scale)
    }

    /// The deferred views from the divisor's root up to `y`, applied to `value`.
    fn replayed(&mut self, y: NodeId, value: Operand) -> Result<Operand, QuantError> {
        let node = self.source.node(y);
        match &node.op {
            CoreOp::View(view @ (View::Broadcast { .. } | View::Reshape { .. })) if self.fusion.is_deferred(y) => {
                let below = self.replayed(node.inputs[0], value)?;
                self.emit(y, CoreOp::View(view.clone()), &[below.id], below.scale)
            }
            _ => Ok(value),
        }
    }

    /// `-y` for a negative `y`, narrow and precise.
    pub(super) fn negated_divisor(&mut self, y: NodeId) -> Result<Operand, QuantError> {
        let value = self.value(y)?;
        let range = self.range(y).scaled(-1.0);
        let negative = self.reflected(y, value, 0)?;
        self.positive(y, negative, range)
    }

    /// A value that stands for no float node, rounded to at least 1 and with many bits.
    fn positive(&mut self, at: NodeId, value: Operand, range: Range) -> Result<Operand, QuantError> {
        const BITS: i32 = 28;
        let e = scale::exponent(range.max * self.config.headroom, BITS).min(value.scale);
        let value = self.within_reach(at, value, e)?;
        let shift = self.shift(at, value, e)?;
        let proven = scale::shifted(self.interval(value), shift);
        let window = scale::window(range, e, self.config.headroom, true, &proven);
        let window = window.ok_or_else(|| self.no_window(at, &proven))?;
        let window = Window { lo: window.lo.max(1), ..window };
        let rounded = self.emit(at, CoreOp::Map(Requant::Round { shift, window }), &[value.id], e)?;
        self.shaped(at, rounded)
    }

    /// `x / y` elementwise for `y` of one sign.
    fn quotient(&mut self, id: NodeId, x: NodeId, y: NodeId) -> Result<Operand, QuantError> {
        let numerator = if self.structure.is_constant(x) { self.value(x)? } else { self.narrow(x)? };
        let positive = self.range(y).min > 0.0;
        let divisor = if positive { self.precise(y, 1)? } else { self.negated_divisor(y)? };
        let range = self.range(id);
        let ratio = self.divided(id, numerator, divisor, if positive { range } else { range.scaled(-1.0) })?;
        if positive { Ok(ratio) } else { self.reflected(id, ratio, 0) }
    }

    /// Quotient of narrow values, the divisor at least 1, at the target scale of `id`; real quotients are in `range`.
    fn divided(&mut self, id: NodeId, x: Operand, y: Operand, range: Range) -> Result<Operand, QuantError> {
        let numerator_bits = self.enforced(x).magnitude().bits() as i32;
        let most = (58 - numerator_bits).max(0);
        let divisor_bits = self.enforced(y).magnitude().bits() as u32;
        let mut shift = (self.targets.exponent(id) - x.scale + y.scale).clamp(0, most);
        loop {
            let e = x.scale - y.scale + shift;
            // The divisor is at least 1.
            let interval = self.interval(x).scaled(&(BigInt::from(1) << shift as usize)).union(&Interval::point(0));
            let window = scale::window(range, e, self.config.headroom, false, &interval);
            match window {
                // The circuit multiplies quotient and divisor.
                Some(window) if shift as u32 + window.bits <= 61 && window.bits + divisor_bits <= 58 => {
                    let quotient = Quotient { shift: shift as u32, window };
                    return self.emit(id, CoreOp::Div(quotient), &[x.id, y.id], e);
                }
                _ if shift == 0 => return Err(self.no_window(id, &interval)),
                _ => shift -= 1,
            }
        }
    }

    /// `x / y` as `(x y) / (y y)`, for a divisor of either sign; a divisor that rounds to 0 is an error when it occurs.
    fn over_either_sign(&mut self, id: NodeId, x: NodeId, y: NodeId) -> Result<Operand, QuantError> {
        let rank = self.source.shape(id).len();
        if rank > 26 {
            return Err(self.unsupported(id, format!("{rank} axes"), "use at most 26"));
        }
        let spec = Contract::elementwise(rank);
        let top = if self.structure.is_constant(x) { self.value(x)? } else { self.narrow(x)? };
        let bottom = self.narrow(y)?;
        let e = top.scale + bottom.scale;
        let product = self.emit(id, CoreOp::Contract(spec.clone()), &[top.id, bottom.id], e)?;
        let square = self.emit(id, CoreOp::Contract(spec), &[bottom.id, bottom.id], 2 * bottom.scale)?;
        let range = self.range(x).times(self.range(y));
        let bits = self.config.activation_bits as i32 + 9;
        let e = scale::exponent(range.absmax() * self.config.headroom, bits);
        let product = self.round_within(id, product, e, range, false)?;
        let square = self.positive(id, square, self.range(y).squared())?;
        self.divided(id, product, square, self.range(id))
    }

    /// `1 / y` as `y / (y y)`, for a divisor of either sign; a divisor that rounds to 0 is an error when it occurs.
    pub(super) fn inverse_of_either_sign(&mut self, id: NodeId, y: NodeId) -> Result<Operand, QuantError> {
        let rank = self.source.shape(id).len();
        if rank > 26 {
            return Err(self.unsupported(id, format!("{rank} axes"), "use at most 26"));
        }
        let value = self.narrow(y)?;
        let square = CoreOp::Contract(Contract::elementwise(rank));
        let square = self.emit(id, square, &[value.id, value.id], 2 * value.scale)?;
        let square = self.positive(id, square, self.range(y).squared())?;
        self.divided(id, value, square, self.range(id))
    }

    /// `x` times the inverse of a constant.
    fn over_constant(&mut self, id: NodeId, x: NodeId, y: NodeId) -> Result<Operand, QuantError> {
        if !self.is_real(id) {
            return self.integer_quotient(id, x, y);
        }
        let range = self.range(y);
        if let Some(divisor) = self.uniform(y).filter(|d| *d != 0.0) {
            return self.scaled(id, x, 1.0 / divisor);
        }
        let values = self.evaluated(y)?;
        if values.iter().any(|v| v == 0.0) {
            return Err(QuantError::Divisor {
                node: self.name(id).to_string(),
                op: self.source.node(id).op.name(),
                lo: range.min,
                hi: range.max,
            });
        }
        let inverse = Tensor::from_vec(values.shape(), values.iter().map(|v| 1.0 / v).collect())
            .ok_or_else(|| self.unsupported(id, "the divisor is malformed", "report this model"))?;
        let value = self.narrow(x)?;
        let inverse = self.derived_weights(id, &inverse, self.config.weight_bits + 2)?;
        let rank = self.source.shape(id).len();
        if rank > 26 {
            return Err(self.unsupported(id, format!("{rank} axes"), "use at most 26"));
        }
        let spec = Contract::elementwise(rank);
        self.emit(id, CoreOp::Contract(spec), &[value.id, inverse.id], value.scale + inverse.scale)
    }

    /// `floor(x / y)` of integers, where that is what every definition of integer division gives.
    fn integer_quotient(&mut self, id: NodeId, x: NodeId, y: NodeId) -> Result<Operand, QuantError> {
        let exact = self.structure.is_nonnegative(x) && self.range(y).min > 0.0;
        if !exact {
            let fix = "cast to real numbers first";
            return Err(self.unsupported(id, "integer division with operands that may be negative", fix));
        }
        // floor((2x - y + floor(2y / 2)) / 2y) = floor(x / y)
        let (top, bottom) = (self.at_scale(x, 0)?, self.at_scale(y, 0)?);
        let sum = |coefficients: Vec<i64>| CoreOp::Sum(plonnx_ir::op::Sum { coefficients });
        let numerator = self.emit(id, sum(vec![2, -1]), &[top.id, bottom.id], 0)?;
        let divisor = self.emit(id, sum(vec![2]), &[bottom.id], 0)?;
        let (rx, ry) = (self.range(x), self.range(y));
        let reach = Range { min: -2.0 * ry.max, max: 2.0 * rx.max };
        let numerator = self.round_within(id, numerator, 0, reach, false)?;
        let divisor = self.positive(id, divisor, ry.scaled(2.0))?;
        let range = Range { min: 0.0, max: rx.max / ry.min };
        let window = scale::window(range, 0, self.config.headroom, true, self.interval(top));
        let window = window.ok_or_else(|| self.no_window(id, self.interval(top)))?;
        self.emit(id, CoreOp::Div(Quotient { shift: 0, window }), &[numerator.id, divisor.id], 0)
    }
}
