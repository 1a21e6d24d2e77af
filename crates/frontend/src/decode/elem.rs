//! Element types of ONNX tensors and their bit patterns.

use std::fmt;

use plonnx_ir::DType;

/// Element type of an ONNX tensor, as far as plonnx reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ElemType {
    Float,
    Double,
    Float16,
    BFloat16,
    Float8E4M3Fn,
    Float8E4M3Fnuz,
    Float8E5M2,
    Float8E5M2Fnuz,
    Float8E8M0,
    Float4E2M1,
    Int2,
    Int4,
    Int8,
    Int16,
    Int32,
    Int64,
    Uint2,
    Uint4,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Bool,
}

/// Number in `TensorProto.DataType` and name of every type.
const NAMES: [(i64, ElemType, &str); 23] = [
    (1, ElemType::Float, "float"),
    (2, ElemType::Uint8, "uint8"),
    (3, ElemType::Int8, "int8"),
    (4, ElemType::Uint16, "uint16"),
    (5, ElemType::Int16, "int16"),
    (6, ElemType::Int32, "int32"),
    (7, ElemType::Int64, "int64"),
    (9, ElemType::Bool, "bool"),
    (10, ElemType::Float16, "float16"),
    (11, ElemType::Double, "double"),
    (12, ElemType::Uint32, "uint32"),
    (13, ElemType::Uint64, "uint64"),
    (16, ElemType::BFloat16, "bfloat16"),
    (17, ElemType::Float8E4M3Fn, "float8e4m3fn"),
    (18, ElemType::Float8E4M3Fnuz, "float8e4m3fnuz"),
    (19, ElemType::Float8E5M2, "float8e5m2"),
    (20, ElemType::Float8E5M2Fnuz, "float8e5m2fnuz"),
    (21, ElemType::Uint4, "uint4"),
    (22, ElemType::Int4, "int4"),
    (23, ElemType::Float4E2M1, "float4e2m1"),
    (24, ElemType::Float8E8M0, "float8e8m0"),
    (25, ElemType::Uint2, "uint2"),
    (26, ElemType::Int2, "int2"),
];

impl ElemType {
    /// The type with this number in `TensorProto.DataType`.
    pub(crate) fn from_number(number: i64) -> Option<Self> {
        NAMES.iter().find(|n| n.0 == number).map(|n| n.1)
    }

    /// The type with this name, as [`fmt::Display`] writes it.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        NAMES.iter().find(|n| n.2 == name).map(|n| n.1)
    }

    /// What kind of numbers the type holds.
    pub fn dtype(self) -> DType {
        match self {
            Self::Float | Self::Double | Self::Float16 | Self::BFloat16 => DType::Real,
            Self::Bool => DType::Bool,
            _ if self.minifloat().is_some() => DType::Real,
            _ => DType::Int,
        }
    }

    /// Bits of one element.
    pub(crate) fn bits(self) -> u32 {
        match self {
            Self::Int2 | Self::Uint2 => 2,
            Self::Int4 | Self::Uint4 | Self::Float4E2M1 => 4,
            Self::Int8 | Self::Uint8 | Self::Bool => 8,
            Self::Float16 | Self::BFloat16 | Self::Int16 | Self::Uint16 => 16,
            Self::Float | Self::Int32 | Self::Uint32 => 32,
            Self::Double | Self::Int64 | Self::Uint64 => 64,
            Self::Float8E4M3Fn | Self::Float8E4M3Fnuz | Self::Float8E5M2 | Self::Float8E5M2Fnuz | Self::Float8E8M0 => 8,
        }
    }

    /// Whether the type holds integers that may be negative.
    pub(crate) fn is_signed(self) -> bool {
        matches!(self, Self::Int2 | Self::Int4 | Self::Int8 | Self::Int16 | Self::Int32 | Self::Int64)
    }

    /// Smallest and largest integer of a type of integers of at most 32 bits.
    pub(crate) fn integers(self) -> Option<(f64, f64)> {
        if self.dtype() != DType::Int || self.bits() > 32 {
            return None;
        }
        let count = f64::powi(2.0, self.bits() as i32);
        Some(if self.is_signed() { (-count / 2.0, count / 2.0 - 1.0) } else { (0.0, count - 1.0) })
    }

    /// The format of real numbers of 8 bits or less.
    pub(crate) fn minifloat(self) -> Option<Minifloat> {
        let format = |mantissa, bias, largest, special| Some(Minifloat { mantissa, bias, largest, special });
        match self {
            Self::Float8E4M3Fn => format(3, 7, 448.0, Special::LastIsNan),
            Self::Float8E4M3Fnuz => format(3, 8, 240.0, Special::NegativeZeroIsNan),
            Self::Float8E5M2 => format(2, 15, 57344.0, Special::Ieee),
            Self::Float8E5M2Fnuz => format(2, 16, 57344.0, Special::NegativeZeroIsNan),
            Self::Float4E2M1 => format(1, 1, 6.0, Special::None),
            Self::Float8E8M0 => format(0, 127, f64::powi(2.0, 127), Special::PowersOnly),
            _ => None,
        }
    }

    /// The number that the lowest [`bits`](Self::bits) of `pattern` stand for; `None` for an integer that `f64` cannot
    /// hold.
    pub(super) fn value(self, pattern: u64) -> Option<f64> {
        let [b0, b1, b2, b3, ..] = pattern.to_le_bytes();
        let word16 = u16::from_le_bytes([b0, b1]);
        let word32 = u32::from_le_bytes([b0, b1, b2, b3]);
        let signed = |value: u8, bits: u32| Some(f64::from((value << (8 - bits)) as i8 >> (8 - bits)));
        match self {
            Self::Float => Some(f32::from_bits(word32).into()),
            Self::Double => Some(f64::from_bits(pattern)),
            Self::Float16 => Some(half(word16)),
            Self::BFloat16 => Some(bfloat(word16)),
            Self::Int2 => signed(b0, 2),
            Self::Int4 => signed(b0, 4),
            Self::Int8 => signed(b0, 8),
            Self::Int16 => Some(i16::from_le_bytes([b0, b1]).into()),
            Self::Int32 => Some(i32::from_le_bytes([b0, b1, b2, b3]).into()),
            Self::Int64 => exact((pattern as i64).into()),
            Self::Uint2 => Some((b0 & 3).into()),
            Self::Uint4 => Some((b0 & 15).into()),
            Self::Uint8 => Some(b0.into()),
            Self::Uint16 => Some(word16.into()),
            Self::Uint32 => Some(word32.into()),
            Self::Uint64 => exact(pattern.into()),
            Self::Bool => Some(f64::from(u8::from(b0 != 0))),
            Self::Float8E4M3Fn
            | Self::Float8E4M3Fnuz
            | Self::Float8E5M2
            | Self::Float8E5M2Fnuz
            | Self::Float8E8M0
            | Self::Float4E2M1 => self.minifloat().map(|format| format.value(b0, self.bits())),
        }
    }
}

impl fmt::Display for ElemType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAMES.iter().find(|n| n.1 == *self).map_or("unknown", |n| n.2))
    }
}

/// A format of real numbers of 8 bits or less.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Minifloat {
    /// Bits of the fraction.
    pub(crate) mantissa: u32,
    /// The exponent field `e` stands for `2^(e - bias)`, and 0 for numbers without a leading one.
    pub(crate) bias: i32,
    /// Largest finite number.
    pub(crate) largest: f64,
    special: Special,
}

/// Bit patterns that are no finite numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Special {
    None,
    /// As in IEEE 754: the largest exponent holds infinities and NaN.
    Ieee,
    /// All ones beside the sign.
    LastIsNan,
    /// The pattern of the negative zero.
    NegativeZeroIsNan,
    /// No sign and no fraction; all ones are NaN.
    PowersOnly,
}

impl Minifloat {
    /// The nearest number of the format, of two the one with an even pattern; with `saturate` what is too large becomes
    /// the largest number. Powers are rounded up.
    pub(crate) fn round(self, x: f64, saturate: bool) -> f64 {
        let (size, least) = (x.abs(), 1 - self.bias);
        if x.is_nan() {
            return if self.special == Special::None { 0.0 } else { x };
        }
        if self.special == Special::PowersOnly {
            let lowest = f64::powi(2.0, -self.bias);
            return f64::powi(2.0, size.max(lowest).log2().ceil() as i32).min(self.largest);
        }
        let exponent = if size > 0.0 { (size.log2().floor() as i32).max(least) } else { least };
        let unit = f64::powi(2.0, exponent - self.mantissa as i32);
        let near = if size.is_finite() { (size / unit).round_ties_even() * unit } else { size };
        let kept = if near <= self.largest {
            near
        } else if saturate || self.special == Special::None {
            self.largest
        } else if self.special == Special::Ieee {
            f64::INFINITY
        } else {
            f64::NAN
        };
        kept.copysign(x)
    }

    fn value(self, pattern: u8, bits: u32) -> f64 {
        if self.special == Special::PowersOnly {
            return if pattern == u8::MAX { f64::NAN } else { f64::powi(2.0, i32::from(pattern) - self.bias) };
        }
        let sign_bit = 1u8 << (bits - 1);
        let magnitude = pattern & (sign_bit - 1);
        let negative = pattern & sign_bit != 0;
        let exponent = i32::from(magnitude >> self.mantissa);
        let fraction = f64::from(magnitude & ((1 << self.mantissa) - 1));
        let last_exponent = (sign_bit - 1) >> self.mantissa;
        let special = match self.special {
            Special::LastIsNan => magnitude == sign_bit - 1,
            Special::NegativeZeroIsNan => negative && magnitude == 0,
            Special::Ieee => magnitude >> self.mantissa == last_exponent,
            Special::None | Special::PowersOnly => false,
        };
        let size = if special {
            if self.special == Special::Ieee && fraction == 0.0 { f64::INFINITY } else { f64::NAN }
        } else {
            let leading = if exponent == 0 { 0.0 } else { f64::from(1u8 << self.mantissa) };
            (leading + fraction) * f64::powi(2.0, exponent.max(1) - self.bias - self.mantissa as i32)
        };
        if negative { -size } else { size }
    }
}

/// An integer as `f64`. The extreme values stand for "no bound" in slices and may round; no other integer may.
pub(super) fn exact(value: i128) -> Option<f64> {
    let real = value as f64;
    let open = value.abs() == i64::MAX.into() || value == u64::MAX.into();
    (real as i128 == value || open).then_some(real)
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
    fn small_formats() {
        let value = |elem: ElemType, pattern: u64| elem.value(pattern).unwrap();
        assert_eq!(value(ElemType::Float8E4M3Fn, 0x7e), 448.0);
        assert_eq!(value(ElemType::Float8E4M3Fn, 0x01), 2f64.powi(-9));
        assert_eq!(value(ElemType::Float8E4M3Fn, 0xb8), -1.0);
        assert!(value(ElemType::Float8E4M3Fn, 0xff).is_nan());
        assert_eq!(value(ElemType::Float8E4M3Fnuz, 0x7f), 240.0);
        assert!(value(ElemType::Float8E4M3Fnuz, 0x80).is_nan());
        assert_eq!(value(ElemType::Float8E5M2, 0x7b), 57344.0);
        assert_eq!(value(ElemType::Float8E5M2, 0xfc), f64::NEG_INFINITY);
        assert_eq!(value(ElemType::Float8E5M2Fnuz, 0x7f), 57344.0);
        assert_eq!(value(ElemType::Float8E8M0, 0x7f), 1.0);
        assert_eq!([0, 1, 2, 7, 9, 15].map(|p| value(ElemType::Float4E2M1, p)), [0., 0.5, 1., 6., -0.5, -6.]);
        assert_eq!([0, 7, 8, 15].map(|p| value(ElemType::Int4, p)), [0., 7., -8., -1.]);
        assert_eq!([0, 1, 2, 3].map(|p| value(ElemType::Int2, p)), [0., 1., -2., -1.]);
        assert_eq!(value(ElemType::Int8, 0x80), -128.0);
    }

    #[test]
    fn integers_that_f64_cannot_hold_are_refused() {
        assert_eq!(exact((1 << 53) - 1), Some(9007199254740991.0));
        assert_eq!(exact((1 << 53) + 1), None);
        assert_eq!(exact(-i128::from(i64::MAX)), Some(-9223372036854775808.0));
        assert!(exact(i64::MAX.into()).is_some());
        assert!(exact(i64::MIN.into()).is_some());
    }

    #[test]
    fn rounding_to_small_formats() {
        let round = |elem: ElemType, x: f64, saturate| elem.minifloat().unwrap().round(x, saturate);
        assert_eq!(round(ElemType::Float8E4M3Fn, 0.48, true), 0.46875);
        assert_eq!(round(ElemType::Float8E4M3Fn, 1.0625, true), 1.0, "a tie goes to the even pattern");
        assert_eq!(round(ElemType::Float8E4M3Fn, -1e6, true), -448.0);
        assert!(round(ElemType::Float8E4M3Fn, 1e6, false).is_nan());
        assert_eq!(round(ElemType::Float8E5M2, 1e6, false), f64::INFINITY);
        assert_eq!(round(ElemType::Float8E5M2Fnuz, 1e-30, true), 0.0);
        assert_eq!(round(ElemType::Float4E2M1, f64::NAN, true), 0.0);
        assert_eq!(round(ElemType::Float8E8M0, 1.1, true), 2.0);
        assert_eq!(round(ElemType::Float8E8M0, 0.0, true), f64::powi(2.0, -127));
    }

    #[test]
    fn numbers_and_names_are_distinct() {
        for (number, elem, name) in NAMES {
            assert_eq!(ElemType::from_number(number), Some(elem));
            assert_eq!(ElemType::from_name(name), Some(elem));
            assert_eq!(elem.to_string(), name);
        }
    }
}
