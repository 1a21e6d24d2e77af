//! `plonnx commit`: commitments to tensors, made and opened without a proof.

use std::path::{Path, PathBuf};

use plonnx::data::Slot;
use plonnx::runtime::VerifyingKey;
use plonnx::runtime::encoding::encode;
use plonnx::{Commitment, Opening, Salt, opening};
use serde_json::{Value, json};

use crate::Outcome;
use crate::data::{nested, read_all};
use crate::failure::Failure;
use crate::text::{shape, values};

/// Elements of a tensor that are shown.
const SHOWN: usize = 16;

/// Commit to a tensor as proofs do, or open a commitment
///
/// A commitment is salted: it tells nothing of the tensor to those who lack the file of openings, which has to be kept.
/// `plonnx prove --opening FILE` makes a proof about the tensor with this commitment.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The key of proofs about the tensor, which says how it is encoded
    #[arg(long, value_name = "FILE", required_unless_present = "open", requires = "data")]
    vk: Option<PathBuf>,
    /// Name of the input or output [default: the only one that is committed]
    #[arg(long, value_name = "NAME", requires = "vk")]
    tensor: Option<String>,
    /// The tensor: .npz, .npy, .json or .pb
    #[arg(long, value_name = "[NAME=]FILE", requires = "vk")]
    data: Vec<String>,
    /// Which sample of the data to take, counted from 0
    #[arg(long, default_value_t = 0, value_name = "N")]
    sample: usize,
    /// Where to write the opening
    #[arg(short, long, value_name = "FILE", default_value = "commitment.openings.plonnx")]
    output_file: PathBuf,
    /// Show what the openings in this file open
    #[arg(long, value_name = "FILE", conflicts_with = "vk")]
    open: Option<PathBuf>,
    /// A commitment that one of the openings must open
    #[arg(long, value_name = "COMMITMENT", requires = "open", value_parser = commitment)]
    expect: Option<Commitment>,
}

pub(crate) fn run(args: Args, json: bool) -> Outcome {
    match (&args.open, &args.vk) {
        (Some(path), _) => show(path, args.expect, json),
        (None, Some(vk)) => make(&args, &VerifyingKey::read(vk)?, json),
        (None, None) => Err(Failure::Usage("expected --vk or --open".into())),
    }
}

fn make(args: &Args, key: &VerifyingKey, json: bool) -> Outcome {
    let committed = || key.ports().iter().filter(|p| p.visibility == plonnx::Visibility::Committed);
    let port = match &args.tensor {
        Some(name) => committed().find(|p| p.name == *name),
        None => committed().next().filter(|_| committed().count() == 1),
    };
    let Some(port) = port else {
        let known: Vec<&str> = committed().map(|p| p.name.as_str()).collect();
        let known = if known.is_empty() { "none".to_string() } else { known.join(", ") };
        return Err(Failure::Usage(format!("--tensor: the committed tensors of the key are: {known}")));
    };
    let slot: Slot = (port.name.clone(), port.shape.clone());
    let samples = read_all(&args.data)?.samples(&[slot])?;
    let tensor = samples.get(args.sample)?.swap_remove(0);
    let integers = encode(port, &tensor.to_vec())?;
    let opening = Opening::new(port, integers, Salt::random());
    let commitment = opening.commitment()?;
    opening::write(&args.output_file, std::slice::from_ref(&opening))?;
    if json {
        let (tensor, file) = (&opening.name, &args.output_file);
        println!("{}", json!({ "tensor": tensor, "commitment": commitment.to_string(), "openings": file }));
    } else {
        println!("commitment to {}: {commitment}", opening.name);
        println!("wrote {}: it opens the commitment, keep it secret", args.output_file.display());
    }
    Ok(())
}

fn show(path: &Path, expected: Option<Commitment>, json: bool) -> Outcome {
    let openings = opening::read(path)?;
    let mut opened = Vec::new();
    for opening in &openings {
        opened.push((opening, opening.commitment()?, opening.values()?));
    }
    if let Some(expected) = expected
        && opened.iter().all(|o| o.1 != expected)
    {
        return Err(Failure::Rejected(format!("{}: no opening is one of {expected}", path.display())));
    }
    if json {
        let list: Value = opened
            .iter()
            .map(|(o, c, v)| json!({ "tensor": o.name, "commitment": c.to_string(), "values": nested(v) }))
            .collect();
        println!("{}", json!({ "openings": list }));
        return Ok(());
    }
    for (opening, commitment, tensor) in &opened {
        let shown = values(tensor.data().iter().copied(), SHOWN);
        println!("{commitment} is a commitment to {} {} = {shown}", opening.name, shape(&opening.shape));
    }
    Ok(())
}

fn commitment(text: &str) -> Result<Commitment, String> {
    Commitment::from_hex(text).ok_or_else(|| "expected 64 hexadecimal digits in lower case".into())
}
