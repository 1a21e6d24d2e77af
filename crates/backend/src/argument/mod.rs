//! The arguments that need challenges: transcript, linear relations, lookups.

pub mod linear;
pub mod lookup;
pub mod suffix;
pub mod transcript;
pub mod window;

pub use window::window_sums;
