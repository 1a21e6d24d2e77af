//! What the user chooses about numbers.

use crate::error::QuantError;

/// Precision of a field program.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Signed bits of a rounded activation that uses its whole range.
    pub activation_bits: u32,
    /// Signed bits of the largest weight of a tensor.
    pub weight_bits: u32,
    /// Largest table: `2^table_bits` entries.
    pub table_bits: u32,
    /// Bits added to `activation_bits` for results of the program and operands of arg max.
    pub output_guard_bits: u32,
    /// Calibrated magnitudes times this must be representable; at least 1.
    pub headroom: f64,
    /// Whether every digit of a weight costs rows, as it does where weights are witness cells: then none gets more bits
    /// than its results need.
    pub costly_weights: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            activation_bits: 16,
            weight_bits: 12,
            table_bits: 13,
            output_guard_bits: 2,
            headroom: 2.0,
            costly_weights: false,
        }
    }
}

impl Config {
    /// Whether every field is in its supported range.
    pub fn check(&self) -> Result<(), QuantError> {
        let whole = [
            ("activation_bits", self.activation_bits, 4, 20),
            ("weight_bits", self.weight_bits, 2, 20),
            ("table_bits", self.table_bits, 4, 18),
            ("output_guard_bits", self.output_guard_bits, 0, 8),
        ];
        for (field, got, least, most) in whole {
            if !(least..=most).contains(&got) {
                return Err(QuantError::Config { field, least: least.into(), most: most.into(), got: got.into() });
            }
        }
        if !(1.0..=1024.0).contains(&self.headroom) {
            return Err(QuantError::Config { field: "headroom", least: 1.0, most: 1024.0, got: self.headroom });
        }
        Ok(())
    }
}
