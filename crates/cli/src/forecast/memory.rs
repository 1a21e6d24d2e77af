//! Memory, from what the prover holds.
//!
//! Nearly all of it is columns: `n` rows, each extended to `N = n << rate_bits` points, eight bytes an element. Everything
//! else is per row and follows from the number of wires.

use plonnx::backend::Plan;
use plonnx::backend::config::WIRES;

/// Bytes of a field element.
const ELEMENT: u64 = 8;
/// Bytes of a digest; a Merkle tree has twice as many as leaves.
const DIGEST: u64 = 32;
/// Bytes of a wire on the tape: where its value comes from.
const FEED: u64 = 24;
/// Bytes of a wire's place in the permutation of copies.
const PLACE: u64 = 4;
/// Code and thread stacks that only building and proving touch.
const BASE: u64 = 15 << 20;
/// Share of what was allocated that the allocator has not returned or threads work in, as measured on the fixtures and the
/// benchmark suite: a fifth up to [`RETAINED`] bytes, and a sixteenth of large circuits.
const SMALL_SHARE: u64 = 5;
const LARGE_SHARE: u64 = 16;
const RETAINED: u64 = 24 << 20;

/// Rows, points and columns in bytes.
struct Sizes {
    rows: u64,
    points: u64,
    /// Emitted rows, several of which make a row.
    emitted: u64,
    wires: u64,
    routed: u64,
    preprocessed: u64,
    constants: u64,
    products: u64,
    quotients: u64,
    salts: u64,
    challenges: u64,
}

impl Sizes {
    fn of(plan: &Plan) -> Self {
        let rows = 1u64 << plan.degree_bits;
        Self {
            rows,
            points: rows << plan.rate_bits,
            emitted: plan.emitted_rows as u64,
            wires: plan.wires as u64,
            routed: plan.routed_wires as u64,
            preprocessed: (plan.constant_columns + plan.routed_wires) as u64,
            constants: plan.constant_columns as u64,
            products: plan.product_columns as u64,
            quotients: plan.quotient_columns as u64,
            salts: plan.salt_columns as u64,
            challenges: plan.challenges as u64,
        }
    }

    /// A committed oracle of `columns` columns: extended columns and tree.
    fn oracle(&self, columns: u64) -> u64 {
        (ELEMENT * (columns + self.salts) + 2 * DIGEST) * self.points
    }

    /// What a compiled circuit holds: the key's oracle, permuted positions by row, powers and roots of the domain, the
    /// permutation, and the tape.
    fn circuit(&self) -> u64 {
        let positions = ELEMENT * self.rows * self.routed;
        let domain = 2 * ELEMENT * self.points;
        let permutation = PLACE * self.rows * self.routed;
        self.oracle(self.preprocessed) + positions + domain + permutation + self.tape()
    }

    /// The tape: weights by row, and where the fed wires come from (about half of the routed ones).
    fn tape(&self) -> u64 {
        self.rows * (ELEMENT * self.constants / 2 + FEED * self.routed / 2)
    }
}

/// The program and its constants, in bytes, with the model that they come from.
pub(super) fn program(plan: &Plan) -> u64 {
    2 * ELEMENT * plan.weights as u64
}

/// Memory that building takes at its peak, in bytes, besides what the process holds before.
///
/// Columns are freed as they are extended, so that little is held besides the circuit.
pub(super) fn build(plan: &Plan) -> u64 {
    let s = Sizes::of(plan);
    retained(s.circuit() + ELEMENT * s.rows * s.constants)
}

/// Memory that proving takes at its peak, in bytes, besides what the process held before the circuit was built.
pub(super) fn prove(plan: &Plan) -> u64 {
    let s = Sizes::of(plan);
    let witness = ELEMENT * s.emitted * WIRES as u64;
    let oracles = s.oracle(s.wires) + s.oracle(s.products) + s.oracle(s.quotients);
    let quotients = 2 * ELEMENT * s.challenges * s.points;
    retained(s.circuit() + witness + oracles + quotients)
}

/// With what the process and its allocator hold besides.
fn retained(bytes: u64) -> u64 {
    BASE + bytes + (bytes / LARGE_SHARE).max(RETAINED.min(bytes / SMALL_SHARE))
}
