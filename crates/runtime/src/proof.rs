//! Proofs.

use std::path::Path;

use plonnx_backend::{Commitment, Profile, Visibility};
use prost::Message;

use crate::artifact::{self, Kind};
use crate::error::RuntimeError;
use crate::key::{VerifyingKey, read_profile};
use crate::message::{self, MAX_PORTS, read_visibility, read_words, write_visibility};

/// A proof that the public tensors belong to a run of the model that a key stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Hash of the key that verifies it.
    pub key_hash: [u8; 32],
    /// Profile of that key.
    pub profile: Profile,
    /// Public tensors and the proof system's proof.
    pub inner: plonnx_backend::Proof,
}

impl Proof {
    /// A proof made with the circuit of `key`.
    pub fn new(key: &VerifyingKey, inner: plonnx_backend::Proof) -> Self {
        Self { key_hash: key.hash(), profile: key.profile(), inner }
    }

    /// Elements of the port at `position` in [`VerifyingKey::ports`]; `None` if it is private.
    pub fn public(&self, position: usize) -> Option<&[i64]> {
        self.inner.public.get(position)?.as_deref()
    }

    /// Commitment to the port at `position`; `None` if it is not committed.
    pub fn commitment(&self, position: usize) -> Option<Commitment> {
        self.inner.commitments.get(position).copied().flatten()
    }

    /// The proof as a file.
    pub fn to_bytes(&self) -> Result<Vec<u8>, RuntimeError> {
        let statement = |(values, commitment): (&Option<Vec<i64>>, &Option<Commitment>)| message::Statement {
            visibility: write_visibility(match (values, commitment) {
                (Some(_), _) => Visibility::Public,
                (None, Some(_)) => Visibility::Committed,
                (None, None) => Visibility::Private,
            }),
            elements: values.clone().unwrap_or_default(),
            commitment: commitment.map(|c| c.words().to_vec()).unwrap_or_default(),
        };
        let body = message::Proof {
            key: self.key_hash.to_vec(),
            profile: self.profile.name().into(),
            ports: self.inner.public.iter().zip(&self.inner.commitments).map(statement).collect(),
            proof: self.inner.proof.clone(),
            model: self.inner.model.map(|c| c.words().to_vec()).unwrap_or_default(),
        };
        artifact::wrap(Kind::Proof, &body.encode_to_vec())
    }

    /// Reads the bytes of a file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RuntimeError> {
        let malformed = |reason: &str| RuntimeError::Malformed { kind: Kind::Proof, reason: reason.into() };
        let body = artifact::unwrap(Kind::Proof, bytes)?;
        let body = message::decode::<message::Proof>(body, &[(3, MAX_PORTS)]).map_err(|e| malformed(&e))?;
        let key_hash = <[u8; 32]>::try_from(body.key).map_err(|_| malformed("a key hash has 32 bytes"))?;
        let profile = read_profile(&body.profile).map_err(|e| malformed(&e))?;
        let (mut public, mut commitments) = (Vec::new(), Vec::new());
        for port in body.ports {
            let visibility = read_visibility(port.visibility).map_err(|e| malformed(&e))?;
            if visibility != Visibility::Public && !port.elements.is_empty() {
                return Err(malformed("it gives elements of a tensor that is not public"));
            }
            let commitment = read_words(&port.commitment).and_then(Commitment::from_words);
            if (visibility == Visibility::Committed) != commitment.is_some()
                || (commitment.is_none() && !port.commitment.is_empty())
            {
                return Err(malformed("a commitment is four field elements, for a committed tensor"));
            }
            public.push((visibility == Visibility::Public).then_some(port.elements));
            commitments.push(commitment);
        }
        let model = match body.model.as_slice() {
            [] => None,
            words => {
                let commitment = read_words(words).and_then(Commitment::from_words);
                Some(commitment.ok_or_else(|| malformed("a commitment is four field elements"))?)
            }
        };
        let inner = plonnx_backend::Proof { public, commitments, model, proof: body.proof };
        Ok(Self { key_hash, profile, inner })
    }

    /// Writes the file.
    pub fn write(&self, path: &Path) -> Result<(), RuntimeError> {
        artifact::write(path, &self.to_bytes()?)
    }

    /// Reads the file.
    pub fn read(path: &Path) -> Result<Self, RuntimeError> {
        Self::from_bytes(&artifact::read(Kind::Proof, path)?).map_err(|e| e.at(path))
    }
}
