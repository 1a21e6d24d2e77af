//! The speed of this machine, measured once by proving a small model and kept in the user's cache.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use plonnx::backend::Plan;
use plonnx::runtime::artifact;
use plonnx::{Model, Tensor};
use serde::{Deserialize, Serialize};

use super::{reference_seconds, threads};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::suite;

/// Proofs after the first, whose median counts.
const PROOFS: usize = 9;
/// Factors outside of this range are not believed.
const PLAUSIBLE: std::ops::Range<f64> = 1e-3..1e3;
/// Bytes of the cache that are read.
const MAX_FILE: u64 = 4096;

/// How this machine compares with the reference machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Speed {
    /// Time of a proof here by its time there.
    pub(crate) factor: f64,
    pub(crate) threads: usize,
    pub(crate) calibrated: bool,
}

/// What a measurement holds for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    format: String,
    version: String,
    cpu: String,
    threads: usize,
}

/// The file in the cache.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    #[serde(flatten)]
    header: Header,
    factor: f64,
    /// BLAKE3 over the other fields.
    hash: String,
}

impl Header {
    fn here() -> Self {
        Self {
            format: "plonnx speed 2".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            cpu: cpu(),
            threads: threads(),
        }
    }

    fn hash(&self, factor: f64) -> String {
        let Self { format, version, cpu, threads } = self;
        let text = format!("{format}\n{version}\n{cpu}\n{threads}\n{factor:.6}");
        blake3::hash(text.as_bytes()).to_string()
    }
}

impl Speed {
    /// The reference machine's speed, for when this one's is not known.
    pub(crate) fn assumed() -> Self {
        Self { factor: 1.0, threads: threads(), calibrated: false }
    }

    /// The speed in the cache; if there is none that holds here, it is measured and kept.
    pub(crate) fn known(progress: &mut Progress) -> Self {
        if std::env::var_os("PLONNX_NO_CALIBRATION").is_some() {
            return Self::assumed();
        }
        let file = cache_file();
        if let Some(factor) = file.as_deref().and_then(|path| read(path, &Header::here())) {
            return Self { factor, threads: threads(), calibrated: true };
        }
        // A forecast is no reason to fail.
        progress.timed("calibrate the forecast", measure).0.unwrap_or_else(|_| Self::assumed())
    }
}

/// Measures the speed of this machine, and keeps it if the cache can be written.
pub(crate) fn measure() -> Result<Speed, Failure> {
    let (plan, time) = time_proof()?;
    let factor = time.as_secs_f64() / reference_seconds(&plan, threads());
    if !PLAUSIBLE.contains(&factor) {
        return Err(Failure::System(format!("a proof in {time:?} tells nothing of this machine's speed")));
    }
    if let Some(path) = cache_file() {
        // The next command measures again if this fails.
        let _ = write(&path, Header::here(), factor);
    }
    Ok(Speed { factor, threads: threads(), calibrated: true })
}

/// Proves the calibration model, and gives the median time of a proof.
fn time_proof() -> Result<(Plan, Duration), Failure> {
    let network = suite::calibration();
    let shape: Vec<usize> = network.input_shape().to_vec();
    let compiled = Model::from_onnx(network.to_onnx()).range(-1.0, 1.0).compile()?;
    let prover = compiled.into_prover();
    let elements = (0..shape.iter().product::<usize>()).map(|i| f64::from(i as u32 % 17) / 17.0).collect();
    let input = Tensor::from_vec(&shape, elements).ok_or_else(|| Failure::System("lengths differ".into()))?;
    let witness = prover.witness(&[input])?;
    let mut times = Vec::new();
    for _ in 0..=PROOFS {
        let started = Instant::now();
        prover.prove_witness(&witness)?;
        times.push(started.elapsed());
    }
    // The first proof touches memory for the first time.
    let times = &mut times[1..];
    times.sort_unstable();
    Ok((prover.plan().clone(), times[PROOFS / 2]))
}

/// Where the speed is kept; `None` where users have no cache.
pub(crate) fn cache_file() -> Option<PathBuf> {
    let folder = match std::env::var_os("PLONNX_CACHE") {
        Some(folder) if folder.is_empty() => return None,
        Some(folder) => PathBuf::from(folder),
        None => dirs::cache_dir()?.join("plonnx"),
    };
    Some(folder.join(format!("speed-{}.json", threads())))
}

/// The factor in a file that holds for `header`; `None` if the file is missing, damaged, or of something else.
fn read(path: &Path, header: &Header) -> Option<f64> {
    let mut text = String::new();
    std::fs::File::open(path).ok()?.take(MAX_FILE).read_to_string(&mut text).ok()?;
    let record: Record = serde_json::from_str(&text).ok()?;
    let holds = record.header == *header && record.hash == header.hash(record.factor);
    (holds && PLAUSIBLE.contains(&record.factor)).then_some(record.factor)
}

fn write(path: &Path, header: Header, factor: f64) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| Failure::System(e.to_string()))?;
    }
    let record = Record { hash: header.hash(factor), header, factor };
    let text = serde_json::to_string(&record).map_err(|e| Failure::System(e.to_string()))?;
    Ok(artifact::write(path, text.as_bytes())?)
}

/// Name of the processor; empty where the system does not tell.
fn cpu() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim_start_matches([' ', '\t', ':']).to_string())
    };
    let name = field("model name").or_else(|| field("CPU part")).or_else(|| std::env::var("PROCESSOR_IDENTIFIER").ok());
    format!("{} {}", std::env::consts::ARCH, name.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_holds_for_one_machine_and_version() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep").join("speed.json");
        let header = Header::here();
        assert_eq!(read(&path, &header), None);
        write(&path, header.clone(), 1.25).unwrap();
        assert_eq!(read(&path, &header), Some(1.25));
        for other in [
            Header { version: "0.0.0".into(), ..header.clone() },
            Header { cpu: "another".into(), ..header.clone() },
            Header { threads: header.threads + 1, ..header.clone() },
        ] {
            assert_eq!(read(&path, &other), None, "{other:?}");
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for (damage, damaged) in [
            ("another factor", text.replace("1.25", "1.75")),
            ("cut", text[..text.len() / 2].to_string()),
            ("empty", String::new()),
            ("foreign", "{\"speed\": 3}".into()),
        ] {
            std::fs::write(&path, damaged).unwrap();
            assert_eq!(read(&path, &header), None, "{damage}");
        }
        for implausible in [0.0, -1.0, 1e9, f64::INFINITY] {
            write(&path, header.clone(), implausible).unwrap();
            assert_eq!(read(&path, &header), None, "{implausible}");
        }
    }
}
