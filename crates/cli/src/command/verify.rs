//! `plonnx verify`: is this proof valid for this key, and does it say what is claimed?

use std::path::PathBuf;
use std::time::Instant;

use plonnx::backend::Visibility;
use plonnx::data::Slot;
use plonnx::runtime::{Proof, VerifyingKey};
use plonnx::{Claim, Values, verify};
use serde_json::json;

use crate::Outcome;
use crate::command::chain;
use crate::command::prove::{committed, print_statement, public, security};
use crate::data::read_all;
use crate::failure::Failure;
use crate::text::seconds;

/// Verify a proof, and compare what it proves with expected values
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The verifying key; for a chain, every key that a proof needs
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) vk: Vec<PathBuf>,
    /// The proof
    #[arg(long, value_name = "FILE", required_unless_present = "chain")]
    proof: Option<PathBuf>,
    /// Proofs of which each has a committed output that is a committed input of the next
    #[arg(long, value_name = "FILE", num_args = 2.., conflicts_with_all = ["proof", "expect", "sample", "tolerance"])]
    pub(crate) chain: Vec<PathBuf>,
    /// Public tensors that the proof must show, by name: .json, .npy, .npz or .pb
    #[arg(long, value_name = "[NAME=]FILE")]
    expect: Vec<String>,
    /// Which sample of the expected values to take, counted from 0, when they are several
    #[arg(long, value_name = "N")]
    sample: Option<usize>,
    /// Refuse proofs whose smallest security term, with FRI as conjectured, is below N bits
    #[arg(long, value_name = "N")]
    min_bits: Option<f64>,
    /// Refuse proofs whose smallest security term, with FRI as proven, is below N bits
    #[arg(long, value_name = "N")]
    min_proven_bits: Option<f64>,
    /// Largest difference from an expected value [default: it must encode to the proven integer]
    #[arg(long, value_name = "DIFFERENCE", value_parser = tolerance)]
    tolerance: Option<f64>,
}

pub(crate) fn run(args: Args, json: bool) -> Outcome {
    let Some(path) = &args.proof else { return chain::run(&args, json) };
    let [vk] = args.vk.as_slice() else {
        return Err(Failure::Usage("--vk: expected one key; several are for --chain".into()));
    };
    let key = VerifyingKey::read(vk)?;
    let proof = Proof::read(path)?;
    args.demand(&key)?;
    let claims = claims(&args, &key)?;
    let started = Instant::now();
    let verified = verify(&key, &proof, &claims).map_err(|e| e.at(path))?;
    let elapsed = started.elapsed();
    if json {
        let object = json!({
            "valid": true, "key": key.hash_text(), "profile": key.profile().name(), "verify_s": elapsed.as_secs_f64(),
            "security": security(&key), "zero_knowledge": key.zero_knowledge(),
            "model": verified.model.map(|c| c.to_string()),
            "public": public(&verified), "committed": committed(&verified), "private": verified.private,
        });
        println!("{object}");
        return Ok(());
    }
    println!("the proof is valid (checked in {})", seconds(elapsed));
    print_statement(&key, &verified);
    if !claims.is_empty() {
        let names: Vec<&str> = claims.iter().map(|c| c.port.as_str()).collect();
        println!("as expected: {}", names.join(", "));
    }
    Ok(())
}

impl Args {
    /// Fails when proofs under `key` are worth fewer bits than demanded.
    pub(crate) fn demand(&self, key: &VerifyingKey) -> Outcome {
        let report = key.inner().security();
        let figures = [
            (self.min_bits, report.conjectured(), "with FRI as conjectured"),
            (self.min_proven_bits, report.proven(), "proven"),
        ];
        for (demanded, bits, how) in figures {
            // NaN is not reached by any figure.
            if let Some(demanded) = demanded.filter(|demanded| demanded.is_nan() || bits < *demanded) {
                let profile = key.profile().name();
                return Err(Failure::Rejected(format!(
                    "expected at least {demanded} bits {how}, the key has {bits:.2} (profile {profile})"
                )));
            }
        }
        Ok(())
    }
}

/// What `--expect` says of the public tensors.
fn claims(args: &Args, key: &VerifyingKey) -> Result<Vec<Claim>, Failure> {
    if args.expect.is_empty() {
        return Ok(Vec::new());
    }
    let arrays = read_all(&args.expect)?;
    let public = || key.ports().iter().filter(|p| p.visibility == Visibility::Public);
    let slot = |p: &plonnx::backend::Port| (p.name.clone(), p.shape.clone());
    // An array without a name is the only public output.
    let unnamed = arrays.len() == 1 && arrays.get("").is_some();
    let slots: Vec<Slot> = if unnamed {
        public().filter(|p| !p.input).map(slot).collect()
    } else {
        public().filter(|p| arrays.get(&p.name).is_some()).map(slot).collect()
    };
    if slots.is_empty() || (unnamed && slots.len() > 1) {
        let known: Vec<&str> = public().map(|p| p.name.as_str()).collect();
        let known = if known.is_empty() { "none".to_string() } else { known.join(", ") };
        return Err(Failure::Usage(format!("--expect: name the public tensors; the key has: {known}")));
    }
    let samples = arrays.samples(&slots)?;
    if samples.len() > 1 && args.sample.is_none() {
        let count = samples.len();
        return Err(Failure::Usage(format!("--expect: the file has {count} samples; choose one with --sample")));
    }
    let tensors = samples.get(args.sample.unwrap_or(0))?;
    let claim = |(slot, tensor): (Slot, plonnx::Tensor<f64>)| {
        let values = Values::Reals { values: tensor.to_vec(), tolerance: args.tolerance };
        Claim { port: slot.0, values }
    };
    Ok(slots.into_iter().zip(tensors).map(claim).collect())
}

fn tolerance(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "expected a number")?;
    if value >= 0.0 { Ok(value) } else { Err("expected a number of at least 0".into()) }
}
