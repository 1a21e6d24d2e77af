//! One file for every command.

pub(crate) mod bench;
pub(crate) mod bench_suite;
pub(crate) mod calibrate;
pub(crate) mod chain;
pub(crate) mod check;
pub(crate) mod commit;
pub(crate) mod compile;
pub(crate) mod conformance;
pub(crate) mod demo;
pub(crate) mod inspect;
pub(crate) mod price;
pub(crate) mod prove;
pub(crate) mod run;
pub(crate) mod verify;
pub(crate) mod vk;
