//! `plonnx prove`: an inference becomes a proof.

use std::path::PathBuf;

use plonnx::{Verified, VerifyingKey, opening};
use serde_json::{Value, json};

use crate::Outcome;
use crate::args::ModelArgs;
use crate::data::{nested, read_all};
use crate::forecast::{MemoryArgs, Purpose};
use crate::openings;
use crate::progress::Progress;
use crate::source::{Fallback, Source};
use crate::text;
use crate::text::{bytes, seconds, values};

/// Elements of a public tensor that are shown.
const SHOWN: usize = 16;

/// Prove an inference and write the proof
///
/// Without --zk the proof is not zero knowledge: it does not contain private inputs, but it may leak information about them.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// Inputs: .npz, .npy, .json or .pb; the first axis may count samples
    #[arg(long, value_name = "[INPUT=]FILE", required_unless_present = "opening", help_heading = "Data")]
    data: Vec<String>,
    /// Which sample of the data to take, counted from 0
    #[arg(long, default_value_t = 0, value_name = "N", help_heading = "Data")]
    sample: usize,
    /// Where to write the proof
    #[arg(short, long, value_name = "FILE", default_value = "proof.plonnx")]
    output_file: PathBuf,
    /// Where to write the verifying key, too
    #[arg(long, value_name = "FILE")]
    vk: Option<PathBuf>,
    /// Where to write what opens the commitments [default: OUTPUT_FILE with extension .openings.plonnx]
    #[arg(long, value_name = "FILE")]
    openings: Option<PathBuf>,
    /// Commit to a tensor with the salt of this opening, and take an input from it; TENSOR is its name in the file
    #[arg(long, value_name = "[NAME=]FILE[#TENSOR]")]
    opening: Vec<String>,
    /// Evaluate every constraint on the witness first
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    memory: MemoryArgs,
    /// Do not verify the proof before it is written
    #[arg(long)]
    no_verify: bool,
}

pub(crate) fn run(args: Args, json: bool) -> Outcome {
    let mut progress = Progress::new(json);
    let given = openings::choose(&args.opening)?;
    let mut arrays = read_all(&args.data)?;
    let source = Source::open(&args.model.model, &args.model.compile, Fallback::None, &mut progress)?;
    openings::add_inputs(&mut arrays, &given, &source)?;
    let inputs = source.samples(&arrays)?.get(args.sample)?;
    let prover = source.build_if(&mut progress, |plan| args.memory.accept(plan, Purpose::Proving))?;
    let (witness, witness_time) = progress.timed("assign the witness", || prover.witness_opening(&inputs, &given));
    let witness = witness?;
    if args.check {
        progress.timed("check constraints", || prover.check(&witness)).0?;
    }
    let (proof, prove_time) = progress.timed("prove", || prover.prove_witness(&witness));
    let proof = proof?;
    let key = prover.verifying_key();
    let verified = if args.no_verify { None } else { Some(progress.timed("verify", || key.verify(&proof)).0?) };
    let opened = prover.openings(&witness);
    let secrets = args.openings.unwrap_or_else(|| args.output_file.with_extension("openings.plonnx"));
    // A proof whose commitments nobody can open is worth little, so the openings are written first.
    if !opened.is_empty() {
        opening::write(&secrets, &opened)?;
    }
    proof.write(&args.output_file)?;
    if let Some(path) = &args.vk {
        key.write(path)?;
    }

    let size = proof.to_bytes()?.len() as u64;
    if json {
        let object = json!({
            "proof": args.output_file, "key": key.hash_text(), "profile": key.profile().name(), "proof_bytes": size,
            "witness_s": witness_time.as_secs_f64(), "prove_s": prove_time.as_secs_f64(),
            "security": security(key),
            "public": verified.as_ref().map(public), "private": verified.as_ref().map(|v| &v.private),
            "committed": verified.as_ref().map(committed),
            "model": verified.as_ref().and_then(|v| v.model).map(|c| c.to_string()),
            "zero_knowledge": key.zero_knowledge(),
            "openings": (!opened.is_empty()).then_some(&secrets),
        });
        println!("{object}");
        return Ok(());
    }
    println!("wrote {} ({}) in {}", args.output_file.display(), bytes(size), seconds(witness_time + prove_time));
    if !opened.is_empty() {
        println!("wrote {}: it opens the commitments, keep it secret", secrets.display());
    }
    match &verified {
        Some(verified) => print_statement(key, verified),
        None => println!("{}", secrecy(key)),
    }
    Ok(())
}

/// The commitments by name.
pub(crate) fn committed(verified: &Verified) -> Value {
    verified.committed.iter().map(|c| (c.name.clone(), json!(c.commitment.to_string()))).collect()
}

/// The public tensors as nested arrays by name.
pub(crate) fn public(verified: &Verified) -> Value {
    verified.public.iter().map(|r| (r.name.clone(), nested(&r.values))).collect()
}

/// The headline figures.
pub(crate) fn security(key: &VerifyingKey) -> Value {
    let report = key.inner().security();
    json!({ "bits": report.conjectured(), "weakest": report.weakest().0, "proven_bits": report.proven() })
}

/// Says what a proof proves.
pub(crate) fn print_statement(key: &VerifyingKey, verified: &Verified) {
    println!("statement for key {} (profile {}):", key.hash_text(), key.profile().name());
    let report = key.inner().security();
    let (weakest, bits) = report.weakest();
    println!("  security: {bits:.1} bits with FRI as conjectured (least: {weakest}), {:.1} proven", report.proven());
    for tensor in &verified.public {
        let role = if tensor.input { "input" } else { "output" };
        let shown = values(tensor.values.data().iter().copied(), SHOWN);
        println!("  public {role} {} {} = {shown}", tensor.name, text::shape(tensor.values.shape()));
    }
    for tensor in &verified.committed {
        let role = if tensor.input { "input" } else { "output" };
        println!("  committed {role} {} = {}", tensor.name, tensor.commitment);
    }
    for name in &verified.private {
        println!("  private {name}: not in the statement");
    }
    match &verified.model {
        Some(commitment) => println!("  committed weights = {commitment}"),
        None => println!("  public weights: the key stands for them"),
    }
    println!("  {}", secrecy(key));
}

/// What the proof system hides.
pub(crate) fn secrecy(key: &VerifyingKey) -> &'static str {
    if key.zero_knowledge() {
        "blinded: see docs/zero-knowledge.md for what that hides"
    } else {
        "not zero knowledge: a proof may leak what the statement does not contain"
    }
}
