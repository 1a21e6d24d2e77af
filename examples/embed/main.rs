//! A model inside a plonky2 circuit of one's own; see README.md.

use plonnx::circuit::plonky2::field::types::PrimeField64;
use plonnx::circuit::plonky2::hash::poseidon::PoseidonHash;
use plonnx::circuit::plonky2::iop::witness::PartialWitness;
use plonnx::circuit::plonky2::plonk::circuit_builder::CircuitBuilder;
use plonnx::circuit::{Blake3Config, D, F, Profile, embed};
use plonnx::{Model, data};

/// Columns of the output.
const SETOSA: usize = 0;
const VIRGINICA: usize = 2;
/// Probabilities are integers below `2^DIFFERENCE_BITS`.
const DIFFERENCE_BITS: usize = 30;
const WEIGHTS_PER_ROW: usize = 64;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/logreg-iris");
    let flowers = data::read(format!("{folder}/inputs.npz"))?;
    let model = Model::from_file(format!("{folder}/model.onnx"))?.dim("batch", 1).calibrate(&flowers);
    let quantised = model.quantise()?;

    // The circuit: the model, a hash of its inputs, and a comparison of two of its outputs.
    let mut builder = CircuitBuilder::<F, D>::new(Profile::Standard.circuit_config(WEIGHTS_PER_ROW));
    let iris = embed(&mut builder, &quantised.program, WEIGHTS_PER_ROW)?;
    let digest = builder.hash_n_to_hash_no_pad::<PoseidonHash>(iris.inputs[0].clone());
    builder.register_public_inputs(&digest.elements);
    let lead = builder.sub(iris.outputs[0][SETOSA], iris.outputs[0][VIRGINICA]);
    builder.range_check(lead, DIFFERENCE_BITS);
    let circuit = builder.build::<Blake3Config>();

    // A proof, as for any other circuit.
    let flower = quantised.samples(&flowers)?;
    let is_setosa = |i: &usize| {
        let outputs = flower.get(*i).map_err(plonnx::Error::from).and_then(|x| quantised.infer(&x));
        outputs.is_ok_and(|y| y[0].data()[SETOSA] > y[0].data()[VIRGINICA])
    };
    let chosen = (0..flower.len()).find(is_setosa).ok_or("no flower is a setosa")?;
    let mut witness = PartialWitness::new();
    iris.assign(&flower.get(chosen)?, &mut witness)?;
    let proof = circuit.prove(witness)?;

    circuit.verify(proof.clone())?;
    let digest: Vec<String> = proof.public_inputs.iter().map(|e| format!("{:016x}", e.to_canonical_u64())).collect();
    println!(
        "flower {chosen}, of which only the digest {} is public, is rather a setosa than a virginica",
        digest.join("")
    );
    println!("a circuit of 2^{} rows, a proof of {} bytes", circuit.common.degree_bits(), proof.to_bytes().len());
    Ok(())
}
