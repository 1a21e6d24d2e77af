//! `plonnx check`: the witness meets every constraint, without a proof.

use plonnx::backend::BackendError;
use plonnx::runtime::RuntimeError;
use serde_json::json;

use crate::Outcome;
use crate::args::{DataArgs, ModelArgs};
use crate::command::run::CALIBRATION_SAMPLES;
use crate::data::read_all;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::source::{Fallback, Source};
use crate::text::grouped;

/// Most violations that are shown.
const SHOWN: usize = 20;

/// Assign the witness of an inference and evaluate every constraint on it, without proving
///
/// An ONNX model without --calibrate or --range is calibrated on the first 32 samples of the data.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    data: DataArgs,
}

pub(crate) fn run(args: Args, json: bool) -> Outcome {
    let mut progress = Progress::new(json);
    let arrays = read_all(&args.data.data)?;
    let fallback = Fallback::Data(&arrays, CALIBRATION_SAMPLES);
    let source = Source::open(&args.model.model, &args.model.compile, fallback, &mut progress)?;
    let inputs = source.samples(&arrays)?.get(args.data.sample)?;
    let prover = source.build(&mut progress)?;
    let witness = progress.timed("assign the witness", || prover.witness(&inputs)).0?;
    let outcome = progress.timed("check constraints", || prover.check(&witness)).0;
    let stats = prover.stats();
    match outcome {
        Ok(()) if json => println!("{}", json!({ "ok": true, "rows": stats.rows, "degree_bits": stats.degree_bits })),
        Ok(()) => {
            let (rows, bits) = (grouped(stats.rows as u64), stats.degree_bits);
            println!("all constraints of {rows} rows (2^{bits} with padding) hold on sample {}", args.data.sample);
        }
        Err(RuntimeError::Backend(BackendError::Unsatisfied(violations))) => {
            let mut text = format!("{} constraints are violated", violations.len());
            violations.iter().take(SHOWN).for_each(|v| text += &format!("\n  {v}"));
            if violations.len() > SHOWN {
                text += &format!("\n  and {} more", violations.len() - SHOWN);
            }
            return Err(Failure::Rejected(text));
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
