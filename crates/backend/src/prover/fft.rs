//! Low-degree extensions.
//!
//! Points of an extension are kept in the order of the Merkle tree's leaves, in which plonky2 reverses the bits of the
//! index. In that order the `2^rate_bits` cosets of the subgroup of order `n` follow each other, each with its own points in
//! bit-reversed order: that is what a decimation-in-frequency transform of size `n` of the shifted coefficients yields,
//! without a permutation and within the cache.

use plonky2::field::fft::{fft_root_table, ifft_with_options};
use plonky2::field::packable::Packable;
use plonky2::field::packed::PackedField;
use plonky2::field::polynomial::PolynomialValues;
use plonky2::field::types::Field;
use rayon::prelude::*;

use crate::config::{F, FE};

/// Field elements in a vector register.
pub(super) type P = <F as Packable>::Packing;

/// `bits` lowest bits of `index` in reverse.
pub(super) fn reverse_bits(index: usize, bits: usize) -> usize {
    if bits == 0 { 0 } else { index.reverse_bits() >> (usize::BITS as usize - bits) }
}

/// An evaluation domain: `2^rate_bits` cosets of the subgroup of order `2^degree_bits`, shifted.
#[derive(Debug)]
pub(super) struct Domain {
    pub(super) degree_bits: usize,
    pub(super) rate_bits: usize,
    /// For each order `2, 4, .., n` the powers of a primitive root.
    roots: Vec<Vec<F>>,
    /// First point of each coset, in leaf order.
    pub(super) starts: Vec<F>,
    /// Powers of each start, `n` apiece.
    powers: Vec<Vec<F>>,
}

impl Domain {
    pub(super) fn new(degree_bits: usize, rate_bits: usize, shift: F) -> Self {
        let n = 1 << degree_bits;
        let root = F::primitive_root_of_unity(degree_bits + rate_bits);
        let starts: Vec<F> =
            (0..1 << rate_bits).map(|b| shift * root.exp_u64(reverse_bits(b, rate_bits) as u64)).collect();
        let powers = starts.par_iter().map(|s| s.powers().take(n).collect()).collect();
        Self { degree_bits, rate_bits, roots: if n > 1 { fft_root_table(n) } else { Vec::new() }, starts, powers }
    }

    /// Number of points.
    pub(super) fn size(&self) -> usize {
        1 << (self.degree_bits + self.rate_bits)
    }

    /// Values on the domain, in leaf order, of the polynomial with these `n` coefficients.
    pub(super) fn extend(&self, coeffs: &[F]) -> Vec<F> {
        let n = 1 << self.degree_bits;
        let mut values = Vec::with_capacity(self.size());
        for powers in &self.powers {
            let start = values.len();
            values.extend_from_slice(coeffs);
            if n >= 2 * P::WIDTH {
                let coset = P::pack_slice_mut(&mut values[start..]);
                coset.iter_mut().zip(P::pack_slice(powers)).for_each(|(c, s)| *c *= *s);
                transform::<P>(&mut values[start..], &self.roots);
            } else {
                values[start..].iter_mut().zip(powers).for_each(|(c, s)| *c *= *s);
                transform::<F>(&mut values[start..], &self.roots);
            }
        }
        values
    }
}

/// Values on the first coset, the leading `n` of a column, and what they say of a polynomial.
impl Domain {
    /// Coefficients of the polynomial with these values on the subgroup, in natural order.
    pub(super) fn coefficients(&self, values: Vec<F>) -> Vec<F> {
        let roots = (self.degree_bits > 0).then_some(&self.roots);
        ifft_with_options(PolynomialValues::new(values), None, roots).coeffs
    }

    /// Coefficients of the polynomial with these values on the first coset, in leaf order.
    pub(super) fn coefficients_of_coset(&self, mut values: Vec<F>) -> Vec<F> {
        reverse_order(&mut values);
        let mut coeffs = self.coefficients(values);
        coeffs.iter_mut().zip(self.starts[0].inverse().powers()).for_each(|(c, s)| *c *= s);
        coeffs
    }

    /// Factors, in leaf order, with which values on the first coset sum up to the value at `point`; `None` if the coset holds
    /// the point. With `x_i` the points and `s` the first: `x_i (point^n - s^n) / (n s^n (point - x_i))`.
    pub(super) fn lagrange(&self, point: FE) -> Option<Vec<FE>> {
        let n = 1usize << self.degree_bits;
        let start = self.starts[0];
        let mut points: Vec<F> =
            F::primitive_root_of_unity(self.degree_bits).powers().take(n).map(|w| w * start).collect();
        reverse_order(&mut points);
        let differences: Vec<FE> = points.iter().map(|x| point - FE::from(*x)).collect();
        if differences.contains(&FE::ZERO) {
            return None;
        }
        let vanishing = start.exp_power_of_2(self.degree_bits);
        let factor = (point.exp_power_of_2(self.degree_bits) - FE::from(vanishing))
            * FE::from((F::from_canonical_usize(n) * vanishing).inverse());
        let weights =
            differences.par_chunks(4096).zip(points.par_chunks(4096)).flat_map_iter(|(differences, points)| {
                let inverses = FE::batch_multiplicative_inverse(differences);
                inverses.into_iter().zip(points).map(move |(inverse, x)| factor * inverse * FE::from(*x))
            });
        Some(weights.collect())
    }
}

/// Leaf order to natural order, and back: element `i` goes where the bits of `i` in reverse point.
pub(super) fn reverse_order(values: &mut [F]) {
    let bits = values.len().trailing_zeros() as usize;
    for i in 0..values.len() {
        let j = reverse_bits(i, bits);
        if i < j {
            values.swap(i, j);
        }
    }
}

/// Decimation in frequency: coefficients in, values in bit-reversed order out.
fn transform<Q: PackedField<Scalar = F>>(values: &mut [F], roots: &[Vec<F>]) {
    let packed = Q::pack_slice_mut(values);
    for (stage, omegas) in roots.iter().enumerate().rev() {
        let half = 1usize << stage;
        if half >= Q::WIDTH {
            let half = half / Q::WIDTH;
            let omegas = &Q::pack_slice(omegas)[..half];
            for block in packed.chunks_exact_mut(2 * half) {
                let (low, high) = block.split_at_mut(half);
                for ((a, b), omega) in low.iter_mut().zip(high).zip(omegas) {
                    let (u, v) = (*a, *b);
                    *a = u + v;
                    *b = (u - v) * *omega;
                }
            }
        } else {
            let mut omega = Q::default();
            for (j, o) in omega.as_slice_mut().iter_mut().enumerate() {
                *o = omegas[j % half];
            }
            for pair in packed.chunks_exact_mut(2) {
                let (u, v) = pair[0].interleave(pair[1], half);
                let (sum, difference) = (u + v, (u - v) * omega);
                (pair[0], pair[1]) = sum.interleave(difference, half);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use plonky2::field::polynomial::PolynomialCoeffs;
    use plonky2::field::types::Sample;

    use super::*;

    #[test]
    fn the_first_coset_determines_a_polynomial() {
        for degree_bits in [0, 1, 2, 5, 13] {
            let coeffs = F::rand_vec(1 << degree_bits);
            let domain = Domain::new(degree_bits, 3, F::coset_shift());
            let coset = domain.extend(&coeffs)[..1 << degree_bits].to_vec();
            let point = FE::rand();
            let weights = domain.lagrange(point).unwrap();
            let value: FE = weights.iter().zip(&coset).map(|(w, v)| *w * FE::from(*v)).sum();
            assert_eq!(value, PolynomialCoeffs::new(coeffs.clone()).to_extension::<2>().eval(point));
            assert_eq!(domain.coefficients_of_coset(coset), coeffs);
            assert_eq!(domain.lagrange(FE::from(F::coset_shift())), None);
        }
    }

    #[test]
    fn extends_as_plonky2_does() {
        for (degree_bits, rate_bits) in [(0, 3), (1, 3), (2, 3), (3, 3), (4, 2), (7, 3)] {
            let coeffs = F::rand_vec(1 << degree_bits);
            let domain = Domain::new(degree_bits, rate_bits, F::coset_shift());
            let values = domain.extend(&coeffs);
            let expected = PolynomialCoeffs::new(coeffs).lde(rate_bits).coset_fft(F::coset_shift()).values;
            for (leaf, value) in values.iter().enumerate() {
                assert_eq!(*value, expected[reverse_bits(leaf, degree_bits + rate_bits)]);
            }
        }
    }
}
