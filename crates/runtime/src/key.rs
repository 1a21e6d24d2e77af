//! Verifying keys.

use std::path::Path;

use plonnx_backend::{Port, PortKind, Profile, Weights};
use prost::Message;

use crate::artifact::{self, Kind};
use crate::error::RuntimeError;
use crate::message::{self, MAX_PORTS, read_visibility, write_visibility};

/// What a verifier needs: the circuit's commitment and the tensors that proofs speak of.
#[derive(Clone, Debug)]
pub struct VerifyingKey(plonnx_backend::VerifyingKey);

/// Octal digits of a field element that a digest packs.
const MAX_DIGITS: u32 = 20;

impl VerifyingKey {
    /// The key of a circuit.
    pub fn new(key: plonnx_backend::VerifyingKey) -> Self {
        Self(key)
    }

    /// The proof system's part.
    pub fn inner(&self) -> &plonnx_backend::VerifyingKey {
        &self.0
    }

    /// Identifies the circuit: model, quantisation, visibilities, profile and version of plonnx.
    pub fn hash(&self) -> [u8; 32] {
        self.0.hash()
    }

    /// [`VerifyingKey::hash`] in hexadecimal digits.
    pub fn hash_text(&self) -> String {
        blake3::Hash::from_bytes(self.hash()).to_hex().to_string()
    }

    /// The security profile.
    pub fn profile(&self) -> Profile {
        self.0.profile()
    }

    /// Whether weights are constants, which the key stands for, or committed.
    pub fn weights(&self) -> Weights {
        self.0.weights()
    }

    /// Whether proofs are blinded.
    pub fn zero_knowledge(&self) -> bool {
        self.0.zero_knowledge()
    }

    /// The tensors that proofs speak of, inputs before outputs.
    pub fn ports(&self) -> &[Port] {
        self.0.ports()
    }

    /// The key as a file.
    pub fn to_bytes(&self) -> Result<Vec<u8>, RuntimeError> {
        let body = message::Key {
            profile: self.0.profile().name().into(),
            ports: self.0.ports().iter().map(write_port).collect(),
            data: self.0.data_bytes().to_vec(),
            hash: self.0.hash().to_vec(),
            committed_weights: self.0.weights() == Weights::Committed,
        };
        artifact::wrap(Kind::VerifyingKey, &body.encode_to_vec())
    }

    /// Reads the bytes of a file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RuntimeError> {
        let malformed = |reason: String| RuntimeError::Malformed { kind: Kind::VerifyingKey, reason };
        let body = artifact::unwrap(Kind::VerifyingKey, bytes)?;
        let body = message::decode::<message::Key>(body, &[(2, MAX_PORTS)]).map_err(malformed)?;
        let profile = read_profile(&body.profile).map_err(malformed)?;
        let ports = body.ports.into_iter().map(|p| read_port(p).map_err(malformed)).collect::<Result<_, _>>()?;
        let weights = if body.committed_weights { Weights::Committed } else { Weights::Public };
        let key = plonnx_backend::VerifyingKey::from_parts(profile, weights, ports, &body.data)?;
        if body.hash != key.hash() {
            return Err(malformed("its hash is not that of its contents".into()));
        }
        Ok(Self(key))
    }

    /// Writes the file.
    pub fn write(&self, path: &Path) -> Result<(), RuntimeError> {
        artifact::write(path, &self.to_bytes()?)
    }

    /// Reads the file.
    pub fn read(path: &Path) -> Result<Self, RuntimeError> {
        Self::from_bytes(&artifact::read(Kind::VerifyingKey, path)?).map_err(|e| e.at(path))
    }
}

/// The profile called `name`, or what is wrong with it.
pub(crate) fn read_profile(name: &str) -> Result<Profile, String> {
    Profile::from_name(name).ok_or_else(|| {
        let known: Vec<&str> = Profile::ALL.iter().map(|p| p.name()).collect();
        format!("expected a profile of {}, got \"{}\"", known.join(", "), name.escape_default())
    })
}

fn write_port(port: &Port) -> message::Port {
    message::Port {
        name: port.name.clone(),
        shape: port.shape.iter().map(|d| *d as u64).collect(),
        kind: match port.kind {
            PortKind::Real => 0,
            PortKind::Int => 1,
            PortKind::Bool => 2,
        },
        visibility: write_visibility(port.visibility),
        scale: port.scale,
        lo: port.lo,
        hi: port.hi,
        digits: port.digits as u32,
        input: port.input,
        node: port.node as u64,
    }
}

/// A port whose shape, range and digits can be trusted to be representable.
fn read_port(port: message::Port) -> Result<Port, String> {
    let shape = read_shape(&port.shape)?;
    let span = i128::from(port.hi) - i128::from(port.lo);
    if !(1..=MAX_DIGITS).contains(&port.digits) || span < 0 || span >= 1i128 << (3 * port.digits) {
        let (lo, hi, digits) = (port.lo, port.hi, port.digits);
        return Err(format!("tensor \"{}\": the range [{lo}, {hi}] does not fit {digits} octal digits", port.name));
    }
    if !(-1024..=1024).contains(&port.scale) {
        return Err(format!("tensor \"{}\": scale {} is out of range", port.name, port.scale));
    }
    Ok(Port {
        name: port.name,
        shape,
        kind: match port.kind {
            0 => PortKind::Real,
            1 => PortKind::Int,
            2 => PortKind::Bool,
            kind => return Err(format!("expected a kind of numbers from 0 to 2, got {kind}")),
        },
        visibility: read_visibility(port.visibility)?,
        scale: port.scale,
        lo: port.lo,
        hi: port.hi,
        digits: port.digits as usize,
        input: port.input,
        node: usize::try_from(port.node).map_err(|_| "a node number is too large".to_string())?,
    })
}

/// A shape that a tensor can have.
pub(crate) fn read_shape(shape: &[u64]) -> Result<Vec<usize>, String> {
    let elements = shape.iter().try_fold(1u64, |n, d| n.checked_mul((*d).max(1)));
    match elements {
        Some(n) if n <= plonnx_ir::MAX_ELEMENTS as u64 => {
            shape.iter().map(|d| usize::try_from(*d).map_err(|e| e.to_string())).collect()
        }
        _ => Err(format!("expected a shape of at most {} elements, got {shape:?}", plonnx_ir::MAX_ELEMENTS)),
    }
}
