//! Constants, quantised where they are used: the scale depends on the user.

use num_traits::ToPrimitive;
use plonnx_ir::op::View;
use plonnx_ir::{CoreOp, DType, NodeId, Tensor, eval_op};

use super::Lowering;
use super::kernel::keep_sums;
use super::operand::Operand;
use crate::error::QuantError;
use crate::scale::{self, WIDE_BITS};

/// How real values that lie between two integers are rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Nearest {
    Either,
    Below,
    Above,
    /// Either, with the sum over each run of so many elements [kept](super::kernel).
    Kernels(usize),
}

/// How a constant is used: what becomes of the real value `v`.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConstantUse {
    pub(super) scale: i32,
    /// `v` is multiplied by this first.
    pub(super) factor: f64,
    pub(super) nearest: Nearest,
    /// Integers beyond are replaced by the ends.
    pub(super) clamp: (i64, i64),
}

impl ConstantUse {
    pub(super) fn at(scale: i32) -> Self {
        let limit = (1i64 << WIDE_BITS) - 1;
        Self { scale, factor: 1.0, nearest: Nearest::Either, clamp: (-limit, limit) }
    }
}

/// Identity of a quantised constant: node, scale, factor, rounding, clamp.
pub(super) type ConstantKey = (usize, i32, u64, Nearest, (i64, i64));

impl Lowering<'_> {
    /// The constant `id` at scale `e`; fails when an element is too large for it.
    pub(super) fn constant_at(&mut self, id: NodeId, e: i32) -> Result<Operand, QuantError> {
        self.constant_scaled(id, e, 1.0)
    }

    /// `factor` times the constant `id` at scale `e`; fails when an element is too large for it.
    pub(super) fn constant_scaled(&mut self, id: NodeId, e: i32, factor: f64) -> Result<Operand, QuantError> {
        let reach = libm::ldexp(self.range(id).absmax() * factor.abs(), e);
        if reach.is_nan() || reach >= libm::ldexp(1.0, WIDE_BITS as i32) {
            let largest = self.range(id).absmax() * factor.abs();
            return Err(
                self.too_wide(id, format!("the constant {largest} does not fit beside values in steps of 2^{}", -e))
            );
        }
        self.constant(id, ConstantUse { factor, ..ConstantUse::at(e) })
    }

    /// The constant `id` as `how` says.
    pub(super) fn constant(&mut self, id: NodeId, how: ConstantUse) -> Result<Operand, QuantError> {
        let key = (id.index(), how.scale, how.factor.to_bits(), how.nearest, how.clamp);
        if let Some(known) = self.constants.get(&key) {
            return Ok(Operand { id: *known, scale: how.scale });
        }
        let node = self.source.node(id);
        let operand = match &node.op {
            CoreOp::View(view)
                if !matches!((view, how.nearest), (View::Retype { .. }, _) | (_, Nearest::Kernels(_))) =>
            {
                let inputs = node
                    .inputs
                    .iter()
                    .map(|i| Ok(self.constant(*i, how)?.id))
                    .collect::<Result<Vec<NodeId>, QuantError>>()?;
                self.emit(id, CoreOp::View(view.clone()), &inputs, how.scale)?
            }
            _ => {
                let floor = self.effective.floors[id.index()].unwrap_or(f64::NEG_INFINITY);
                let values = self.evaluated(id)?;
                let mut integers: Vec<i64> = values.iter().map(|v| integer(v.max(floor), how)).collect();
                if let Nearest::Kernels(elements) = how.nearest {
                    let exact: Vec<f64> = values.iter().map(|v| libm::ldexp(v * how.factor, how.scale)).collect();
                    keep_sums(&mut integers, &exact, elements);
                }
                let tensor = Tensor::from_vec(values.shape(), integers)
                    .ok_or_else(|| self.unsupported(id, "the constant is malformed", "report this model"))?;
                let dtype = if how.scale == 0 && how.factor == 1.0 { node.fact.dtype } else { DType::Real };
                self.emit(id, CoreOp::Const(tensor, dtype), &[], how.scale)?
            }
        };
        self.constants.insert(key, operand.id);
        Ok(operand)
    }

    /// Value of a constant float node.
    pub(super) fn evaluated(&mut self, id: NodeId) -> Result<Tensor<f64>, QuantError> {
        if let Some(known) = self.evaluated.get(&id.index()) {
            return Ok(known.clone());
        }
        let source = self.source;
        let node = source.node(id);
        if let CoreOp::Const(tensor, _) = &node.op {
            return Ok(tensor.clone());
        }
        let operands = node.inputs.iter().map(|i| self.evaluated(*i)).collect::<Result<Vec<_>, _>>()?;
        let value = eval_op(&node.name, &node.op, &operands.iter().collect::<Vec<_>>())?;
        self.evaluated.insert(id.index(), value.clone());
        Ok(value)
    }

    /// Constant nodes whose elements the views at `id` rearrange.
    fn leaves(&self, id: NodeId) -> Vec<NodeId> {
        let node = self.source.node(id);
        match &node.op {
            CoreOp::View(view) if !matches!(view, View::Retype { .. }) => {
                node.inputs.iter().flat_map(|i| self.leaves(*i)).collect()
            }
            _ => vec![id],
        }
    }

    /// Mean magnitude of the elements of the constant `id` that are not 0; `None` if all are.
    pub(super) fn mean_magnitude(&mut self, id: NodeId) -> Result<Option<f64>, QuantError> {
        let (mut sum, mut count) = (0.0, 0usize);
        for leaf in self.leaves(id) {
            for v in self.evaluated(leaf)?.iter().filter(|v| *v != 0.0 && v.is_finite()) {
                (sum, count) = (sum + v.abs(), count + 1);
            }
        }
        Ok((count > 0).then(|| sum / count as f64))
    }

    /// The only value that the elements of the constant `id` have.
    pub(super) fn uniform(&self, id: NodeId) -> Option<f64> {
        let range = self.range(id);
        (self.structure.is_constant(id) && range.min == range.max).then_some(range.min)
    }

    /// Whether `factor` times every element of the constant is an integer at scale `e`.
    pub(super) fn is_exact(&mut self, id: NodeId, e: i32, factor: f64) -> Result<bool, QuantError> {
        for leaf in self.leaves(id) {
            let values = self.evaluated(leaf)?;
            if values.iter().any(|v| {
                let q = libm::ldexp(v * factor, e);
                q != libm::round(q)
            }) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The constant as weights: `bits` signed bits for the largest element, fewer if all elements need fewer.
    pub(super) fn weights(&mut self, id: NodeId, bits: u32) -> Result<Operand, QuantError> {
        self.rounded_weights(id, bits, Nearest::Either)
    }

    /// The constant as kernels of a convolution, whose axes after the second are spatial; `bits` as for other weights.
    pub(super) fn kernels(&mut self, id: NodeId, bits: u32) -> Result<Operand, QuantError> {
        /// Larger kernels are filters, such as those of a Fourier transform, for which a sum means nothing.
        const MOST: usize = 64;
        let elements = self.source.shape(id).iter().skip(2).product();
        let nearest = if (2..=MOST).contains(&elements) { Nearest::Kernels(elements) } else { Nearest::Either };
        self.rounded_weights(id, bits, nearest)
    }

    fn rounded_weights(&mut self, id: NodeId, bits: u32, nearest: Nearest) -> Result<Operand, QuantError> {
        if !self.is_real(id) {
            return self.constant_at(id, 0);
        }
        let absmax = self.range(id).absmax();
        let mut e = scale::exponent(absmax, bits as i32 - 1);
        if libm::round(libm::ldexp(absmax, e)) >= libm::ldexp(1.0, bits as i32 - 1) {
            e -= 1;
        }
        let mut used = 0u64;
        for leaf in self.leaves(id) {
            let values = self.evaluated(leaf)?;
            used |= values.iter().fold(0, |u, v| u | integer(v, ConstantUse::at(e)).unsigned_abs());
        }
        let spare = if used == 0 { 0 } else { used.trailing_zeros() };
        self.constant(id, ConstantUse { nearest, ..ConstantUse::at(e - spare as i32) })
    }

    /// A tensor that is no node of the float graph, as weights.
    pub(super) fn derived_weights(
        &mut self,
        at: NodeId,
        values: &Tensor<f64>,
        bits: u32,
    ) -> Result<Operand, QuantError> {
        let absmax = values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        let e = scale::exponent(absmax, bits as i32 - 1);
        let integers = values.iter().map(|v| integer(v, ConstantUse::at(e))).collect();
        let tensor = Tensor::from_vec(values.shape(), integers)
            .ok_or_else(|| self.unsupported(at, "the constant is malformed", "report this model"))?;
        self.emit(at, CoreOp::Const(tensor, DType::Real), &[], e)
    }
}

/// The integer that stands for the real value `v`.
fn integer(v: f64, how: ConstantUse) -> i64 {
    let exact = libm::ldexp(v * how.factor, how.scale);
    let rounded = match how.nearest {
        Nearest::Either | Nearest::Kernels(_) => libm::round(exact),
        Nearest::Below => libm::floor(exact),
        Nearest::Above => libm::ceil(exact),
    };
    let (lo, hi) = how.clamp;
    rounded.to_i64().unwrap_or(if rounded > 0.0 { hi } else { lo }).clamp(lo, hi)
}
