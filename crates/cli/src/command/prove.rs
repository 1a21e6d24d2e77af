//! `plonnx prove`: an inference becomes a proof.

use std::path::PathBuf;

use plonnx::runtime::memory;
use plonnx::{Verified, VerifyingKey};
use serde_json::{Value, json};

use crate::Outcome;
use crate::args::{DataArgs, ModelArgs};
use crate::data::{nested, read_all};
use crate::progress::Progress;
use crate::source::{Fallback, Source};
use crate::text::{bytes, seconds, values};
use crate::{forecast, text};

/// Elements of a public tensor that are shown.
const SHOWN: usize = 16;

/// Prove an inference and write the proof
///
/// The proof is not zero knowledge: it does not contain private inputs, but it may leak information about them.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    data: DataArgs,
    /// Where to write the proof
    #[arg(short, long, value_name = "FILE", default_value = "proof.plonnx")]
    output_file: PathBuf,
    /// Where to write the verifying key, too
    #[arg(long, value_name = "FILE")]
    vk: Option<PathBuf>,
    /// Evaluate every constraint on the witness first
    #[arg(long)]
    check: bool,
    /// Do not verify the proof before it is written
    #[arg(long)]
    no_verify: bool,
}

pub(crate) fn run(args: Args, json: bool) -> Outcome {
    let mut progress = Progress::new(json);
    let arrays = read_all(&args.data.data)?;
    let source = Source::open(&args.model.model, &args.model.compile, Fallback::None, &mut progress)?;
    let inputs = source.samples(&arrays)?.get(args.data.sample)?;
    let prover = source.build(&mut progress)?;
    let needed = forecast::memory(prover.stats());
    if let Some(available) = memory::available().filter(|available| *available < needed) {
        let (needed, available) = (bytes(needed), bytes(available));
        eprintln!("warning: proving will take about {needed} of memory, {available} are available");
    }
    let (witness, witness_time) = progress.timed("assign the witness", || prover.witness(&inputs));
    let witness = witness?;
    if args.check {
        progress.timed("check constraints", || prover.check(&witness)).0?;
    }
    let (proof, prove_time) = progress.timed("prove", || prover.prove_witness(&witness));
    let proof = proof?;
    let key = prover.verifying_key();
    let verified = if args.no_verify { None } else { Some(progress.timed("verify", || key.verify(&proof)).0?) };
    proof.write(&args.output_file)?;
    if let Some(path) = &args.vk {
        key.write(path)?;
    }

    let size = proof.to_bytes()?.len() as u64;
    if json {
        let object = json!({
            "proof": args.output_file, "key": key.hash_text(), "profile": key.profile().name(), "proof_bytes": size,
            "witness_s": witness_time.as_secs_f64(), "prove_s": prove_time.as_secs_f64(),
            "public": verified.as_ref().map(public), "private": verified.as_ref().map(|v| &v.private),
        });
        println!("{object}");
        return Ok(());
    }
    println!("wrote {} ({}) in {}", args.output_file.display(), bytes(size), seconds(witness_time + prove_time));
    if let Some(verified) = &verified {
        print_statement(key, verified);
    }
    Ok(())
}

/// The public tensors as nested arrays by name.
pub(crate) fn public(verified: &Verified) -> Value {
    verified.public.iter().map(|r| (r.name.clone(), nested(&r.values))).collect()
}

/// Says what a proof proves.
pub(crate) fn print_statement(key: &VerifyingKey, verified: &Verified) {
    println!("statement for key {} (profile {}):", key.hash_text(), key.profile().name());
    for tensor in &verified.public {
        let role = if tensor.input { "input" } else { "output" };
        let shown = values(tensor.values.data().iter().copied(), SHOWN);
        println!("  public {role} {} {} = {shown}", tensor.name, text::shape(tensor.values.shape()));
    }
    for name in &verified.private {
        println!("  private {name}: not in the statement (but the proof is not zero knowledge)");
    }
}
