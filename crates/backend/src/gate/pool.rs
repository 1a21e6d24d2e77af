//! Constants of the circuit.
//!
//! 64 routed wires equal to the row's constants; donated to plonky2's constant pool, so that its own `ConstantGate`, as wide as
//! all constant columns, is never created. A gate of its own: what a row donates is a property of its gate.

use plonky2::gates::gate::Gate;
use plonky2::plonk::circuit_data::CommonCircuitData;
use plonky2::util::serialization::{Buffer, IoResult};

use super::algebra::{Algebra, evaluations, packed_evaluation};
use crate::config::{D, F};

/// Routed constants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolGate;

impl PoolGate {
    /// Constants of a row.
    pub const SLOTS: usize = 64;

    pub(crate) fn eval<A: Algebra>(&self, a: &mut A) {
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

    evaluations!();

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

packed_evaluation!(PoolGate);
