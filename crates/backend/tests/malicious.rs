//! More malicious provers: rows in another order, decompositions that wrap, ties, proofs of others, and seeded
//! mutations of everything a prover assigns.

mod support;

use std::sync::Arc;

use plonky2::field::types::{Field as _, Field64};
use plonnx_backend::config::F;
use plonnx_backend::gate::Kind;
use plonnx_backend::weights::split;
use plonnx_backend::{Circuit, Hint, Moment, Phase, Profile, Settings, Visibility, Weights};
use plonnx_ir::op::{Requant, Sum, Table, Window};
use plonnx_ir::{CoreOp, Field, Graph, Log2Scale, Tensor, eval_all};
use plonnx_testkit::{Case, CaseBuilder};
use support::{Random, cases, evaluate};

fn compile(case: &Case) -> Circuit {
    let settings = Settings {
        inputs: vec![Visibility::Private; case.graph.inputs().len()],
        outputs: vec![Visibility::Public; case.graph.outputs().len()],
        ..Settings::default()
    };
    Circuit::compile(case.graph.clone(), settings).unwrap_or_else(|e| panic!("{}: {e}", case.name))
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
        for kind in &circuit.tape().kinds {
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

/// One entry of a table, the scale of one node, a visibility or the profile: each gives another key, which refuses the
/// proof of the first.
#[test]
fn keys_bind_tables_scales_visibilities_and_profiles() {
    let case = cases().into_iter().find(|c| c.name == "tables").unwrap();
    let settings =
        Settings { inputs: vec![Visibility::Private], outputs: vec![Visibility::Public], ..Settings::default() };
    let circuit = |edit: &dyn Fn(usize, &mut CoreOp<Field>, &mut Log2Scale), settings: &Settings| {
        let mut graph = Graph::new();
        for id in case.graph.ids() {
            let node = case.graph.node(id);
            let (mut op, mut scale) = (node.op.clone(), node.note);
            edit(id.index(), &mut op, &mut scale);
            graph.add_noted(&node.name, op, &node.inputs, scale).unwrap();
        }
        graph.add_output("out", case.graph.outputs()[0].node);
        Circuit::compile(graph, settings.clone()).unwrap()
    };
    let same = |_: usize, _: &mut CoreOp<Field>, _: &mut Log2Scale| {};
    let honest = circuit(&same, &settings);
    let proof = honest.prove(&honest.witness(&case.inputs).unwrap()).unwrap();
    honest.verifying_key().verify(&proof).unwrap();
    let mut others = Vec::new();
    for entry in [0, 64, 127] {
        let edit = |_: usize, op: &mut CoreOp<Field>, _: &mut Log2Scale| {
            if let CoreOp::Map(Requant::Table { table, .. }) = op {
                let mut values = table.values.clone();
                values[entry] += 1;
                *table = Arc::new(Table { values, ..(**table).clone() });
            }
        };
        others.push(circuit(&edit, &settings));
    }
    for node in 0..case.graph.len() {
        let edit = |index: usize, _: &mut CoreOp<Field>, scale: &mut Log2Scale| {
            if index == node {
                scale.0 += 1;
            }
        };
        others.push(circuit(&edit, &settings));
    }
    for profile in [Profile::Proven80, Profile::Fast] {
        others.push(circuit(&same, &Settings { profile, ..settings.clone() }));
    }
    for visibility in [Visibility::Public, Visibility::Committed] {
        others.push(circuit(&same, &Settings { inputs: vec![visibility], ..settings.clone() }));
    }
    let mut hashes = vec![honest.verifying_key().hash()];
    for other in &others {
        assert!(other.verifying_key().verify(&proof).is_err());
        hashes.push(other.verifying_key().hash());
    }
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), others.len() + 1, "two programs have one key");
}

/// Seeded mutations of what a prover assigns: values before the challenges (which the transcript then absorbs) and
/// wires at any time, one to three at once; with public weights, with committed ones, and blinded. None that
/// satisfies the constraints gives another result. `PLONNX_MUTATIONS=120000` runs longer.
#[test]
fn seeded_mutations_prove_nothing_else() {
    let runs: usize = std::env::var("PLONNX_MUTATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(3000);
    let mut random = Random(0x0123_4567_89ab_cdef);
    let mut prepared: Vec<(Case, Circuit, Vec<i64>)> = Vec::new();
    for (weights, zero_knowledge) in [(Weights::Public, false), (Weights::Committed, false), (Weights::Committed, true)]
    {
        for case in cases() {
            let weighted = weights == Weights::Public || split(&case.graph).is_ok();
            // The rows of a blinded circuit are the same and more; one is enough.
            if !weighted || (zero_knowledge && case.name != "gemm") {
                continue;
            }
            let settings = Settings {
                inputs: vec![Visibility::Private; case.graph.inputs().len()],
                outputs: vec![Visibility::Public; case.graph.outputs().len()],
                weights,
                zero_knowledge,
                ..Settings::default()
            };
            let circuit = Circuit::compile(case.graph.clone(), settings).unwrap();
            let expected = eval_all(&case.graph, &case.inputs).unwrap();
            let expected = expected[case.graph.outputs()[0].node.index()].to_vec();
            prepared.push((case, circuit, expected));
        }
    }
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
        let witness = circuit.witness_tampered(&case.inputs, &mut |_, moment| {
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
                Moment::After(wires) => {
                    let wire = pick(wires.len(), 7);
                    wires[wire] += delta;
                }
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
    println!("{noticed} mutated witnesses refused, {harmless} changed nothing that is read, 0 prove something else");
    assert!(noticed * 2 > runs, "only {noticed} of {runs} mutations did anything");
}

/// Every rounding and every quotient has one result: neighbouring ones, told consistently, are noticed.
#[test]
fn roundings_have_one_result() {
    let mut lies = 0;
    for case in cases() {
        let circuit = compile(&case);
        let expected = eval_all(&case.graph, &case.inputs).unwrap()[case.graph.outputs()[0].node.index()].to_vec();
        for liar in case.graph.ids().filter(|id| matches!(case.graph.node(*id).op, CoreOp::Map(_) | CoreOp::Div(_))) {
            for delta in [1, -1] {
                let told = evaluate(&case.graph, &case.inputs, &mut |id, data| {
                    if id == liar {
                        data.iter_mut().for_each(|v| *v += delta);
                    }
                });
                let Some(values) = told else { continue };
                let witness = circuit.assign(values, &case.inputs, &mut |_, _| {});
                is_harmless(&case, &circuit, &witness, &expected);
                lies += 1;
            }
        }
    }
    assert!(lies > 40, "only {lies} lies");
}

/// Elements that are equal have one order among the largest: places that are exchanged, with all that follows from
/// them, are noticed.
#[test]
fn equal_elements_keep_their_places() {
    let case = cases().into_iter().find(|c| c.name == "top k").unwrap();
    let circuit = compile(&case);
    let values = eval_all(&case.graph, &case.inputs).unwrap();
    let x = case.inputs[0].to_vec();
    let places = case.graph.ids().rfind(|id| matches!(case.graph.node(*id).op, CoreOp::OneHot(_))).unwrap();
    let places = case.graph.node(case.graph.node(places).inputs[0]).inputs[0];
    let expected = values[case.graph.outputs()[0].node.index()].to_vec();
    let mut lies = 0;
    for row in 0..4 {
        for (i, j) in (0..5).flat_map(|i| (i + 1..5).map(move |j| (5 * row + i, 5 * row + j))) {
            if x[i] != x[j] {
                continue;
            }
            let told = evaluate(&case.graph, &case.inputs, &mut |id, data| {
                if id == places {
                    data.swap(i, j);
                }
            });
            let told = told.unwrap();
            let changed = told[case.graph.outputs()[0].node.index()].to_vec() != expected;
            let witness = circuit.assign(told, &case.inputs, &mut |_, _| {});
            is_harmless(&case, &circuit, &witness, &expected);
            assert!(!changed || !circuit.check(&witness).is_empty(), "elements {i} and {j} change places");
            lies += 1;
        }
    }
    assert!(lies >= 4, "only {lies} ties");
}

/// Inputs outside their ranges have no witness, whatever their visibility, also when they are shifted by p or differ by
/// what the rows that check them can represent.
#[test]
fn inputs_are_in_their_ranges() {
    let mut refused = 0;
    for case in cases().into_iter().step_by(3) {
        for visibility in Visibility::ALL {
            let settings = Settings {
                inputs: vec![visibility; case.graph.inputs().len()],
                outputs: vec![Visibility::Public; case.graph.outputs().len()],
                ..Settings::default()
            };
            let circuit = Circuit::compile(case.graph.clone(), settings).unwrap();
            let honest = eval_all(&case.graph, &case.inputs).unwrap();
            for (index, id) in case.graph.inputs().iter().enumerate() {
                let CoreOp::Input(input) = &case.graph.node(*id).op else { continue };
                let (lo, hi) = (input.domain.lo, input.domain.hi());
                for wrong in [lo - 1, hi + 1, hi + 8, 2 * hi - lo + 2, -(1 << 62), 1 << 62, i64::MAX] {
                    let mut inputs = case.inputs.clone();
                    let mut data = inputs[index].to_vec();
                    let last = data.len() - 1;
                    data[last] = wrong;
                    inputs[index] = Tensor::from_vec(inputs[index].shape(), data).unwrap();
                    let mut told = honest.clone();
                    told[id.index()] = inputs[index].clone();
                    let witness = circuit.assign(told, &inputs, &mut |_, _| {});
                    assert!(!circuit.check(&witness).is_empty(), "{}: input {index} is {wrong}", case.name);
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 300, "only {refused} inputs");
}

/// The result of one table does not pass for that of another, nor that of one argument for that of its neighbour.
#[test]
fn lookups_are_of_their_own_table_and_argument() {
    let case = cases().into_iter().find(|c| c.name == "tables").unwrap();
    let circuit = compile(&case);
    let tables: Vec<_> = case.graph.ids().filter(|id| matches!(case.graph.node(*id).op, CoreOp::Map(_))).collect();
    let mut lies = 0;
    for liar in tables {
        // v^2 in one table is v^2 - 7 in the other.
        let shifts: [fn(&mut Vec<i64>); 4] = [
            |data| data.iter_mut().for_each(|v| *v -= 7),
            |data| data.iter_mut().for_each(|v| *v += 7),
            |data| data.rotate_left(1),
            |data| data.swap(3, 4),
        ];
        for shift in shifts {
            let told = evaluate(&case.graph, &case.inputs, &mut |id, data| {
                if id == liar {
                    shift(data);
                }
            });
            let witness = circuit.assign(told.unwrap(), &case.inputs, &mut |_, _| {});
            assert!(!circuit.check(&witness).is_empty(), "a lookup of \"{}\" is wrong", case.graph.node(liar).name);
            lies += 1;
        }
    }
    assert_eq!(lies, 8);
}

/// A window of two elements takes no digits, only a top bit. Where its row is of a gate that serves wider windows too, the
/// digits of that gate stay zero.
#[test]
fn unused_digits_are_zero() {
    let mut b = CaseBuilder::new();
    let x = b.signed(&[40], 6);
    let wide = b.add(CoreOp::Sum(Sum { coefficients: vec![1] }), &[x]);
    let bit = b.add(CoreOp::Map(Requant::Round { shift: 0, window: Window::unsigned(1) }), &[wide]);
    // Bounded such that the lie is none where the results are range checked.
    let difference = b.add(CoreOp::Sum(Sum { coefficients: vec![1, -1] }), &[bit, x]);
    let difference = b.round(difference, 0, 8);
    let mut case = b.done("bit", difference);
    case.inputs = vec![Tensor::full(&[40], 1)];
    let circuit = compile(&case);
    let honest = circuit.witness(&case.inputs).unwrap();
    assert!(circuit.check(&honest).is_empty());
    // 5 = 4 + 1, with a digit that the window does not have.
    let mut inputs = case.inputs.clone();
    inputs[0] = Tensor::from_vec(&[40], (0..40).map(|i| if i == 0 { 5 } else { 1 }).collect()).unwrap();
    let mut told = eval_all(&case.graph, &case.inputs).unwrap();
    for tensor in &mut told {
        let mut data = tensor.to_vec();
        // The difference is 0 as it was.
        data[0] *= 5;
        *tensor = Tensor::from_vec(&[40], data).unwrap();
    }
    let mut lies = 0;
    let witness = circuit.assign(told, &inputs, &mut |step, moment| {
        let (Hint::Values { node, range }, Phase::Commit, Moment::After(wires)) = (&step.hint, step.phase, moment)
        else {
            return;
        };
        let Kind::Requant(gate) = circuit.tape().kind(step.row as usize) else { return };
        if *node as usize == case.graph.node(bit).inputs[0].index() && range.start == 0 && gate.digits > 0 {
            let four = F::from_canonical_u64(4);
            let last = wires.len() - 1;
            for wire in [last, gate.y(0), gate.packed().start] {
                wires[wire] += four;
            }
            lies += 1;
        }
    });
    assert_eq!(lies, 1, "no gate serves both windows, so that nothing is tested");
    assert!(!circuit.check(&witness).is_empty(), "5 passes for a bit");
}
