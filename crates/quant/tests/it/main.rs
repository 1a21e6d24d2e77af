//! Float graphs built by hand, quantised, run as integers and compared.

mod attention;
mod build;
mod choice;
mod errors;
mod functions;
mod integers;
mod laws;
mod networks;
mod noise;
mod quiet;
