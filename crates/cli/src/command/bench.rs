//! `plonnx bench`: one line of measurements.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use plonnx::backend::{Clock, Plan, Stats};
use plonnx::data::{Arrays, Samples, read};
use plonnx::frontend::FrontendError;
use plonnx::quant::{Program, QuantError};
use plonnx::runtime::memory;
use plonnx::{Error, Model, Tensor};
use serde::{Deserialize, Serialize};

use crate::Outcome;
use crate::args::{CompileArgs, Named};
use crate::command::bench_suite;
use crate::command::run::{CALIBRATION_SAMPLES, difference};
use crate::data::read_all;
use crate::failure::Failure;
use crate::forecast::{Forecast, MemoryArgs, Purpose, Speed, held, threads};
use crate::progress::Progress;
use crate::source::{Fallback, Source};
use crate::text::{bytes, grouped, seconds};

/// Measure compiling, proving, verifying and fidelity
///
/// MODEL is an ONNX model, or a folder with model.onnx, inputs.npz and, if there is one, outputs.npz: the outputs of another
/// implementation to compare with, which are floating-point outputs of plonnx otherwise. Without --calibrate or --range
/// the first 32 samples of the inputs calibrate the model; all samples count for fidelity. An open dimension called
/// batch is 1. Times are medians over the runs; compile_s includes the keys. Proving runs in a process of its own, whose
/// peak memory is reported.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// An ONNX model, or a folder
    #[arg(required_unless_present = "suite")]
    model: Option<PathBuf>,
    /// Measure a set of models instead, each in processes of its own: paper, the networks that papers compare. Weights are
    /// seeded and random, but those of lenet5 trained
    #[arg(long, value_name = "NAME", value_parser = ["paper"], conflicts_with_all = ["model", "data"])]
    suite: Option<String>,
    /// Measure these models of the suite only
    #[arg(long, value_name = "NAME,..", value_delimiter = ',', requires = "suite")]
    only: Vec<String>,
    /// Write the models and inputs of the suite to this folder, and leave them there
    #[arg(long, value_name = "FOLDER", requires = "suite")]
    keep: Option<PathBuf>,
    /// Inputs; not needed for a folder with inputs.npz
    #[arg(long, value_name = "[INPUT=]FILE")]
    data: Vec<String>,
    /// Proofs to make
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// Skip the evaluation of all samples
    #[arg(long)]
    no_fidelity: bool,
    #[command(flatten)]
    compile: CompileArgs,
    #[command(flatten)]
    memory: MemoryArgs,
    /// Compile and prove only, for a parent process
    #[arg(long, hide = true)]
    worker: bool,
}

/// What the worker measures.
#[derive(Debug, Serialize, Deserialize)]
struct Measured {
    rows: usize,
    degree_bits: usize,
    compile_s: f64,
    witness_s: f64,
    prove_s: f64,
    verify_ms: f64,
    proof_bytes: usize,
    peak_rss_mib: Option<f64>,
    /// Peak once the circuit and its keys were built.
    build_rss_mib: Option<f64>,
    profile: String,
    zero_knowledge: bool,
    security_bits: f64,
    params: u64,
    macs: u64,
    tracks: usize,
    /// Emitted rows by accumulator of the linear argument, without those that hold weights and tables.
    emitted_per_activation: Option<f64>,
    /// The same by track: rows of the circuit.
    rows_per_activation: Option<f64>,
    /// Emitted rows with weights in their constants by weight and by track.
    rows_per_weight: Option<f64>,
    forecast_prove_s: f64,
    forecast_mib: f64,
    forecast_calibrated: bool,
    /// Median seconds of the parts of a proof.
    parts: Vec<(String, f64)>,
}

/// The line of measurements.
#[derive(Debug, Serialize)]
struct Line {
    model: String,
    #[serde(flatten)]
    measured: Measured,
    max_abs_err: Option<f64>,
    /// The largest error by the difference of the largest and the smallest expected output.
    max_rel_err: Option<f64>,
    top1_agreement: Option<f64>,
    samples: usize,
    /// Samples with a value beyond the calibrated ranges, for which there is no proof.
    out_of_range: usize,
    threads: usize,
}

impl Line {
    /// One line of JSON, in the order of the fields.
    fn to_json(&self) -> Result<String, Failure> {
        serde_json::to_string(self).map_err(|e| Failure::System(e.to_string()))
    }
}

pub(crate) fn run(mut args: Args, json: bool) -> Outcome {
    let Some(model) = args.model.clone() else {
        if let Some(option) = args.compile.given() {
            return Err(Failure::Usage(format!("--suite has options of its own for every model: leave out {option}")));
        }
        return bench_suite::run(
            &bench_suite::Args {
                only: args.only,
                keep: args.keep,
                runs: args.runs,
                no_fidelity: args.no_fidelity,
                max_memory: args.memory.max_memory,
            },
            json,
        );
    };
    let (folder, model) = if model.is_dir() { (Some(model.clone()), model.join("model.onnx")) } else { (None, model) };
    let arrays = match (&folder, args.data.as_slice()) {
        (Some(folder), []) => read(folder.join("inputs.npz"))?,
        (None, []) => return Err(Failure::Usage("give inputs with --data, or a folder with inputs.npz".into())),
        (_, files) => read_all(files)?,
    };
    bind_batch(&model, &mut args.compile)?;
    if args.worker {
        let measured = measure(&model, &args, &arrays)?;
        println!("{}", serde_json::json!(measured));
        return Ok(());
    }

    let mut progress = Progress::new(json);
    // The worker finds the speed in the cache, unless there is none.
    Speed::known(&mut progress);
    let measured = progress.timed("compile and prove", || spawn_worker(json)).0?;
    let name = folder.as_deref().unwrap_or(&model).file_stem().map(|n| n.to_string_lossy().into_owned());
    let mut line = Line {
        model: name.unwrap_or_default(),
        measured,
        max_abs_err: None,
        max_rel_err: None,
        top1_agreement: None,
        samples: 0,
        out_of_range: 0,
        threads: threads(),
    };
    if !args.no_fidelity {
        let fallback = Fallback::Data(&arrays, CALIBRATION_SAMPLES);
        let source = Source::open(&model, &args.compile, fallback, &mut progress)?;
        let expected = folder.map(|f| f.join("outputs.npz")).filter(|f| f.exists()).map(read).transpose()?;
        let tally = progress.timed("compare all samples", || compare(&source, &arrays, expected.as_ref())).0?;
        (line.max_abs_err, line.top1_agreement) = (tally.largest(), tally.agreement());
        line.max_rel_err = tally.relative();
        (line.samples, line.out_of_range) = (tally.samples, tally.out_of_range);
    }
    if json {
        println!("{}", line.to_json()?);
    } else {
        print(&line);
    }
    Ok(())
}

/// Binds an open dimension called `batch` to 1, unless the options bind dimensions.
fn bind_batch(model: &Path, options: &mut CompileArgs) -> Result<(), Failure> {
    if !options.dims.is_empty() || !options.shapes.is_empty() {
        return Ok(());
    }
    if let Err(Error::Frontend(FrontendError::UnboundDims { dims })) = Model::from_file(model)?.import()
        && dims.iter().all(|d| d.dim.as_deref() == Some("batch"))
    {
        options.dims.push(Named { name: "batch".into(), value: 1 });
    }
    Ok(())
}

/// Runs this command again as a process that only compiles and proves; `json` says whether --json was given.
fn spawn_worker(json: bool) -> Result<Measured, Failure> {
    let program = std::env::current_exe().map_err(|e| failed(e.to_string()))?;
    let output = Command::new(program)
        .args(std::env::args_os().skip(1))
        .arg("--worker")
        .args((!json).then_some("--json"))
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| failed(e.to_string()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).map_err(|_| reported(&text, output.status))
}

fn failed(reason: String) -> Failure {
    Failure::System(format!("the measuring process failed: {reason}"))
}

/// The failure that a process of this command reported as JSON, with its exit code.
pub(crate) fn reported(text: &str, status: ExitStatus) -> Failure {
    let value: Option<serde_json::Value> = serde_json::from_str(text).ok();
    let error = value.and_then(|v| Some(v.get("error")?.as_str()?.to_string()));
    let message = error.unwrap_or_else(|| format!("the measuring process failed: {status}"));
    match status.code().and_then(|code| u8::try_from(code).ok()) {
        Some(code) if code > 0 => Failure::Reported { message, code },
        _ => Failure::System(message),
    }
}

fn measure(model: &Path, args: &Args, arrays: &Arrays) -> Result<Measured, Failure> {
    let mut progress = Progress::new(true);
    let fallback = Fallback::Data(arrays, CALIBRATION_SAMPLES);
    let (source, quantise_time) = {
        let started = Instant::now();
        (Source::open(model, &args.compile, fallback, &mut progress)?, started.elapsed())
    };
    let samples = source.samples(arrays)?;
    let before = held();
    let accept = |plan: &Plan| args.memory.accept(plan, Purpose::Proving);
    let (prover, build_time) = progress.timed("", || source.build_if(&mut Progress::new(true), accept));
    let prover = prover?;
    let build_peak = memory::peak();
    let forecast = Forecast::new(prover.plan(), &Speed::known(&mut Progress::new(true)), before);
    let key = prover.verifying_key();
    let (mut witness_times, mut prove_times, mut verify_times) = (Vec::new(), Vec::new(), Vec::new());
    let (mut proof_bytes, mut parts) = (0, Vec::<(String, Vec<Duration>)>::new());
    for run in 0..usize::from(args.runs) {
        let inputs = samples.get(run % samples.len().max(1))?;
        let (witness, witness_time) = progress.timed("", || prover.witness(&inputs));
        let witness = witness?;
        let (proof, prove_time) = progress.timed("", || {
            let mut clock = Clock::start();
            (prover.prove_timed(&witness, &mut clock), clock)
        });
        let (proof, clock) = (proof.0?, proof.1);
        for (i, (part, time)) in clock.laps().iter().enumerate() {
            match parts.get_mut(i) {
                Some(times) => times.1.push(*time),
                None => parts.push((part.to_string(), vec![*time])),
            }
        }
        let (verified, verify_time) = progress.timed("", || key.verify(&proof));
        verified?;
        proof_bytes = proof_bytes.max(proof.to_bytes()?.len());
        witness_times.push(witness_time);
        prove_times.push(prove_time);
        verify_times.push(verify_time);
    }
    let provenance = &prover.model().provenance;
    let mib = |b: u64| b as f64 / 1024.0 / 1024.0;
    let (emitted_per_activation, emitted_per_weight) = densities(prover.stats());
    let by_track = |emitted: f64| emitted / prover.stats().tracks as f64;
    Ok(Measured {
        rows: prover.stats().rows,
        degree_bits: prover.stats().degree_bits,
        compile_s: (quantise_time + build_time).as_secs_f64(),
        witness_s: median(witness_times),
        prove_s: median(prove_times),
        verify_ms: median(verify_times) * 1e3,
        proof_bytes,
        peak_rss_mib: memory::peak().map(mib),
        build_rss_mib: build_peak.map(mib),
        profile: key.profile().name().into(),
        zero_knowledge: key.zero_knowledge(),
        security_bits: key.inner().security().conjectured(),
        params: provenance.params,
        macs: provenance.macs,
        tracks: prover.stats().tracks,
        emitted_per_activation,
        rows_per_activation: emitted_per_activation.map(by_track),
        rows_per_weight: emitted_per_weight.map(by_track),
        forecast_prove_s: forecast.prove.as_secs_f64(),
        forecast_mib: mib(forecast.memory_bytes),
        forecast_calibrated: forecast.calibrated,
        parts: parts.into_iter().map(|(part, times)| (part, median(times))).collect(),
    })
}

/// Emitted rows by accumulator and by weight.
fn densities(stats: &Stats) -> (Option<f64>, Option<f64>) {
    let rows = |kind: &str| -> usize { stats.kinds.iter().filter(|k| k.0.starts_with(kind)).map(|k| k.1).sum() };
    let (weights, tables) = (rows("bilinear/"), rows("table/"));
    let share = |rows: usize, of: usize| (of > 0).then(|| rows as f64 / of as f64);
    let all: usize = stats.kinds.values().sum();
    (share(all - weights - tables, stats.accumulators), share(weights, stats.weights))
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    let middle = times.len() / 2;
    match times.as_slice() {
        [] => 0.0,
        times if times.len() % 2 == 1 => times[middle].as_secs_f64(),
        times => f64::midpoint(times[middle - 1].as_secs_f64(), times[middle].as_secs_f64()),
    }
}

/// Agreement of quantised outputs with expected ones.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) samples: usize,
    pub(crate) out_of_range: usize,
    largest: f64,
    /// Smallest and largest expected element.
    range: Option<(f64, f64)>,
    vectors: usize,
    agreeing: usize,
}

impl Tally {
    /// Adds an output.
    pub(crate) fn add(&mut self, got: &Tensor<f64>, expected: &Tensor<f64>) {
        self.largest = self.largest.max(difference(got, expected));
        for value in expected.data().iter().filter(|v| v.is_finite()) {
            let (lo, hi) = self.range.unwrap_or((*value, *value));
            self.range = Some((lo.min(*value), hi.max(*value)));
        }
        let width = got.shape().last().copied().unwrap_or(0);
        if width > 1 {
            for (a, b) in got.data().chunks(width).zip(expected.data().chunks(width)) {
                self.vectors += 1;
                self.agreeing += usize::from(first_largest(a) == first_largest(b));
            }
        }
    }

    /// Largest difference of an element; `None` when nothing was compared.
    pub(crate) fn largest(&self) -> Option<f64> {
        (self.samples > self.out_of_range).then_some(self.largest)
    }

    /// The largest difference by the range of the expected elements; `None` when these are all equal.
    pub(crate) fn relative(&self) -> Option<f64> {
        let (lo, hi) = self.range?;
        self.largest().filter(|_| hi > lo).map(|error| error / (hi - lo))
    }

    /// Share of the vectors along the last axis with their largest element at the same place.
    pub(crate) fn agreement(&self) -> Option<f64> {
        (self.vectors > 0).then(|| self.agreeing as f64 / self.vectors as f64)
    }
}

/// Index of the largest element, the first among equals.
pub(crate) fn first_largest(values: &[f64]) -> usize {
    values.iter().enumerate().fold((0, f64::NEG_INFINITY), |best, (i, v)| if *v > best.1 { (i, *v) } else { best }).0
}

/// Compares the outputs of all samples with `expected` ones, or with those of the float graph.
fn compare(source: &Source, arrays: &Arrays, expected: Option<&Arrays>) -> Result<Tally, Failure> {
    let samples = source.samples(arrays)?;
    let program = source.program();
    let expected = expected.map(|arrays| output_samples(program, arrays)).transpose()?;
    let mut tally = Tally::default();
    for index in 0..samples.len() {
        let inputs = samples.get(index)?;
        tally.samples += 1;
        let outputs = match program.infer(&inputs) {
            Ok(outputs) => outputs,
            Err(QuantError::InputRange { .. } | QuantError::Range { .. }) => {
                tally.out_of_range += 1;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let wanted = match &expected {
            Some(samples) => Some(samples.get(index)?),
            None => source.infer_float(&inputs)?,
        };
        outputs.iter().zip(wanted.iter().flatten()).for_each(|(got, expected)| tally.add(got, expected));
    }
    Ok(tally)
}

/// Cuts arrays into samples of the outputs.
pub(crate) fn output_samples(program: &Program, arrays: &Arrays) -> Result<Samples, Failure> {
    let slots: Vec<_> = program.outputs.iter().map(|p| (p.name.clone(), p.shape.clone())).collect();
    Ok(arrays.samples(&slots)?)
}

fn print(line: &Line) {
    let m = &line.measured;
    let time = |s: f64| seconds(Duration::from_secs_f64(s));
    println!("{}: {} parameters, {} multiplications", line.model, grouped(m.params), grouped(m.macs));
    println!(
        "  rows      {} (2^{}), profile {}, {} threads",
        grouped(m.rows as u64),
        m.degree_bits,
        m.profile,
        line.threads
    );
    println!("  compile   {}", time(m.compile_s));
    println!("  witness   {}", time(m.witness_s));
    println!("  prove     {}", time(m.prove_s));
    println!("  verify    {}", time(m.verify_ms / 1e3));
    println!("  proof     {}", bytes(m.proof_bytes as u64));
    if let Some(mib) = m.peak_rss_mib {
        println!("  memory    {mib:.0} MiB at the peak, forecast {:.0}", m.forecast_mib);
    }
    let how = if m.forecast_calibrated { "" } else { ", not calibrated" };
    println!("  forecast  a proof in {}{how}", time(m.forecast_prove_s));
    if let (Some(activation), Some(weight)) = (m.rows_per_activation, m.rows_per_weight) {
        println!("  density   {activation:.3} rows an activation, 1/{:.0} row a weight", 1.0 / weight);
    }
    if let Some(error) = line.max_abs_err {
        let relative = line.max_rel_err.map_or(String::new(), |e| format!(" ({e:.1e} of the outputs' range)"));
        println!("  fidelity  largest error {error:.2e}{relative} over {} samples", line.samples - line.out_of_range);
    }
    if let Some(agreement) = line.top1_agreement {
        println!("            largest element in the same place in {:.2} %", 100.0 * agreement);
    }
    if !m.zero_knowledge {
        println!("  not zero knowledge: see --zk");
    }
    if line.out_of_range > 0 {
        println!("            {} samples beyond the calibrated ranges", line.out_of_range);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        let times = |ms: &[u64]| ms.iter().map(|ms| Duration::from_millis(*ms)).collect::<Vec<_>>();
        assert_eq!(median(times(&[3000, 1000, 2000])), 2.0);
        assert_eq!(median(times(&[4000, 1000])), 2.5);
        assert_eq!(median(Vec::new()), 0.0);
    }

    #[test]
    fn tallies() {
        let vectors = |v: &[f64]| Tensor::from_vec(&[2, 2], v.to_vec()).unwrap();
        let mut tally = Tally { samples: 1, ..Tally::default() };
        tally.add(&vectors(&[1.0, 2.0, 3.0, 4.0]), &vectors(&[1.5, 2.0, 4.0, 3.0]));
        assert_eq!((tally.largest(), tally.agreement()), (Some(1.0), Some(0.5)));
        assert_eq!(tally.relative(), Some(1.0 / 2.5));
        assert_eq!(Tally::default().largest(), None);
    }
}
