//! Openings and the low-degree test, as in `plonky2::fri`.

use plonky2::field::extension::quadratic::QuadraticExtension;
use plonky2::field::packed::PackedField;
use plonky2::field::polynomial::PolynomialCoeffs;
use plonky2::field::types::{Field, PrimeField64};
use plonky2::fri::FriParams;
use plonky2::fri::proof::{FriInitialTreeProof, FriProof, FriQueryRound, FriQueryStep};
use plonky2::plonk::plonk_common::reduce_with_powers;
use rayon::prelude::*;

use super::clock::Clock;
use super::fft::{Domain, P};
use super::oracle::Oracle;
use super::transcript::Transcript;
use super::tree::Tree;
use crate::config::{Blake3Hash, D, F, FE};

/// Real and imaginary parts.
type Parts = [Vec<F>; 2];

fn parts(elements: impl Iterator<Item = FE> + Clone) -> Parts {
    [elements.clone().map(|e| e.0[0]).collect(), elements.map(|e| e.0[1]).collect()]
}

/// `sum_i a_i b_i`
fn inner_product(a: &[F], b: &[F]) -> F {
    if !a.len().is_multiple_of(P::WIDTH) {
        return a.iter().zip(b).map(|(a, b)| *a * *b).sum();
    }
    let sum = P::pack_slice(a).iter().zip(P::pack_slice(b)).fold(P::ZEROS, |sum, (a, b)| sum + *a * *b);
    sum.as_slice().iter().copied().sum()
}

/// Where polynomials are evaluated: the factors of their values on the first coset.
pub(super) struct Point(Parts);

impl Point {
    /// `None` if the first coset holds the point.
    pub(super) fn new(point: FE, domain: &Domain) -> Option<Self> {
        Some(Self(parts(domain.lagrange(point)?.into_iter())))
    }

    /// Values here of the polynomials with these columns.
    pub(super) fn evaluate(&self, columns: &[Vec<F>]) -> Vec<FE> {
        let n = self.0[0].len();
        columns.par_iter().map(|c| QuadraticExtension([0, 1].map(|i| inner_product(&c[..n], &self.0[i])))).collect()
    }
}

/// `sum_i factor^i p_i`, coefficients in the extension, from the columns of `p_i`.
fn combine(columns: &[&Vec<F>], domain: &Domain, factor: FE) -> Vec<FE> {
    let [re, im] = parts(combine_values(columns, 1 << domain.degree_bits, factor).into_iter());
    let (re, im) = rayon::join(|| domain.coefficients_of_coset(re), || domain.coefficients_of_coset(im));
    re.into_iter().zip(im).map(|(re, im)| QuadraticExtension([re, im])).collect()
}

/// `sum_i factor^i v_i` of the first `n` values.
fn combine_values(polynomials: &[&Vec<F>], n: usize, factor: FE) -> Vec<FE> {
    const CHUNK: usize = 1024;
    let factors: Vec<FE> = factor.powers().take(polynomials.len()).collect();
    let mut out = vec![FE::ZERO; n];
    out.par_chunks_mut(CHUNK).enumerate().for_each(|(c, out)| {
        let range = c * CHUNK..c * CHUNK + out.len();
        let mut sums = [vec![F::ZERO; out.len()], vec![F::ZERO; out.len()]];
        for (p, factor) in polynomials.iter().zip(&factors) {
            for (sum, factor) in sums.iter_mut().zip(factor.0) {
                add_multiple(sum, &p[range.clone()], factor);
            }
        }
        let [re, im] = sums;
        out.iter_mut().zip(re.into_iter().zip(im)).for_each(|(o, (re, im))| *o = QuadraticExtension([re, im]));
    });
    out
}

fn add_multiple(sum: &mut [F], terms: &[F], factor: F) {
    if sum.len().is_multiple_of(P::WIDTH) {
        let factor = P::from(factor);
        P::pack_slice_mut(sum).iter_mut().zip(P::pack_slice(terms)).for_each(|(s, t)| *s += *t * factor);
    } else {
        sum.iter_mut().zip(terms).for_each(|(s, t)| *s += *t * factor);
    }
}

/// A batch of polynomials, each as (oracle, index), opened at one point.
pub(super) struct Batch {
    pub(super) point: FE,
    pub(super) polynomials: Vec<(usize, usize)>,
}

/// Proves that the batches open as claimed: the combination of all `(f - f(z)) / (X - z)` is a polynomial.
pub(super) fn prove(
    batches: &[Batch],
    oracles: &[&Oracle],
    domain: &Domain,
    params: &FriParams,
    transcript: &mut Transcript,
    clock: &mut Clock,
) -> FriProof<F, Blake3Hash, D> {
    let n = 1 << domain.degree_bits;
    let alpha = transcript.extension_challenge();
    let mut combined = PolynomialCoeffs::new(vec![FE::ZERO; n]);
    for batch in batches {
        let polynomials: Vec<&Vec<F>> =
            batch.polynomials.iter().map(|(oracle, index)| &oracles[*oracle].columns[*index]).collect();
        let composition = PolynomialCoeffs::new(combine(&polynomials, domain, alpha));
        let mut quotient = composition.divide_by_linear(batch.point).coeffs;
        quotient.resize(n, FE::ZERO);
        let shift = alpha.exp_u64(batch.polynomials.len() as u64);
        combined.coeffs.par_iter_mut().zip(quotient).for_each(|(c, q)| *c = *c * shift + q);
    }
    let (trees, final_poly) = fold(combined.coeffs, domain, params, transcript);
    clock.lap("low-degree test");
    let pow_witness = transcript.work(params.config.proof_of_work_bits);
    clock.lap("proof of work");
    let query_round_proofs = transcript
        .challenges(params.config.num_query_rounds)
        .into_par_iter()
        .map(|challenge| query(challenge.to_canonical_u64() as usize % domain.size(), oracles, &trees, params))
        .collect();
    clock.lap("queries");
    FriProof {
        commit_phase_merkle_caps: trees.iter().map(|t| t.tree.cap()).collect(),
        query_round_proofs,
        final_poly: PolynomialCoeffs::new(final_poly),
        pow_witness,
    }
}

/// Values of a folded polynomial, in leaf order, with the tree over groups of them.
struct Layer {
    values: Parts,
    arity_bits: usize,
    tree: Tree,
}

impl Layer {
    fn group(&self, leaf: usize) -> Vec<FE> {
        let range = leaf << self.arity_bits..(leaf + 1) << self.arity_bits;
        range.map(|i| QuadraticExtension([self.values[0][i], self.values[1][i]])).collect()
    }
}

/// Commits to the polynomial, folds it by a challenge, and so on; returns the layers and the last coefficients.
fn fold(
    mut coeffs: Vec<FE>,
    domain: &Domain,
    params: &FriParams,
    transcript: &mut Transcript,
) -> (Vec<Layer>, Vec<FE>) {
    let rate_bits = params.config.rate_bits;
    let mut layers = Vec::new();
    let mut shift = F::coset_shift();
    let mut degree_bits = domain.degree_bits;
    for (round, arity_bits) in params.reduction_arity_bits.iter().enumerate() {
        let smaller = (round > 0).then(|| Domain::new(degree_bits, rate_bits, shift));
        let domain = smaller.as_ref().unwrap_or(domain);
        let [re, im] = parts(coeffs.iter().copied());
        let (re, im) = rayon::join(|| domain.extend(&re), || domain.extend(&im));
        let values = [re, im];
        let arity = 1usize << arity_bits;
        let leaves = domain.size() >> arity_bits;
        let tree = Tree::new(leaves, 2 * arity, params.config.cap_height, |column, leaf| {
            values[column % 2][leaf * arity + column / 2]
        });
        transcript.observe_cap(&tree.cap());
        layers.push(Layer { values, arity_bits: *arity_bits, tree });
        let beta = transcript.extension_challenge();
        coeffs = coeffs.par_chunks(arity).map(|chunk| reduce_with_powers(chunk, beta)).collect();
        shift = shift.exp_power_of_2(*arity_bits);
        degree_bits -= arity_bits;
    }
    transcript.observe_extension(&coeffs);
    (layers, coeffs)
}

fn query(
    mut leaf: usize,
    oracles: &[&Oracle],
    layers: &[Layer],
    params: &FriParams,
) -> FriQueryRound<F, Blake3Hash, D> {
    let evals_proofs = oracles.iter().map(|o| (o.leaf(leaf), o.tree.prove(leaf))).collect();
    let mut steps = Vec::with_capacity(layers.len());
    for (layer, arity_bits) in layers.iter().zip(&params.reduction_arity_bits) {
        leaf >>= arity_bits;
        steps.push(FriQueryStep { evals: layer.group(leaf), merkle_proof: layer.tree.prove(leaf) });
    }
    FriQueryRound { initial_trees_proof: FriInitialTreeProof { evals_proofs }, steps }
}
