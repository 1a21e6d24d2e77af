//! `plonnx calibrate`: how fast this machine is.

use serde_json::json;

use crate::Outcome;
use crate::forecast::{cache_file, measure};
use crate::progress::Progress;

/// Measure the speed of this machine again, for forecasts
///
/// Commands that forecast the time of a proof measure it once for each version, processor and number of threads, and keep
/// it in the user's cache: $PLONNX_CACHE, or the system's folder for caches. $PLONNX_NO_CALIBRATION turns that off.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_: Args, json: bool) -> Outcome {
    let speed = Progress::new(json).timed("calibrate the forecast", measure).0?;
    let file = cache_file().filter(|path| path.exists());
    if json {
        println!("{}", json!({ "factor": speed.factor, "threads": speed.threads, "file": file }));
        return Ok(());
    }
    println!("proofs take {:.2} times as long as on the reference machine, on {} threads", speed.factor, speed.threads);
    match file {
        Some(path) => println!("wrote {}", path.display()),
        None => println!("there is no cache to keep this in"),
    }
    Ok(())
}
