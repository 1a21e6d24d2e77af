//! Security of a proof, term by term, in bits.
//!
//! With N rows, W routed wires, c permutation challenges, p = 2^64 - 2^32 + 1, challenges of our own in F_p^2, rate rho, q
//! queries and M columns that FRI batches, those opened at two points counted twice:
//!
//! | term | bits | source |
//! |---|---|---|
//! | permutation | `c (64 - log2(W N))` | Schwartz-Zippel per repetition, plonky2 paper section 3.4 |
//! | constraint batching | `c (64 - log2 K)`, K constraints | powers of alpha |
//! | evaluation point (DEEP) | `128 - log2(9 N)` | degree of the quotient identity at zeta in F_p^2 |
//! | linear argument | `128 - log2 S`, S accumulator slots | degree of the sum in r |
//! | lookup argument | `128 - log2(4 T)`, T terms | degree in gamma and delta, docs/argument.md section 8 |
//! | column batching | `128 - log2((M - 1) N / rho)` | eprint 2020/654, theorem 1.5 |
//! | FRI, conjectured | `q log2(1 / rho) + grinding` | ethSTARK (eprint 2021/582), toy problem conjecture |
//! | FRI, Johnson | minimum of query and commit terms, best m | eprint 2025/2055, theorem on the Johnson radius |
//! | FRI, unique decoding | minimum of `-q log2((1 + rho) / 2) + grinding` and column batching | eprint 2020/654 |
//! | hash | 95 | interpolation estimate for Poseidon over Goldilocks, Least Authority audit of plonky2 (2022) |
//!
//! The *headline* is the smallest term with FRI taken as conjectured; the proven headline takes the better of the two
//! proven FRI bounds. docs/security.md explains every term.

use serde::Serialize;

use crate::config::Profile;

/// Bits of every term.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SecurityReport {
    pub profile: Profile,
    pub permutation: f64,
    pub batching: f64,
    pub evaluation: f64,
    pub linear: f64,
    /// `None` when the circuit looks nothing up.
    pub lookup: Option<f64>,
    pub column_batching: f64,
    pub fri_conjectured: f64,
    pub fri_johnson: f64,
    pub fri_unique: f64,
    pub hash: f64,
}

/// Sizes that the terms depend on.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    pub degree_bits: usize,
    /// Wires of a row that copy constraints can name.
    pub routed: usize,
    pub constraints: usize,
    /// Columns that FRI batches, once for each point at which they are opened.
    pub columns: usize,
    pub accumulator_slots: usize,
    pub lookups: usize,
    pub table_entries: usize,
}

const FIELD_BITS: f64 = 64.0;
const EXTENSION_BITS: f64 = 128.0;
/// Bits of the Poseidon permutation over Goldilocks that no published estimate goes below.
const POSEIDON_BITS: f64 = 95.0;

impl SecurityReport {
    /// The report of a circuit of these sizes.
    pub fn new(profile: Profile, sizes: &Sizes) -> Self {
        let config = profile.circuit_config(0);
        let rows = (sizes.degree_bits as f64).exp2();
        let challenges = config.num_challenges as f64;
        let rate_bits = config.fri_config.rate_bits;
        let queries = config.fri_config.num_query_rounds as f64;
        let grinding = f64::from(config.fri_config.proof_of_work_bits);
        let rate = (-(rate_bits as f64)).exp2();
        let terms = (sizes.lookups + sizes.table_entries) as f64;
        let columns = sizes.columns.max(2) as f64;
        let column_batching = EXTENSION_BITS - ((columns - 1.0) * rows / rate).log2();
        Self {
            profile,
            permutation: challenges * (FIELD_BITS - (sizes.routed.max(1) as f64 * rows).log2()),
            batching: challenges * (FIELD_BITS - (sizes.constraints.max(1) as f64).log2()),
            evaluation: EXTENSION_BITS - (9.0 * rows).log2(),
            linear: EXTENSION_BITS - (sizes.accumulator_slots.max(1) as f64).log2(),
            lookup: (sizes.lookups > 0).then(|| EXTENSION_BITS - (4.0 * terms).log2()),
            fri_conjectured: queries * rate_bits as f64 + grinding,
            column_batching,
            fri_johnson: johnson(queries, grinding, rate, rows, columns),
            fri_unique: (-queries * f64::midpoint(1.0, rate).log2() + grinding).min(column_batching),
            hash: POSEIDON_BITS,
        }
    }

    /// Smallest term, with FRI as conjectured: the headline.
    pub fn conjectured(&self) -> f64 {
        self.weakest().1
    }

    /// Smallest term, with the better proven bound of FRI.
    pub fn proven(&self) -> f64 {
        let bits = |(_, bits): (&str, f64)| bits;
        self.without_fri().map(bits).fold(self.fri_johnson.max(self.fri_unique), f64::min)
    }

    /// The term that gives the headline, with its bits.
    pub fn weakest(&self) -> (&'static str, f64) {
        let first = ("FRI, conjectured", self.fri_conjectured);
        self.without_fri().fold(first, |least, term| if term.1 < least.1 { term } else { least })
    }

    /// Terms that do not depend on what is assumed of FRI's queries.
    fn without_fri(&self) -> impl Iterator<Item = (&'static str, f64)> {
        self.terms().into_iter().filter(|(name, _)| !name.starts_with("FRI"))
    }

    /// Terms with their names, in the order of the table above.
    pub fn terms(&self) -> Vec<(&'static str, f64)> {
        let mut terms = vec![
            ("permutation argument", self.permutation),
            ("constraint batching", self.batching),
            ("evaluation point (DEEP)", self.evaluation),
            ("linear argument", self.linear),
        ];
        terms.extend(self.lookup.map(|bits| ("lookup argument", bits)));
        terms.extend([
            ("column batching", self.column_batching),
            ("FRI, conjectured", self.fri_conjectured),
            ("FRI, proven (Johnson)", self.fri_johnson),
            ("FRI, proven (unique decoding)", self.fri_unique),
            ("Poseidon", self.hash),
        ]);
        terms
    }
}

/// The larger of the bounds over the proximity parameter m.
fn johnson(queries: f64, grinding: f64, rate: f64, rows: f64, columns: f64) -> f64 {
    let smaller = |(query, commit): (f64, f64)| query.min(commit);
    (3..400).map(|m| smaller(johnson_at(m, queries, grinding, rate, rows, columns))).fold(0.0, f64::max)
}

/// Query and commit term for the proximity parameter m.
fn johnson_at(m: u32, queries: f64, grinding: f64, rate: f64, rows: f64, columns: f64) -> (f64, f64) {
    let half = f64::from(m) + 0.5;
    let agreement = rate.sqrt() * (1.0 + 0.5 / f64::from(m));
    let query = -queries * agreement.log2() + grinding;
    let bad = (2.0 * half.powi(5) + 3.0 * half * (1.0 - agreement) * rate) / (3.0 * rate.powf(1.5)) * rows / rate
        + half / rate.sqrt();
    (query, EXTENSION_BITS - bad.log2() - columns.log2())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(profile: Profile, degree_bits: usize) -> SecurityReport {
        let sizes = Sizes {
            degree_bits,
            routed: 80,
            constraints: 150,
            columns: 260,
            accumulator_slots: 1 << 20,
            lookups: 1 << 10,
            table_entries: 1 << 13,
        };
        SecurityReport::new(profile, &sizes)
    }

    fn close(got: f64, expected: f64) {
        assert!((got - expected).abs() < 0.06, "{got} is not {expected}");
    }

    /// By hand: 3 (64 - 16 - log2 80), 3 (64 - log2 150), 128 - 16 - log2 9, 128 - 20, 128 - 2 - log2(2^13 + 2^10),
    /// 128 - 19 - log2 259, 28 * 3 + 16, 28 * 0.83 + 16.
    #[test]
    fn agrees_with_hand_computed_terms() {
        let r = report(Profile::Standard, 16);
        close(r.permutation, 125.03);
        close(r.batching, 170.31);
        close(r.evaluation, 108.83);
        close(r.linear, 108.0);
        close(r.lookup.unwrap(), 112.83);
        close(r.column_batching, 100.98);
        close(r.fri_conjectured, 100.0);
        close(r.fri_unique, 39.24);
        close(r.hash, 95.0);
        close(r.conjectured(), 95.0);
        assert_eq!(r.weakest().0, "Poseidon");
        // With m = 8 (of all m the best for 2^16 rows and 260 columns): the agreement is sqrt(1/8) (1 + 1/16) = 0.37565,
        // so 28 queries are worth 28 * 1.4125 + 16 bits.
        let (query, commit) = johnson_at(8, 28.0, 16.0, 0.125, 65536.0, 260.0);
        close(query, 55.55);
        // (2 * 8.5^5 + 3 * 8.5 * 0.62435 / 8) / (3 / 8^1.5) is 669,360, times the domain of 2^19; 260 columns.
        close(commit, 128.0 - 19.352 - 19.0 - 8.022);
    }

    /// Columns that take 2^`element_bits` elements when they are extended, as many constraints, and rows full of accumulators
    /// and lookups. A routed wire comes with its permuted position, products, and constants and other wires of its track.
    fn largest(profile: Profile, degree_bits: usize, element_bits: usize) -> SecurityReport {
        let columns = 1 << (element_bits - degree_bits - 3).min(14);
        let slots = (columns / 8) << degree_bits;
        let (routed, constraints) = (columns / 5, columns);
        let (accumulator_slots, lookups, table_entries) = (slots, slots, slots);
        let sizes = Sizes { degree_bits, routed, constraints, columns, accumulator_slots, lookups, table_entries };
        SecurityReport::new(profile, &sizes)
    }

    #[test]
    fn profiles_keep_their_promise() {
        // 64 GiB of extended columns.
        for degree_bits in 6..=22 {
            let standard = largest(Profile::Standard, degree_bits, 33);
            assert!(standard.conjectured() >= 95.0, "2^{degree_bits}: {:?}", standard.weakest());
            assert!(largest(Profile::Proven80, degree_bits, 33).proven() >= 80.0, "2^{degree_bits}");
            assert!(largest(Profile::Fast, degree_bits, 33).conjectured() >= 72.0, "2^{degree_bits}");
        }
        // 128 - 33: column batching is next to Poseidon, and below it for larger circuits.
        close(largest(Profile::Standard, 20, 33).column_batching, 95.0);
        let larger = largest(Profile::Standard, 20, 34);
        close(larger.conjectured(), 94.0);
        assert_eq!(larger.weakest().0, "column batching");
        let johnson = report(Profile::Standard, 16).fri_johnson;
        assert!((57.0..58.1).contains(&johnson), "{johnson}");
        // Two challenges: 2 (64 - 20 - log2 80).
        close(report(Profile::Fast, 20).permutation, 75.36);
        close(report(Profile::Fast, 12).fri_conjectured, 79.0);
    }
}
