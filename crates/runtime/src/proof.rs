//! Proofs.

use std::path::Path;

use plonnx_backend::Profile;
use prost::Message;

use crate::artifact::{self, Kind};
use crate::error::RuntimeError;
use crate::key::{VerifyingKey, read_profile};
use crate::message;

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

    /// The proof as a file.
    pub fn to_bytes(&self) -> Result<Vec<u8>, RuntimeError> {
        let statement = |port: &Option<Vec<i64>>| message::Statement {
            public: port.is_some(),
            elements: port.clone().unwrap_or_default(),
        };
        let body = message::Proof {
            key: self.key_hash.to_vec(),
            profile: self.profile.name().into(),
            ports: self.inner.public.iter().map(statement).collect(),
            proof: self.inner.proof.clone(),
        };
        artifact::wrap(Kind::Proof, &body.encode_to_vec())
    }

    /// Reads the bytes of a file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RuntimeError> {
        let malformed = |reason: &str| RuntimeError::Malformed { kind: Kind::Proof, reason: reason.into() };
        let body = artifact::unwrap(Kind::Proof, bytes)?;
        let body = message::decode::<message::Proof>(body).map_err(|e| malformed(&e))?;
        let key_hash = <[u8; 32]>::try_from(body.key).map_err(|_| malformed("a key hash has 32 bytes"))?;
        let profile = read_profile(&body.profile).map_err(|e| malformed(&e))?;
        let elements = |port: message::Statement| match (port.public, port.elements.is_empty()) {
            (true, _) => Ok(Some(port.elements)),
            (false, true) => Ok(None),
            (false, false) => Err(malformed("it gives elements of a private tensor")),
        };
        let public = body.ports.into_iter().map(elements).collect::<Result<_, _>>()?;
        Ok(Self { key_hash, profile, inner: plonnx_backend::Proof { public, proof: body.proof } })
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
