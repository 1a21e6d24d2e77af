//! Blinded proofs: they verify, they differ from run to run, and simple distinguishers do not tell private inputs apart.

mod support;

use plonky2::field::types::{Field, PrimeField64};
use plonky2::plonk::proof::ProofWithPublicInputs;
use plonnx_backend::config::{Blake3Config, D, F};
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

/// The evaluations of wires, permutation products and quotients that a proof shows.
fn openings(circuit: &Circuit, input: &Tensor<i64>) -> Vec<u64> {
    let proof = circuit.prove(&circuit.witness(std::slice::from_ref(input)).unwrap()).unwrap();
    circuit.verifying_key().verify(&proof).unwrap();
    let common = circuit.common_data();
    let proof = ProofWithPublicInputs::<F, Blake3Config, D>::from_bytes(proof.proof, common).unwrap();
    let shown = &proof.proof.openings;
    let polynomials =
        [&shown.wires, &shown.plonk_zs, &shown.plonk_zs_next, &shown.partial_products, &shown.quotient_polys];
    polynomials.into_iter().flatten().flat_map(|x| x.0).map(|x: F| x.to_canonical_u64()).collect()
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
        assert!(plain.verifying_key().verify(&proof).is_err());
        let visible = plain.prove(&plain.witness(&case.inputs).unwrap()).unwrap();
        assert!(blind.verifying_key().verify(&visible).is_err());
        let mut altered = proof.clone();
        altered.proof[1000] ^= 1;
        assert!(blind.verifying_key().verify(&altered).is_err());
    }
}

/// Two blinded proofs of one inference have no evaluation in common, so that none can be compared with that of a guess.
#[test]
fn blinded_proofs_do_not_repeat() {
    let case = case();
    let blind = compile(&case, true, Weights::Public);
    let (a, b) = (openings(&blind, &case.inputs[0]), openings(&blind, &case.inputs[0]));
    let same = a.iter().zip(&b).filter(|(a, b)| a == b).count();
    assert_eq!(same, 0, "{same} of {} evaluations repeat", a.len());
}

/// Distinguishers over the evaluations that proofs of two inputs show: the mean of the upper bits, the parity, the low byte
/// and the distance between neighbours.
#[test]
fn simple_distinguishers_see_no_difference() {
    const PROOFS: usize = 6;
    let case = case();
    let blind = compile(&case, true, Weights::Public);
    let inputs = [Tensor::full(&[1, 50], -32), Tensor::full(&[1, 50], 31)];
    let shown: Vec<Vec<u64>> =
        inputs.iter().map(|input| (0..PROOFS).flat_map(|_| openings(&blind, input)).collect::<Vec<u64>>()).collect();
    let order = F::NEG_ONE.to_canonical_u64() as f64;
    type Feature = fn(u64, u64, f64) -> f64;
    let features: [(&str, Feature); 4] = [
        ("magnitude", |x, _, order| x as f64 / order),
        ("parity", |x, _, _| (x & 1) as f64),
        ("low byte", |x, _, _| (x & 255) as f64 / 255.0),
        ("neighbours", |x, y, order| x.abs_diff(y) as f64 / order),
    ];
    for (name, feature) in features {
        let statistics: Vec<(f64, f64, f64)> = shown
            .iter()
            .map(|values| {
                let samples: Vec<f64> = values.windows(2).map(|w| feature(w[0], w[1], order)).collect();
                let n = samples.len() as f64;
                let mean = samples.iter().sum::<f64>() / n;
                let variance = samples.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / n;
                (mean, variance, n)
            })
            .collect();
        let [(a, va, n), (b, vb, m)] = statistics[..] else { panic!("two inputs") };
        let score = (a - b).abs() / (va / n + vb / m).sqrt();
        // A normal variable exceeds 6 in two of a billion runs.
        assert!(score < 6.0, "{name} tells the inputs apart: {a} and {b}, {score} standard errors");
        // And it is the uniform distribution's.
        let uniform = if name == "neighbours" { 1.0 / 3.0 } else { 0.5 };
        assert!((a - uniform).abs() / (va / n).sqrt() < 6.0, "{name} is not that of random elements: {a}");
    }
}

/// Which polynomials carry randomness: every wire column, including those of digits, inverses and multiplicities.
#[test]
fn every_wire_column_is_blinded() {
    let case = case();
    let blind = compile(&case, true, Weights::Public);
    let columns = openings(&blind, &case.inputs[0]);
    let wires = &columns[..2 * 138];
    assert!(wires.iter().all(|x| *x != 0), "a wire column is zero");
}
