//! Compile, witness, prove and verify on the LeNet-5 fixture.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use plonnx_backend::{Circuit, Settings, Visibility};
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
}

criterion_group!(benches, lenet5);
criterion_main!(benches);
