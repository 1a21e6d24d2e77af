//! Salted commitments to tensors, alike inside circuits and outside.
//!
//! A commitment is a Poseidon sponge over
//!
//! | elements | content |
//! |---|---|
//! | 4 | the salt |
//! | 2 for every tensor | its encoding: `len 2^24 + (scale + 2^15) 2^8 + digits`, and `lo` |
//! | .. after each encoding | the tensor's elements, packed |
//!
//! with the capacity `(domain, number of tensors, 0, number of elements)`. Lengths and encodings stand before what they
//! describe, so different lists of tensors are different sponge inputs. Nothing depends on where in a program a tensor
//! stands: the output of one model and the input of the next have the same commitment if and only if salt, encoding and
//! integers are the same.

use std::fmt;

use plonky2::field::types::{Field, PrimeField64, Sample};
use plonky2::hash::hashing::PlonkyPermutation;
use plonky2::hash::poseidon::PoseidonPermutation;
use serde::{Deserialize, Serialize};

use crate::config::{F, to_field};
use crate::gate::{DIGIT_BITS, RangeGate};

/// What a commitment is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One input or output.
    Tensor,
    /// All weights of a model.
    Model,
}

impl Subject {
    /// First word of the sponge's capacity.
    fn domain(self) -> u64 {
        match self {
            Subject::Tensor => 0x706c_6f6e_6e78_0002,
            Subject::Model => 0x706c_6f6e_6e78_0003,
        }
    }

    /// Capacity of the sponge without its last word, the number of elements.
    pub(crate) fn capacity(self, tensors: usize) -> [u64; 3] {
        [self.domain(), tensors as u64, 0]
    }
}

/// How the elements of a tensor become digits: `q - lo` in `digits` octal digits, where the integer `q` stands for the real
/// number `q 2^-scale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Encoding {
    /// Number of elements.
    pub len: usize,
    pub scale: i32,
    pub lo: i64,
    pub digits: usize,
}

impl Encoding {
    /// Largest number of elements.
    pub const MAX_LEN: usize = 1 << 28;
    /// Largest number of octal digits.
    pub const MAX_DIGITS: usize = 20;
    /// Scales are below this in absolute value.
    pub const MAX_SCALE: i32 = 1 << 15;

    /// The encoding, if its parts are within the limits.
    pub fn new(len: usize, scale: i32, lo: i64, digits: usize) -> Option<Self> {
        let fits = len <= Self::MAX_LEN
            && (1..=Self::MAX_DIGITS).contains(&digits)
            && scale.unsigned_abs() < Self::MAX_SCALE.unsigned_abs()
            && lo.unsigned_abs() <= 1 << 62;
        fits.then_some(Self { len, scale, lo, digits })
    }

    /// The two elements that stand for the encoding.
    pub(crate) fn header(&self) -> [F; 2] {
        let scale = (i64::from(self.scale) + i64::from(Self::MAX_SCALE)) as u64;
        [F::from_canonical_u64((self.len as u64) << 24 | scale << 8 | self.digits as u64), to_field(self.lo)]
    }

    /// Consecutive values, `floor(62 / (3 digits))` to an element, the first in the lowest digits.
    pub(crate) fn pack(&self, values: &[i64]) -> Result<Vec<F>, String> {
        if values.len() != self.len {
            return Err(format!("expected {} elements, got {}", self.len, values.len()));
        }
        let end = i128::from(self.lo) + (1i128 << (DIGIT_BITS as usize * self.digits));
        let outside = |v: &i64| *v < self.lo || i128::from(*v) >= end;
        if let Some((i, v)) = values.iter().enumerate().find(|(_, v)| outside(v)) {
            return Err(format!("element {i} is {v}, outside [{}, {}]", self.lo, end - 1));
        }
        let element = |group: &[i64]| {
            group.iter().enumerate().fold(F::ZERO, |sum, (i, v)| {
                sum + F::from_canonical_u64(v.abs_diff(self.lo) << (DIGIT_BITS as usize * self.digits * i))
            })
        };
        Ok(values.chunks(RangeGate::per_element(self.digits)).map(element).collect())
    }
}

/// Four uniformly random field elements that keep a commitment from being guessed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt([u64; 4]);

/// A commitment to one tensor or to the weights of a model.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Commitment([u64; 4]);

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A salt is a secret: it must not reach logs.
        f.write_str("Salt(..)")
    }
}

impl fmt::Debug for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Commitment({self})")
    }
}

impl fmt::Display for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", hex(&self.0))
    }
}

/// 64 hexadecimal digits, each word with its most significant digit first.
fn hex(words: &[u64; 4]) -> String {
    words.iter().map(|w| format!("{w:016x}")).collect()
}

/// Reads what [`hex`] writes; words outside the field are refused, so that every value has one text.
fn unhex(text: &str) -> Option<[u64; 4]> {
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        return None;
    }
    let mut words = [0; 4];
    for (i, word) in words.iter_mut().enumerate() {
        *word = u64::from_str_radix(text.get(16 * i..16 * (i + 1))?, 16).ok()?;
    }
    canonical(words)
}

fn canonical(words: [u64; 4]) -> Option<[u64; 4]> {
    words.iter().all(|w| *w < <F as plonky2::field::types::Field64>::ORDER).then_some(words)
}

impl Salt {
    /// A salt from the operating system's random numbers.
    pub fn random() -> Self {
        Self(std::array::from_fn(|_| F::rand().to_canonical_u64()))
    }

    /// The salt with these words, if they are field elements.
    pub fn from_words(words: [u64; 4]) -> Option<Self> {
        canonical(words).map(Self)
    }

    /// Its words.
    pub fn words(&self) -> [u64; 4] {
        self.0
    }

    /// Its words as 64 hexadecimal digits.
    pub fn to_hex(&self) -> String {
        hex(&self.0)
    }

    /// Reads what [`Salt::to_hex`] writes.
    pub fn from_hex(text: &str) -> Option<Self> {
        unhex(text).map(Self)
    }

    pub(crate) fn elements(&self) -> [F; 4] {
        self.0.map(F::from_canonical_u64)
    }
}

impl Commitment {
    /// The commitment with these words, if they are field elements.
    pub fn from_words(words: [u64; 4]) -> Option<Self> {
        canonical(words).map(Self)
    }

    /// Its words.
    pub fn words(&self) -> [u64; 4] {
        self.0
    }

    /// Reads 64 hexadecimal digits, as it is displayed.
    pub fn from_hex(text: &str) -> Option<Self> {
        unhex(text).map(Self)
    }
}

/// The commitment to `tensors` under `salt`; the error names the element that its encoding cannot hold.
pub fn commit(subject: Subject, tensors: &[(Encoding, &[i64])], salt: &Salt) -> Result<Commitment, String> {
    let mut elements = salt.elements().to_vec();
    for (encoding, values) in tensors {
        elements.extend(encoding.header());
        elements.extend(encoding.pack(values)?);
    }
    let digest = sponge(subject.capacity(tensors.len()), &elements);
    Ok(Commitment(digest.map(|x| x.to_canonical_u64())))
}

/// First four elements of the state after `elements` overwrote the rate, eight at a time, zeros after the end. The number
/// of elements is the last word of the capacity.
pub(crate) fn sponge(capacity: [u64; 3], elements: &[F]) -> [F; 4] {
    let [a, b, c] = capacity;
    let mut state = PoseidonPermutation::new([F::ZERO; 12]);
    state.set_from_slice(&[a, b, c, elements.len() as u64].map(F::from_canonical_u64), 8);
    let empty: &[F] = &[];
    let blocks: Vec<&[F]> = if elements.is_empty() { vec![empty] } else { elements.chunks(8).collect() };
    for block in blocks {
        let mut rate = [F::ZERO; 8];
        for (slot, x) in rate.iter_mut().zip(block) {
            *slot = *x;
        }
        state.set_from_slice(&rate, 0);
        state.permute();
    }
    let mut out = state.as_ref().iter().copied();
    std::array::from_fn(|_| out.next().unwrap_or(F::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(encoding: Encoding, values: &[i64], salt: &Salt) -> Commitment {
        commit(Subject::Tensor, &[(encoding, values)], salt).unwrap()
    }

    #[test]
    fn encodings_beyond_the_limits_are_refused() {
        for scale in [i32::MIN, i32::MAX, -Encoding::MAX_SCALE, Encoding::MAX_SCALE] {
            assert_eq!(Encoding::new(1, scale, 0, 1), None);
        }
        assert_eq!(Encoding::new(1, 0, i64::MIN, 1), None);
        assert_eq!(Encoding::new(1, 0, 0, Encoding::MAX_DIGITS + 1), None);
        assert_eq!(Encoding::new(Encoding::MAX_LEN + 1, 0, 0, 1), None);
    }

    #[test]
    fn every_part_is_bound() {
        let salt = Salt::from_words([1, 2, 3, 4]).unwrap();
        let encoding = Encoding::new(4, 7, -8, 2).unwrap();
        let base = one(encoding, &[-8, 0, 5, 55], &salt);
        assert_eq!(base, one(encoding, &[-8, 0, 5, 55], &salt));
        let mut seen = vec![base];
        let mut other = |c: Commitment| {
            assert!(!seen.contains(&c), "{c} twice");
            seen.push(c);
        };
        other(one(encoding, &[-8, 0, 5, 54], &salt));
        other(one(encoding, &[0, -8, 5, 55], &salt));
        other(one(Encoding { scale: 8, ..encoding }, &[-8, 0, 5, 55], &salt));
        other(one(Encoding { digits: 3, ..encoding }, &[-8, 0, 5, 55], &salt));
        // The same digits from another lower end.
        other(one(Encoding { lo: 0, ..encoding }, &[0, 8, 13, 63], &salt));
        // Trailing values equal to lo do not vanish.
        other(one(Encoding { len: 5, ..encoding }, &[-8, 0, 5, 55, -8], &salt));
        for word in 0..4 {
            let mut words = salt.words();
            words[word] += 1;
            other(one(encoding, &[-8, 0, 5, 55], &Salt::from_words(words).unwrap()));
        }
        let pair = [(encoding, &[-8i64, 0, 5, 55][..])];
        other(commit(Subject::Model, &pair, &salt).unwrap());
        // A list of two is not its concatenation.
        let half = Encoding { len: 2, ..encoding };
        other(commit(Subject::Model, &[(half, &[-8, 0]), (half, &[5, 55])], &salt).unwrap());
    }

    #[test]
    fn values_must_fit() {
        let salt = Salt::random();
        let encoding = Encoding::new(2, 0, -8, 1).unwrap();
        let error = commit(Subject::Tensor, &[(encoding, &[-8, 0])], &salt).unwrap_err();
        assert_eq!(error, "element 1 is 0, outside [-8, -1]");
        let error = commit(Subject::Tensor, &[(encoding, &[-8])], &salt).unwrap_err();
        assert_eq!(error, "expected 2 elements, got 1");
        assert!(Encoding::new(1, 0, 0, 21).is_none());
        assert!(Encoding::new(1, 1 << 15, 0, 2).is_none());
        assert!(Encoding::new(1, i32::MIN, 0, 2).is_none() && Encoding::new(1, 0, i64::MIN, 2).is_none());
        assert!(Encoding::new((1 << 28) + 1, 0, 0, 2).is_none());
    }

    #[test]
    fn texts_are_canonical() {
        let salt = Salt::random();
        assert_eq!(Salt::from_hex(&salt.to_hex()), Some(salt));
        assert_eq!(format!("{salt:?}"), "Salt(..)");
        let order = <F as plonky2::field::types::Field64>::ORDER;
        assert!(Commitment::from_words([order, 0, 0, 0]).is_none());
        assert!(Commitment::from_hex(&format!("{order:016x}{:048x}", 0)).is_none());
        assert!(Commitment::from_hex(&"F".repeat(64)).is_none());
        assert!(Commitment::from_hex("00").is_none());
        assert!(Commitment::from_hex(&"é".repeat(32)).is_none());
        assert_ne!(Salt::random(), Salt::random());
    }
}
