//! The arithmetic in which every gate states its constraints, once.
//!
//! plonky2 evaluates a gate in three ways: on packed base-field points (proving), on extension-field points
//! (verifying) and on targets of an outer circuit (recursion). Each is an [`Algebra`]; two more compute the degree and
//! the number of constraints, so that neither is ever written down by hand.

use plonky2::field::extension::{Extendable, FieldExtension};
use plonky2::field::packed::PackedField;
use plonky2::field::types::Field;
use plonky2::gates::gate::Gate;
use plonky2::gates::poseidon::PoseidonGate;
use plonky2::gates::util::StridedConstraintConsumer;
use plonky2::hash::poseidon::{HALF_N_FULL_ROUNDS, N_PARTIAL_ROUNDS};
use plonky2::iop::ext_target::ExtensionTarget;
use plonky2::plonk::circuit_builder::CircuitBuilder;
use plonky2::plonk::vars::{EvaluationTargets, EvaluationVars, EvaluationVarsBaseBatch, EvaluationVarsBasePacked};

use super::digits::{digit_polynomial, digit_wire};
use super::poseidon::PoseidonRow;
use crate::config::{D, F};

const POSEIDON: PoseidonGate<F, D> = PoseidonGate::new();

/// Where constraints are evaluated; `V` is the value of a wire or constant there.
pub trait Algebra: Sized {
    type V: Copy;
    fn wire(&self, index: usize) -> Self::V;
    fn constant(&self, index: usize) -> Self::V;
    fn literal(&mut self, value: F) -> Self::V;
    fn add(&mut self, a: Self::V, b: Self::V) -> Self::V;
    fn sub(&mut self, a: Self::V, b: Self::V) -> Self::V;
    fn mul(&mut self, a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`
    fn mul_add(&mut self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        let product = self.mul(a, b);
        self.add(product, c)
    }
    /// `value * factor` for a literal factor.
    fn scale(&mut self, value: Self::V, factor: F) -> Self::V {
        let factor = self.literal(factor);
        self.mul(value, factor)
    }
    /// States that `value` is zero.
    fn constrain(&mut self, value: Self::V);

    /// `sum_i wire_i 2^shift_i` over (wire, shift) pairs in ascending order of the shifts.
    ///
    /// By doubling: additions are several times cheaper than products, in vectors as in an outer circuit.
    fn binary_sum(&mut self, terms: impl DoubleEndedIterator<Item = (usize, u32)> + Clone) -> Self::V {
        let mut sum = self.literal(F::ZERO);
        let mut place = terms.clone().next_back().map_or(0, |(_, shift)| shift);
        for (wire, shift) in terms.rev() {
            for _ in shift..place {
                sum = self.add(sum, sum);
            }
            let value = self.wire(wire);
            sum = self.add(sum, value);
            place = shift;
        }
        for _ in 0..place {
            sum = self.add(sum, sum);
        }
        sum
    }

    /// Whether `value` is known to be zero, so that what it multiplies need not be computed.
    fn is_zero(&self, _: Self::V) -> bool {
        false
    }

    /// Values of the constraints of plonky2's Poseidon gate, of which wire `i` is `wire(i)`.
    fn poseidon(&mut self, wire: impl Fn(usize) -> usize) -> Vec<Self::V>;

    /// States that a row's first `count` digits are in 0..8; the first constraints of a kind.
    fn constrain_digits(&mut self, count: usize) {
        self.constrain_ranges(count, digit_wire);
    }

    /// States that the wires `wire(0)` to `wire(count - 1)` are in 0..8.
    fn constrain_ranges(&mut self, count: usize, wire: impl Fn(usize) -> usize) {
        for j in 0..count {
            let x = self.wire(wire(j));
            let range = digit_polynomial(self, x);
            self.constrain(range);
        }
    }

    /// The pair of wires at `index` as an element of the quadratic extension.
    fn ext(&self, index: usize) -> [Self::V; 2] {
        [self.wire(index), self.wire(index + 1)]
    }
    fn ext_zero(&mut self) -> [Self::V; 2] {
        [self.literal(F::ZERO), self.literal(F::ZERO)]
    }
    fn ext_add(&mut self, a: [Self::V; 2], b: [Self::V; 2]) -> [Self::V; 2] {
        [self.add(a[0], b[0]), self.add(a[1], b[1])]
    }
    fn ext_sub(&mut self, a: [Self::V; 2], b: [Self::V; 2]) -> [Self::V; 2] {
        [self.sub(a[0], b[0]), self.sub(a[1], b[1])]
    }
    /// Product modulo `X^2 - W`.
    fn ext_mul(&mut self, a: [Self::V; 2], b: [Self::V; 2]) -> [Self::V; 2] {
        let cross = self.mul(a[1], b[1]);
        let cross = self.scale(cross, <F as Extendable<D>>::W);
        let re = self.mul_add(a[0], b[0], cross);
        let im = self.mul(a[0], b[1]);
        let im = self.mul_add(a[1], b[0], im);
        [re, im]
    }
    /// `a * x` for `x` in the base field.
    fn ext_scale(&mut self, a: [Self::V; 2], x: Self::V) -> [Self::V; 2] {
        [self.mul(a[0], x), self.mul(a[1], x)]
    }
    fn ext_constrain(&mut self, a: [Self::V; 2]) {
        self.constrain(a[0]);
        self.constrain(a[1]);
    }
    fn ext_constrain_equal(&mut self, a: [Self::V; 2], b: [Self::V; 2]) {
        let difference = self.ext_sub(a, b);
        self.ext_constrain(difference);
    }
}

/// Packed points of the base field.
pub(super) struct Packed<'a, 'b, P: PackedField<Scalar = F>> {
    pub(super) vars: EvaluationVarsBasePacked<'a, P>,
    pub(super) out: StridedConstraintConsumer<'b, P>,
}

impl<P: PackedField<Scalar = F>> Algebra for Packed<'_, '_, P> {
    type V = P;
    fn wire(&self, index: usize) -> P {
        self.vars.local_wires[index]
    }
    fn constant(&self, index: usize) -> P {
        self.vars.local_constants[index]
    }
    fn literal(&mut self, value: F) -> P {
        P::from(value)
    }
    fn add(&mut self, a: P, b: P) -> P {
        a + b
    }
    fn sub(&mut self, a: P, b: P) -> P {
        a - b
    }
    fn mul(&mut self, a: P, b: P) -> P {
        a * b
    }
    fn scale(&mut self, value: P, factor: F) -> P {
        value * factor
    }
    fn constrain(&mut self, value: P) {
        self.out.one(value);
    }
    fn is_zero(&self, value: P) -> bool {
        value.as_slice().iter().all(F::is_zero)
    }
    /// As plonky2's provers compute it: point by point. The prover of this crate has [`crate::prover`]'s.
    fn poseidon(&mut self, wire: impl Fn(usize) -> usize) -> Vec<P> {
        let mut out = vec![P::ZEROS; POSEIDON.num_constraints()];
        for lane in 0..P::WIDTH {
            let wires: Vec<F> = (0..PoseidonRow::WIRES).map(|i| self.wire(wire(i)).as_slice()[lane]).collect();
            let vars = EvaluationVarsBaseBatch::new(1, &[], &wires, self.vars.public_inputs_hash);
            for (o, value) in out.iter_mut().zip(POSEIDON.eval_unfiltered_base_batch(vars)) {
                o.as_slice_mut()[lane] = value;
            }
        }
        out
    }
}

/// One point of the extension field.
pub(super) struct Extension<'a> {
    pub(super) vars: EvaluationVars<'a, F, D>,
    pub(super) out: Vec<<F as Extendable<D>>::Extension>,
}

impl Algebra for Extension<'_> {
    type V = <F as Extendable<D>>::Extension;
    fn wire(&self, index: usize) -> Self::V {
        self.vars.local_wires[index]
    }
    fn constant(&self, index: usize) -> Self::V {
        self.vars.local_constants[index]
    }
    fn literal(&mut self, value: F) -> Self::V {
        FieldExtension::<D>::from_basefield(value)
    }
    fn add(&mut self, a: Self::V, b: Self::V) -> Self::V {
        a + b
    }
    fn sub(&mut self, a: Self::V, b: Self::V) -> Self::V {
        a - b
    }
    fn mul(&mut self, a: Self::V, b: Self::V) -> Self::V {
        a * b
    }
    fn scale(&mut self, value: Self::V, factor: F) -> Self::V {
        FieldExtension::<D>::scalar_mul(&value, factor)
    }
    fn constrain(&mut self, value: Self::V) {
        self.out.push(value);
    }
    fn poseidon(&mut self, wire: impl Fn(usize) -> usize) -> Vec<Self::V> {
        let wires: Vec<Self::V> = (0..PoseidonRow::WIRES).map(|i| self.wire(wire(i))).collect();
        let public_inputs_hash = self.vars.public_inputs_hash;
        POSEIDON.eval_unfiltered(EvaluationVars { local_constants: &[], local_wires: &wires, public_inputs_hash })
    }
}

/// Targets of an outer circuit.
pub(super) struct Circuit<'a, 'b> {
    pub(super) builder: &'b mut CircuitBuilder<F, D>,
    pub(super) vars: EvaluationTargets<'a, D>,
    pub(super) out: Vec<ExtensionTarget<D>>,
}

impl Algebra for Circuit<'_, '_> {
    type V = ExtensionTarget<D>;
    fn wire(&self, index: usize) -> Self::V {
        self.vars.local_wires[index]
    }
    fn constant(&self, index: usize) -> Self::V {
        self.vars.local_constants[index]
    }
    fn literal(&mut self, value: F) -> Self::V {
        self.builder.constant_extension(value.into())
    }
    fn add(&mut self, a: Self::V, b: Self::V) -> Self::V {
        self.builder.add_extension(a, b)
    }
    fn sub(&mut self, a: Self::V, b: Self::V) -> Self::V {
        self.builder.sub_extension(a, b)
    }
    fn mul(&mut self, a: Self::V, b: Self::V) -> Self::V {
        self.builder.mul_extension(a, b)
    }
    fn mul_add(&mut self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        self.builder.mul_add_extension(a, b, c)
    }
    fn scale(&mut self, value: Self::V, factor: F) -> Self::V {
        self.builder.mul_const_extension(factor, value)
    }
    fn constrain(&mut self, value: Self::V) {
        self.out.push(value);
    }
    fn poseidon(&mut self, wire: impl Fn(usize) -> usize) -> Vec<Self::V> {
        let wires: Vec<Self::V> = (0..PoseidonRow::WIRES).map(|i| self.wire(wire(i))).collect();
        let public_inputs_hash = self.vars.public_inputs_hash;
        let vars = EvaluationTargets { local_constants: &[], local_wires: &wires, public_inputs_hash };
        POSEIDON.eval_unfiltered_circuit(self.builder, vars)
    }
}

/// Field operations of an evaluation at one point of the base field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Operations {
    /// Additions and subtractions.
    pub additions: usize,
    /// Products.
    pub products: usize,
    /// Terms of sums of wires times powers of two, which are evaluated in integers.
    pub shifted: usize,
    /// Constraints.
    pub constraints: usize,
}

impl std::ops::Add for Operations {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            additions: self.additions + other.additions,
            products: self.products + other.products,
            shifted: self.shifted + other.shifted,
            constraints: self.constraints + other.constraints,
        }
    }
}

/// Counts instead of evaluating. Ranges of digits count as constraints only, since all gates share their evaluation.
impl Algebra for Operations {
    type V = ();
    fn wire(&self, _: usize) {}
    fn constant(&self, _: usize) {}
    fn literal(&mut self, _: F) {}
    fn add(&mut self, (): (), (): ()) {
        self.additions += 1;
    }
    fn sub(&mut self, (): (), (): ()) {
        self.additions += 1;
    }
    fn mul(&mut self, (): (), (): ()) {
        self.products += 1;
    }
    fn constrain(&mut self, (): ()) {
        self.constraints += 1;
    }
    fn binary_sum(&mut self, terms: impl DoubleEndedIterator<Item = (usize, u32)> + Clone) {
        self.shifted += terms.count();
    }
    fn constrain_digits(&mut self, count: usize) {
        self.constraints += count;
    }
    fn constrain_ranges(&mut self, count: usize, _: impl Fn(usize) -> usize) {
        self.constraints += count;
    }
    /// By [`crate::prover`]'s evaluation: S-boxes take four products; the matrices of full rounds are sums of small
    /// multiples, those of partial rounds are not.
    fn poseidon(&mut self, _: impl Fn(usize) -> usize) -> Vec<()> {
        const WIDTH: usize = PoseidonRow::OUTPUT;
        let (full, partial) = (2 * HALF_N_FULL_ROUNDS, N_PARTIAL_ROUNDS);
        self.products += 4 * (full * WIDTH + partial) + (WIDTH - 1) * (WIDTH - 1) + partial * (2 * WIDTH - 1);
        self.additions += full * WIDTH + (WIDTH - 1) * (WIDTH - 1) + partial * 2 * WIDTH;
        self.shifted += full * WIDTH * (WIDTH + 1);
        vec![(); POSEIDON.num_constraints()]
    }
}

/// Degrees instead of values: finds a gate's degree and number of constraints.
#[derive(Default)]
pub(super) struct Degree {
    pub(super) max: usize,
    pub(super) constraints: usize,
}

impl Algebra for Degree {
    type V = usize;
    fn wire(&self, _: usize) -> usize {
        1
    }
    fn constant(&self, _: usize) -> usize {
        1
    }
    fn literal(&mut self, _: F) -> usize {
        0
    }
    fn add(&mut self, a: usize, b: usize) -> usize {
        a.max(b)
    }
    fn sub(&mut self, a: usize, b: usize) -> usize {
        a.max(b)
    }
    fn mul(&mut self, a: usize, b: usize) -> usize {
        a + b
    }
    fn constrain(&mut self, value: usize) {
        self.max = self.max.max(value);
        self.constraints += 1;
    }
    fn poseidon(&mut self, _: impl Fn(usize) -> usize) -> Vec<usize> {
        vec![POSEIDON.degree(); POSEIDON.num_constraints()]
    }
}

/// plonky2's ways to evaluate a gate, from its `eval` over an [`Algebra`]; the gate has no generators.
macro_rules! evaluations {
    () => {
        fn eval_unfiltered(
            &self,
            vars: plonky2::plonk::vars::EvaluationVars<F, D>,
        ) -> Vec<<F as plonky2::field::extension::Extendable<D>>::Extension> {
            let mut algebra = crate::gate::algebra::Extension { vars, out: Vec::with_capacity(self.num_constraints()) };
            self.eval(&mut algebra);
            algebra.out
        }

        fn eval_unfiltered_base_one(
            &self,
            _: plonky2::plonk::vars::EvaluationVarsBase<F>,
            _: plonky2::gates::util::StridedConstraintConsumer<F>,
        ) {
            unreachable!("batches are evaluated packed")
        }

        fn eval_unfiltered_base_batch(&self, vars: plonky2::plonk::vars::EvaluationVarsBaseBatch<F>) -> Vec<F> {
            use plonky2::gates::packed_util::PackedEvaluableBase as _;
            self.eval_unfiltered_base_batch_packed(vars)
        }

        fn eval_unfiltered_circuit(
            &self,
            builder: &mut plonky2::plonk::circuit_builder::CircuitBuilder<F, D>,
            vars: plonky2::plonk::vars::EvaluationTargets<D>,
        ) -> Vec<plonky2::iop::ext_target::ExtensionTarget<D>> {
            let out = Vec::with_capacity(self.num_constraints());
            let mut algebra = crate::gate::algebra::Circuit { builder, vars, out };
            self.eval(&mut algebra);
            algebra.out
        }

        fn generators(&self, _: usize, _: &[F]) -> Vec<plonky2::iop::generator::WitnessGeneratorRef<F, D>> {
            Vec::new()
        }
    };
}
pub(super) use evaluations;

/// The evaluation on packed points that [`evaluations`] refers to.
macro_rules! packed_evaluation {
    ($gate:ty) => {
        impl plonky2::gates::packed_util::PackedEvaluableBase<F, D> for $gate {
            fn eval_unfiltered_base_packed<P: plonky2::field::packed::PackedField<Scalar = F>>(
                &self,
                vars: plonky2::plonk::vars::EvaluationVarsBasePacked<P>,
                out: plonky2::gates::util::StridedConstraintConsumer<P>,
            ) {
                self.eval(&mut crate::gate::algebra::Packed { vars, out });
            }
        }
    };
}
pub(super) use packed_evaluation;
