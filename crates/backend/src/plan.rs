//! What a circuit will be, known before it is built: rows, columns, and the layouts that were considered.
//!
//! A forecast of time and memory needs no more than this, and nothing large has been allocated yet.

use plonky2::plonk::circuit_data::CircuitConfig;
use plonnx_ir::{CoreOp, Field, Graph};
use serde::Serialize;

use crate::closing::Sections;
use crate::gate::{Operations, RowGate, Track};
use crate::layout::Choice;
use crate::prover::selector_groups;

/// Sizes of a circuit that is not built yet.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// What the layout follows from.
    pub choice: Choice,
    /// Rows in use.
    pub rows: usize,
    /// Logarithm of the number of rows after padding.
    pub degree_bits: usize,
    /// Emitted rows, of which every row of the circuit holds one on each track.
    pub emitted_rows: usize,
    /// Tracks of a row.
    pub tracks: usize,
    /// Logarithm of the number of points per row in the low-degree extension.
    pub rate_bits: usize,
    /// Logarithm of the digests of a Merkle tree's cap.
    pub cap_height: usize,
    /// Points at which the low-degree test looks.
    pub queries: usize,
    /// Logarithms of the factors by which it folds.
    pub folds: Vec<usize>,
    /// Columns of the witness.
    pub wires: usize,
    /// Wires that copy constraints can name; each has a preprocessed column.
    pub routed_wires: usize,
    /// Preprocessed columns besides those of the routed wires, selectors included.
    pub constant_columns: usize,
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
    /// Kinds of emitted rows, one standing on several tracks counted as often.
    pub kinds: usize,
    /// Whether gates that differ in their number of digits alone were merged.
    pub merged: bool,
    /// Largest number of constraints of a gate.
    pub constraints: usize,
    /// Wires whose range is checked as a digit's.
    pub digits: usize,
    /// Field operations with which all constraints are evaluated at one point, besides those of digits.
    pub operations: Operations,
    /// Constant elements of the program.
    pub weights: usize,
    /// Of committed weights those that stay public, as no commitment can stand for them.
    pub public_constants: usize,
    /// All layouts that were tried, in order.
    pub candidates: Vec<Candidate>,
}

/// A layout that was tried.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Candidate {
    /// Weights a row can hold.
    pub weights_per_row: usize,
    /// Whether gates that differ in their number of digits alone were merged.
    pub merged: bool,
    /// Tracks of a row.
    pub tracks: usize,
    /// Kinds of emitted rows, one standing on several tracks counted as often.
    pub kinds: usize,
    /// Rows in use.
    pub rows: usize,
    /// Logarithm of the number of rows after padding.
    pub degree_bits: usize,
    /// Columns of the witness.
    pub wires: usize,
    /// Preprocessed columns besides those of the routed wires, selectors included.
    pub constant_columns: usize,
    /// Time of a proof on one thread of the reference machine, in seconds.
    pub reference_seconds: f64,
    /// Length of a proof.
    pub proof_bytes: usize,
    /// Whether the circuit has this layout.
    pub chosen: bool,
}

impl Candidate {
    pub(crate) fn of(plan: &Plan) -> Self {
        Self {
            weights_per_row: plan.weights_per_row,
            merged: plan.merged,
            tracks: plan.tracks,
            kinds: plan.kinds,
            rows: plan.rows,
            degree_bits: plan.degree_bits,
            wires: plan.wires,
            constant_columns: plan.constant_columns,
            reference_seconds: plan.reference_nanoseconds() / 1e9,
            proof_bytes: plan.proof_bytes(),
            chosen: false,
        }
    }
}

/// What a plan is made from: a counted emission and the tracks chosen for it.
pub(crate) struct Counted<'a> {
    pub(crate) gate: &'a RowGate,
    /// Emitted rows.
    pub(crate) emitted: usize,
    pub(crate) sections: &'a Sections,
    pub(crate) choice: Choice,
    pub(crate) weights: usize,
    pub(crate) public_constants: usize,
}

impl Plan {
    pub(crate) fn new(counted: &Counted, config: &CircuitConfig) -> Self {
        let gates = counted.sections.gates(counted.gate);
        let selectors = selector_groups(&gates, config.max_quotient_degree_factor + 1).len();
        let constants = gates.iter().map(|g| g.0.num_constants()).max().unwrap_or(0);
        let partial_products = config.num_routed_wires.div_ceil(config.max_quotient_degree_factor);
        let tracks = counted.gate.tracks();
        let degree_bits = counted.sections.degree.trailing_zeros() as usize;
        let fri = &config.fri_config;
        Self {
            rows: counted.sections.constants.end,
            degree_bits,
            emitted_rows: counted.emitted,
            tracks: tracks.len(),
            rate_bits: fri.rate_bits,
            cap_height: fri.cap_height,
            queries: fri.num_query_rounds,
            folds: fri.fri_params(degree_bits, config.zero_knowledge).reduction_arity_bits,
            wires: config.num_wires,
            routed_wires: config.num_routed_wires,
            constant_columns: selectors + constants,
            challenges: config.num_challenges,
            product_columns: config.num_challenges * partial_products,
            quotient_columns: config.num_challenges * config.max_quotient_degree_factor,
            salt_columns: if config.zero_knowledge { plonky2::fri::oracle::SALT_SIZE } else { 0 },
            choice: counted.choice,
            weights_per_row: counted.choice.weights_per_row,
            kinds: tracks.iter().map(|track| track.kinds().len()).sum(),
            merged: counted.choice.slack.is_some(),
            constraints: gates.iter().map(|g| g.0.num_constraints()).max().unwrap_or(0),
            digits: tracks.iter().map(Track::digits).sum(),
            operations: counted.gate.operations(),
            weights: counted.weights,
            public_constants: counted.public_constants,
            candidates: Vec::new(),
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
