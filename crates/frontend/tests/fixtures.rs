//! The committed models agree with onnxruntime on the committed inputs.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use ndarray::{ArrayD, Axis, Slice};
use ndarray_npy::NpzReader;
use plonnx_frontend::{Import, Options, import};
use plonnx_ir::{Tensor, eval, verify};

/// Largest difference, relative to the largest magnitude of the output.
const TOLERANCE: f64 = 1e-4;
/// The same for quantised models: onnxruntime rounds factors and products to single precision before it rounds to an
/// integer, so that a few integers near a tie differ by one.
const INTEGER_TOLERANCE: f64 = 1e-2;
const SAMPLES: usize = 16;

fn read(npz: &mut NpzReader<File>, name: &str) -> ArrayD<f64> {
    if let Ok(array) = npz.by_name::<ndarray::OwnedRepr<f32>, ndarray::IxDyn>(name) {
        return array.mapv(f64::from);
    }
    if let Ok(array) = npz.by_name::<ndarray::OwnedRepr<i64>, ndarray::IxDyn>(name) {
        return array.mapv(|v| v as f64);
    }
    npz.by_name::<ndarray::OwnedRepr<f64>, ndarray::IxDyn>(name).unwrap_or_else(|e| panic!("array {name}: {e}"))
}

/// Sample `i` in the shape of one batch.
fn sample(array: &ArrayD<f64>, i: usize, shape: &[usize]) -> Tensor<f64> {
    let one = array.slice_axis(Axis(0), Slice::from(i..i + 1));
    Tensor::from_vec(shape, one.iter().copied().collect()).expect("the sample has the shape of the input")
}

fn load(folder: &Path) -> Import {
    let bytes = fs::read(folder.join("model.onnx")).unwrap();
    let mut options = Options::default();
    let model = import(&bytes, &options).or_else(|_| {
        options.dims.insert("batch".into(), 1);
        import(&bytes, &options)
    });
    model.unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
}

fn check(folder: &Path) {
    let model = load(folder);
    verify(&model.graph).unwrap_or_else(|e| panic!("{}: {e:?}", folder.display()));
    let open = |file| NpzReader::new(File::open(folder.join(file)).unwrap()).unwrap();
    let (mut inputs, mut outputs) = (open("inputs.npz"), open("outputs.npz"));
    let by_name = |npz: &mut NpzReader<File>, names: Vec<String>| -> BTreeMap<String, ArrayD<f64>> {
        names.into_iter().map(|n| (n.clone(), read(npz, &n))).collect()
    };
    let given = by_name(&mut inputs, model.inputs.iter().map(|i| i.name.clone()).collect());
    let expected = by_name(&mut outputs, model.outputs.iter().map(|o| o.name.clone()).collect());
    let quantised = folder.to_string_lossy().contains("-q");
    let tolerance = if quantised { INTEGER_TOLERANCE } else { TOLERANCE };
    let count = given.values().next().map_or(0, |a| a.shape()[0]);
    assert!(count >= 8, "{}: {count} samples", folder.display());
    for i in 0..count.min(SAMPLES) {
        let x: Vec<_> = model.inputs.iter().map(|v| sample(&given[&v.name], i, &v.shape)).collect();
        let y = eval(&model.graph, &x).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        for (info, y) in model.outputs.iter().zip(&y) {
            let expected = sample(&expected[&info.name], i, &info.shape);
            let largest = expected.iter().fold(0f64, |m, v| m.max(v.abs()));
            let difference = y.iter().zip(expected.iter()).fold(0f64, |m, (a, b)| m.max((a - b).abs()));
            assert!(
                difference <= tolerance * largest,
                "{} sample {i} output {}: differs by {difference}, largest magnitude {largest}",
                folder.display(),
                info.name
            );
        }
    }
}

fn folders() -> Vec<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    let mut folders: Vec<_> = fs::read_dir(root).unwrap().map(|e| e.unwrap().path()).collect();
    folders.retain(|f| f.join("model.onnx").exists());
    folders.sort();
    assert!(folders.len() >= 5, "only {} fixtures", folders.len());
    folders
}

#[test]
fn imported_graphs() {
    for folder in folders() {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        insta::assert_snapshot!(name, plonnx_ir::text::print(&load(&folder).graph));
    }
}

#[test]
fn fixtures_agree_with_onnxruntime() {
    for folder in folders() {
        check(&folder);
    }
}

/// The results of a model of integers, in steps of its last scale: all but a few of 2,560 are onnxruntime's, the others
/// are next to them.
#[test]
fn integers_are_those_of_onnxruntime() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/lenet5-qdq");
    let model = load(&folder);
    let open = |file| NpzReader::new(File::open(folder.join(file)).unwrap()).unwrap();
    let (given, expected) = (read(&mut open("inputs.npz"), "image"), read(&mut open("outputs.npz"), "logits"));
    let steps = expected.iter().filter(|v| **v != 0.0).fold(f64::INFINITY, |m, v| m.min(v.abs()));
    let mut other = 0;
    for i in 0..given.shape()[0] {
        let y = eval(&model.graph, &[sample(&given, i, &model.inputs[0].shape)]).unwrap();
        for (a, b) in y[0].iter().zip(sample(&expected, i, &model.outputs[0].shape).iter()) {
            let units = ((a - b) / steps).abs();
            assert!(units < 1.01 && (units - units.round()).abs() < 0.01, "sample {i}: {a} and {b}, steps of {steps}");
            other += usize::from(units > 0.5);
        }
    }
    println!("{other} of {} integers differ by one", expected.len());
    assert!(other <= 16, "{other} of {} integers differ by one", expected.len());
}

/// Models that compute differences from onnxruntime's results.
#[test]
fn recurrent_layers_agree_with_onnxruntime() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/cases/recurrent");
    let files: Vec<_> = fs::read_dir(root).unwrap().map(|e| e.unwrap().path()).collect();
    assert!(files.len() >= 16, "only {} cases", files.len());
    for file in files {
        let model = import(&fs::read(&file).unwrap(), &Options::default());
        let model = model.unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        for (difference, info) in eval(&model.graph, &[]).unwrap().iter().zip(&model.outputs) {
            assert!(!difference.is_empty());
            let largest = difference.iter().fold(0f64, |m, v| m.max(v.abs()));
            assert!(largest <= 1e-5, "{}: {} is {largest}", file.display(), info.name);
        }
    }
}
