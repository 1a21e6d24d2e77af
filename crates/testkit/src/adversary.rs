//! Provers that cheat. Each function attacks a circuit, panics when a lie passes, and returns how many it told.

use std::collections::HashMap;

use plonnx_backend::config::F;
use plonnx_backend::gate::Kind;
use plonnx_backend::plonky2::field::types::{Field as _, Sample};
use plonnx_backend::{Circuit, Hint, Moment, Phase, Visibility, Witness};
use plonnx_ir::{CoreOp, Field, Graph, NodeId, Tensor, eval_all, eval_op};

use crate::Case;

/// How many lies were told, all of them noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attacks {
    /// Altered cells, together with their copies.
    pub cells: usize,
    /// Lies about an element of a node that reached the witness, and were consistent from there on.
    pub nodes: usize,
    /// Challenges that are not the transcript's.
    pub challenges: usize,
    /// Multiplicities that do not count the lookups.
    pub multiplicities: usize,
}

/// All attacks on `case` with public inputs.
pub fn attack(case: &Case) -> Attacks {
    let circuit = case.compile(Visibility::Public);
    let mut told = 0;
    Attacks {
        cells: alter_cells(case, &circuit),
        nodes: lie_about_nodes(case, &circuit, |_| {
            told += 1;
            told % 40 == 1
        }),
        challenges: replace_challenges(case, &circuit),
        multiplicities: miscount_lookups(case, &circuit),
    }
}

/// Every wire that a row of plonnx's gates uses, altered together with its copies, breaks a constraint. Rows of one gate are
/// alike: three of each and every 41st are altered.
pub fn alter_cells(case: &Case, circuit: &Circuit) -> usize {
    let witness = honest(case, circuit);
    let tape = circuit.tape();
    let mut seen = HashMap::new();
    let mut altered = 0;
    for (row, record) in tape.rows.iter().enumerate() {
        let count = seen.entry(record.kind).or_insert(0);
        *count += 1;
        if *count > 3 && row % 41 != 0 {
            continue;
        }
        // Slots of arithmetic rows that nothing reads are free, and harmless.
        let slots = tape.steps.iter().filter(|s| s.row as usize == row);
        let slots = slots.filter(|s| matches!(s.phase, Phase::Slot(_) | Phase::Inverse(_))).count();
        let used = match tape.kind(row) {
            Kind::MulAdd => (0..8 * slots).collect(),
            Kind::Arithmetic => (0..4 * slots).collect(),
            kind => kind.used_wires().collect::<Vec<_>>(),
        };
        for column in used {
            for delta in [F::ONE, -F::ONE, F::rand()] {
                assert!(
                    circuit.notices(&witness, row, column, delta),
                    "{}: wire {column} of row {row} ({}) is free",
                    case.name,
                    tape.label(row)
                );
                altered += 1;
            }
        }
    }
    altered
}

/// A prover who lies about one element of one node, and is consistent from there on, is noticed. The lie is told before the
/// challenges are drawn. A circuit may derive a value from its operands; then the lie never reaches the witness, and
/// the outputs are the honest ones. Where `prove` says so of the node, the prover itself has to fail, too.
pub fn lie_about_nodes(case: &Case, circuit: &Circuit, mut prove: impl FnMut(NodeId) -> bool) -> usize {
    let honest = eval_all(&case.graph, &case.inputs).unwrap_or_else(|e| panic!("{}: {e}", case.name));
    let mut told = 0;
    for id in case.graph.ids() {
        let node = case.graph.node(id);
        // Inputs are free; views and constants are wiring, so that there is nothing to lie about.
        if matches!(node.op, CoreOp::Input(_) | CoreOp::Const(..) | CoreOp::View(_)) || node.fact.is_empty() {
            continue;
        }
        let len = node.fact.len();
        for (element, delta) in [(0, 1), (len / 2, -1), (len - 1, 1), (len / 3, 1 << 7)] {
            let Some(values) = evaluate_with_lie(&case.graph, &case.inputs, id, element, delta) else { continue };
            let witness = circuit.assign(values, &case.inputs, &mut |_, _| {});
            if circuit.check(&witness).is_empty() {
                let derived = !node.op.is_wide() && gives(case, circuit, &witness, &honest);
                assert!(derived, "{}: a lie about \"{}\" passes", case.name, node.name);
            } else {
                assert!(!prove(id) || circuit.prove(&witness).is_err(), "{}: a lie is provable", case.name);
                told += 1;
            }
        }
    }
    told
}

/// Challenges that are not the transcript's are noticed, even when all that follows uses them.
pub fn replace_challenges(case: &Case, circuit: &Circuit) -> usize {
    let tape = circuit.tape();
    let last = tape.steps.iter().rev().find(|s| *tape.kind(s.row as usize) == Kind::Poseidon);
    let row = last.unwrap_or_else(|| panic!("{}: no transcript", case.name)).row;
    let replacements = [F::ZERO, F::ONE, F::rand()];
    for replacement in replacements {
        let witness = circuit.witness_tampered(&case.inputs, &mut |step, moment| {
            if let (true, Moment::After(wires)) = (step.row == row, moment) {
                for wire in &mut wires[12..18] {
                    *wire = replacement;
                }
            }
        });
        let witness = witness.unwrap_or_else(|e| panic!("{}: {e}", case.name));
        // Digests are drawn in later rows where there are public outputs; then this is a lie about those.
        assert!(!circuit.check(&witness).is_empty(), "{}: challenges can be chosen", case.name);
    }
    replacements.len()
}

/// Multiplicities that do not count the lookups are noticed; the first of up to four tables.
pub fn miscount_lookups(case: &Case, circuit: &Circuit) -> usize {
    let tables = circuit.tape().steps.iter().filter(|s| matches!(s.hint, Hint::Multiplicities { .. })).count().min(4);
    for target in 0..tables {
        let mut seen = 0;
        let witness = circuit.witness_tampered(&case.inputs, &mut |step, moment| {
            if let (Hint::Multiplicities { .. }, Moment::Before(hints)) = (&step.hint, moment) {
                if seen == target {
                    hints[0] += 1;
                }
                seen += 1;
            }
        });
        let witness = witness.unwrap_or_else(|e| panic!("{}: {e}", case.name));
        assert!(!circuit.check(&witness).is_empty(), "{}: multiplicities are free", case.name);
    }
    tables
}

/// Evaluates the graph with `delta` added to one element of one node, and everything after it consistent with that. `None`
/// where a later value leaves its window.
pub fn evaluate_with_lie(
    graph: &Graph<Field>,
    inputs: &[Tensor<i64>],
    liar: NodeId,
    element: usize,
    delta: i64,
) -> Option<Vec<Tensor<i64>>> {
    let mut values: Vec<Tensor<i64>> = Vec::new();
    for id in graph.ids() {
        let node = graph.node(id);
        let mut value = match &node.op {
            CoreOp::Input(_) => inputs[graph.inputs().iter().position(|i| *i == id)?].clone(),
            op => {
                let operands: Vec<&Tensor<i64>> = node.inputs.iter().map(|i| &values[i.index()]).collect();
                eval_op(&node.name, op, &operands).ok()?
            }
        };
        if id == liar {
            let mut data = value.to_vec();
            data[element] += delta;
            value = Tensor::from_vec(value.shape(), data)?;
        }
        values.push(value);
    }
    Some(values)
}

fn honest(case: &Case, circuit: &Circuit) -> Witness {
    circuit.witness(&case.inputs).unwrap_or_else(|e| panic!("{}: {e}", case.name))
}

/// Whether the output cells hold the results in `values`.
fn gives(case: &Case, circuit: &Circuit, witness: &Witness, values: &[Tensor<i64>]) -> bool {
    let outputs = case.graph.outputs().iter().enumerate();
    outputs.into_iter().all(|(i, o)| circuit.output_cells(witness, i) == values[o.node.index()].to_vec())
}
