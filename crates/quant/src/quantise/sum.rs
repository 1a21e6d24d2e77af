//! Linear combinations: operands are brought to one scale by integer coefficients, which costs nothing.

use num_bigint::BigInt;
use plonnx_ir::op::Sum;
use plonnx_ir::{CoreOp, NodeId};

use super::Lowering;
use super::operand::Operand;
use crate::error::QuantError;
use crate::scale::{Dyadic, WIDE_BITS};

/// Bits of a sum beyond those it is rounded to: constants are exact to this, and finer operands may be cut to it.
const GUARD: i32 = 3;

/// `m * 2^-k` times a value that is not constant.
#[derive(Clone, Copy)]
struct Term {
    of: NodeId,
    value: Operand,
    factor: Dyadic,
}

impl Term {
    /// Scale of the product.
    fn scale(&self) -> i32 {
        self.value.scale + self.factor.k
    }

    /// Bits of the integer factor.
    fn factor_bits(&self) -> i32 {
        64 - self.factor.m.unsigned_abs().leading_zeros() as i32
    }

    /// Integer that the value is multiplied by in a sum at scale `e`.
    fn coefficient(&self, e: i32) -> Option<i64> {
        let shift = u32::try_from(e - self.scale()).ok().filter(|s| *s < 62)?;
        self.factor.m.checked_mul(1 << shift)
    }
}

impl Lowering<'_> {
    pub(super) fn lower_sum(&mut self, id: NodeId, coefficients: &[f64]) -> Result<Operand, QuantError> {
        let source = self.source;
        let node = source.node(id);
        let real = self.is_real(id);
        let mut terms: Vec<Term> = Vec::new();
        let mut constants: Vec<(NodeId, f64)> = Vec::new();
        for (operand, coefficient) in node.inputs.iter().zip(coefficients) {
            if self.structure.is_constant(*operand) {
                constants.push((*operand, *coefficient));
                continue;
            }
            // Integers are exact, so their coefficients must be.
            let bits = if real { self.config.activation_bits } else { 53 };
            let factor = Dyadic::near(*coefficient, bits);
            if !real && factor.k > 0 {
                let reason = format!("coefficient {coefficient} of integers");
                return Err(self.unsupported(id, reason, "cast the operands to real numbers"));
            }
            let value = self.value(*operand)?;
            // An integer keeps scale 0.
            let factor = if real { factor } else { Dyadic { m: *coefficient as i64, k: 0 } };
            terms.push(Term { of: *operand, value, factor });
        }
        if let ([term], []) = (terms.as_slice(), constants.as_slice())
            && term.factor.m == 1
        {
            return Ok(Operand { id: term.value.id, scale: term.scale() });
        }
        let e = self.accumulator_scale(id, &mut terms, &constants)?;
        self.emit_sum(id, &terms, &constants, e)
    }

    /// `factor` times the value of `x`, as the value of `id`.
    pub(super) fn scaled(&mut self, id: NodeId, x: NodeId, factor: f64) -> Result<Operand, QuantError> {
        let value = self.value(x)?;
        let factor = Dyadic::near(factor, self.config.activation_bits);
        let term = Term { of: x, value, factor };
        if factor.m == 1 {
            return Ok(Operand { id: value.id, scale: term.scale() });
        }
        let mut terms = vec![term];
        let e = self.accumulator_scale(id, &mut terms, &[])?;
        self.emit_sum(id, &terms, &[], e)
    }

    /// Finest scale at which the sum stays in the field. Operands that are finer are rounded.
    fn accumulator_scale(
        &mut self,
        id: NodeId,
        terms: &mut [Term],
        constants: &[(NodeId, f64)],
    ) -> Result<i32, QuantError> {
        if !self.is_real(id) {
            return Ok(0);
        }
        let enough = self.targets.exponent(id) + GUARD;
        loop {
            let finest = terms.iter().map(Term::scale).max();
            let mut e = finest.unwrap_or(enough);
            for (constant, factor) in constants {
                if !self.is_exact(*constant, e, *factor)? {
                    e = e.max(enough);
                }
            }
            if self.fits(terms, constants, e) {
                return Ok(e);
            }
            if e > enough && finest.is_none_or(|f| f <= enough) {
                // Only constants ask for more.
                return Ok(enough.max(finest.unwrap_or(enough)));
            }
            let excess = |t: &Term| t.scale() - enough - t.factor_bits();
            let Some(index) = (0..terms.len()).max_by_key(|i| (excess(&terms[*i]).max(0), terms[*i].scale())) else {
                return Ok(e);
            };
            let term = terms[index];
            if term.scale() <= enough {
                let reason = format!("operands in steps from 2^{} up need more than {WIDE_BITS} bits", -e);
                return Err(self.too_wide(id, reason));
            }
            // A step of the operand is one of the sum times the coefficient, or where that is too fine, more.
            let finer = if excess(&term) > 0 { term.factor_bits() } else { 0 };
            let value = self.round(term.of, term.value, enough - term.factor.k + finer)?;
            terms[index] = Term { value, ..term };
        }
    }

    /// Whether the sum at scale `e` stays in the field.
    fn fits(&self, terms: &[Term], constants: &[(NodeId, f64)], e: i32) -> bool {
        let mut reach = BigInt::ZERO;
        for term in terms {
            let Some(coefficient) = term.coefficient(e) else { return false };
            reach += self.interval(term.value).magnitude() * coefficient.unsigned_abs();
        }
        for (constant, factor) in constants {
            let largest = libm::ldexp(self.range(*constant).absmax() * factor.abs(), e);
            if largest.is_nan() || largest >= libm::ldexp(1.0, WIDE_BITS as i32) {
                return false;
            }
            reach += largest as i64;
        }
        reach.bits() < u64::from(WIDE_BITS)
    }

    fn emit_sum(
        &mut self,
        id: NodeId,
        terms: &[Term],
        constants: &[(NodeId, f64)],
        e: i32,
    ) -> Result<Operand, QuantError> {
        // A wide operand keeps its shape, and the others follow.
        let wide = terms.iter().find(|t| self.is_wide(t.value));
        let shape = wide.map_or(self.source.shape(id), |t| self.graph.shape(t.value.id)).to_vec();
        let mut coefficients = Vec::new();
        let mut inputs = Vec::new();
        for term in terms {
            let mut value = term.value;
            if self.is_wide(value) && self.graph.shape(value.id) != shape {
                value = self.round(term.of, value, value.scale)?;
            }
            value = self.in_shape(id, value, &shape)?;
            let term = Term { value, ..*term };
            let coefficient = term.coefficient(e).ok_or_else(|| {
                self.too_wide(id, format!("scales 2^{} and 2^{} are too far apart", -term.scale(), -e))
            })?;
            coefficients.push(coefficient);
            inputs.push(value.id);
        }
        for (constant, factor) in constants {
            let value = self.constant_scaled(*constant, e, *factor)?;
            inputs.push(self.in_shape(id, value, &shape)?.id);
            coefficients.push(1);
        }
        self.emit(id, CoreOp::Sum(Sum { coefficients }), &inputs, e)
    }
}
