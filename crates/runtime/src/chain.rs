//! Proofs that are linked through commitments.

use plonnx_backend::Commitment;

use crate::error::RuntimeError;
use crate::key::VerifyingKey;
use crate::proof::Proof;
use crate::verifier::Verified;

/// An output of one proof that is an input of the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub output: String,
    pub input: String,
    pub commitment: Commitment,
}

/// A chain of valid proofs.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// What each proof says.
    pub proofs: Vec<Verified>,
    /// Links between each proof and the next.
    pub links: Vec<Vec<Link>>,
}

/// Verifies every proof, and that each but the last has a committed output whose commitment is that of a committed input
/// of the next. Equal commitments mean equal integers, scales and encodings, row-major; shapes may differ.
///
/// # Errors
/// Those of [`crate::verify`]; [`RuntimeError::Chain`] for neighbours without a link.
pub fn verify_chain(proofs: &[(&VerifyingKey, &Proof)]) -> Result<Chain, RuntimeError> {
    let verified = proofs.iter().map(|(key, proof)| key.verify(proof)).collect::<Result<Vec<_>, _>>()?;
    let mut links = Vec::new();
    for (index, (first, second)) in proofs.iter().zip(proofs.iter().skip(1)).enumerate() {
        let outputs = committed(first, false);
        let inputs = committed(second, true);
        let link = |(output, commitment): &(String, Commitment)| {
            let input = inputs.iter().find(|(_, other)| other == commitment)?;
            Some(Link { output: output.clone(), input: input.0.clone(), commitment: *commitment })
        };
        let found: Vec<Link> = outputs.iter().filter_map(link).collect();
        if found.is_empty() {
            let reason = match (outputs.is_empty(), inputs.is_empty()) {
                (true, _) => "the first has no committed output",
                (_, true) => "the second has no committed input",
                _ => "no commitment to an output of the first is one to an input of the second",
            };
            return Err(RuntimeError::Chain { first: index + 1, second: index + 2, reason });
        }
        links.push(found);
    }
    Ok(Chain { proofs: verified, links })
}

/// Committed tensors of one side of a proof's statement.
fn committed((key, proof): &(&VerifyingKey, &Proof), inputs: bool) -> Vec<(String, Commitment)> {
    let ports = key.ports().iter().zip(&proof.inner.commitments).filter(|(port, _)| port.input == inputs);
    ports.filter_map(|(port, commitment)| Some((port.name.clone(), (*commitment)?))).collect()
}
