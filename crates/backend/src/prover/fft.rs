//! Low-degree extensions.
//!
//! Points of an extension are kept in the order of the Merkle tree's leaves, in which plonky2 reverses the bits of the
//! index. In that order the `2^rate_bits` cosets of the subgroup of order `n` follow each other, each with its own points in
//! bit-reversed order: that is what a decimation-in-frequency transform of size `n` of the shifted coefficients yields,
//! without a permutation and within the cache.

use plonky2::field::fft::fft_root_table;
use plonky2::field::packable::Packable;
use plonky2::field::packed::PackedField;
use plonky2::field::types::Field;
use rayon::prelude::*;

use crate::config::F;

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

    /// Tables for transforms of size `n`, as plonky2's functions take them.
    pub(super) fn roots(&self) -> &Vec<Vec<F>> {
        &self.roots
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
