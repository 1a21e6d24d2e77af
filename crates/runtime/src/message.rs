//! The protobuf messages in the bodies of artifacts. Tags are never reused.

use prost::Message;

/// Reads a message that is encoded as this crate encodes it; the error says what is wrong. Protobuf has many encodings of
/// one message, and a file that can be altered without changing its meaning invites trouble.
pub(crate) fn decode<M: Message + Default>(bytes: &[u8]) -> Result<M, String> {
    let message = M::decode(bytes).map_err(|e| e.to_string())?;
    if message.encode_to_vec() == bytes { Ok(message) } else { Err("its encoding is not the usual one".into()) }
}

/// Body of a compiled model.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Model {
    /// Version of plonnx that compiled it.
    #[prost(string, tag = "1")]
    pub(crate) version: String,
    #[prost(string, tag = "2")]
    pub(crate) profile: String,
    /// Text form of the field program.
    #[prost(string, tag = "3")]
    pub(crate) program: String,
    /// The tensors that the text names by fingerprint.
    #[prost(message, repeated, tag = "4")]
    pub(crate) pool: Vec<Tensor>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) inputs: Vec<Boundary>,
    #[prost(message, repeated, tag = "6")]
    pub(crate) outputs: Vec<Boundary>,
    /// Hash of the verifying key.
    #[prost(bytes = "vec", tag = "7")]
    pub(crate) key: Vec<u8>,
    #[prost(message, optional, tag = "8")]
    pub(crate) provenance: Option<Provenance>,
}

/// A tensor of integers.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Tensor {
    #[prost(uint64, repeated, tag = "1")]
    pub(crate) shape: Vec<u64>,
    /// Bytes of an element: 1, 2, 4 or 8.
    #[prost(uint32, tag = "2")]
    pub(crate) width: u32,
    /// Elements in row-major order, little-endian two's complement.
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) data: Vec<u8>,
}

/// An input or an output of the program.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Boundary {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(sint32, tag = "2")]
    pub(crate) scale: i32,
    #[prost(sint64, tag = "3")]
    pub(crate) lo: i64,
    #[prost(uint32, tag = "4")]
    pub(crate) bits: u32,
    #[prost(bool, tag = "5")]
    pub(crate) public: bool,
}

/// Where a model comes from.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Provenance {
    #[prost(string, tag = "1")]
    pub(crate) source: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) hash: Vec<u8>,
    #[prost(string, tag = "3")]
    pub(crate) producer: String,
    #[prost(uint64, tag = "4")]
    pub(crate) params: u64,
    #[prost(uint64, tag = "5")]
    pub(crate) macs: u64,
    #[prost(string, tag = "6")]
    pub(crate) calibration: String,
    #[prost(string, tag = "7")]
    pub(crate) report: String,
}

/// Body of a verifying key.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Key {
    #[prost(string, tag = "1")]
    pub(crate) profile: String,
    #[prost(message, repeated, tag = "2")]
    pub(crate) ports: Vec<Port>,
    /// plonky2's verifier data.
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) data: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) hash: Vec<u8>,
}

/// A tensor that proofs speak of.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Port {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(uint64, repeated, tag = "2")]
    pub(crate) shape: Vec<u64>,
    /// 0 real, 1 integer, 2 truth value.
    #[prost(uint32, tag = "3")]
    pub(crate) kind: u32,
    #[prost(bool, tag = "4")]
    pub(crate) public: bool,
    #[prost(sint32, tag = "5")]
    pub(crate) scale: i32,
    #[prost(sint64, tag = "6")]
    pub(crate) lo: i64,
    #[prost(sint64, tag = "7")]
    pub(crate) hi: i64,
    #[prost(uint32, tag = "8")]
    pub(crate) digits: u32,
    #[prost(bool, tag = "9")]
    pub(crate) input: bool,
    #[prost(uint64, tag = "10")]
    pub(crate) node: u64,
}

/// Body of a proof.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Proof {
    /// Hash of the verifying key.
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) key: Vec<u8>,
    #[prost(string, tag = "2")]
    pub(crate) profile: String,
    /// One for every port of the key.
    #[prost(message, repeated, tag = "3")]
    pub(crate) ports: Vec<Statement>,
    /// plonky2's proof.
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) proof: Vec<u8>,
}

/// What a proof says of a port.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Statement {
    #[prost(bool, tag = "1")]
    pub(crate) public: bool,
    /// Elements in row-major order; none if the port is private.
    #[prost(sint64, repeated, tag = "2")]
    pub(crate) elements: Vec<i64>,
}
