//! More malicious provers: rows in another order, decompositions that wrap, ties, proofs of others, and seeded mutations
//! of everything a prover assigns.

mod support;

use plonky2::field::types::{Field as _, Field64};
use plonnx_backend::config::F;
use plonnx_backend::gate::Kind;
use plonnx_backend::{Circuit, Hint, Moment, Phase, Visibility};
use plonnx_ir::{CoreOp, Field, Graph, Tensor, eval_all, eval_op};
use plonnx_testkit::Case;
use support::cases;

fn compile(case: &Case) -> Circuit {
    case.compile(Visibility::Private)
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// A witness that satisfies all constraints gives the right outputs, whatever the prover altered: alterations that no
/// constraint notices are of wires that nothing reads.
fn is_harmless(case: &Case, circuit: &Circuit, witness: &plonnx_backend::Witness, expected: &[i64]) -> bool {
    circuit.check(witness).is_empty().then(|| circuit.output_cells(witness, 0)).is_none_or(|got| {
        let same = got == expected;
        assert!(same, "{}: an altered witness passes with another result", case.name);
        same
    })
}

/// Accumulators of two rows change places before the challenges are drawn, and the prover goes on consistently.
#[test]
fn rows_cannot_change_places() {
    let mut swaps = 0;
    for case in cases() {
        let circuit = compile(&case);
        let mut rows: Vec<(u32, Vec<i64>)> = Vec::new();
        circuit
            .witness_tampered(&case.inputs, &mut |step, moment| {
                if let (Hint::Values { .. }, Moment::Before(hints)) = (&step.hint, moment) {
                    rows.push((step.row, hints.clone()));
                }
            })
            .unwrap();
        for pair in rows.windows(2) {
            let [(a, x), (b, y)] = pair else { continue };
            if x.len() != y.len() || x == y {
                continue;
            }
            let witness = circuit
                .witness_tampered(&case.inputs, &mut |step, moment| {
                    if let Moment::Before(hints) = moment {
                        match step.row {
                            row if row == *a => hints.clone_from(y),
                            row if row == *b => hints.clone_from(x),
                            _ => {}
                        }
                    }
                })
                .unwrap();
            assert!(!circuit.check(&witness).is_empty(), "{}: rows {a} and {b} change places", case.name);
            swaps += 1;
        }
    }
    assert!(swaps >= 20, "only {swaps} swaps");
}

/// No decomposition has room for a value and the same value plus p: what digits can represent is below p, or, where the
/// difference of two representations counts, below p / 2.
#[test]
fn decompositions_cannot_wrap() {
    let mut seen = std::collections::BTreeSet::new();
    for case in cases() {
        let circuit = compile(&case);
        for record in circuit.tape().rows.iter().filter(|r| !r.foreign) {
            let Some(kind) = record.gate.map(|g| circuit.tape().gates[g as usize].kind()) else { continue };
            // One digit more than the gate has stands for its top bit.
            let digits = match kind {
                Kind::Range(g) => g.digits,
                Kind::Order(g) => g.digits + 1,
                Kind::Requant(g) => g.digits + 1,
                Kind::Lookup(g) => g.digits,
                _ => continue,
            };
            assert!(8u128.pow(digits as u32) < u128::from(F::ORDER) / 2, "{}: {}", case.name, kind.name());
            seen.insert(kind.name());
        }
    }
    assert!(seen.len() > 10, "{seen:?}");
}

/// Among equal elements, `arg max` has one answer: another one, told consistently, is noticed.
#[test]
fn ties_are_not_the_provers_choice() {
    let mut lies = 0;
    for case in cases().into_iter().filter(|c| c.name.starts_with("arg ")) {
        let circuit = compile(&case);
        let values = eval_all(&case.graph, &case.inputs).unwrap();
        let output = case.graph.outputs()[0].node;
        let (x, answers) = (case.inputs[0].to_vec(), values[output.index()].to_vec());
        let width = x.len() / answers.len();
        for (row, answer) in answers.iter().enumerate() {
            let line = &x[row * width..(row + 1) * width];
            for other in (0..width).filter(|i| *i as i64 != *answer && line[*i] == line[*answer as usize]) {
                let mut lie = answers.clone();
                lie[row] = other as i64;
                let mut told = values.clone();
                told[output.index()] = Tensor::from_vec(values[output.index()].shape(), lie).unwrap();
                let witness = circuit.assign(told, &case.inputs, &mut |_, _| {});
                // The answer is derived from the comparisons, so that the lie does not even reach a cell.
                assert!(is_harmless(&case, &circuit, &witness, &answers));
                lies += 1;
            }
        }
    }
    assert!(lies >= 20, "only {lies} ties");
}

/// The proof of one program is refused by the key of every other.
#[test]
fn proofs_do_not_change_models() {
    let proved: Vec<_> = cases()
        .into_iter()
        .map(|case| {
            let circuit = compile(&case);
            let proof = circuit.prove(&circuit.witness(&case.inputs).unwrap()).unwrap();
            (case.name, circuit.verifying_key().clone(), proof)
        })
        .collect();
    for (name, key, _) in &proved {
        for (other, _, proof) in &proved {
            assert_eq!(key.verify(proof).is_ok(), name == other, "key of {name}, proof of {other}");
        }
    }
}

/// Seeded mutations of what a prover assigns: values before the challenges (which the transcript then absorbs) and wires
/// at any time, one to three at once. None that satisfies the constraints gives another result.
#[test]
fn seeded_mutations_prove_nothing_else() {
    let runs: usize = std::env::var("PLONNX_MUTATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(3000);
    let mut random = Random(0x0123_4567_89ab_cdef);
    let prepared: Vec<(Case, Circuit, Vec<i64>)> = cases()
        .into_iter()
        .map(|case| {
            let circuit = compile(&case);
            let expected = eval_all(&case.graph, &case.inputs).unwrap();
            let expected = expected[case.graph.outputs()[0].node.index()].to_vec();
            (case, circuit, expected)
        })
        .collect();
    let (mut noticed, mut harmless) = (0, 0);
    for run in 0..runs {
        let (case, circuit, expected) = &prepared[run % prepared.len()];
        let steps = circuit.tape().steps.len();
        let targets: Vec<usize> = (0..=random.below(3)).map(|_| random.below(steps)).collect();
        let deltas: [u64; 4] = std::array::from_fn(|_| random.next());
        let mut at = 0;
        let pick = |n: usize, salt: u64| ((deltas[1] ^ salt) % n.max(1) as u64) as usize;
        let delta = match deltas[0] % 5 {
            0 => F::ONE,
            1 => -F::ONE,
            // Moves a unit between digits, or between packed values.
            2 => F::from_canonical_u64(1 << (3 * (deltas[2] % 20))),
            3 => -F::from_canonical_u64(1 << (3 * (deltas[2] % 20))),
            _ => F::from_noncanonical_u64(deltas[3]),
        };
        let small = [1, -1, 8, -8, 64, 1 << 20][(deltas[3] % 6) as usize];
        let witness = circuit.witness_tampered(&case.inputs, &mut |step, moment| {
            let here = targets.contains(&(at / 2));
            at += 1;
            if !here {
                return;
            }
            match moment {
                Moment::Before(hints) => {
                    if let Some(hint) = (!hints.is_empty()).then(|| pick(hints.len(), 0)).and_then(|i| hints.get_mut(i))
                    {
                        *hint += small;
                    }
                }
                Moment::After(wires) if step.phase != Phase::Commit => {
                    let wire = pick(wires.len(), 7);
                    wires[wire] += delta;
                }
                Moment::After(_) => {}
            }
        });
        let Ok(witness) = witness else { continue };
        if circuit.check(&witness).is_empty() {
            assert_eq!(&circuit.output_cells(&witness, 0), expected, "{}: run {run} proves another result", case.name);
            harmless += 1;
        } else {
            noticed += 1;
        }
    }
    println!("{noticed} mutated witnesses refused, {harmless} changed nothing that is read");
    assert!(noticed * 2 > runs, "only {noticed} of {runs} mutations did anything");
}

/// Evaluates the graph with one element of the `liar`'s result shifted by multiples of the scale of a requantisation:
/// remainders that a rounding may not have.
#[test]
fn roundings_have_one_result() {
    fn evaluate(graph: &Graph<Field>, inputs: &[Tensor<i64>], liar: usize, delta: i64) -> Option<Vec<Tensor<i64>>> {
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
            if id.index() == liar {
                value = Tensor::from_vec(value.shape(), value.iter().map(|v| v + delta).collect())?;
            }
            values.push(value);
        }
        Some(values)
    }
    let mut lies = 0;
    for case in cases() {
        let circuit = compile(&case);
        let expected = eval_all(&case.graph, &case.inputs).unwrap()[case.graph.outputs()[0].node.index()].to_vec();
        for id in case.graph.ids().filter(|id| matches!(case.graph.node(*id).op, CoreOp::Map(_) | CoreOp::Div(_))) {
            for delta in [1, -1] {
                let Some(values) = evaluate(&case.graph, &case.inputs, id.index(), delta) else { continue };
                let witness = circuit.assign(values, &case.inputs, &mut |_, _| {});
                is_harmless(&case, &circuit, &witness, &expected);
                lies += 1;
            }
        }
    }
    assert!(lies > 40, "only {lies} lies");
}
