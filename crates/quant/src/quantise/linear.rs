//! Contractions, convolutions and sums over axes: exact on narrow operands, at the product of their scales.

use std::collections::BTreeMap;

use plonnx_ir::op::{Contract, Conv, Label, Reduce, View};
use plonnx_ir::{CoreOp, DType, Function, NodeId};

use super::Lowering;
use super::given;
use super::operand::Operand;
use crate::error::QuantError;
use crate::scale;

/// A factor is not rounded to magnitudes of fewer bits to make a product fit.
const FACTOR_BITS: u64 = 24;

impl Lowering<'_> {
    pub(super) fn lower_contract(
        &mut self,
        id: NodeId,
        spec: &Contract,
        a: NodeId,
        b: NodeId,
    ) -> Result<Operand, QuantError> {
        if self.is_real(id)
            && let Some((x, factor)) = self.multiple(spec, a, b)
        {
            return self.scaled(id, x, factor);
        }
        // Errors of single products do not average out.
        let single = if spec.summed().is_empty() { 2 } else { 0 };
        let extra = single.max(self.extra_weight_bits(id)).max(self.extra_given_bits(id, a, b));
        let extra = extra.max(self.extra_outlier_bits(id, a, b)).max(self.extra_spread_bits(
            id,
            [a, b],
            self.terms(spec, [a, b]),
        )?);
        let extra = self.with_whole_digits(id, [a, b], extra)?;
        let factors = [self.factor(a, b, extra)?, self.factor(b, a, extra)?];
        let [x, y] = self.fitting(spec, [a, b], factors)?;
        self.emit(id, CoreOp::Contract(spec.clone()), &[x.id, y.id], x.scale + y.scale)
    }

    /// Factors whose sums of products fit: inputs that are compared have bits that products have no room for.
    fn fitting(
        &mut self,
        spec: &Contract,
        ids: [NodeId; 2],
        mut factors: [Operand; 2],
    ) -> Result<[Operand; 2], QuantError> {
        let room = u64::from(scale::WIDE_BITS.saturating_sub(scale::bits_for(self.terms(spec, ids))));
        let wider = usize::from(self.magnitude_bits(factors[1]) > self.magnitude_bits(factors[0]));
        for i in [wider, 1 - wider] {
            let bits: u64 = factors.iter().map(|factor| self.magnitude_bits(*factor)).sum();
            let most = self.magnitude_bits(factors[i]).saturating_sub(FACTOR_BITS);
            let excess = bits.saturating_sub(room).min(most);
            if excess > 0 && !self.structure.is_constant(ids[i]) {
                factors[i] = self.round(ids[i], factors[i], factors[i].scale - excess as i32)?;
            }
        }
        Ok(factors)
    }

    /// Number of products in a sum of `spec`.
    fn terms(&self, spec: &Contract, ids: [NodeId; 2]) -> i128 {
        let extents = spec.a.iter().zip(self.source.shape(ids[0])).chain(spec.b.iter().zip(self.source.shape(ids[1])));
        let extents: BTreeMap<Label, usize> = extents.map(|(label, extent)| (*label, *extent)).collect();
        spec.summed().iter().fold(1i128, |n, label| n.saturating_mul(extents[label] as i128))
    }

    fn magnitude_bits(&self, value: Operand) -> u64 {
        self.interval(value).magnitude().bits()
    }

    /// For an elementwise product with a constant of equal elements: the other operand and the constant.
    fn multiple(&self, spec: &Contract, a: NodeId, b: NodeId) -> Option<(NodeId, f64)> {
        let (x, labels, factor) = match (self.uniform(a), self.uniform(b)) {
            (None, Some(factor)) => (a, &spec.a, factor),
            (Some(factor), None) => (b, &spec.b, factor),
            _ => return None,
        };
        (*labels == spec.out && spec.summed().is_empty() && !self.structure.is_constant(x)).then_some((x, factor))
    }

    /// Bits beyond those of other weights that weights of the product `id` have: what tables of it need, and a digit where
    /// the results are so few that shifting it out again costs nothing.
    fn extra_weight_bits(&self, id: NodeId) -> u32 {
        let spare = if self.is_small(id) && !self.config.costly_weights { scale::DIGIT_BITS } else { 0 };
        self.demand.weight_bits(id, self.config).max(spare)
    }

    /// `extra`, and up to two bits more, so that the shift of the rounding that the products end in is whole digits: the
    /// digits are checked in any case, and finer weights are the better use of them.
    fn with_whole_digits(&mut self, id: NodeId, [a, b]: [NodeId; 2], extra: u32) -> Result<u32, QuantError> {
        let (x, w) = match (self.structure.is_constant(a), self.structure.is_constant(b)) {
            (false, true) => (a, b),
            (true, false) => (b, a),
            _ => return Ok(extra),
        };
        if !self.is_real(id) || !self.is_real(w) {
            return Ok(extra);
        }
        let bits = self.config.weight_bits + extra;
        let from = self.narrow(x)?.scale + scale::exponent(self.range(w).absmax(), bits as i32 - 1);
        let shift = match self.rounded_at(id) {
            (relu, Some(operand)) => from - self.relu_scale(relu, operand, from),
            (end, None) => from - self.rounded_scale(end, from),
        };
        let digit = scale::DIGIT_BITS as i32;
        Ok(if shift > 0 { extra + ((digit - shift % digit) % digit) as u32 } else { extra })
    }

    /// The node at which what is computed exactly from `id` on is rounded, and its operand if it is a rectifier.
    fn rounded_at(&self, id: NodeId) -> (NodeId, Option<NodeId>) {
        let mut at = id;
        loop {
            let users = self.source.consumers(at);
            let is_output = self.source.outputs().iter().any(|o| o.node == at);
            let mut live = users.into_iter().filter(|c| self.structure.is_live(*c));
            let (Some(user), None, false) = (live.next(), live.next(), is_output) else { return (at, None) };
            match &self.source.node(user).op {
                CoreOp::Sum(sum) if sum.coefficients.iter().all(|c| c.abs() == 1.0) => at = user,
                CoreOp::View(View::Reshape { .. }) => at = user,
                CoreOp::Map(Function::Relu) => return (user, Some(at)),
                CoreOp::Map(Function::Clip { lo, .. }) if *lo == 0.0 => return (user, Some(at)),
                _ => return (at, None),
            }
        }
    }

    /// Extra bits of the constant operand of the product `id` of an input.
    fn extra_given_bits(&self, id: NodeId, a: NodeId, b: NodeId) -> u32 {
        let (x, w) = if self.structure.is_constant(a) { (b, a) } else { (a, b) };
        let reach = self.range(x).absmax() * self.config.headroom;
        let (factor, result) = (self.range(w).absmax(), self.targets.exponent(id));
        let bits = given::weight_bits(self.source, &self.structure, x, reach, factor, result);
        bits.saturating_sub(self.config.weight_bits)
    }

    /// Extra bits of the constant operand of the product `id` whose largest elements meet small values only, such as what
    /// a mask excludes: the result is far smaller than the largest product could be.
    fn extra_outlier_bits(&self, id: NodeId, a: NodeId, b: NodeId) -> u32 {
        const USUAL: i32 = 3;
        const MOST: i32 = 10;
        let result = self.range(id).absmax();
        if result <= 0.0 || !(self.structure.is_constant(a) || self.structure.is_constant(b)) {
            return 0;
        }
        let product = self.range(a).absmax() * self.range(b).absmax();
        let beyond = scale::ceil_log2(product) - scale::ceil_log2(result) - USUAL;
        if product > 0.0 { beyond.clamp(0, MOST) as u32 } else { 0 }
    }

    /// Extra bits of a constant operand of the product `id` that has a few elements far larger than the others, of which one
    /// scale would leave little, whose products quiet samples need, or whose rounding shows in the results. Sums of
    /// products keep room in the field.
    fn extra_spread_bits(&mut self, id: NodeId, [a, b]: [NodeId; 2], terms: i128) -> Result<u32, QuantError> {
        /// Bits between the largest weight and the mean one that are usual.
        const USUAL: i32 = 3;
        const MOST: i32 = 7;
        const MOST_QUIET: u32 = 3;
        /// Bits of what is added to the product afterwards, and of whole digits.
        const SPARE: i32 = 4;
        let (x, w) = match (self.structure.is_constant(a), self.structure.is_constant(b)) {
            (false, true) => (a, b),
            (true, false) => (b, a),
            _ => return Ok(0),
        };
        let Some(mean) = self.mean_magnitude(w)? else { return Ok(0) };
        let spread = scale::ceil_log2(self.range(w).absmax() / mean) - USUAL;
        let quiet = self.demand.quiet(id).min(MOST_QUIET) as i32;
        let operand = self.narrow(x)?;
        let sum = self.magnitude_bits(operand) as i32 + scale::bits_for(terms) as i32;
        let taken = sum + self.config.weight_bits as i32 + SPARE;
        let wanted = (spread + quiet).min(MOST).max(self.demand.noise_bits(id) as i32);
        Ok(wanted.min(scale::WIDE_BITS as i32 - taken).max(0) as u32)
    }

    /// A narrow operand of a product with `other`; a constant one has `extra` bits beyond those of other weights.
    fn factor(&mut self, id: NodeId, other: NodeId, extra: u32) -> Result<Operand, QuantError> {
        if !self.structure.is_constant(id) {
            return self.narrow(id);
        }
        // A product with zeros and ones selects constants: they are kept as precise as other activations.
        let bits = if self.is_selection(other) { self.config.activation_bits } else { self.config.weight_bits + extra };
        self.weights(id, bits)
    }

    /// Whether `id` is a Bool tensor, or one read as real numbers.
    fn is_selection(&self, id: NodeId) -> bool {
        let node = self.source.node(id);
        node.fact.dtype == DType::Bool
            || matches!(&node.op, CoreOp::View(_)) && node.inputs.iter().all(|i| self.is_selection(*i))
    }

    pub(super) fn lower_conv(&mut self, id: NodeId, conv: &Conv) -> Result<Operand, QuantError> {
        let inputs = self.source.node(id).inputs.clone();
        let terms = self.source.shape(inputs[1]).iter().skip(1).fold(1i128, |n, e| n.saturating_mul(*e as i128));
        let extra = self.extra_weight_bits(id).max(self.extra_spread_bits(id, [inputs[0], inputs[1]], terms)?);
        let extra = self.with_whole_digits(id, [inputs[0], inputs[1]], extra)?;
        let x = self.factor(inputs[0], inputs[1], extra)?;
        let w = if self.structure.is_constant(inputs[1]) && !self.is_selection(inputs[0]) {
            self.kernels(inputs[1], self.config.weight_bits + extra)?
        } else {
            self.factor(inputs[1], inputs[0], extra)?
        };
        self.emit(id, CoreOp::Conv(conv.clone()), &[x.id, w.id], x.scale + w.scale)
    }

    pub(super) fn lower_reduce_sum(&mut self, id: NodeId, reduce: &Reduce) -> Result<Operand, QuantError> {
        let source = self.source;
        let operand = source.node(id).inputs[0];
        if self.fusion.is_deferred(operand) {
            let node = source.node(operand);
            let kept = |labels: &[Label]| {
                labels.iter().enumerate().filter(|(axis, _)| !reduce.axes.contains(axis)).map(|(_, l)| *l).collect()
            };
            match &node.op {
                CoreOp::Contract(spec) => {
                    let spec = Contract { out: kept(&spec.out), ..spec.clone() };
                    return self.lower_contract(id, &spec, node.inputs[0], node.inputs[1]);
                }
                CoreOp::Map(Function::Pow(_)) if node.fact.shape.len() <= 26 => {
                    let square = Contract::elementwise(node.fact.shape.len());
                    let spec = Contract { out: kept(&square.out), ..square };
                    return self.lower_contract(id, &spec, node.inputs[0], node.inputs[0]);
                }
                _ => {}
            }
        }
        let x = self.narrow(operand)?;
        self.emit(id, CoreOp::Reduce(reduce.clone()), &[x.id], x.scale)
    }
}
