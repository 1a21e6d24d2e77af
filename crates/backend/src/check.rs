//! The constraint checker: evaluates every gate of every row on a witness, without proving.

use std::fmt;

use plonky2::field::polynomial::PolynomialCoeffs;
use plonky2::field::types::Field;
use plonky2::gates::gate::GateRef;
use plonky2::hash::hash_types::HashOut;
use plonky2::hash::poseidon::PoseidonHash;
use plonky2::plonk::circuit_data::CommonCircuitData;
use plonky2::plonk::config::Hasher;
use plonky2::plonk::vars::EvaluationVarsBaseBatch;

use crate::config::{D, F, from_field};
use crate::prover::ProvingKey;

/// A constraint that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub row: usize,
    /// The node of the program that the row belongs to.
    pub node: String,
    pub gate: String,
    /// Index of the constraint in the gate; `None` for a copy constraint.
    pub constraint: Option<usize>,
    /// Values of the row's wires, as integers nearest to zero.
    pub cells: Vec<i128>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.constraint {
            Some(index) => write!(f, "row {} of \"{}\": gate {} constraint {index}", self.row, self.node, self.gate)?,
            None => write!(f, "row {} of \"{}\": gate {}, a copy constraint", self.row, self.node, self.gate)?,
        }
        let shown = self.cells.len().min(12);
        write!(f, "; wires {:?}{}", &self.cells[..shown], if shown < self.cells.len() { " .." } else { "" })
    }
}

/// Gates and constants of every row, recovered from a built circuit.
#[derive(Debug)]
pub struct Checker {
    /// Index into the circuit's gates, per row.
    gates: Vec<usize>,
    /// Row-major.
    constants: Vec<F>,
    width: usize,
}

impl Checker {
    /// Reads the rows of a circuit back from the polynomials of its constants.
    pub(crate) fn new(common: &CommonCircuitData<F, D>, proving: &ProvingKey) -> Self {
        let degree = common.degree();
        let width = common.gates.iter().map(|g| g.0.num_constants()).max().unwrap_or(0);
        let selectors = common.num_constants - width;
        let values = |index| PolynomialCoeffs::new(proving.constant(index)).fft().values;
        let columns: Vec<Vec<F>> = (0..common.num_constants).map(values).collect();
        let known = |s: F| (0..common.gates.len()).find(|g| F::from_canonical_usize(*g) == s);
        let gates = (0..degree)
            .map(|row| columns[..selectors].iter().find_map(|c| known(c[row])).unwrap_or(common.gates.len()))
            .collect();
        let mut constants = vec![F::ZERO; degree * width];
        for (c, column) in columns[selectors..].iter().enumerate() {
            for (row, value) in column.iter().enumerate() {
                constants[row * width + c] = *value;
            }
        }
        Self { gates, constants, width }
    }

    /// Indices of the constraints of `row` that `wires` violate.
    pub fn row(
        &self,
        common: &CommonCircuitData<F, D>,
        public_inputs: &HashOut<F>,
        row: usize,
        wires: &[F],
    ) -> Vec<usize> {
        let Some(gate) = common.gates.get(self.gates[row]) else { return vec![usize::MAX] };
        let vars = EvaluationVarsBaseBatch::new(1, self.constants(row), wires, public_inputs);
        let values = gate.0.eval_unfiltered_base_batch(vars);
        (0..values.len()).filter(|i| values[*i].is_nonzero()).collect()
    }

    /// Constants of `row`.
    pub(crate) fn constants(&self, row: usize) -> &[F] {
        &self.constants[row * self.width..(row + 1) * self.width]
    }

    /// The gate of `row`.
    pub fn gate<'a>(&self, common: &'a CommonCircuitData<F, D>, row: usize) -> Option<&'a GateRef<F, D>> {
        common.gates.get(self.gates[row])
    }

    /// All violations of a full witness; `wires(row)` gives its values, and `describe(row, constraint)` the node and the
    /// gate that state a constraint.
    pub fn all(
        &self,
        common: &CommonCircuitData<F, D>,
        public_inputs: &[F],
        wires: impl Fn(usize) -> Vec<F>,
        describe: impl Fn(usize, usize) -> (String, String),
    ) -> Vec<Violation> {
        let hash = PoseidonHash::hash_no_pad(public_inputs);
        let mut violations = Vec::new();
        for row in 0..common.degree() {
            let wires = wires(row);
            for constraint in self.row(common, &hash, row, &wires) {
                let (node, gate) = describe(row, constraint);
                violations.push(Violation {
                    row,
                    node,
                    gate,
                    constraint: Some(constraint),
                    cells: wires.iter().map(|w| from_field(*w)).collect(),
                });
            }
        }
        violations
    }
}
