//! `plonnx demo`: the whole way from an ONNX model to a rejected forgery, with a model that is part of the program.

mod digit;
mod story;

use std::time::Duration;

use plonnx::data::{self, Arrays};
use plonnx::runtime::memory;
use plonnx::{Claim, Compiled, Model, Phase, Proof, Tensor, Values, Verified, VerifyingKey, verify};
use serde_json::json;

use crate::Outcome;
use crate::command::bench::{Tally, first_largest, output_samples};
use crate::command::run::CALIBRATION_SAMPLES;
use crate::failure::Failure;
use crate::progress::Progress;

pub(crate) const MODEL: &[u8] = include_bytes!("../../../../../fixtures/lenet5/model.onnx");
pub(crate) const INPUTS: &[u8] = include_bytes!("../../../../../fixtures/lenet5/inputs.npz");
pub(crate) const OUTPUTS: &[u8] = include_bytes!("../../../../../fixtures/lenet5/outputs.npz");
const LABELS: &[u8] = include_bytes!("../../../../../fixtures/lenet5/labels.npy");
/// The output of the model.
const LOGITS: &str = "logits";
/// The digit that is shown when none is asked for.
const DIGIT: u8 = 7;

/// Compile LeNet-5, prove that it reads a handwritten digit, verify the proof, and try to forge it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Prove the first test image of this digit [default: 7]
    #[arg(long, value_name = "0-9", value_parser = clap::value_parser!(u8).range(0..=9))]
    digit: Option<u8>,
    /// Prove this test image, counted from 0
    #[arg(long, value_name = "N", conflicts_with = "digit")]
    sample: Option<usize>,
}

/// What the demonstration has found.
struct Run {
    compiled: Compiled,
    sample: usize,
    samples: usize,
    label: u8,
    image: Tensor<f64>,
    proof: Proof,
    verified: Verified,
    times: Times,
    peak: Option<u64>,
    forgeries: Vec<Forgery>,
    fidelity: Tally,
}

struct Times {
    compile: Duration,
    witness: Duration,
    prove: Duration,
    verify: Duration,
}

/// An attempt to pass a false proof.
struct Forgery {
    what: String,
    refusal: String,
}

impl Run {
    fn logits(&self) -> &[f64] {
        self.verified.tensor(LOGITS).map_or(&[], |logits| logits.data())
    }

    /// The digit that the model reads.
    fn reading(&self) -> usize {
        first_largest(self.logits())
    }
}

pub(crate) fn run(args: Args, json: bool) -> Outcome {
    let run = perform(&args, json)?;
    if json {
        let forgeries: Vec<_> = run.forgeries.iter().map(|f| json!({ "what": f.what, "refusal": f.refusal })).collect();
        let object = json!({
            "sample": run.sample, "label": run.label, "reading": run.reading(), "logits": run.logits(),
            "key": run.compiled.verifying_key().hash_text(), "profile": run.proof.profile.name(),
            "zero_knowledge": run.compiled.verifying_key().zero_knowledge(),
            "proof_bytes": run.proof.to_bytes()?.len(), "forgeries_rejected": forgeries,
            "compile_s": run.times.compile.as_secs_f64(), "witness_s": run.times.witness.as_secs_f64(),
            "prove_s": run.times.prove.as_secs_f64(), "verify_s": run.times.verify.as_secs_f64(),
            "peak_rss_bytes": run.peak, "samples": run.fidelity.samples,
            "top1_agreement": run.fidelity.agreement(), "max_abs_err": run.fidelity.largest(),
        });
        println!("{object}");
    } else {
        print!("{}", story::tell(&run)?);
    }
    Ok(())
}

fn perform(args: &Args, quiet: bool) -> Result<Run, Failure> {
    let images = data::parse("npz", INPUTS)?;
    let labels = data::parse("npy", LABELS)?;
    let labels = labels.get("").map(|t| t.to_vec()).unwrap_or_default();
    let sample = match args.sample {
        Some(sample) => sample,
        None => {
            let digit = args.digit.unwrap_or(DIGIT);
            let first = labels.iter().position(|label| *label == f64::from(digit));
            first.ok_or_else(|| Failure::Usage(format!("no test image shows a {digit}")))?
        }
    };

    let mut progress = Progress::transient(quiet);
    let model = Model::from_onnx(MODEL).dim("batch", 1).calibrate(&images).calibration_samples(CALIBRATION_SAMPLES);
    let compiled = model.compile_with(&mut progress.observer())?;
    progress.end();
    let samples = compiled.samples(&images)?;
    let inputs = samples.get(sample)?;
    let prover = compiled.prover();
    let (witness, witness_time) = progress.timed("assign the witness", || prover.witness(&inputs));
    let witness = witness?;
    let (proof, prove_time) = progress.timed("prove", || prover.prove_witness(&witness));
    let proof = proof?;
    let peak = memory::peak();
    let (verified, verify_time) = progress.timed("verify", || compiled.verifying_key().verify(&proof));
    let verified = verified?;
    let forgeries = progress.timed("forge", || forge(compiled.verifying_key(), &proof, &verified)).0?;
    let fidelity = progress.timed("compare all digits", || compare(&compiled, &images)).0?;
    Ok(Run {
        sample,
        samples: samples.len(),
        label: labels.get(sample).map_or(0, |label| *label as u8),
        image: inputs.into_iter().next().unwrap_or(Tensor::scalar(0.0)),
        times: Times {
            compile: compiled.times().iter().map(|(_, time): &(Phase, Duration)| *time).sum(),
            witness: witness_time,
            prove: prove_time,
            verify: verify_time,
        },
        compiled,
        proof,
        verified,
        peak,
        forgeries,
        fidelity,
    })
}

/// Attempts that must all be refused.
fn forge(key: &VerifyingKey, proof: &Proof, verified: &Verified) -> Result<Vec<Forgery>, Failure> {
    let logits = verified.public.iter().find(|r| r.name == LOGITS);
    let logits = logits.ok_or_else(|| Failure::Bug("the output is missing from the proof".into()))?;
    // The digit with the smallest logit is claimed to be what the model read.
    let loser = first_largest(&logits.values.iter().map(|v| -v).collect::<Vec<_>>());
    let lead = logits.integers.iter().max().copied().unwrap_or(0);

    let mut altered = proof.clone();
    let middle = altered.inner.proof.len() / 2;
    altered.inner.proof[middle] ^= 1;
    let mut swapped = proof.clone();
    for elements in swapped.inner.public.iter_mut().flatten() {
        elements[loser] = lead;
    }
    let mut claimed = logits.integers.clone();
    claimed[loser] = lead;
    let claim = Claim { port: LOGITS.into(), values: Values::Integers(claimed) };

    let attempts = [
        (format!("one bit of the proof flipped (byte {middle})"), verify(key, &altered, &[])),
        (format!("the proof file changed to say {loser}"), verify(key, &swapped, &[])),
        (format!("the true proof shown as proof of a {loser}"), verify(key, proof, &[claim])),
    ];
    let refused = |(what, outcome): (String, Result<Verified, _>)| match outcome {
        Ok(_) => Err(Failure::Bug(format!("a forgery was accepted: {what}"))),
        Err(error) => Ok(Forgery { what, refusal: plonnx::Error::from(error).to_string() }),
    };
    attempts.into_iter().map(refused).collect()
}

/// Compares all digits with the outputs of onnxruntime.
fn compare(compiled: &Compiled, images: &Arrays) -> Result<Tally, Failure> {
    let samples = compiled.samples(images)?;
    let expected = output_samples(&compiled.prover().model().program, &data::parse("npz", OUTPUTS)?)?;
    let mut tally = Tally::default();
    for (inputs, expected) in samples.iter().zip(expected.iter()) {
        let outputs = compiled.infer(&inputs)?;
        tally.samples += 1;
        outputs.iter().zip(&expected).for_each(|(got, expected)| tally.add(got, expected));
    }
    Ok(tally)
}
