use ndarray_npy::NpzReader;
use plonnx_backend::*;
use plonnx_ir::*;
use std::time::Instant;

fn load(path: &str, names: &[(String, Vec<usize>)]) -> Vec<Vec<Tensor<f64>>> {
    let mut npz = NpzReader::new(std::fs::File::open(path).unwrap()).unwrap();
    let mut out: Vec<Vec<Tensor<f64>>> = Vec::new();
    for (name, shape) in names {
        let a: ndarray::ArrayD<f64> = match npz.by_name::<ndarray::OwnedRepr<f32>, ndarray::IxDyn>(name) {
            Ok(a) => a.mapv(f64::from),
            Err(_) => npz.by_name::<ndarray::OwnedRepr<i64>, ndarray::IxDyn>(name).unwrap().mapv(|v| v as f64),
        };
        for (i, s) in a.outer_iter().enumerate() {
            if out.len() <= i {
                out.push(vec![]);
            }
            out[i].push(Tensor::from_vec(shape, s.iter().copied().collect()).unwrap());
        }
    }
    out
}

fn main() {
    for name in std::env::args().skip(1) {
        let dir = if name.contains('/') { name.clone() } else { format!("fixtures/{name}") };
        let t = Instant::now();
        let bytes = std::fs::read(format!("{dir}/model.onnx")).unwrap();
        let mut options = plonnx_frontend::Options::default();
        if !name.contains("block") && !name.contains("nanogpt") {
            options.dims.insert("batch".into(), 1);
        }
        let import = plonnx_frontend::import(&bytes, &options).unwrap();
        let names: Vec<_> = import.inputs.iter().map(|i| (i.name.clone(), i.shape.clone())).collect();
        let samples = load(&format!("{dir}/inputs.npz"), &names);
        let cal = plonnx_quant::calibrate(&import.graph, &samples[..samples.len().min(16)]).unwrap();
        let program = plonnx_quant::quantise(&import.graph, &cal, &plonnx_quant::Config::default()).unwrap();
        println!("{name}: import+quantise {:?}", t.elapsed());
        if std::env::var("TEXT").is_ok() {
            println!("{}", program.report());
            println!("{}", text::print(&program.graph));
        }
        let fid = plonnx_quant::fidelity(&import.graph, &program, &samples[..samples.len().min(16)]).unwrap();
        println!("{:?}", fid.outputs);
        let settings = Settings {
            inputs: vec![Visibility::Private; program.graph.inputs().len()],
            outputs: vec![Visibility::Public; program.graph.outputs().len()],
            ..Default::default()
        };
        let t = Instant::now();
        let circuit = Circuit::compile(program.graph.clone(), settings).unwrap();
        println!("compile {:?}", t.elapsed());
        println!("{}", circuit.stats());
        let inputs = program.quantise_inputs(&samples[0]).unwrap();
        for i in 0..3 {
            let t = Instant::now();
            let witness = circuit.witness(&inputs).unwrap();
            let w = t.elapsed();
            let t = Instant::now();
            if i == 0 {
                let v = circuit.check(&witness);
                println!("violations {} check {:?}", v.len(), t.elapsed());
                if !v.is_empty() {
                    println!("{}", v[0]);
                }
            }
            let t = Instant::now();
            let proof = circuit.prove(&witness).unwrap();
            let p = t.elapsed();
            let t = Instant::now();
            circuit.verifying_key().verify(&proof).unwrap();
            println!("witness {w:?} prove {p:?} verify {:?} size {}", t.elapsed(), proof.proof.len());
        }
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        println!("{}", status.lines().find(|l| l.starts_with("VmHWM")).unwrap());
    }
}
