//! A walk over serialised verifier data that reads lengths only.
//!
//! plonky2 allocates for a length before it reads the elements, and an allocation that fails ends the process. So every
//! length is compared with the bytes that follow before plonky2 sees them.

/// Whether every list in plonky2's `VerifierCircuitData` is as long as it says, and there is no lookup table: the
/// circuits of this crate have none.
pub(crate) fn lengths_fit(bytes: &[u8]) -> bool {
    Walk(bytes).verifier_data().is_some()
}

/// Bytes of a hash.
const HASH: usize = 32;
/// Largest logarithm of the size of a Merkle cap.
const MAX_CAP_HEIGHT: usize = 16;

/// The bytes that are still to be read.
struct Walk<'a>(&'a [u8]);

impl Walk<'_> {
    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.0 = self.0.get(bytes..)?;
        Some(())
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    fn word(&mut self) -> Option<usize> {
        let (word, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        usize::try_from(u64::from_le_bytes(*word)).ok()
    }

    fn words(&mut self, count: usize) -> Option<()> {
        self.skip(count.checked_mul(8)?)
    }

    /// A length, then as many elements of so many words.
    fn list(&mut self, words_per_element: usize) -> Option<()> {
        let length = self.word()?;
        self.words(length.checked_mul(words_per_element)?)
    }

    fn verifier_data(&mut self) -> Option<()> {
        let cap_height = self.word().filter(|height| *height <= MAX_CAP_HEIGHT)?;
        self.skip(((1 << cap_height) + 1) * HASH)?;
        // The circuit's configuration: six sizes, two flags.
        self.words(6)?;
        self.skip(2)?;
        self.fri_config()?;
        // FRI's parameters: its configuration, arities, degree, a flag.
        self.fri_config()?;
        self.list(1)?;
        self.words(1)?;
        self.skip(1)?;
        // Selectors and their groups.
        self.list(1)?;
        self.list(2)?;
        // Quotient degree, constraints, constants, public inputs; cosets; partial products, lookup polynomials and
        // selectors.
        self.words(4)?;
        self.list(1)?;
        self.words(3)?;
        let tables = self.word()?;
        let gates = self.word()?;
        (tables == 0 && gates <= self.0.len()).then_some(())
    }

    fn fri_config(&mut self) -> Option<()> {
        self.words(3)?;
        self.skip(4)?;
        match self.byte()? {
            0 => self.list(1),
            1 => self.words(2),
            2 => match self.byte()? {
                0 => Some(()),
                _ => self.words(1),
            },
            _ => None,
        }
    }
}
