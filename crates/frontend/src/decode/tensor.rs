//! Tensors stored in the model.

use std::fmt;

use plonnx_ir::{DType, Tensor};

use super::{MAX_ELEMENTS, MAX_RANK};
use crate::error::FrontendError;
use crate::proto::TensorProto;

/// `TensorProto.data_location` of data outside the file.
const EXTERNAL: i32 = 1;

/// Element type of an ONNX tensor, as far as plonnx reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ElemType {
    Float,
    Double,
    Float16,
    BFloat16,
    Int8,
    Int16,
    Int32,
    Int64,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Bool,
}

impl ElemType {
    /// The type with this number in `TensorProto.DataType`.
    pub(crate) fn from_number(number: i64) -> Option<Self> {
        Some(match number {
            1 => Self::Float,
            2 => Self::Uint8,
            3 => Self::Int8,
            4 => Self::Uint16,
            5 => Self::Int16,
            6 => Self::Int32,
            7 => Self::Int64,
            9 => Self::Bool,
            10 => Self::Float16,
            11 => Self::Double,
            12 => Self::Uint32,
            13 => Self::Uint64,
            16 => Self::BFloat16,
            _ => return None,
        })
    }

    /// What kind of numbers the type holds.
    pub fn dtype(self) -> DType {
        match self {
            Self::Float | Self::Double | Self::Float16 | Self::BFloat16 => DType::Real,
            Self::Bool => DType::Bool,
            _ => DType::Int,
        }
    }

    /// Bytes of one element in `raw_data`.
    fn width(self) -> usize {
        match self {
            Self::Int8 | Self::Uint8 | Self::Bool => 1,
            Self::Float16 | Self::BFloat16 | Self::Int16 | Self::Uint16 => 2,
            Self::Float | Self::Int32 | Self::Uint32 => 4,
            Self::Double | Self::Int64 | Self::Uint64 => 8,
        }
    }
}

impl fmt::Display for ElemType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Float => "float",
            Self::Double => "double",
            Self::Float16 => "float16",
            Self::BFloat16 => "bfloat16",
            Self::Int8 => "int8",
            Self::Int16 => "int16",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Uint8 => "uint8",
            Self::Uint16 => "uint16",
            Self::Uint32 => "uint32",
            Self::Uint64 => "uint64",
            Self::Bool => "bool",
        })
    }
}

/// A tensor with its name and element type.
#[derive(Clone, Debug)]
pub(crate) struct Initialiser {
    pub(crate) name: String,
    pub(crate) elem: ElemType,
    pub(crate) value: Tensor<f64>,
}

impl Initialiser {
    pub(super) fn from_proto(mut proto: TensorProto) -> Result<Self, FrontendError> {
        let name = std::mem::take(&mut proto.name);
        let invalid = |reason: String| FrontendError::Tensor { name: name.clone(), reason };
        if proto.data_location == EXTERNAL || !proto.external_data.is_empty() {
            let location = proto.external_data.iter().find(|e| e.key == "location");
            let location = location.map_or_else(|| "unnamed".to_string(), |e| e.value.clone());
            return Err(FrontendError::ExternalData { name, location });
        }
        if proto.segment.is_some() {
            return Err(invalid("segmented tensors are not supported".into()));
        }
        let elem = ElemType::from_number(proto.data_type.into())
            .ok_or_else(|| invalid(format!("element type number {} is not supported", proto.data_type)))?;
        let shape = proto
            .dims
            .iter()
            .map(|d| usize::try_from(*d).map_err(|_| invalid(format!("negative extent {d}"))))
            .collect::<Result<Vec<_>, _>>()?;
        let len = checked_len(&shape).map_err(&invalid)?;
        let data = if proto.raw_data.is_empty() {
            let data = typed(&proto, elem).map_err(&invalid)?;
            if data.len() != len {
                return Err(invalid(format!("shape {shape:?} needs {len} elements, got {}", data.len())));
            }
            data
        } else {
            let needed = len.saturating_mul(elem.width());
            if proto.raw_data.len() != needed {
                let got = proto.raw_data.len();
                return Err(invalid(format!("{elem} tensor of shape {shape:?} needs {needed} bytes, got {got}")));
            }
            proto
                .raw_data
                .chunks_exact(elem.width())
                .map(|b| raw(b, elem))
                .collect::<Result<_, _>>()
                .map_err(&invalid)?
        };
        let value = Tensor::from_vec(&shape, data).ok_or_else(|| invalid(format!("shape {shape:?} is too large")))?;
        Ok(Self { name, elem, value })
    }
}

/// Number of elements of `shape`; the error names the limit that it is beyond.
pub(crate) fn checked_len(shape: &[usize]) -> Result<usize, String> {
    if shape.len() > MAX_RANK {
        return Err(format!("{} axes, the limit is {MAX_RANK}", shape.len()));
    }
    // Extents beside a zero count too, so that no later product of a part of the shape overflows.
    let product = shape.iter().filter(|d| **d != 0).try_fold(1usize, |n, d| n.checked_mul(*d));
    match product {
        Some(n) if n <= MAX_ELEMENTS => Ok(if shape.contains(&0) { 0 } else { n }),
        _ => Err(format!("shape {shape:?} has too many elements, the limit is {MAX_ELEMENTS}")),
    }
}

/// Elements from the field of the message that holds this type.
fn typed(proto: &TensorProto, elem: ElemType) -> Result<Vec<f64>, String> {
    let small = |f: fn(i32) -> f64| Ok(proto.int32_data.iter().map(|v| f(*v)).collect());
    match elem {
        ElemType::Float => Ok(proto.float_data.iter().map(|v| f64::from(*v)).collect()),
        ElemType::Double => Ok(proto.double_data.clone()),
        ElemType::Int64 => proto.int64_data.iter().map(|v| exact((*v).into())).collect(),
        ElemType::Uint64 => proto.uint64_data.iter().map(|v| exact((*v).into())).collect(),
        ElemType::Uint32 => proto.uint64_data.iter().map(|v| exact((*v).into())).collect(),
        ElemType::Int8 | ElemType::Int16 | ElemType::Int32 | ElemType::Uint8 | ElemType::Uint16 => small(f64::from),
        ElemType::Bool => small(|v| f64::from(u8::from(v != 0))),
        ElemType::Float16 | ElemType::BFloat16 => proto
            .int32_data
            .iter()
            .map(|v| {
                let bits = u16::try_from(*v).map_err(|_| format!("{v} is no 16-bit pattern"))?;
                Ok(if elem == ElemType::Float16 { half(bits) } else { bfloat(bits) })
            })
            .collect(),
    }
}

/// One element from its little-endian bytes; `bytes` has the width of `elem`.
fn raw(bytes: &[u8], elem: ElemType) -> Result<f64, String> {
    let mut wide = [0u8; 8];
    for (to, from) in wide.iter_mut().zip(bytes) {
        *to = *from;
    }
    let bits = u64::from_le_bytes(wide);
    let [b0, b1, b2, b3, ..] = wide;
    let word16 = u16::from_le_bytes([b0, b1]);
    let word32 = u32::from_le_bytes([b0, b1, b2, b3]);
    match elem {
        ElemType::Float => Ok(f32::from_bits(word32).into()),
        ElemType::Double => Ok(f64::from_bits(bits)),
        ElemType::Float16 => Ok(half(word16)),
        ElemType::BFloat16 => Ok(bfloat(word16)),
        ElemType::Int8 => Ok(i8::from_le_bytes([b0]).into()),
        ElemType::Int16 => Ok(i16::from_le_bytes([b0, b1]).into()),
        ElemType::Int32 => Ok(i32::from_le_bytes([b0, b1, b2, b3]).into()),
        ElemType::Int64 => exact(i64::from_le_bytes(wide).into()),
        ElemType::Uint8 => Ok(b0.into()),
        ElemType::Uint16 => Ok(word16.into()),
        ElemType::Uint32 => Ok(word32.into()),
        ElemType::Uint64 => exact(bits.into()),
        ElemType::Bool => Ok(f64::from(u8::from(b0 != 0))),
    }
}

/// An integer as `f64`. The extreme values stand for "no bound" in slices and may round; no other integer may.
fn exact(value: i128) -> Result<f64, String> {
    let real = value as f64;
    let open = value == i64::MAX.into() || value == u64::MAX.into();
    if real as i128 == value || open { Ok(real) } else { Err(format!("integer {value} is beyond 2^53")) }
}

/// IEEE 754 binary16.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let exponent = i32::from((bits >> 10) & 0x1f);
    let fraction = f64::from(bits & 0x3ff);
    sign * match exponent {
        0 => fraction * 2f64.powi(-24),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        _ => (1024.0 + fraction) * 2f64.powi(exponent - 25),
    }
}

/// The upper half of an IEEE 754 binary32.
fn bfloat(bits: u16) -> f64 {
    f32::from_bits(u32::from(bits) << 16).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_patterns() {
        assert_eq!(half(0x3c00), 1.0);
        assert_eq!(half(0xc000), -2.0);
        assert_eq!(half(0x0001), 2f64.powi(-24));
        assert_eq!(half(0x7bff), 65504.0);
        assert_eq!(half(0xfc00), f64::NEG_INFINITY);
        assert!(half(0x7e00).is_nan());
        assert_eq!(bfloat(0x3f80), 1.0);
        assert_eq!(bfloat(0xc049), -3.140625);
    }

    #[test]
    fn huge_extents_are_refused() {
        assert_eq!(checked_len(&[2, 3]), Ok(6));
        assert_eq!(checked_len(&[0, 3]), Ok(0));
        assert!(checked_len(&[usize::MAX, 2]).is_err());
        assert!(checked_len(&[0, 1 << 40]).is_err());
        assert!(checked_len(&[1; 27]).is_err());
    }

    #[test]
    fn integers_that_f64_cannot_hold_are_refused() {
        assert_eq!(exact((1 << 53) - 1), Ok(9007199254740991.0));
        assert!(exact((1 << 53) + 1).is_err());
        assert!(exact(i64::MAX.into()).is_ok());
        assert!(exact(i64::MIN.into()).is_ok());
    }
}
