//! Compile, witness, prove and verify on the LeNet-5 fixture; the parts of its proof; transforms and hashing by themselves.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use plonnx_backend::kernels::Columns;
use plonnx_backend::{Circuit, Clock, Settings, Visibility};
use plonnx_frontend::Options;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn lenet5(c: &mut Criterion) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/lenet5");
    let bytes = std::fs::read(format!("{folder}/model.onnx")).expect("the fixture is committed");
    let mut options = Options::default();
    options.dims.insert("batch".into(), 1);
    let import = plonnx_frontend::import(&bytes, &options).expect("the fixture imports");
    let ranges = vec![(0.0, 1.0)];
    let calibration = plonnx_quant::calibrate_declared(&import.graph, &ranges).expect("ranges propagate");
    let config = plonnx_quant::Config::default();
    let program = plonnx_quant::quantise(&import.graph, &calibration, &config).expect("the fixture quantises");
    let settings =
        Settings { inputs: vec![Visibility::Private], outputs: vec![Visibility::Public], ..Settings::default() };
    let compile = || Circuit::compile(program.graph.clone(), settings.clone()).expect("the fixture compiles");
    let circuit = compile();
    let shape = import.graph.shape(import.graph.inputs()[0]).to_vec();
    let image = (0..shape.iter().product::<usize>()).map(|i| f64::from(i as u32 % 17) / 16.0).collect();
    let image = plonnx_ir::Tensor::from_vec(&shape, image).expect("lengths agree");
    let inputs = program.quantise_inputs(&[image]).expect("pixels are in range");
    let witness = circuit.witness(&inputs).expect("values are in range");
    let proof = circuit.prove(&witness).expect("the witness satisfies the circuit");

    let mut group = c.benchmark_group("lenet5");
    group.sample_size(10);
    group.bench_function("compile", |b| b.iter(|| black_box(compile())));
    group.bench_function("witness", |b| b.iter(|| circuit.witness(black_box(&inputs))));
    group.bench_function("check", |b| b.iter(|| circuit.check(black_box(&witness))));
    group.bench_function("prove", |b| b.iter(|| circuit.prove(black_box(&witness))));
    group.bench_function("verify", |b| b.iter(|| circuit.verifying_key().verify(black_box(&proof))));
    group.finish();

    let mut group = c.benchmark_group("lenet5 proof");
    group.sample_size(10);
    let lap = |part: &str| {
        let mut clock = Clock::start();
        circuit.prove_timed(&witness, &mut clock).expect("the witness satisfies the circuit");
        clock.laps().iter().filter(|(name, _)| *name == part).map(|(_, time)| *time).sum::<Duration>()
    };
    for part in ["commit to wires", "permutation", "constraints", "openings", "low-degree test", "proof of work"] {
        group.bench_function(part, |b| b.iter_custom(|times| (0..times).map(|_| lap(part)).sum()));
    }
    group.finish();
}

/// A hundred columns of 2^12 rows at rate 1/8.
fn columns(c: &mut Criterion) {
    let columns = Columns::random(100, 12, 3);
    let mut group = c.benchmark_group("columns");
    group.sample_size(10).throughput(Throughput::Elements(columns.elements() as u64));
    group.bench_function("extend", |b| b.iter(|| columns.extend()));
    group.bench_function("hash", |b| b.iter(|| columns.hash()));
    group.finish();
}

criterion_group!(benches, lenet5, columns);
criterion_main!(benches);
