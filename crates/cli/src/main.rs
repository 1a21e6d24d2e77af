//! The `plonnx` command.

mod args;
mod command;
mod data;
mod failure;
mod forecast;
mod openings;
mod panic;
mod progress;
mod source;
mod style;
mod suite;
mod text;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::command::{bench, calibrate, check, commit, compile, conformance, demo, inspect, prove, run, verify, vk};
use crate::failure::{CODES, Failure};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Compile ONNX models to plonky2 circuits, prove inferences and verify them.
#[derive(Debug, Parser)]
#[command(name = "plonnx", version, about, after_help = CODES, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Print the result as one JSON object
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Args),
    Inspect(inspect::Args),
    Compile(compile::Args),
    Run(run::Args),
    Check(check::Args),
    Prove(prove::Args),
    Verify(verify::Args),
    Commit(commit::Args),
    Vk(vk::Args),
    Bench(bench::Args),
    Calibrate(calibrate::Args),
    Conformance(conformance::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let json = cli.json;
    let outcome = panic::caught(|| match cli.command {
        Command::Demo(args) => demo::run(args, json),
        Command::Inspect(args) => inspect::run(args, json),
        Command::Compile(args) => compile::run(args, json),
        Command::Run(args) => run::run(args, json),
        Command::Check(args) => check::run(args, json),
        Command::Prove(args) => prove::run(args, json),
        Command::Verify(args) => verify::run(args, json),
        Command::Commit(args) => commit::run(args, json),
        Command::Vk(args) => vk::run(args, json),
        Command::Bench(args) => bench::run(args, json),
        Command::Calibrate(args) => calibrate::run(args, json),
        Command::Conformance(args) => conformance::run(args, json),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(json),
    }
}

/// What a command gives.
type Outcome = Result<(), Failure>;
