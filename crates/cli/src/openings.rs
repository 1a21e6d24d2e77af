//! Openings of commitments on the command line.

use std::path::Path;

use plonnx::data::Arrays;
use plonnx::{Opening, opening};

use crate::failure::Failure;
use crate::source::Source;

/// Reads `[NAME=]FILE[#TENSOR]`: the opening of TENSOR in FILE, under the name NAME.
pub(crate) fn choose(arguments: &[String]) -> Result<Vec<Opening>, Failure> {
    arguments.iter().map(|argument| choose_one(argument)).collect()
}

fn choose_one(argument: &str) -> Result<Opening, Failure> {
    let (name, rest) = match argument.split_once('=') {
        Some((name, rest)) if !Path::new(argument).exists() => (Some(name), rest),
        _ => (None, argument),
    };
    let (file, tensor) = match rest.rsplit_once('#') {
        Some((file, tensor)) if !Path::new(rest).exists() => (file, Some(tensor)),
        _ => (rest, None),
    };
    let mut found = opening::read(Path::new(file))?;
    if let Some(tensor) = tensor {
        found.retain(|o| o.name == tensor);
    }
    let count = found.len();
    let (Some(mut opening), 1) = (found.pop(), count) else {
        return Err(Failure::Usage(format!("{argument}: expected one opening, found {count}; write FILE#TENSOR")));
    };
    if let Some(name) = name {
        opening.name = name.to_string();
    }
    Ok(opening)
}

/// Adds the tensors of `openings` that are inputs of the model and have no data.
pub(crate) fn add_inputs(arrays: &mut Arrays, openings: &[Opening], source: &Source) -> Result<(), Failure> {
    for opening in openings {
        let Some(port) = source.program().inputs.iter().find(|p| p.name == opening.name) else { continue };
        if arrays.get(&opening.name).is_none() {
            let values = opening.values()?.reshaped(&port.shape).ok_or_else(|| {
                let (expected, got) = (&port.shape, &opening.shape);
                Failure::Usage(format!("opening of \"{}\": expected shape {expected:?}, got {got:?}", port.name))
            })?;
            arrays.insert(&opening.name, values);
        }
    }
    Ok(())
}
