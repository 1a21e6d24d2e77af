//! The canonical encoding of public values: real numbers to integers, field elements and bytes.
//!
//! | step | rule |
//! |---|---|
//! | real `v` to integer `q` | `v 2^scale`, rounded to the nearest integer, ties away from zero; NaN and infinities have none |
//! | kinds `int`, `bool` | scale 0, and `v` must be whole |
//! | range | `lo <= q <= hi` of the port |
//! | integer to field element | `q mod p`, `p = 2^64 - 2^32 + 1` |
//! | field element to bytes | its representative in `[0, p)`, 8 bytes, little-endian |
//!
//! A tensor is the sequence of its elements in row-major order. The quantiser encodes the inputs of an inference alike.

use plonnx_backend::config::to_field;
use plonnx_backend::plonky2::field::types::PrimeField64;
use plonnx_backend::{Port, PortKind};
use plonnx_ir::Log2Scale;

use crate::error::RuntimeError;

/// Integers of the real numbers `values` at `port`.
///
/// # Errors
/// [`RuntimeError::Encode`] with the first value that has no integer in the port's range.
pub fn encode(port: &Port, values: &[f64]) -> Result<Vec<i64>, RuntimeError> {
    let refuse = |index, value, reason| RuntimeError::Encode { port: port.name.clone(), index, value, reason };
    if values.len() != port.len() {
        let reason = format!("expected {} elements, got {}", port.len(), values.len());
        return Err(RuntimeError::Claims { port: port.name.clone(), reason });
    }
    let scale = Log2Scale(port.scale);
    let encode = |(index, value): (usize, &f64)| {
        if !value.is_finite() {
            return Err(refuse(index, *value, "it is not finite".to_string()));
        }
        if port.kind != PortKind::Real && value.fract() != 0.0 {
            return Err(refuse(index, *value, "expected a whole number".to_string()));
        }
        // Saturates beyond 64 bits, which no range contains.
        let q = scale.quantise(*value);
        if q < port.lo || q > port.hi {
            let (lo, hi) = (scale.real(port.lo), scale.real(port.hi));
            return Err(refuse(index, *value, format!("outside the range [{lo}, {hi}]")));
        }
        Ok(q)
    };
    values.iter().enumerate().map(encode).collect()
}

/// Field elements of integers, as canonical representatives.
pub fn field_elements(integers: &[i64]) -> Vec<u64> {
    integers.iter().map(|q| to_field(*q).to_canonical_u64()).collect()
}

/// Bytes of integers: eight for each field element.
pub fn bytes(integers: &[i64]) -> Vec<u8> {
    field_elements(integers).into_iter().flat_map(u64::to_le_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use plonnx_backend::Visibility;

    fn port(kind: PortKind, scale: i32, lo: i64, hi: i64, len: usize) -> Port {
        let (visibility, name) = (Visibility::Public, "y".to_string());
        Port { name, shape: vec![len], kind, visibility, scale, lo, hi, digits: 5, input: false, node: 0 }
    }

    #[test]
    fn reals_round_to_the_nearest_ties_away_from_zero() {
        let port = port(PortKind::Real, 2, -8, 7, 6);
        let values = [0.125, -0.125, 0.12, 1.75, -2.0, 1.874];
        assert_eq!(encode(&port, &values).unwrap(), [1, -1, 0, 7, -8, 7]);
    }

    #[test]
    fn what_has_no_integer_is_named() {
        let real = port(PortKind::Real, 2, -8, 7, 2);
        for (value, reason) in [(1.875, "outside the range [-2, 1.75]"), (f64::NAN, "it is not finite")] {
            let error = encode(&real, &[0.0, value]).unwrap_err().to_string();
            assert_eq!(error, format!("\"y\": element 1 is {value}: {reason}"));
        }
        assert!(encode(&real, &[0.0]).is_err());
        assert!(encode(&real, &[0.0, 1e300]).is_err());
        let int = port(PortKind::Int, 0, 0, 9, 1);
        assert_eq!(encode(&int, &[9.0]).unwrap(), [9]);
        assert!(encode(&int, &[0.5]).is_err());
    }

    #[test]
    fn bytes_are_canonical() {
        let order = 0xffff_ffff_0000_0001u64;
        assert_eq!(field_elements(&[0, 5, -1, i64::from(i32::MIN)]), [0, 5, order - 1, order - (1 << 31)]);
        assert_eq!(bytes(&[-1]), (order - 1).to_le_bytes());
    }
}
