//! Constants of the circuit.
//!
//! 64 routed wires equal to the row's constants; donated to plonky2's constant pool, so that its own `ConstantGate`, as wide as
//! all constant columns, is never created. A gate of its own: what a row donates is a property of its gate.

use plonky2::field::extension::Extendable;
use plonky2::field::packed::PackedField;
use plonky2::gates::gate::Gate;
use plonky2::gates::packed_util::PackedEvaluableBase;
use plonky2::gates::util::StridedConstraintConsumer;
use plonky2::iop::ext_target::ExtensionTarget;
use plonky2::iop::generator::WitnessGeneratorRef;
use plonky2::plonk::circuit_builder::CircuitBuilder;
use plonky2::plonk::circuit_data::CommonCircuitData;
use plonky2::plonk::vars::{
    EvaluationTargets, EvaluationVars, EvaluationVarsBase, EvaluationVarsBaseBatch, EvaluationVarsBasePacked,
};
use plonky2::util::serialization::{Buffer, IoResult};

use super::algebra::{Algebra, Circuit, Extension, Packed};
use crate::config::{D, F};

/// Routed constants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolGate;

impl PoolGate {
    /// Constants of a row.
    pub const SLOTS: usize = 64;

    pub(crate) fn eval<A: Algebra>(a: &mut A) {
        for k in 0..Self::SLOTS {
            let (wire, constant) = (a.wire(k), a.constant(k));
            let difference = a.sub(wire, constant);
            a.constrain(difference);
        }
    }
}

impl Gate<F, D> for PoolGate {
    fn id(&self) -> String {
        "plonnx constants".into()
    }

    fn serialize(&self, _: &mut Vec<u8>, _: &CommonCircuitData<F, D>) -> IoResult<()> {
        Ok(())
    }

    fn deserialize(_: &mut Buffer, _: &CommonCircuitData<F, D>) -> IoResult<Self> {
        Ok(Self)
    }

    fn eval_unfiltered(&self, vars: EvaluationVars<F, D>) -> Vec<<F as Extendable<D>>::Extension> {
        let mut algebra = Extension { vars, out: Vec::with_capacity(Self::SLOTS) };
        Self::eval(&mut algebra);
        algebra.out
    }

    fn eval_unfiltered_base_one(&self, _: EvaluationVarsBase<F>, _: StridedConstraintConsumer<F>) {
        unreachable!("batches are evaluated packed")
    }

    fn eval_unfiltered_base_batch(&self, vars: EvaluationVarsBaseBatch<F>) -> Vec<F> {
        self.eval_unfiltered_base_batch_packed(vars)
    }

    fn eval_unfiltered_circuit(
        &self,
        builder: &mut CircuitBuilder<F, D>,
        vars: EvaluationTargets<D>,
    ) -> Vec<ExtensionTarget<D>> {
        let mut algebra = Circuit { builder, vars, out: Vec::with_capacity(Self::SLOTS) };
        Self::eval(&mut algebra);
        algebra.out
    }

    fn generators(&self, _: usize, _: &[F]) -> Vec<WitnessGeneratorRef<F, D>> {
        Vec::new()
    }

    fn num_wires(&self) -> usize {
        Self::SLOTS
    }

    fn num_constants(&self) -> usize {
        Self::SLOTS
    }

    fn degree(&self) -> usize {
        1
    }

    fn num_constraints(&self) -> usize {
        Self::SLOTS
    }

    fn extra_constant_wires(&self) -> Vec<(usize, usize)> {
        (0..Self::SLOTS).map(|k| (k, k)).collect()
    }
}

impl PackedEvaluableBase<F, D> for PoolGate {
    fn eval_unfiltered_base_packed<P: PackedField<Scalar = F>>(
        &self,
        vars: EvaluationVarsBasePacked<P>,
        out: StridedConstraintConsumer<P>,
    ) {
        Self::eval(&mut Packed { vars, out });
    }
}
