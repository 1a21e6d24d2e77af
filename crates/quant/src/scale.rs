//! Choice of scales: exponents of powers of two, windows and integer coefficients.

use num_bigint::BigInt;
use num_traits::ToPrimitive;
use plonnx_ir::Interval;
use plonnx_ir::op::Window;

use crate::range::Range;

/// Exponents stay within this magnitude. It covers all numbers of single precision, and products of two such scales are
/// ordinary numbers of double precision.
pub(crate) const MAX_EXPONENT: i32 = 200;

/// Wide values stay below `2^WIDE_BITS` in magnitude: with sign and both parts rounded up to octal digits, a
/// requantisation has at most 19 digits.
pub(crate) const WIDE_BITS: u32 = 54;

/// Bits of a digit of a range check.
pub(crate) const DIGIT_BITS: u32 = 3;

/// Windows have at most this many bits.
pub(crate) const MAX_WINDOW_BITS: u32 = 40;

/// Smallest `k` with `value <= 2^k`, for `value > 0`.
pub(crate) fn ceil_log2(value: f64) -> i32 {
    let (mantissa, exponent) = libm::frexp(value);
    if mantissa == 0.5 { exponent - 1 } else { exponent }
}

/// Scale at which magnitudes up to `absmax` need `bits` bits beside the sign.
pub(crate) fn exponent(absmax: f64, bits: i32) -> i32 {
    let absmax = if absmax > 0.0 && absmax.is_finite() { absmax } else { 1.0 };
    (bits - ceil_log2(absmax)).clamp(-MAX_EXPONENT, MAX_EXPONENT)
}

/// Bits of the smallest window with `count` members.
pub(crate) fn bits_for(count: i128) -> u32 {
    if count <= 1 { 0 } else { 128 - (count - 1).leading_zeros() }
}

/// Signed window for a value whose calibrated range is `range`, at scale `e`, cut by the `proven` interval of the
/// integer. `None` when it would be too large.
pub(crate) fn window(range: Range, e: i32, headroom: f64, nonnegative: bool, proven: &Interval) -> Option<Window> {
    let absmax = range.absmax();
    let natural = if absmax > 0.0 { (ceil_log2(absmax * headroom) + e).max(0) } else { 0 };
    let reach = libm::ldexp(absmax, e) + 2.0;
    if natural > 62 || reach > libm::ldexp(1.0, 62) {
        return proven_window(proven);
    }
    let bits = natural.max(i32::try_from(bits_for(reach as i128 + 1)).unwrap_or(0));
    let span = 1i128 << bits;
    let (lo, hi) = if nonnegative { (0, span - 1) } else { (-span, span - 1) };
    let proven_lo = proven.lo.to_i128().unwrap_or(i128::MIN);
    let proven_hi = proven.hi.to_i128().unwrap_or(i128::MAX);
    if proven_lo > hi || proven_hi < lo {
        return proven_window(proven);
    }
    fit(lo.max(proven_lo), hi.min(proven_hi), lo, hi)
}

/// Smallest window that holds the whole proven interval.
pub(crate) fn proven_window(proven: &Interval) -> Option<Window> {
    let (lo, hi) = (proven.lo.to_i128()?, proven.hi.to_i128()?);
    fit(lo, hi, lo, hi)
}

/// Bits of a range check: the circuit checks octal digits and at most one bit on top, so that `3 m + 2` bits cost more than
/// `3 m + 3`.
fn checked_bits(bits: u32) -> u32 {
    if bits % DIGIT_BITS == 2 { bits + 1 } else { bits }
}

/// `e`, finer by up to two bits where that makes the shift from scale `from` whole digits, and the values, of `bits`
/// bits at scale `e`, need no more than `room` bits.
pub(crate) fn whole_digits(e: i32, from: i32, bits: i32, room: i32) -> i32 {
    let part = if from > e { (from - e) % DIGIT_BITS as i32 } else { 0 };
    if bits + part <= room { e + part } else { e }
}

/// Bits of the largest window that takes as many digits as one of `bits` bits.
pub(crate) fn round_room(bits: i32) -> i32 {
    (bits + 1).div_euclid(DIGIT_BITS as i32) * DIGIT_BITS as i32 + 1
}

/// Bits of the largest relu that takes as many digits as one of `bits` bits.
pub(crate) fn relu_room(bits: i32) -> i32 {
    (bits + 2).div_euclid(DIGIT_BITS as i32) * DIGIT_BITS as i32
}

/// Window for `[lo, hi]`, placed inside `[outer_lo, outer_hi]` where the rounding up to a power of two allows it.
fn fit(lo: i128, hi: i128, outer_lo: i128, outer_hi: i128) -> Option<Window> {
    let bits = checked_bits(bits_for(hi.checked_sub(lo)?.checked_add(1)?).max(1));
    if bits > MAX_WINDOW_BITS {
        return None;
    }
    let span = 1i128 << bits;
    // A symmetric window reads best and is shared by most nodes.
    let lo = if lo >= 0 && hi < span {
        0
    } else if lo >= -(span / 2) && hi < span / 2 {
        -(span / 2)
    } else {
        lo.min(outer_hi - span + 1).max(outer_lo.min(lo))
    };
    Some(Window { lo: i64::try_from(lo).ok()?, bits })
}

/// `floor((v + 2^(shift-1)) / 2^shift)` at both ends.
pub(crate) fn shifted(interval: &Interval, shift: u32) -> Interval {
    let round = |v: &BigInt| if shift == 0 { v.clone() } else { (v + (BigInt::from(1) << (shift - 1))) >> shift };
    Interval { lo: round(&interval.lo), hi: round(&interval.hi) }
}

/// `m * 2^-k` nearest to a real coefficient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dyadic {
    pub(crate) m: i64,
    pub(crate) k: i32,
}

impl Dyadic {
    /// The member with the smallest `m` whose relative error is at most `2^-bits`.
    pub(crate) fn near(value: f64, bits: u32) -> Self {
        if value == 0.0 || !value.is_finite() {
            return Self { m: 0, k: 0 };
        }
        let (mantissa, exponent) = libm::frexp(value);
        let tolerance = libm::ldexp(mantissa.abs(), -(bits as i32));
        let mut b = 0;
        loop {
            let m = libm::round(libm::ldexp(mantissa, b));
            if (libm::ldexp(m, -b) - mantissa).abs() <= tolerance || b >= 40 {
                return Self { m: m as i64, k: b - exponent };
            }
            b += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(lo: i64, hi: i64) -> Interval {
        Interval { lo: BigInt::from(lo), hi: BigInt::from(hi) }
    }

    #[test]
    fn powers_of_two_are_their_own_ceiling() {
        assert_eq!(ceil_log2(1.0), 0);
        assert_eq!(ceil_log2(2.0), 1);
        assert_eq!(ceil_log2(2.1), 2);
        assert_eq!(ceil_log2(0.25), -2);
        assert_eq!(ceil_log2(0.3), -1);
        assert_eq!(exponent(0.0, 13), 13);
        assert_eq!(exponent(f64::MIN_POSITIVE, 13), MAX_EXPONENT);
        assert_eq!(exponent(f64::MAX, 13), -MAX_EXPONENT);
    }

    #[test]
    fn windows_hold_the_headroom() {
        let huge = interval(i64::MIN, i64::MAX);
        let r = Range { min: -1.0, max: 0.5 };
        assert_eq!(window(r, 12, 2.0, false, &huge), Some(Window::signed(15)));
        assert_eq!(window(r, 12, 1.0, false, &huge), Some(Window::signed(15)), "1.0 itself must fit");
        assert_eq!(window(r, 12, 2.0, true, &huge), Some(Window::unsigned(13)));
        assert_eq!(window(r, 12, 2.0, false, &interval(0, 100)), Some(Window::unsigned(7)));
        assert_eq!(window(r, 12, 2.0, false, &interval(-3, 100)), Some(Window { lo: -3, bits: 7 }));
        assert_eq!(window(Range::point(0.0), 12, 2.0, false, &interval(-1, 1)), Some(Window::signed(3)));
        assert_eq!(window(r, 100, 2.0, false, &huge), None);
    }

    #[test]
    fn shifts_are_whole_digits_where_there_is_room() {
        assert_eq!(whole_digits(9, 21, 14, round_room(14)), 9);
        assert_eq!(whole_digits(9, 20, 14, round_room(14)), 11);
        assert_eq!(whole_digits(9, 22, 15, round_room(15)), 10);
        assert_eq!(whole_digits(9, 22, 16, round_room(16)), 9);
        assert_eq!(whole_digits(9, 5, 14, round_room(14)), 9);
        assert_eq!([13, 14, 15, 16, 17].map(round_room), [13, 16, 16, 16, 19]);
        assert_eq!([12, 13, 14, 15, 16].map(relu_room), [12, 15, 15, 15, 18]);
    }

    #[test]
    fn coefficients_are_as_short_as_their_precision_allows() {
        assert_eq!(Dyadic::near(1.0, 14), Dyadic { m: 1, k: 0 });
        assert_eq!(Dyadic::near(-0.125, 14), Dyadic { m: -1, k: 3 });
        assert_eq!(Dyadic::near(3.0, 14), Dyadic { m: 3, k: 0 });
        assert_eq!(Dyadic::near(1024.0, 14), Dyadic { m: 1, k: -10 });
        for value in [1.0 / 784.0, 0.17677669, -3.3, 1e30, 1e-30] {
            let d = Dyadic::near(value, 14);
            let got = libm::ldexp(d.m as f64, -d.k);
            assert!(((got - value) / value).abs() <= libm::ldexp(1.0, -14), "{value}: {got}");
            assert!(d.m.unsigned_abs() < 1 << 16, "{value}: {}", d.m);
        }
    }
}
