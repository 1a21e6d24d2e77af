//! `plonnx inspect`: what a model is, whether it compiles, and what it costs.

use std::path::PathBuf;

use plonnx::backend::{Candidate, Plan};
use plonnx::frontend::{Import, ValueInfo};
use plonnx::ir::{DType, text as ir_text};
use plonnx::runtime::artifact::Kind;
use plonnx::runtime::{self, Proof, VerifyingKey};
use plonnx::{Error, Model, Prover, macs};
use serde_json::{Value, json};

use crate::Outcome;
use crate::args::CompileArgs;
use crate::command::compile::describe;
use crate::command::price;
use crate::command::prove::secrecy;
use crate::failure::Failure;
use crate::forecast::{Forecast, MemoryArgs, Purpose, Speed, held};
use crate::progress::Progress;
use crate::text::{bytes, grouped, shape};

/// Show what a model is, whether it can be compiled, and what proving it costs
///
/// Without --calibrate or --range real inputs are assumed to lie in [-1, 1] and others in [0, 1]. Compiled models, keys and
/// proofs are shown, too.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// An ONNX model, or a file that plonnx wrote
    file: PathBuf,
    /// Print the field program, and nothing else
    #[arg(long)]
    text: bool,
    /// Also list rows by gate and by node, and the layouts that were considered
    #[arg(long)]
    rows: bool,
    /// Compile with public and with committed weights and data, unblinded and blinded, and show what a proof of each costs
    #[arg(long)]
    prices: bool,
    #[command(flatten)]
    compile: CompileArgs,
    #[command(flatten)]
    memory: MemoryArgs,
}

pub(crate) fn run(args: Args, json: bool) -> Outcome {
    let start = first_bytes(&args.file)?;
    match Kind::of(&start) {
        Some(Kind::Model) => {
            let mut model = runtime::Model::read(&args.file)?;
            if args.text {
                print!("{}", ir_text::print(&model.program.graph));
                return Ok(());
            }
            if args.rows {
                // The layouts that were considered are not part of the file.
                model.layout = None;
            }
            let before = held();
            let prover = Prover::new_if(model, |plan| plan_first(plan, &args, json, before))?;
            return show_prover(&prover, &args, json, Value::Null, before);
        }
        Some(Kind::VerifyingKey) => return show_key(&VerifyingKey::read(&args.file)?, json),
        Some(Kind::Openings) => {
            return Err(Failure::Usage("openings are secret: plonnx commit --open FILE shows them".into()));
        }
        Some(Kind::Proof) => return show_proof(&Proof::read(&args.file)?, json),
        None => {}
    }

    let at = Failure::at(&args.file);
    let mut progress = Progress::new(json || args.text);
    let mut model = args.compile.apply(Model::from_file(&args.file)?)?;
    let import = model.import().map_err(&at)?;
    let assumed = !model.is_calibrated();
    if assumed {
        for input in &import.inputs {
            let lo = if input.dtype == DType::Real { -1.0 } else { 0.0 };
            model = model.input_range(&input.name, lo, 1.0);
        }
    }
    if args.text {
        let quantised = model.quantise_with(&mut progress.observer()).map_err(&at)?;
        print!("{}", ir_text::print(&quantised.program.graph));
        return Ok(());
    }
    if args.prices {
        let quantised = model.quantise_with(&mut progress.observer()).map_err(&at)?;
        progress.end();
        return price::run(quantised, json);
    }
    if !json {
        print_import(&import);
    }
    let quantised = model.quantise_with(&mut progress.observer());
    progress.end();
    match quantised {
        Ok(quantised) => {
            let before = held();
            let compiled = quantised
                .build_if(&mut progress.observer(), |plan| plan_first(plan, &args, json, before))
                .map_err(|failure| failure.about(&args.file))?;
            progress.end();
            show_prover(&compiled.into_prover(), &args, json, describe_import(&import), before)
        }
        // With assumed ranges this says nothing about the model.
        Err(error @ Error::Quant(_)) if assumed => {
            if json {
                println!(
                    "{}",
                    json!({ "model": describe_import(&import), "circuit": null, "reason": error.to_string() })
                );
            } else {
                println!("\nno circuit for the assumed ranges of the inputs: {error}");
                println!("give samples (--calibrate inputs.npz) or ranges (--range LO,HI)");
            }
            Ok(())
        }
        Err(error) => Err(at(error)),
    }
}

fn first_bytes(path: &std::path::Path) -> Result<Vec<u8>, Failure> {
    use std::io::Read;
    let mut start = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(8).read_to_end(&mut start));
    read.map_err(|e| Failure::Library(Error::Io(e).at(path)))?;
    Ok(start)
}

fn describe_import(import: &Import) -> Value {
    let values = |values: &[ValueInfo]| -> Value {
        values.iter().map(|v| json!({ "name": v.name, "shape": v.shape, "type": v.elem.to_string() })).collect()
    };
    json!({
        "opset": import.opset, "producer": import.producer, "nodes": import.node_count,
        "params": import.params, "macs": macs(&import.graph), "ops": import.op_histogram,
        "inputs": values(&import.inputs), "outputs": values(&import.outputs),
    })
}

fn print_import(import: &Import) {
    println!("ONNX model, opset {}, written by {}", import.opset, import.producer);
    let show = |role, values: &[ValueInfo]| {
        values.iter().for_each(|v| println!("{role} {} {} {}", v.name, shape(&v.shape), v.elem));
    };
    show("input ", &import.inputs);
    show("output", &import.outputs);
    let (params, macs) = (grouped(import.params), grouped(macs(&import.graph)));
    println!("{params} parameters, {macs} multiplications, {} nodes:", import.node_count);
    let ops: Vec<String> = import.op_histogram.iter().map(|(op, n)| format!("{op} {n}")).collect();
    println!("  {}", ops.join(", "));
    println!("every node is supported; {} core operators", import.graph.len());
    import.remarks.iter().for_each(|remark| println!("note: {remark}"));
}

/// Agrees to build the circuit of a plan. A refusal is preceded by the plan's figures, which were asked for.
fn plan_first(plan: &Plan, args: &Args, json: bool, before: Option<u64>) -> Outcome {
    let accepted = args.memory.accept(plan, Purpose::Compiling);
    if accepted.is_err() && !json {
        println!("\ncircuit of {} rows, padded to 2^{}", grouped(plan.rows as u64), plan.degree_bits);
        println!("{}", Forecast::new(plan, &Speed::assumed(), before).to_text());
    }
    accepted
}

fn show_prover(prover: &Prover, args: &Args, json: bool, import: Value, before: Option<u64>) -> Outcome {
    let (stats, key) = (prover.stats(), prover.verifying_key());
    let provenance = &prover.model().provenance;
    // A model that was compiled for this has a salt of its own.
    let compiled = import.is_null();
    let commitment = prover.model_commitment()?.filter(|_| compiled).map(|c| c.to_string());
    let constants = prover.circuit().split().map_or(&[][..], |split| &split.remaining);
    let forecast = Forecast::new(prover.plan(), &Speed::known(&mut Progress::new(json)), before);
    if json {
        let object = json!({
            "model": import, "calibration": provenance.calibration, "circuit": stats, "key": key.hash_text(),
            "profile": key.profile().name(), "ports": key.ports(), "security": key.inner().security(),
            "weights": key.weights().name(), "model_commitment": commitment, "public_constants": constants,
            "zero_knowledge": key.zero_knowledge(), "forecast": forecast.to_json(), "plan": prover.plan(),
        });
        println!("{object}");
        return Ok(());
    }
    println!("\ncalibrated on {}", provenance.calibration);
    println!("circuit of {} rows, padded to 2^{}", grouped(stats.rows as u64), stats.degree_bits);
    println!("  {} wires on {} tracks", stats.wires, stats.tracks);
    println!("  {} weights, up to {} a row", grouped(stats.weights as u64), stats.weights_per_row);
    let (accumulators, lookups) = (grouped(stats.accumulators as u64), grouped(stats.lookups as u64));
    println!("  {accumulators} accumulators, {lookups} lookup terms, {} constant columns", stats.constant_columns);
    if args.rows {
        println!("emitted rows by kind, one on each track of a row:");
        stats.kinds.iter().for_each(|(gate, rows)| println!("  {rows:>8} {gate}"));
        println!("emitted rows by node:");
        stats.nodes.iter().for_each(|(node, rows)| println!("  {rows:>8} {node}"));
        println!("layouts considered, with time (one thread of the reference machine) and length of a proof:");
        prover.plan().candidates.iter().for_each(|layout| println!("  {}", describe_layout(layout)));
    }
    println!("{}", forecast.to_text());
    print_key(key);
    if let Some(commitment) = commitment {
        println!("committed weights = {commitment}");
    }
    if !constants.is_empty() {
        let constants: Vec<String> = constants.iter().map(|(name, len)| format!("{name} ({len})")).collect();
        println!("constants and factors that stay public, with their elements: {}", constants.join(", "));
    }
    Ok(())
}

fn describe_layout(layout: &Candidate) -> String {
    format!(
        "{} {:>8} rows, 2^{:<2} of {:>2} tracks, {:>4} wires, {:>3} weights a row, {:>2} kinds{}, {:>4} constant columns, {:.2} s, {}",
        if layout.chosen { "chosen" } else { "      " },
        layout.rows,
        layout.degree_bits,
        layout.tracks,
        layout.wires,
        layout.weights_per_row,
        layout.kinds,
        if layout.merged { " (merged)" } else { "" },
        layout.constant_columns,
        layout.reference_seconds,
        bytes(layout.proof_bytes as u64)
    )
}

fn print_key(key: &VerifyingKey) {
    println!("key {}", key.hash_text());
    key.ports().iter().for_each(|port| println!("  {}", describe(port)));
    println!("  {:<9} weights", key.weights().name());
    println!("{}", secrecy(key));
    let report = key.inner().security();
    println!(
        "profile {}: {:.1} bits with FRI as conjectured, {:.1} bits proven",
        key.profile().name(),
        report.conjectured(),
        report.proven()
    );
    report.terms().iter().for_each(|(term, bits)| println!("  {bits:>6.1} {term}"));
}

fn show_key(key: &VerifyingKey, json: bool) -> Outcome {
    if json {
        let object = json!({
            "kind": "verifying key", "key": key.hash_text(), "profile": key.profile().name(), "ports": key.ports(),
            "degree_bits": key.inner().degree_bits(), "security": key.inner().security(),
            "weights": key.weights().name(), "zero_knowledge": key.zero_knowledge(),
        });
        println!("{object}");
    } else {
        println!("verifying key of a circuit of 2^{} rows", key.inner().degree_bits());
        print_key(key);
    }
    Ok(())
}

fn show_proof(proof: &Proof, json: bool) -> Outcome {
    let key: String = proof.key_hash.iter().map(|b| format!("{b:02x}")).collect();
    let public = proof.inner.public.iter().filter(|p| p.is_some()).count();
    let committed = proof.inner.commitments.iter().filter(|c| c.is_some()).count();
    let total = proof.inner.public.len();
    if json {
        let (profile, bytes) = (proof.profile.name(), proof.inner.proof.len());
        let object = json!({
            "kind": "proof", "key": key, "profile": profile, "bytes": bytes, "public": public, "committed": committed,
        });
        println!("{object}");
    } else {
        println!("proof for key {key}, profile {}", proof.profile.name());
        println!(
            "{} of proof, {public} public and {committed} committed tensors of {total}; not verified here",
            bytes(proof.inner.proof.len() as u64)
        );
        println!("not zero knowledge, unless its key says that it is blinded");
    }
    Ok(())
}
