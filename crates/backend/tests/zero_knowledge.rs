//! Blinded proofs: they verify, they differ from run to run, and simple distinguishers do not tell private inputs
//! apart.

mod support;

use plonky2::field::types::{Field, PrimeField64};
use plonky2::fri::proof::FriQueryRound;
use plonky2::plonk::proof::ProofWithPublicInputs;
use plonnx_backend::config::{Blake3Config, Blake3Hash, D, F};
use plonnx_backend::{Circuit, Settings, Visibility, Weights};
use plonnx_ir::Tensor;
use plonnx_testkit::Case;
use support::cases;

/// One layer with a private input of 50 elements.
fn case() -> Case {
    cases().into_iter().find(|c| c.name == "gemm").unwrap()
}

fn compile(case: &Case, zero_knowledge: bool, weights: Weights) -> Circuit {
    let settings = Settings {
        inputs: vec![Visibility::Private],
        outputs: vec![Visibility::Private],
        weights,
        zero_knowledge,
        ..Settings::default()
    };
    Circuit::compile(case.graph.clone(), settings).unwrap()
}

/// What a proof shows of the polynomials that depend on the witness, by part.
struct Shown {
    /// Evaluations of wires, permutation products and quotients at one point of the extension.
    openings: Vec<u64>,
    /// The same polynomials at the points of the queries, one row a query.
    leaves: Vec<Vec<u64>>,
    /// The folded polynomials at the points of the queries, and the coefficients of the last one.
    folded: Vec<u64>,
}

/// Salts of a leaf.
const SALTS: usize = 4;

fn shown(circuit: &Circuit, input: &Tensor<i64>) -> Shown {
    let proof = circuit.prove(&circuit.witness(std::slice::from_ref(input)).unwrap()).unwrap();
    circuit.verifying_key().verify(&proof).unwrap();
    let common = circuit.common_data();
    let proof = ProofWithPublicInputs::<F, Blake3Config, D>::from_bytes(proof.proof, common).unwrap().proof;
    let (shown, fri) = (&proof.openings, &proof.opening_proof);
    let word = |x: &F| x.to_canonical_u64();
    let polynomials =
        [&shown.wires, &shown.plonk_zs, &shown.plonk_zs_next, &shown.partial_products, &shown.quotient_polys];
    let openings = polynomials.into_iter().flatten().flat_map(|x| x.0).map(|x| word(&x)).collect();
    // The first tree is that of constants.
    let leaf = |query: &FriQueryRound<F, Blake3Hash, D>| {
        let trees = query.initial_trees_proof.evals_proofs.iter().skip(1);
        trees.flat_map(|(leaf, _)| leaf[..leaf.len() - SALTS].iter().map(word)).collect()
    };
    let folded = fri.query_round_proofs.iter().flat_map(|q| &q.steps).flat_map(|s| &s.evals);
    let folded = folded.chain(&fri.final_poly.coeffs).flat_map(|x| x.0).map(|x| word(&x)).collect();
    Shown { openings, leaves: fri.query_round_proofs.iter().map(leaf).collect(), folded }
}

#[test]
fn blinded_proofs_verify_and_are_bound_to_their_mode() {
    let case = case();
    for weights in Weights::ALL {
        let (blind, plain) = (compile(&case, true, weights), compile(&case, false, weights));
        let witness = blind.witness(&case.inputs).unwrap();
        assert!(blind.check(&witness).is_empty());
        let proof = blind.prove(&witness).unwrap();
        blind.verifying_key().verify(&proof).unwrap();
        assert!(blind.verifying_key().zero_knowledge() && !plain.verifying_key().zero_knowledge());
        assert_ne!(blind.verifying_key().hash(), plain.verifying_key().hash());
        // Two columns of nothing but random values.
        assert_eq!(blind.common_data().config.num_wires, blind.stats().wires);
        let gate = blind.tape().gate.as_ref().unwrap();
        assert!(blind.stats().wires >= gate.tracks().iter().map(|t| t.wires()).sum::<usize>() + 2);
        assert!(plain.verifying_key().verify(&proof).is_err());
        let visible = plain.prove(&plain.witness(&case.inputs).unwrap()).unwrap();
        assert!(blind.verifying_key().verify(&visible).is_err());
        let mut altered = proof.clone();
        altered.proof[1000] ^= 1;
        assert!(blind.verifying_key().verify(&altered).is_err());
    }
}

/// Two blinded proofs of one inference have nothing in common, so that nothing can be compared with the proof of a
/// guess.
#[test]
fn blinded_proofs_do_not_repeat() {
    let case = case();
    let blind = compile(&case, true, Weights::Public);
    let (a, b) = (shown(&blind, &case.inputs[0]), shown(&blind, &case.inputs[0]));
    let values = |s: &Shown| s.leaves.iter().flatten().chain(&s.openings).chain(&s.folded).copied().collect::<Vec<_>>();
    let (mut a, mut b) = (values(&a), values(&b));
    assert!(a.len() > 5_000, "only {} values are shown", a.len());
    a.sort_unstable();
    b.sort_unstable();
    b.dedup();
    let same = a.iter().filter(|x| b.binary_search(x).is_ok()).count();
    // A field of almost 2^64 elements: two lists of some 10^4 have one in common with odds below 2^-35.
    assert_eq!(same, 0, "{same} of {} values repeat", a.len());
}

/// Mean, variance and number of samples.
fn moments(samples: &[f64]) -> (f64, f64, f64) {
    let n = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / n;
    (mean, samples.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / n, n)
}

/// Distinguishers over what proofs of two inputs show, for the evaluations, for every column of the leaves, and for the
/// folded polynomials: the mean of the upper bits, the parity, the low byte and the distance between neighbours.
#[test]
fn simple_distinguishers_see_no_difference() {
    const PROOFS: usize = 8;
    let case = case();
    let blind = compile(&case, true, Weights::Public);
    let inputs = [Tensor::full(&[1, 50], -32), Tensor::full(&[1, 50], 31)];
    let shown: Vec<Vec<Shown>> =
        inputs.iter().map(|input| (0..PROOFS).map(|_| shown(&blind, input)).collect()).collect();
    let order = F::NEG_ONE.to_canonical_u64() as f64;
    type Feature = fn(u64, u64, f64) -> f64;
    let features: [(&str, Feature, f64); 4] = [
        ("magnitude", |x, _, order| x as f64 / order, 0.5),
        ("parity", |x, _, _| (x & 1) as f64, 0.5),
        ("low byte", |x, _, _| (x & 255) as f64 / 255.0, 0.5),
        ("neighbours", |x, y, order| x.abs_diff(y) as f64 / order, 1.0 / 3.0),
    ];
    let columns = shown[0][0].leaves[0].len();
    let column = |proofs: &[Shown], j: usize| proofs.iter().flat_map(|p| &p.leaves).map(|leaf| leaf[j]).collect();
    let part = |proofs: &[Shown], part: usize| -> Vec<u64> {
        match part {
            0 => proofs.iter().flat_map(|p| &p.openings).copied().collect(),
            1 => proofs.iter().flat_map(|p| &p.folded).copied().collect(),
            j => column(proofs, j - 2),
        }
    };
    for index in 0..columns + 2 {
        let values = [part(&shown[0], index), part(&shown[1], index)];
        for (name, feature, uniform) in features {
            let [(a, va, n), (b, vb, m)] = [0, 1]
                .map(|i| moments(&values[i].windows(2).map(|w| feature(w[0], w[1], order)).collect::<Vec<f64>>()));
            let score = (a - b).abs() / (va / n + vb / m).sqrt();
            // Some 800 tests: a normal variable exceeds 7 in one of a billion runs of all.
            assert!(score < 7.0, "{name} of part {index} tells the inputs apart: {a} and {b}, {score} standard errors");
            let off = (a - uniform).abs() / (va / n).sqrt();
            assert!(off < 7.0, "{name} of part {index} is not that of random elements: {a}");
        }
    }
}
