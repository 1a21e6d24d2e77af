//! Keys, witnesses, proofs and their versioned artifacts
