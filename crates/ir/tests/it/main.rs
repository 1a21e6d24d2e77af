//! Tests of the public interface.

mod bound;
mod contract;
mod conv;
mod elementwise;
mod random;
mod sample;
mod text;
mod verify;
mod view;
