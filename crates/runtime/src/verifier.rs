//! Verification of proofs, and of claims about what they prove.

use plonnx_backend::{Commitment, Port, PortKind};
use plonnx_ir::{Log2Scale, Tensor};

use crate::encoding::encode;
use crate::error::{RuntimeError, short};
use crate::key::VerifyingKey;
use crate::proof::Proof;

/// What someone says a public tensor is.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// Name of the port.
    pub port: String,
    pub values: Values,
}

/// Elements of a claimed tensor in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// The integers of the circuit.
    Integers(Vec<i64>),
    /// Real numbers. Without a `tolerance` they are encoded ([`crate::encoding`]) and must give the proven integers; with
    /// one, they may differ by it from the proven values.
    Reals { values: Vec<f64>, tolerance: Option<f64> },
}

/// What a valid proof says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verified {
    /// Public tensors, inputs before outputs.
    pub public: Vec<Revealed>,
    /// Committed tensors with their commitments, inputs before outputs.
    pub committed: Vec<Committed>,
    /// Names of the private tensors.
    pub private: Vec<String>,
    /// The commitment to the model's weights; `None` if they are public, so that the key stands for them.
    pub model: Option<Commitment>,
}

/// A tensor that the statement has a commitment to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    pub name: String,
    pub input: bool,
    pub commitment: Commitment,
}

/// A proven public tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Revealed {
    pub name: String,
    pub input: bool,
    pub kind: PortKind,
    /// The integers of the circuit, row-major.
    pub integers: Vec<i64>,
    /// What they stand for.
    pub values: Tensor<f64>,
}

impl Verified {
    /// The public tensor called `name`.
    pub fn tensor(&self, name: &str) -> Option<&Tensor<f64>> {
        self.public.iter().find(|r| r.name == name).map(|r| &r.values)
    }
}

impl VerifyingKey {
    /// Verifies `proof` and reads the public tensors that it proves.
    ///
    /// # Errors
    /// [`RuntimeError::OtherKey`] for a proof of another circuit, [`RuntimeError::Backend`] for an invalid one.
    pub fn verify(&self, proof: &Proof) -> Result<Verified, RuntimeError> {
        verify(self, proof, &[])
    }
}

/// Verifies `proof` with `key`, then compares what it proves with `claims`.
///
/// # Errors
/// As [`VerifyingKey::verify`]; [`RuntimeError::Claim`] names the first element that was claimed to be another one.
pub fn verify(key: &VerifyingKey, proof: &Proof, claims: &[Claim]) -> Result<Verified, RuntimeError> {
    if proof.key_hash != key.hash() {
        return Err(RuntimeError::OtherKey { expected: short(&key.hash()), got: short(&proof.key_hash) });
    }
    if proof.profile != key.profile() {
        return Err(RuntimeError::OtherProfile { expected: key.profile().name(), got: proof.profile.name() });
    }
    key.inner().verify(&proof.inner)?;
    let mut verified = Verified { model: proof.inner.model, ..Verified::default() };
    for (port, (elements, commitment)) in
        key.ports().iter().zip(proof.inner.public.iter().zip(&proof.inner.commitments))
    {
        let (name, input) = (port.name.clone(), port.input);
        match (elements, commitment) {
            (Some(integers), _) => verified.public.push(revealed(port, integers)?),
            (None, Some(commitment)) => verified.committed.push(Committed { name, input, commitment: *commitment }),
            (None, None) => verified.private.push(name),
        }
    }
    claims.iter().try_for_each(|claim| compare(key, &verified, claim))?;
    Ok(verified)
}

fn revealed(port: &Port, integers: &[i64]) -> Result<Revealed, RuntimeError> {
    let scale = Log2Scale(port.scale);
    let reals = integers.iter().map(|q| scale.real(*q)).collect();
    let mismatch =
        || RuntimeError::Claims { port: port.name.clone(), reason: "its elements do not fit its shape".into() };
    let values = Tensor::from_vec(&port.shape, reals).ok_or_else(mismatch)?;
    Ok(Revealed { name: port.name.clone(), input: port.input, kind: port.kind, integers: integers.to_vec(), values })
}

fn compare(key: &VerifyingKey, verified: &Verified, claim: &Claim) -> Result<(), RuntimeError> {
    let refuse = |reason: String| RuntimeError::Claims { port: claim.port.clone(), reason };
    let Some(tensor) = verified.public.iter().find(|r| r.name == claim.port) else {
        if verified.committed.iter().any(|c| c.name == claim.port) {
            return Err(refuse("the tensor is committed; compare the commitment with that of an opening".into()));
        }
        if verified.private.contains(&claim.port) {
            return Err(refuse("the tensor is private, so the proof has no values to compare with".into()));
        }
        let known: Vec<&str> = verified.public.iter().map(|r| r.name.as_str()).collect();
        return Err(refuse(format!("the proof has no such tensor; its public ones are: {}", known.join(", "))));
    };
    let expected = tensor.integers.len();
    let fits = |got: usize| {
        if got == expected { Ok(()) } else { Err(refuse(format!("expected {expected} elements, got {got}"))) }
    };
    let port = key.ports().iter().find(|p| p.name == claim.port && p.input == tensor.input);
    let scale = Log2Scale(port.map_or(0, |p| p.scale));
    let differing = match &claim.values {
        Values::Integers(claimed) => {
            fits(claimed.len())?;
            let index = claimed.iter().zip(&tensor.integers).position(|(a, b)| a != b);
            index.map(|i| (i, claimed.get(i).map_or(f64::NAN, |q| scale.real(*q))))
        }
        Values::Reals { values: claimed, tolerance } => {
            fits(claimed.len())?;
            // NaN is not within any tolerance.
            let close = |a: f64, b: f64, allowed: f64| (a - b).abs() <= allowed;
            let index = match (tolerance, port) {
                (None, Some(port)) => match encode(port, claimed) {
                    Ok(integers) => integers.iter().zip(&tensor.integers).position(|(a, b)| a != b),
                    Err(RuntimeError::Encode { index, .. }) => Some(index),
                    Err(error) => return Err(error),
                },
                (tolerance, _) => {
                    let allowed = tolerance.unwrap_or(0.0);
                    claimed.iter().zip(tensor.values.iter()).position(|(a, b)| !close(*a, b, allowed))
                }
            };
            index.map(|i| (i, claimed.get(i).copied().unwrap_or(f64::NAN)))
        }
    };
    let Some((index, claimed)) = differing else { return Ok(()) };
    let role = if tensor.input { "input" } else { "output" };
    let proven = tensor.values.data().get(index).copied().unwrap_or(f64::NAN);
    Err(RuntimeError::Claim { role, port: claim.port.clone(), index, claimed, proven })
}
