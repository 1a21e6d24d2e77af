//! Closing a circuit of ours: the rows after the emitted ones, the preprocessed columns, and plonky2's description of it.
//!
//! | rows | gate | wires |
//! |---|---|---|
//! | emitted ones, several to a row | [`RowGate`] | see [`crate::gate`] |
//! | constants | [`PoolGate`] | each distinct constant that a cell is wired to, ascending |
//! | 1 | `PublicInputGate` | the hash of the public inputs, a copy of what emitted rows compute |
//! | blinding | `NoopGate` | see [`crate::blinding`] |
//! | padding to a power of two | `NoopGate` | |
//!
//! plonky2's own builder would make the same circuit, which a test compares; docs/design-notes.md says what that takes.

use std::ops::Range;

use plonky2::field::cosets::get_unique_coset_shifts;
use plonky2::field::types::Field;
use plonky2::gates::gate::GateRef;
use plonky2::gates::noop::NoopGate;
use plonky2::gates::public_input::PublicInputGate;
use plonky2::iop::target::Target;
use plonky2::plonk::circuit_builder::CircuitBuilder;
use plonky2::plonk::circuit_data::{CircuitConfig, CommonCircuitData, VerifierCircuitData};

use crate::blinding::Blinding;
use crate::config::{Blake3Config, D, F};
use crate::copies::{Copies, Permutation};
use crate::emit::Emission;
use crate::gate::{PoolGate, RowGate};
use crate::prover::{ProvingKey, UNUSED_SELECTOR, selector_groups};

/// Where the rows of a circuit lie.
#[derive(Clone, Debug)]
pub(crate) struct Sections {
    pub(crate) emitted: Range<usize>,
    pub(crate) constants: Range<usize>,
    pub(crate) public_inputs: usize,
    /// Rows in use, random ones included.
    pub(crate) used: usize,
    /// Number of rows, a power of two.
    pub(crate) degree: usize,
}

impl Sections {
    /// Sections of a circuit of `rows` rows with emitted ones, `constants` distinct constants and `blinding` random rows.
    pub(crate) fn new(rows: usize, constants: usize, blinding: usize) -> Self {
        let public_inputs = rows + constants.div_ceil(PoolGate::SLOTS).max(1);
        let used = public_inputs + 1 + blinding;
        Self { emitted: 0..rows, constants: rows..public_inputs, public_inputs, used, degree: used.next_power_of_two() }
    }

    /// The gate of a row of one section each, in plonky2's order.
    pub(crate) fn gates(&self, rows: &RowGate) -> Vec<GateRef<F, D>> {
        let mut gates = vec![GateRef::new(rows.clone()), GateRef::new(PoolGate), GateRef::new(PublicInputGate)];
        if self.degree > self.public_inputs + 1 {
            gates.push(GateRef::new(NoopGate));
        }
        gates.sort_unstable_by_key(|g| (g.0.degree(), g.0.id()));
        gates
    }

    /// Whether `gate` is that of row `row`.
    fn has(&self, row: usize, gate: &GateRef<F, D>) -> bool {
        let gate = gate.0.as_any();
        if self.emitted.contains(&row) {
            gate.is::<RowGate>()
        } else if self.constants.contains(&row) {
            gate.is::<PoolGate>()
        } else if row == self.public_inputs {
            gate.is::<PublicInputGate>()
        } else {
            gate.is::<NoopGate>()
        }
    }

    /// The wire that holds constant `index` of the circuit.
    fn constant(&self, index: usize) -> (usize, usize) {
        (self.constants.start + index / PoolGate::SLOTS, index % PoolGate::SLOTS)
    }
}

/// A circuit that can prove.
pub(crate) struct Closed {
    pub(crate) data: VerifierCircuitData<F, Blake3Config, D>,
    pub(crate) proving: ProvingKey,
    pub(crate) permutation: Permutation,
    pub(crate) sections: Sections,
    pub(crate) blinding: Option<Blinding>,
}

/// Closes the circuit of an emission whose copy constraints are `copies`. `config` has the columns, `separator` tells the
/// circuit's proofs from those of other programs.
pub(crate) fn close(
    emission: &Emission,
    mut copies: Copies,
    sections: Sections,
    config: CircuitConfig,
    separator: &[F],
) -> Closed {
    for (index, (_, target)) in emission.constants.iter().enumerate() {
        let (row, column) = sections.constant(index);
        copies.connect(Target::wire(row, column), *target);
    }
    for (column, target) in emission.public_hash.iter().enumerate() {
        copies.connect(Target::wire(sections.public_inputs, column), *target);
    }
    let blinding =
        config.zero_knowledge.then(|| Blinding::add(sections.public_inputs + 1, &config, |a, b| copies.connect(a, b)));
    let permutation = copies.close();

    let degree_bits = sections.degree.trailing_zeros() as usize;
    let gate = emission.tape.gate.as_ref().unwrap_or_else(|| unreachable!("the rows have a gate"));
    let mut common = description(gate, &sections, config);
    common.fri_params = common.config.fri_config.fri_params(degree_bits, common.config.zero_knowledge);
    common.k_is = get_unique_coset_shifts(sections.degree, common.config.num_routed_wires);
    common.num_public_inputs = emission.public.0.len();

    let mut columns = selectors(&common, &sections);
    let first = columns.len();
    columns.extend(emission.tape.constants_by_column(common.num_constants - first, sections.degree));
    for (index, (value, _)) in emission.constants.iter().enumerate() {
        let (row, column) = sections.constant(index);
        columns[first + column][row] = F::from_canonical_u64(*value);
    }
    let subgroup = F::two_adic_subgroup(degree_bits);
    let sigmas = permutation.positions(&common.k_is, &subgroup);
    let (proving, verifier_only) = ProvingKey::new(&common, columns, sigmas, subgroup, separator);
    Closed { data: VerifierCircuitData { verifier_only, common }, proving, permutation, sections, blinding }
}

/// plonky2's description of a circuit with the gates of `sections`, right but for what depends on the number of rows or of
/// public inputs: that of a circuit with a row or two of each gate.
fn description(gate: &RowGate, sections: &Sections, config: CircuitConfig) -> CommonCircuitData<F, D> {
    let zero_knowledge = config.zero_knowledge;
    let mut builder = CircuitBuilder::<F, D>::new(CircuitConfig { zero_knowledge: false, ..config });
    builder.add_gate(gate.clone(), vec![]);
    builder.add_gate(PoolGate, vec![]);
    // Four rows with the public inputs', which plonky2 adds: it pads none.
    match sections.gates(gate).iter().any(|g| g.0.as_any().is::<NoopGate>()) {
        true => builder.add_gate(NoopGate, vec![]),
        false => builder.add_gate(PoolGate, vec![]),
    };
    let mut common = builder.build_with_options::<Blake3Config>(false).common;
    common.config.zero_knowledge = zero_knowledge;
    common
}

/// The columns that say which gate a row has: one for each group of gates, as plonky2 has them.
fn selectors(common: &CommonCircuitData<F, D>, sections: &Sections) -> Vec<Vec<F>> {
    let groups = selector_groups(&common.gates, common.quotient_degree_factor + 1);
    let column = |group: &Range<usize>| -> Vec<F> {
        let gate = |row| group.clone().find(|index| sections.has(row, &common.gates[*index]));
        let value = |row| gate(row).map_or(F::from_canonical_u32(UNUSED_SELECTOR), F::from_canonical_usize);
        (0..sections.degree).map(value).collect()
    };
    groups.iter().map(column).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use plonnx_ir::op::{Input, Requant, Sum, Table, Window};
    use plonnx_ir::{CoreOp, DType, Graph, bounds};

    use super::*;
    use crate::assembler::{Sink, Wiring};
    use crate::emit::{Job, Segment, Visibility};
    use crate::layout::Draft;
    use crate::{Settings, program_digest};

    /// A circuit of ours is, down to the digest, the one that plonky2's builder makes of the same rows.
    #[test]
    fn circuits_are_those_of_plonky2() {
        let mut graph = Graph::new();
        let input = Input { shape: vec![900], dtype: DType::Real, domain: Window::signed(6) };
        let x = graph.add("x", CoreOp::Input(input), &[]).unwrap();
        let sum = graph.add("sum", CoreOp::Sum(Sum { coefficients: vec![3, 5] }), &[x, x]).unwrap();
        let round = Requant::Round { shift: 2, window: Window::signed(9) };
        let round = graph.add("round", CoreOp::Map(round), &[sum]).unwrap();
        let table =
            Table { name: "table".into(), window: Window::signed(9), values: (0..512).map(|v| v / 3).collect() };
        let table = Requant::Table { shift: 0, table: Arc::new(table) };
        let y = graph.add("y", CoreOp::Map(table), &[round]).unwrap();
        graph.add_output("y", y);
        let private = vec![Visibility::Private];
        let settings = Settings { inputs: private.clone(), outputs: private, ..Settings::default() };
        let bounds = bounds(&graph).unwrap();
        let draft = Draft::new(&graph, None, &bounds, &settings);
        let (layout, plan) = draft.layout().unwrap();
        assert!(plan.tracks > 1, "{} tracks", plan.tracks);

        let built = draft.build(&layout).unwrap();
        let ours = close(&built.emission, built.copies, built.sections, built.config.clone(), &built.separator);

        let mut builder = CircuitBuilder::<F, D>::new(built.config);
        builder.set_domain_separator(built.separator);
        let inputs = vec![builder.add_virtual_targets(900)];
        let job = Job {
            graph: &graph,
            segment: &Segment::whole(&graph),
            bounds: &bounds,
            program: program_digest(&graph, &settings),
            visibility: &[Visibility::Private; 2],
            whole: false,
        };
        let sink = Sink::Circuit(Wiring::Callers(&mut builder), layout.tracks.clone());
        job.emit(sink, &inputs, layout.weights_per_row, layout.classes).unwrap();
        let theirs = builder.build::<Blake3Config>();
        assert_eq!(ours.data, theirs.verifier_data());
        assert_eq!(ours.proving.sigmas(), theirs.prover_only.sigmas);
    }
}
