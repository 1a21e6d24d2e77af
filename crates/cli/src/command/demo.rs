//! `plonnx demo`.

use crate::Outcome;

/// Compile, prove and verify LeNet-5 on a handwritten digit
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_: Args, _: bool) -> Outcome {
    Ok(())
}
