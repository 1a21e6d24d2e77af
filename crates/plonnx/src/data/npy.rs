//! NumPy's `.npy` format, and `.npz` archives of it.
//!
//! Specification: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>. Read: booleans, integers and
//! floating-point numbers of either byte order, in C or Fortran order.

use std::io::{Cursor, Read};

use ndarray::{ArrayD, IxDyn};
use plonnx_ir::Tensor;

use super::{Arrays, DataError};

/// First bytes of an `.npy` file.
const MAGIC: &[u8] = b"\x93NUMPY";
/// Largest array in an archive, uncompressed, in bytes.
const MAX_ENTRY: u64 = 1 << 30;
/// Most arrays in an archive.
const MAX_ENTRIES: usize = 4096;

/// The array in an `.npy` file.
pub(super) fn read_npy(bytes: &[u8]) -> Result<Tensor<f64>, DataError> {
    let malformed = |reason: &str| DataError::Malformed { format: "an .npy file", reason: reason.into() };
    let cut = || malformed("it is cut within its header");
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(|| malformed("its first bytes are not those of NumPy"))?;
    let (version, rest) = rest.split_first_chunk::<2>().ok_or_else(cut)?;
    let (length, rest) = match version[0] {
        1 => rest.split_first_chunk::<2>().map(|(l, rest)| (usize::from(u16::from_le_bytes(*l)), rest)),
        2 | 3 => rest.split_first_chunk::<4>().map(|(l, rest)| (u32::from_le_bytes(*l) as usize, rest)),
        v => return Err(malformed(&format!("expected format version 1 to 3, got {v}"))),
    }
    .ok_or_else(cut)?;
    let (header, data) = rest.split_at_checked(length).ok_or_else(cut)?;
    let header = std::str::from_utf8(header).map_err(|_| malformed("its header is not text"))?;
    let (element, fortran, shape) = parse_header(header).map_err(|reason| malformed(&reason))?;
    let count = shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d));
    let expected = count.and_then(|n| n.checked_mul(element.size)).filter(|_| shape.len() <= 32);
    if expected != Some(data.len()) {
        return Err(malformed(&format!("shape {shape:?} of {}-byte elements in {} bytes", element.size, data.len())));
    }
    let values = element.decode(data)?;
    let array = if fortran {
        let reversed: Vec<usize> = shape.iter().rev().copied().collect();
        ArrayD::from_shape_vec(IxDyn(&reversed), values).map(ArrayD::reversed_axes)
    } else {
        ArrayD::from_shape_vec(IxDyn(&shape), values)
    };
    array.map(Tensor::from).map_err(|e| malformed(&e.to_string()))
}

/// The arrays in an `.npz` file.
pub(super) fn read_npz(bytes: &[u8]) -> Result<Arrays, DataError> {
    let malformed = |reason: String| DataError::Malformed { format: "an .npz file", reason };
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|e| malformed(e.to_string()))?;
    if archive.len() > MAX_ENTRIES {
        return Err(malformed(format!("it has {} arrays, the limit is {MAX_ENTRIES}", archive.len())));
    }
    let mut arrays = Arrays::default();
    let mut left = MAX_ENTRY;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(|e| malformed(e.to_string()))?;
        let name = entry.name().strip_suffix(".npy").unwrap_or(entry.name()).to_string();
        let mut content = Vec::new();
        // The sizes that an archive declares are not to be trusted.
        entry.take(left + 1).read_to_end(&mut content).map_err(|e| malformed(format!("array \"{name}\": {e}")))?;
        left = left
            .checked_sub(content.len() as u64)
            .ok_or(DataError::TooLarge { what: "uncompressed arrays", limit: MAX_ENTRY })?;
        let tensor = read_npy(&content).map_err(|e| malformed(format!("array \"{name}\": {e}")))?;
        arrays.insert(&name, tensor);
    }
    Ok(arrays)
}

/// How an element is stored.
#[derive(Clone, Copy, Debug)]
struct Element {
    big_endian: bool,
    /// `b` truth value, `i` and `u` integer, `f` floating point.
    kind: char,
    size: usize,
}

impl Element {
    /// Reads a type descriptor such as `<f4`.
    fn parse(descr: &str) -> Result<Self, String> {
        let unsupported =
            || format!("expected elements of type bool, int, uint or float, got \"{}\"", descr.escape_debug());
        let mut chars = descr.chars();
        let (order, kind) = (chars.next(), chars.next());
        let size: usize = chars.as_str().parse().map_err(|_| unsupported())?;
        let (Some(order @ ('<' | '>' | '|' | '=')), Some(kind)) = (order, kind) else { return Err(unsupported()) };
        match (kind, size) {
            ('b', 1) | ('i' | 'u', 1 | 2 | 4 | 8) | ('f', 2 | 4 | 8) => {
                Ok(Self { big_endian: order == '>', kind, size })
            }
            _ => Err(unsupported()),
        }
    }

    fn decode(self, data: &[u8]) -> Result<Vec<f64>, DataError> {
        data.chunks_exact(self.size).map(|bytes| self.decode_one(bytes)).collect()
    }

    fn decode_one(self, bytes: &[u8]) -> Result<f64, DataError> {
        let fold = |word: u64, byte: &u8| word << 8 | u64::from(*byte);
        let word = if self.big_endian { bytes.iter().fold(0, fold) } else { bytes.iter().rev().fold(0, fold) };
        let unused = 64 - 8 * self.size as u32;
        match self.kind {
            'b' => Ok(f64::from(u8::from(word != 0))),
            'u' => super::whole(i128::from(word)),
            'i' => super::whole(i128::from((word << unused).cast_signed() >> unused)),
            _ => Ok(match self.size {
                2 => half(word as u16),
                4 => f64::from(f32::from_bits(word as u32)),
                _ => f64::from_bits(word),
            }),
        }
    }
}

/// Value of an IEEE 754 half-precision number.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let magnitude = match exponent {
        0 => fraction * 2f64.powi(-24),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        e => (1024.0 + fraction) * 2f64.powi(e - 25),
    };
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}

/// Reads the header, a Python dictionary: `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`.
fn parse_header(header: &str) -> Result<(Element, bool, Vec<usize>), String> {
    let value = |key: &str| {
        let at = header.find(&format!("'{key}':")).ok_or_else(|| format!("its header has no {key}"))?;
        Ok::<_, String>(header.split_at(at + key.len() + 3).1.trim_start())
    };
    let descr = value("descr")?.strip_prefix('\'').and_then(|d| d.split_once('\''));
    let (descr, _) = descr.ok_or("expected elements of one type, got a structure")?;
    let order = value("fortran_order")?;
    let fortran = order.starts_with("True");
    if !fortran && !order.starts_with("False") {
        return Err("its header gives no order".into());
    }
    let shape = value("shape")?.strip_prefix('(').and_then(|s| s.split_once(')')).ok_or("its header gives no shape")?.0;
    let extents = shape.split(',').map(str::trim).filter(|d| !d.is_empty());
    let shape = extents.map(|d| d.parse().map_err(|_| format!("expected an extent, got {}", d.escape_debug())));
    Ok((Element::parse(descr)?, fortran, shape.collect::<Result<_, _>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
        let order = if fortran { "True" } else { "False" };
        let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
        let mut out = MAGIC.to_vec();
        out.extend([1, 0]);
        out.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
        out.extend(header.bytes());
        out.extend(data);
        out
    }

    fn read(descr: &str, data: &[u8]) -> Vec<f64> {
        let size: usize = descr[2..].parse().unwrap();
        read_npy(&file(descr, false, &format!("({},)", data.len() / size), data)).unwrap().to_vec()
    }

    #[test]
    fn element_types() {
        assert_eq!(read("|b1", &[0, 1, 2]), [0.0, 1.0, 1.0]);
        assert_eq!(read("|u1", &[255]), [255.0]);
        assert_eq!(read("|i1", &[255]), [-1.0]);
        assert_eq!(read("<i8", &(-5i64).to_le_bytes()), [-5.0]);
        assert_eq!(read(">i4", &(-5i32).to_be_bytes()), [-5.0]);
        assert_eq!(read("<u2", &[1, 2]), [513.0]);
        assert_eq!(read("<f4", &1.5f32.to_le_bytes()), [1.5]);
        assert_eq!(read(">f8", &(-2.25f64).to_be_bytes()), [-2.25]);
        assert_eq!(read("<f2", &[0x00, 0x3c, 0x01, 0x00, 0x00, 0xc0]), [1.0, 2f64.powi(-24), -2.0]);
        assert!(read("<f2", &[0x01, 0x7c])[0].is_nan());
    }

    #[test]
    fn orders_and_shapes() {
        let data = [1u8, 2, 3, 4, 5, 6];
        let c = read_npy(&file("|u1", false, "(2, 3)", &data)).unwrap();
        assert_eq!((c.shape(), c.to_vec()), (&[2, 3][..], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
        let f = read_npy(&file("|u1", true, "(2, 3)", &data)).unwrap();
        assert_eq!((f.shape(), f.to_vec()), (&[2, 3][..], vec![1.0, 3.0, 5.0, 2.0, 4.0, 6.0]));
        assert_eq!(read_npy(&file("|u1", false, "()", &[7])).unwrap().shape(), &[] as &[usize]);
    }

    #[test]
    fn hostile_files_are_refused() {
        let good = file("<f4", false, "(1, 2)", &[0; 8]);
        for end in 0..good.len() {
            assert!(read_npy(&good[..end]).is_err(), "cut at {end}");
        }
        for (descr, shape) in [
            ("<f4", "(18446744073709551615, 18446744073709551615)"),
            ("<f4", "(99999999999999999999,)"),
            ("<f4", "(-1,)"),
            ("<c8", "(1,)"),
            ("<f3", "(1,)"),
            ("O", "(1,)"),
            ("", "(1,)"),
        ] {
            assert!(read_npy(&file(descr, false, shape, &[0; 8])).is_err(), "{descr} {shape}");
        }
        let large = read_npy(&file("<i8", false, "(1,)", &i64::MAX.to_le_bytes())).unwrap_err();
        assert!(large.to_string().contains("9223372036854775807"), "{large}");
    }
}
