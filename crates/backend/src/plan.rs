//! What a circuit will be, known before it is built: rows, columns, and the layouts that were considered.
//!
//! A forecast of time and memory needs no more than this, and nothing large has been allocated yet.

use plonky2::gates::gate::GateRef;
use plonky2::gates::noop::NoopGate;
use plonky2::gates::poseidon::PoseidonGate;
use plonky2::gates::public_input::PublicInputGate;
use plonky2::plonk::circuit_data::CircuitConfig;
use plonnx_ir::{CoreOp, Field, Graph};
use serde::Serialize;

use crate::config::{D, F};
use crate::emit::Emission;
use crate::gate::{Kind, Operations, RowGate};
use crate::layout::{BUILT_CONSTANTS, Layout};
use crate::prover::selector_groups;

/// Sizes of a circuit that is not built yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Rows in use.
    pub rows: usize,
    /// Logarithm of the number of rows after padding.
    pub degree_bits: usize,
    /// Logarithm of the number of points per row in the low-degree extension.
    pub rate_bits: usize,
    /// Columns of the witness.
    pub wires: usize,
    /// Wires that copy constraints can name; each has a preprocessed column.
    pub routed_wires: usize,
    /// Preprocessed columns besides those of the routed wires, selectors included.
    pub constant_columns: usize,
    /// Of all preprocessed columns those that plonky2 builds, which takes twice their memory.
    pub built_columns: usize,
    /// Repetitions of the permutation argument and of the quotient.
    pub challenges: usize,
    /// Columns of the permutation argument: products and partial products of all repetitions.
    pub product_columns: usize,
    /// Columns of the quotients.
    pub quotient_columns: usize,
    /// Random columns that salt the leaves of each committed oracle: none unless proofs are blinded.
    pub salt_columns: usize,
    /// Weights a row can hold.
    pub weights_per_row: usize,
    /// Gate types.
    pub gate_types: usize,
    /// Largest number of constraints of a gate.
    pub constraints: usize,
    /// Field operations with which the constraints of all gates of plonnx are evaluated at one point.
    pub operations: Operations,
    /// Constant elements of the program.
    pub weights: usize,
    /// Of committed weights those that stay public, as no commitment can stand for them.
    pub public_constants: usize,
    /// All layouts that were tried, in order.
    pub candidates: Vec<Candidate>,
}

/// A layout that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// Weights a row can hold.
    pub weights_per_row: usize,
    /// Whether gates that differ in their number of digits alone were merged where rows allow it.
    pub merged: bool,
    /// Gate types.
    pub gate_types: usize,
    /// Rows in use.
    pub rows: usize,
    /// Logarithm of the number of rows after padding.
    pub degree_bits: usize,
    /// Preprocessed columns besides those of the routed wires, selectors included.
    pub constant_columns: usize,
    /// Whether the circuit has this layout.
    pub chosen: bool,
}

/// Gates of a circuit that is emitted but not closed, in plonky2's order.
fn gates(emission: &Emission, padded: usize) -> Vec<GateRef<F, D>> {
    let mut kinds: Vec<Kind> = emission.tape.gates.iter().map(|g| g.kind().clone()).collect();
    if !kinds.contains(&Kind::Constants) {
        kinds.push(Kind::Constants);
    }
    let mut gates: Vec<GateRef<F, D>> = kinds.into_iter().map(|kind| GateRef::new(RowGate::new(kind))).collect();
    gates.push(GateRef::new(PoseidonGate::<F, D>::new()));
    gates.push(GateRef::new(PublicInputGate));
    if padded > 0 {
        gates.push(GateRef::new(NoopGate));
    }
    gates.sort_unstable_by_key(|g| (g.0.degree(), g.0.id()));
    gates
}

/// Sizes that follow from the gates.
struct Gates {
    types: usize,
    selectors: usize,
    constant_columns: usize,
    constraints: usize,
    operations: Operations,
}

impl Gates {
    fn of(emission: &Emission, closed_rows: usize, degree_bits: usize, config: &CircuitConfig) -> Self {
        let gates = gates(emission, (1usize << degree_bits).saturating_sub(closed_rows));
        let selectors = selector_groups(&gates, config.max_quotient_degree_factor + 1).len();
        let constants = gates.iter().map(|g| g.0.num_constants()).max().unwrap_or(0);
        let ours = gates.iter().filter_map(|g| g.0.as_any().downcast_ref::<RowGate>());
        Self {
            types: gates.len(),
            selectors,
            constant_columns: selectors + constants,
            constraints: gates.iter().map(|g| g.0.num_constraints()).max().unwrap_or(0),
            operations: ours.map(|g| g.kind().operations()).sum(),
        }
    }
}

impl Candidate {
    /// The layout of an emission that closes with `closed_rows` rows.
    pub(crate) fn new(
        layout: &Layout,
        merged: bool,
        emission: &Emission,
        closed_rows: usize,
        padded_rows: usize,
        config: &CircuitConfig,
    ) -> Self {
        let degree_bits = padded_rows.trailing_zeros() as usize;
        let gates = Gates::of(emission, closed_rows, degree_bits, config);
        Self {
            weights_per_row: layout.weights_per_row,
            merged,
            gate_types: gates.types,
            rows: emission.rows,
            degree_bits,
            constant_columns: gates.constant_columns,
            chosen: false,
        }
    }
}

impl Plan {
    /// The plan of the last of `candidates` that is chosen, which was counted as `emission`.
    pub(crate) fn new(
        program: &Graph<Field>,
        emission: &Emission,
        closed_rows: usize,
        config: &CircuitConfig,
        candidates: Vec<Candidate>,
    ) -> Self {
        let chosen = candidates.iter().find(|c| c.chosen);
        let (degree_bits, weights_per_row) = chosen.map_or((0, 0), |c| (c.degree_bits, c.weights_per_row));
        let gates = Gates::of(emission, closed_rows, degree_bits, config);
        let partial_products = config.num_routed_wires.div_ceil(config.max_quotient_degree_factor);
        Self {
            rows: emission.rows,
            degree_bits,
            rate_bits: config.fri_config.rate_bits,
            wires: config.num_wires,
            routed_wires: config.num_routed_wires,
            constant_columns: gates.constant_columns,
            built_columns: config.num_routed_wires + gates.constant_columns.min(gates.selectors + BUILT_CONSTANTS),
            challenges: config.num_challenges,
            product_columns: config.num_challenges * partial_products,
            quotient_columns: config.num_challenges * config.max_quotient_degree_factor,
            salt_columns: if config.zero_knowledge { plonky2::fri::oracle::SALT_SIZE } else { 0 },
            weights_per_row,
            gate_types: gates.types,
            constraints: gates.constraints,
            operations: gates.operations,
            weights: elements(program),
            public_constants: 0,
            candidates,
        }
    }
}

/// Elements of the constants of a program.
pub(crate) fn elements(program: &Graph<Field>) -> usize {
    let constant = |id| match &program.node(id).op {
        CoreOp::Const(tensor, _) => Some(tensor.len()),
        _ => None,
    };
    program.ids().filter_map(constant).sum()
}
