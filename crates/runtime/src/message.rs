//! The protobuf messages in the bodies of artifacts. Tags are never reused.

use plonnx_backend::Visibility;
use prost::Message;

/// Reads a message that is encoded as this crate encodes it; the error says what is wrong. Protobuf has many
/// encodings of one message, and a file that can be altered without changing its meaning invites trouble.
pub(crate) fn decode<M: Message + Default>(bytes: &[u8], limits: &[Limit]) -> Result<M, String> {
    let message = decode_any(bytes, limits)?;
    if M::encode_to_vec(&message) == bytes { Ok(message) } else { Err("its encoding is not the usual one".into()) }
}

/// Reads a message in any encoding.
pub(crate) fn decode_any<M: Message + Default>(bytes: &[u8], limits: &[Limit]) -> Result<M, String> {
    for (tag, limit) in limits {
        let count = occurrences(bytes, *tag).ok_or("it is cut")?;
        if count > *limit {
            return Err(format!("expected field {tag} at most {limit} times, got it {count} times"));
        }
    }
    M::decode(bytes).map_err(|e| e.to_string())
}

/// How often the field of this tag may occur. An empty message in a list takes two bytes of a file and a hundred of
/// memory, so they are counted before they are read.
pub(crate) type Limit = (u64, usize);

/// How often the field of `tag` occurs in the message; `None` if the message ends within a field.
fn occurrences(mut bytes: &[u8], tag: u64) -> Option<usize> {
    fn varint(bytes: &mut &[u8]) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = bytes.split_first()?;
            *bytes = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
    let mut count = 0;
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        count += usize::from(key >> 3 == tag);
        let length = match key & 7 {
            0 => {
                varint(&mut bytes)?;
                0
            }
            1 => 8,
            2 => usize::try_from(varint(&mut bytes)?).ok()?,
            5 => 4,
            _ => return None,
        };
        bytes = bytes.get(length..)?;
    }
    Some(count)
}

/// Most inputs and outputs of a program, and most openings of a file.
pub(crate) const MAX_PORTS: usize = 1024;
/// Most constants of a program that are kept apart from its text.
pub(crate) const MAX_POOL: usize = 1 << 20;

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
    /// Salt of the commitment to the weights: four words if they are committed, none if they are public.
    #[prost(fixed64, repeated, tag = "9")]
    pub(crate) weights_salt: Vec<u64>,
    #[prost(bool, tag = "10")]
    pub(crate) zero_knowledge: bool,
    /// What the layout is chosen for.
    #[prost(string, tag = "11")]
    pub(crate) prefer: String,
    #[prost(message, optional, tag = "12")]
    pub(crate) layout: Option<Layout>,
}

/// The layout that was chosen for a circuit.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct Layout {
    #[prost(uint64, tag = "1")]
    pub(crate) weights_per_row: u64,
    /// One part of the rows that merging kinds may add; 0 if none were merged.
    #[prost(uint64, tag = "2")]
    pub(crate) slack: u64,
    #[prost(uint32, tag = "3")]
    pub(crate) degree_bits: u32,
    #[prost(uint64, tag = "4")]
    pub(crate) tracks: u64,
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
    /// 0 private, 1 public, 2 committed.
    #[prost(uint32, tag = "5")]
    pub(crate) visibility: u32,
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
    #[prost(bool, tag = "5")]
    pub(crate) committed_weights: bool,
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
    /// 0 private, 1 public, 2 committed.
    #[prost(uint32, tag = "4")]
    pub(crate) visibility: u32,
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
    /// Four words of the commitment to the weights; none if they are public.
    #[prost(fixed64, repeated, tag = "5")]
    pub(crate) model: Vec<u64>,
}

/// What a proof says of a port.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Statement {
    /// 0 private, 1 public, 2 committed.
    #[prost(uint32, tag = "1")]
    pub(crate) visibility: u32,
    /// Elements in row-major order; none unless the port is public.
    #[prost(sint64, repeated, tag = "2")]
    pub(crate) elements: Vec<i64>,
    /// Four words of the commitment; none unless the port is committed.
    #[prost(fixed64, repeated, tag = "3")]
    pub(crate) commitment: Vec<u64>,
}

/// Body of a file of openings.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Openings {
    #[prost(message, repeated, tag = "1")]
    pub(crate) openings: Vec<Opening>,
}

/// What opens a commitment.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Opening {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(uint64, repeated, tag = "2")]
    pub(crate) shape: Vec<u64>,
    #[prost(sint32, tag = "3")]
    pub(crate) scale: i32,
    #[prost(sint64, tag = "4")]
    pub(crate) lo: i64,
    #[prost(uint32, tag = "5")]
    pub(crate) digits: u32,
    #[prost(sint64, repeated, tag = "6")]
    pub(crate) elements: Vec<i64>,
    #[prost(fixed64, repeated, tag = "7")]
    pub(crate) salt: Vec<u64>,
}

/// Number that stands for a visibility.
pub(crate) fn write_visibility(visibility: Visibility) -> u32 {
    match visibility {
        Visibility::Private => 0,
        Visibility::Public => 1,
        Visibility::Committed => 2,
    }
}

/// The visibility that a number stands for.
pub(crate) fn read_visibility(number: u32) -> Result<Visibility, String> {
    match number {
        0 => Ok(Visibility::Private),
        1 => Ok(Visibility::Public),
        2 => Ok(Visibility::Committed),
        number => Err(format!("expected a visibility from 0 to 2, got {number}")),
    }
}

/// Exactly four words.
pub(crate) fn read_words(words: &[u64]) -> Option<[u64; 4]> {
    words.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_empty_messages_are_counted_first() {
        // Field 3 of a proof is a list of messages.
        let bytes: Vec<u8> = [0x1a, 0x00].repeat(MAX_PORTS + 1);
        assert_eq!(occurrences(&bytes, 3), Some(MAX_PORTS + 1));
        assert_eq!(occurrences(&bytes, 4), Some(0));
        let error = decode::<Proof>(&bytes, &[(3, MAX_PORTS)]).unwrap_err();
        assert_eq!(error, "expected field 3 at most 1024 times, got it 1025 times");
        assert!(decode::<Proof>(&bytes[2..], &[(3, MAX_PORTS)]).is_ok());
    }

    #[test]
    fn fields_of_all_kinds_are_passed() {
        let proof = Proof {
            key: vec![3; 40],
            profile: "x".repeat(300),
            ports: vec![Statement { visibility: 1, elements: vec![-1, 1 << 40], commitment: vec![] }],
            proof: vec![0x1a; 9],
            model: vec![1, 2, 3, 4],
        };
        let bytes = proof.encode_to_vec();
        assert_eq!((1..=5).map(|tag| occurrences(&bytes, tag).unwrap()).collect::<Vec<_>>(), [1; 5]);
        for end in 0..bytes.len() {
            let _ = occurrences(&bytes[..end], 3);
        }
        assert_eq!(occurrences(&[0xff; 12], 1), None);
        assert_eq!(occurrences(&[0x0b], 1), None);
        assert_eq!(occurrences(&[0x0d, 1, 2, 3, 4, 0x09, 1, 2, 3, 4, 5, 6, 7, 8, 0x08, 0x80, 0x01], 1), Some(3));
    }
}
