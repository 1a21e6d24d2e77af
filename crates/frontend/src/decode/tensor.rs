//! Tensors stored in the model.

use plonnx_ir::Tensor;

use super::elem::exact;
use super::{ElemType, MAX_ELEMENTS, MAX_RANK};
use crate::error::FrontendError;
use crate::proto::TensorProto;

/// `TensorProto.data_location` of data outside the file.
const EXTERNAL: i32 = 1;

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
            .ok_or_else(|| FrontendError::ElemType { name: name.clone(), number: proto.data_type })?;
        let shape = proto
            .dims
            .iter()
            .map(|d| usize::try_from(*d).map_err(|_| invalid(format!("negative extent {d}"))))
            .collect::<Result<Vec<_>, _>>()?;
        let len = checked_len(&shape).map_err(&invalid)?;
        let data = if proto.raw_data.is_empty() {
            let data = typed(&proto, elem, len).map_err(&invalid)?;
            if data.len() != len {
                return Err(invalid(format!("shape {shape:?} needs {len} elements, got {}", data.len())));
            }
            data
        } else {
            let needed = (len as u128 * u128::from(elem.bits())).div_ceil(8);
            let got = proto.raw_data.len();
            if got as u128 != needed {
                return Err(invalid(format!("{elem} tensor of shape {shape:?} needs {needed} bytes, got {got}")));
            }
            raw(&proto.raw_data, elem, len).map_err(&invalid)?
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
fn typed(proto: &TensorProto, elem: ElemType, len: usize) -> Result<Vec<f64>, String> {
    let small = |f: fn(i32) -> f64| Ok(proto.int32_data.iter().map(|v| f(*v)).collect());
    let whole = |v: i128| exact(v).ok_or_else(|| beyond(v));
    match elem {
        ElemType::Float => Ok(proto.float_data.iter().map(|v| f64::from(*v)).collect()),
        ElemType::Double => Ok(proto.double_data.clone()),
        ElemType::Int64 => proto.int64_data.iter().map(|v| whole((*v).into())).collect(),
        ElemType::Uint64 | ElemType::Uint32 => proto.uint64_data.iter().map(|v| whole((*v).into())).collect(),
        ElemType::Int8 | ElemType::Int16 | ElemType::Int32 | ElemType::Uint8 | ElemType::Uint16 => small(f64::from),
        ElemType::Bool => small(|v| f64::from(u8::from(v != 0))),
        _ => {
            // Bit patterns, of types below 8 bits as many as fit a byte.
            let per_number = (8 / elem.bits()).max(1) as usize;
            if proto.int32_data.len() != len.div_ceil(per_number) {
                return Ok(Vec::new());
            }
            let widest = if elem.bits() < 8 { 8 } else { elem.bits() };
            let mut all = Vec::with_capacity(len);
            for v in &proto.int32_data {
                // Signed types may be written with their sign.
                let pattern = u32::try_from(*v).ok().filter(|v| *v < 1 << widest);
                let pattern = pattern.ok_or_else(|| format!("{v} is no {widest}-bit pattern"))?;
                unpack(pattern.into(), elem, per_number, len, &mut all)?;
            }
            Ok(all)
        }
    }
}

/// Elements from their little-endian bytes, of which there are as many as `len` elements need.
fn raw(bytes: &[u8], elem: ElemType, len: usize) -> Result<Vec<f64>, String> {
    let width = (elem.bits() / 8).max(1) as usize;
    let per_word = (8 / elem.bits()).max(1) as usize;
    let mut all = Vec::with_capacity(len);
    for word in bytes.chunks_exact(width) {
        let mut wide = [0u8; 8];
        for (to, from) in wide.iter_mut().zip(word) {
            *to = *from;
        }
        unpack(u64::from_le_bytes(wide), elem, per_word, len, &mut all)?;
    }
    Ok(all)
}

/// Appends the `count` elements that `word` holds, lowest bits first, up to `len` in all.
fn unpack(word: u64, elem: ElemType, count: usize, len: usize, all: &mut Vec<f64>) -> Result<(), String> {
    let mut rest = word;
    for _ in 0..count.min(len - all.len().min(len)) {
        all.push(elem.value(rest).ok_or_else(|| beyond(rest as i64 as i128))?);
        rest = rest.checked_shr(elem.bits()).unwrap_or(0);
    }
    Ok(())
}

fn beyond(value: i128) -> String {
    format!("integer {value} is beyond 2^53")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn huge_extents_are_refused() {
        assert_eq!(checked_len(&[2, 3]), Ok(6));
        assert_eq!(checked_len(&[0, 3]), Ok(0));
        assert!(checked_len(&[usize::MAX, 2]).is_err());
        assert!(checked_len(&[0, 1 << 40]).is_err());
        assert!(checked_len(&[1; 27]).is_err());
    }

    #[test]
    fn small_elements_are_packed() {
        assert_eq!(raw(&[0x21, 0xf3], ElemType::Int4, 3), Ok(vec![1.0, 2.0, 3.0]));
        assert_eq!(raw(&[0b1110_0100], ElemType::Uint2, 4), Ok(vec![0.0, 1.0, 2.0, 3.0]));
        assert_eq!(raw(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xef, 0x7f], ElemType::Double, 1), Ok(vec![f64::MAX]));
        let packed = TensorProto { int32_data: vec![0xf8, 0x07], ..Default::default() };
        assert_eq!(typed(&packed, ElemType::Int4, 3), Ok(vec![-8.0, -1.0, 7.0]));
        assert_eq!(typed(&packed, ElemType::Int4, 5), Ok(vec![]));
    }
}
