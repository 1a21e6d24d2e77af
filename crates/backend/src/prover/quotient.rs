//! The quotient polynomials: all constraints, combined by powers of a challenge, divided by the vanishing polynomial.
//!
//! plonky2 evaluates every gate on every point, and so does this; the difference is how. Points are taken in leaf order,
//! where columns are contiguous, a tile at a time; everything is evaluated on vectors of points; Poseidon rows have an
//! evaluation of their own. The order of terms is that of `eval_vanishing_poly` in plonky2, which the verifier runs.

use std::ops::Range;

use plonky2::field::fft::ifft_with_options;
use plonky2::field::packed::PackedField;
use plonky2::field::polynomial::PolynomialValues;
use plonky2::field::types::Field;
use plonky2::gates::gate::GateRef;
use plonky2::gates::noop::NoopGate;
use plonky2::gates::public_input::PublicInputGate;
use plonky2::hash::hash_types::HashOut;
use plonky2::plonk::circuit_data::CommonCircuitData;
use plonky2::plonk::vars::EvaluationVarsBaseBatch;
use rayon::prelude::*;

use super::fft::{Domain, P, reverse_bits, reverse_order};
use super::oracle::Oracle;
use super::poseidon;
use crate::config::{D, F, WIRES};
use crate::gate::{Algebra, PoolGate, PoseidonRow, RowGate, Track, digit_polynomial};

/// Points of a tile, in vectors.
const TILE: usize = 32 / P::WIDTH;
/// plonky2's selector of rows whose gate is in another group.
pub(crate) const UNUSED_SELECTOR: u32 = u32::MAX;

/// How a gate is evaluated.
enum Rule {
    Rows(RowGate),
    Pool,
    PublicInput,
    Other(GateRef<F, D>),
}

/// A gate with the constants that its filter is made of.
struct Part {
    rule: Rule,
    /// Constant column of the selector.
    selector: usize,
    /// Values of the selector at which the filter vanishes.
    roots: Vec<F>,
}

/// Evaluates the constraints of one circuit.
pub(super) struct Constraints {
    parts: Vec<Part>,
    selectors: usize,
    constants: usize,
    terms: usize,
}

/// Challenges of the three arguments, one of each per repetition.
pub(super) struct Challenges<'a> {
    pub(super) permutation: &'a [(F, F)],
    pub(super) alphas: &'a [F],
}

/// plonky2's groups of gates that share a selector: greedy, by degree, see `selector_polynomials`.
pub(crate) fn groups(gates: &[GateRef<F, D>], max_degree: usize) -> Vec<Range<usize>> {
    let largest = gates.last().map_or(0, |g| g.0.degree());
    if largest + gates.len() - 1 <= max_degree {
        return std::iter::once(0..gates.len()).collect();
    }
    let mut groups = Vec::new();
    let mut start = 0;
    while start < gates.len() {
        let fitting = gates[start..].iter().enumerate().take_while(|(size, g)| size + g.0.degree() < max_degree);
        let size = fitting.count().max(1);
        groups.push(start..start + size);
        start += size;
    }
    groups
}

impl Constraints {
    pub(super) fn new(common: &CommonCircuitData<F, D>) -> Self {
        let groups = groups(&common.gates, common.quotient_degree_factor + 1);
        assert_eq!(groups.len(), common.selectors_info.num_selectors(), "selector groups differ from plonky2's");
        let mut parts = Vec::new();
        for (selector, group) in groups.iter().enumerate() {
            for index in group.clone() {
                let any = common.gates[index].0.as_any();
                let rule = match any.downcast_ref::<RowGate>() {
                    Some(gate) => Rule::Rows(gate.clone()),
                    None if any.is::<PoolGate>() => Rule::Pool,
                    None if any.is::<NoopGate>() => continue,
                    None if any.is::<PublicInputGate>() => Rule::PublicInput,
                    None => Rule::Other(common.gates[index].clone()),
                };
                let others = group.clone().filter(|g| *g != index).map(F::from_canonical_usize);
                let unused = (groups.len() > 1).then_some(F::from_canonical_u32(UNUSED_SELECTOR));
                parts.push(Part { rule, selector, roots: others.chain(unused).collect() });
            }
        }
        Self { parts, selectors: groups.len(), constants: common.num_constants, terms: common.num_gate_constraints }
    }

    /// Adds the filtered constraints at one vector of points to `sums`, which holds one value per constraint.
    fn add(&self, columns: Columns, public_inputs: &HashOut<F>, sums: &mut [P]) {
        for part in &self.parts {
            let selector = columns.constant(part.selector);
            let filter = part.roots.iter().fold(P::ONES, |f, root| f * (P::from(*root) - selector));
            let mut at = Accumulate { columns, map: &IDENTITY, constants: self.selectors, filter, sums, next: 0 };
            match &part.rule {
                Rule::Rows(gate) => gate.tracks().iter().for_each(|track| self.add_track(track, columns, filter, sums)),
                Rule::Pool => PoolGate.eval(&mut at),
                Rule::PublicInput => {
                    for (i, element) in public_inputs.elements.iter().enumerate() {
                        at.constrain(columns.wire(i) - *element);
                    }
                }
                Rule::Other(gate) => {
                    for value in columns.other(gate, self.selectors..self.constants, public_inputs) {
                        at.constrain(value);
                    }
                }
            }
        }
    }

    /// Adds the constraints of a track: of its digits, and of each kind times its selector.
    fn add_track(&self, track: &Track, columns: Columns, filter: P, sums: &mut [P]) {
        let (digits, others) = sums[track.first_constraint()..].split_at_mut(track.digits());
        let mut polynomials = Polynomials { columns };
        for (j, sum) in digits.iter_mut().enumerate() {
            let wire = columns.wire(track.digit(j));
            *sum += filter * digit_polynomial(&mut polynomials, wire);
        }
        for (index, kind) in track.kinds().iter().enumerate() {
            let filter = filter * columns.constant(self.selectors + track.selector(index));
            let (map, constants) = (track.columns(index), self.selectors + track.first_constant());
            kind.eval(&mut Accumulate { columns, map, constants, filter, sums: others, next: 0 });
        }
    }
}

/// Wires of a gate that has the whole row.
const IDENTITY: [usize; WIRES] = {
    let mut map = [0; WIRES];
    let mut i = 0;
    while i < WIRES {
        map[i] = i;
        i += 1;
    }
    map
};

/// Columns of a tile at one vector of points.
#[derive(Clone, Copy)]
struct Columns<'a> {
    constants: &'a [P],
    wires: &'a [P],
    at: usize,
}

impl Columns<'_> {
    fn constant(&self, index: usize) -> P {
        self.constants[index * TILE + self.at]
    }
    fn wire(&self, index: usize) -> P {
        self.wires[index * TILE + self.at]
    }

    /// `sum_i wire_i 2^shift_i`, in integers: halves of 32 bits are shifted by less than 30 and summed in 64, so that a stretch of
    /// terms is reduced once.
    fn binary_sum(&self, terms: impl Iterator<Item = (usize, u32)>) -> P {
        const LANES: usize = <P as PackedField>::WIDTH;
        const STRETCH: u32 = 30;
        const EPSILON: u64 = 0xffff_ffff;
        let (mut low, mut high) = ([0u64; LANES], [0u64; LANES]);
        let (mut sum, mut base) = (P::ZEROS, 0);
        // low + 2^32 high, where 2^64 = 2^32 - 1: what of `high` exceeds 32 bits comes back with that factor.
        let reduce = |low: &[u64; LANES], high: &[u64; LANES], base: u32| {
            let lanes = |f: &dyn Fn(usize) -> u64| {
                let mut out = P::default();
                out.as_slice_mut().iter_mut().enumerate().for_each(|(l, o)| *o = F::from_noncanonical_u64(f(l)));
                out
            };
            let value = lanes(&|l| high[l] << 32) + lanes(&|l| (high[l] >> 32) * EPSILON) + lanes(&|l| low[l]);
            if base == 0 { value } else { value * F::from_canonical_u64(1 << base) }
        };
        for (wire, shift) in terms {
            if shift - base >= STRETCH {
                sum += reduce(&low, &high, base);
                (low, high, base) = ([0; LANES], [0; LANES], shift);
            }
            let x = self.wire(wire);
            for (lane, x) in x.as_slice().iter().enumerate() {
                low[lane] += (x.0 & EPSILON) << (shift - base);
                high[lane] += (x.0 >> 32) << (shift - base);
            }
        }
        sum + reduce(&low, &high, base)
    }

    /// A gate that is not ours, point by point.
    fn other(&self, gate: &GateRef<F, D>, constants: Range<usize>, public_inputs: &HashOut<F>) -> Vec<P> {
        let mut out = vec![P::ZEROS; gate.0.num_constraints()];
        for lane in 0..P::WIDTH {
            let constants: Vec<F> = constants.clone().map(|i| self.constant(i).as_slice()[lane]).collect();
            let wires: Vec<F> = (0..self.wires.len() / TILE).map(|i| self.wire(i).as_slice()[lane]).collect();
            let vars = EvaluationVarsBaseBatch::new(1, &constants, &wires, public_inputs);
            for (o, value) in out.iter_mut().zip(gate.0.eval_unfiltered_base_batch(vars)) {
                o.as_slice_mut()[lane] = value;
            }
        }
        out
    }
}

/// Arithmetic on vectors of points.
macro_rules! vector_arithmetic {
    () => {
        type V = P;
        fn literal(&mut self, value: F) -> P {
            P::from(value)
        }
        fn add(&mut self, a: P, b: P) -> P {
            a + b
        }
        fn sub(&mut self, a: P, b: P) -> P {
            a - b
        }
        fn mul(&mut self, a: P, b: P) -> P {
            a * b
        }
    };
}

/// Adds a gate's constraints, filtered, to the sums; ranges of digits are left to the caller.
struct Accumulate<'a, 'b> {
    columns: Columns<'a>,
    /// Columns of the wires.
    map: &'a [usize],
    /// Constant column of the first constant.
    constants: usize,
    filter: P,
    sums: &'b mut [P],
    next: usize,
}

impl Algebra for Accumulate<'_, '_> {
    vector_arithmetic!();
    fn wire(&self, index: usize) -> P {
        self.columns.wire(self.map[index])
    }
    fn constant(&self, index: usize) -> P {
        self.columns.constant(self.constants + index)
    }
    fn constrain(&mut self, value: P) {
        self.sums[self.next] += self.filter * value;
        self.next += 1;
    }
    fn constrain_digits(&mut self, _: usize) {}
    fn binary_sum(&mut self, terms: impl DoubleEndedIterator<Item = (usize, u32)> + Clone) -> P {
        let map = self.map;
        self.columns.binary_sum(terms.map(|(wire, shift)| (map[wire], shift)))
    }
    fn poseidon(&mut self, wire: impl Fn(usize) -> usize) -> Vec<P> {
        let mut values = Vec::with_capacity(PoseidonRow::WIRES);
        poseidon::eval(|i| self.wire(wire(i)), |value| values.push(value));
        values
    }
}

/// Polynomials in wires alone.
struct Polynomials<'a> {
    columns: Columns<'a>,
}

impl Algebra for Polynomials<'_> {
    vector_arithmetic!();
    fn wire(&self, index: usize) -> P {
        self.columns.wire(index)
    }
    fn constant(&self, index: usize) -> P {
        self.columns.constant(index)
    }
    fn constrain(&mut self, _: P) {}
    fn poseidon(&mut self, wire: impl Fn(usize) -> usize) -> Vec<P> {
        let mut values = Vec::new();
        poseidon::eval(|i| self.wire(wire(i)), |value| values.push(value));
        values
    }
}

/// What the quotient is computed from.
pub(super) struct Inputs<'a> {
    pub(super) common: &'a CommonCircuitData<F, D>,
    pub(super) constraints: &'a Constraints,
    pub(super) domain: &'a Domain,
    /// Constants, then permuted positions.
    pub(super) preprocessed: &'a Oracle,
    pub(super) wires: &'a Oracle,
    /// `Z` of each repetition, then the partial products of each.
    pub(super) products: &'a Oracle,
    pub(super) public_inputs: &'a HashOut<F>,
    pub(super) challenges: Challenges<'a>,
}

impl Inputs<'_> {
    /// Coefficients of the quotient of each repetition.
    ///
    /// A quotient has eight times the degree of a column. Its points are those of the first eight cosets in leaf order,
    /// however many more the domain has.
    pub(super) fn quotients(&self) -> Vec<Vec<F>> {
        let n = 1usize << self.domain.degree_bits;
        let cosets = self.common.quotient_degree_factor;
        let repetitions = self.challenges.alphas.len();
        let points = TILE * P::WIDTH;
        let root = F::primitive_root_of_unity(self.domain.degree_bits);
        let mut subgroup: Vec<F> = root.powers().take(n).collect();
        reverse_order(&mut subgroup);
        let mut values: Vec<Vec<F>> = vec![vec![F::ZERO; n * cosets]; repetitions];
        let mut tiles: Vec<Vec<&mut [F]>> = Vec::new();
        for column in &mut values {
            for (t, tile) in column.chunks_mut(points).enumerate() {
                match tiles.get_mut(t) {
                    Some(all) => all.push(tile),
                    None => tiles.push(vec![tile]),
                }
            }
        }
        tiles.into_par_iter().enumerate().for_each_init(
            || Scratch::new(self),
            |scratch, (t, mut out)| self.tile(scratch, t * points, &subgroup, &mut out),
        );
        let bits = self.domain.degree_bits + cosets.trailing_zeros() as usize;
        let roots = plonky2::field::fft::fft_root_table(1 << bits);
        let unshift = F::coset_shift().inverse();
        values
            .into_par_iter()
            .map(|mut values| {
                reverse_order(&mut values);
                let mut coeffs = ifft_with_options(PolynomialValues::new(values), None, Some(&roots)).coeffs;
                coeffs.iter_mut().zip(unshift.powers()).for_each(|(c, s)| *c *= s);
                coeffs
            })
            .collect()
    }

    fn tile(&self, scratch: &mut Scratch, start: usize, subgroup: &[F], out: &mut [&mut [F]]) {
        let n = subgroup.len();
        let bits = self.domain.degree_bits;
        let repetitions = out.len();
        // A tile larger than a coset repeats its last points.
        let points: Vec<usize> = (0..TILE * P::WIDTH).map(|i| start + i.min(out[0].len() - 1)).collect();
        let contiguous = out[0].len() == points.len();
        let load = |columns: &[Vec<F>], into: &mut [P]| {
            for (column, tile) in columns.iter().zip(into.chunks_exact_mut(TILE)) {
                if contiguous {
                    tile.copy_from_slice(P::pack_slice(&column[start..start + points.len()]));
                } else {
                    for (vector, at) in tile.iter_mut().zip(points.chunks_exact(P::WIDTH)) {
                        vector.as_slice_mut().iter_mut().zip(at).for_each(|(v, p)| *v = column[*p]);
                    }
                }
            }
        };
        load(&self.preprocessed.columns, &mut scratch.preprocessed);
        load(&self.wires.columns, &mut scratch.wires);
        load(&self.products.columns, &mut scratch.products);
        let xs: Vec<F> = points.iter().map(|p| self.domain.starts[p / n] * subgroup[p % n]).collect();
        // L_0(x) = Z_H(x) / (n (x - 1)) and 1 / Z_H(x), which is constant on a coset.
        let vanishing = |p: usize| self.domain.starts[p / n].exp_power_of_2(bits) - F::ONE;
        let size = F::from_canonical_usize(n);
        let inverses = F::batch_multiplicative_inverse(&xs.iter().map(|x| size * (*x - F::ONE)).collect::<Vec<F>>());
        let mut inverse_of = (usize::MAX, F::ZERO, F::ZERO);
        for v in 0..out[0].len().div_ceil(P::WIDTH) {
            let (mut x, mut first, mut scale, mut next) =
                (P::default(), P::default(), P::default(), vec![P::default(); repetitions]);
            for lane in 0..P::WIDTH {
                let i = v * P::WIDTH + lane;
                let (p, coset) = (points[i], points[i] / n);
                if inverse_of.0 != coset {
                    let z = vanishing(p);
                    inverse_of = (coset, z, z.inverse());
                }
                x.as_slice_mut()[lane] = xs[i];
                first.as_slice_mut()[lane] = inverse_of.1 * inverses[i];
                scale.as_slice_mut()[lane] = inverse_of.2;
                let following = coset * n + reverse_bits((reverse_bits(p % n, bits) + 1) % n, bits);
                for (r, next) in next.iter_mut().enumerate() {
                    next.as_slice_mut()[lane] = self.products.columns[r][following];
                }
            }
            let columns = Columns { constants: &scratch.preprocessed, wires: &scratch.wires, at: v };
            let terms = &mut scratch.terms;
            let leading = repetitions * (1 + self.chunks());
            terms[leading..].fill(P::ZEROS);
            self.permutation(columns, &scratch.products, x, first, &next, &mut terms[..leading]);
            self.constraints.add(columns, self.public_inputs, &mut terms[leading..]);
            for (alpha, out) in self.challenges.alphas.iter().zip(out.iter_mut()) {
                let alpha = P::from(*alpha);
                let sum = terms.iter().rev().fold(P::ZEROS, |sum, term| sum * alpha + *term) * scale;
                let at = v * P::WIDTH;
                let end = (at + P::WIDTH).min(out.len());
                out[at..end].copy_from_slice(&sum.as_slice()[..end - at]);
            }
        }
    }

    /// Partial products of a repetition, `Z` included.
    fn chunks(&self) -> usize {
        self.common.num_partial_products + 1
    }

    /// The terms of the permutation argument: `L_0 (Z - 1)` of each repetition, then the products of each.
    fn permutation(&self, columns: Columns, products: &[P], x: P, first: P, next: &[P], terms: &mut [P]) {
        let repetitions = next.len();
        let chunk = self.common.quotient_degree_factor;
        let product = |index: usize| products[index * TILE + columns.at];
        let (starts, rest) = terms.split_at_mut(repetitions);
        for (r, (beta, gamma)) in self.challenges.permutation.iter().enumerate() {
            let z = product(r);
            starts[r] = first * (z - P::ONES);
            let (beta, gamma) = (P::from(*beta), P::from(*gamma));
            let step = beta * x;
            let mut before = z;
            for c in 0..self.chunks() {
                let after =
                    if c + 1 < self.chunks() { product(repetitions + r * (self.chunks() - 1) + c) } else { next[r] };
                let (mut numerator, mut denominator) = (before, after);
                for j in c * chunk..((c + 1) * chunk).min(self.common.config.num_routed_wires) {
                    let wire = columns.wire(j) + gamma;
                    numerator *= wire + step * self.common.k_is[j];
                    denominator *= wire + beta * columns.constant(self.constraints.constants + j);
                }
                rest[r * self.chunks() + c] = numerator - denominator;
                before = after;
            }
        }
    }
}

/// Buffers of a thread: columns of a tile, and the terms at one vector of points.
struct Scratch {
    preprocessed: Vec<P>,
    wires: Vec<P>,
    products: Vec<P>,
    terms: Vec<P>,
}

impl Scratch {
    fn new(inputs: &Inputs) -> Self {
        let tile = |oracle: &Oracle| vec![P::ZEROS; oracle.polynomials * TILE];
        let leading = inputs.challenges.alphas.len() * (1 + inputs.chunks());
        Self {
            preprocessed: tile(inputs.preprocessed),
            wires: tile(inputs.wires),
            products: tile(inputs.products),
            terms: vec![P::ZEROS; leading + inputs.constraints.terms],
        }
    }
}
