//! `plonnx verify --chain`: proofs that are linked through commitments.

use std::time::Instant;

use plonnx::runtime::{Proof, VerifyingKey};
use plonnx::verify_chain;
use serde_json::{Value, json};

use crate::Outcome;
use crate::command::prove::{committed, print_statement, public, security};
use crate::command::verify::Args;
use crate::failure::Failure;
use crate::text::seconds;

/// Verifies the proofs of a chain with those of the keys that they were made for, and their links.
pub(crate) fn run(args: &Args, json: bool) -> Outcome {
    let (keys, paths) = (&args.vk, &args.chain);
    let keys = keys.iter().map(|path| VerifyingKey::read(path)).collect::<Result<Vec<_>, _>>()?;
    let proofs = paths.iter().map(|path| Proof::read(path)).collect::<Result<Vec<_>, _>>()?;
    let mut pairs = Vec::new();
    for (proof, path) in proofs.iter().zip(paths) {
        let Some(key) = keys.iter().find(|key| key.hash() == proof.key_hash) else {
            let hash: String = proof.key_hash.iter().take(8).map(|b| format!("{b:02x}")).collect();
            return Err(Failure::Rejected(format!("{}: none of the keys is its key {hash}..", path.display())));
        };
        args.demand(key)?;
        pairs.push((key, proof));
    }
    let started = Instant::now();
    let chain = verify_chain(&pairs)?;
    let elapsed = started.elapsed();
    if json {
        let proof = |(key, verified): (&VerifyingKey, &plonnx::Verified)| {
            json!({
                "key": key.hash_text(), "public": public(verified), "committed": committed(verified),
                "private": verified.private, "security": security(key),
                "zero_knowledge": key.zero_knowledge(), "model": verified.model.map(|c| c.to_string()),
            })
        };
        let statements: Value = pairs.iter().map(|p| p.0).zip(&chain.proofs).map(proof).collect();
        let link = |l: &plonnx::runtime::Link| json!({ "output": l.output, "input": l.input, "commitment": l.commitment.to_string() });
        let links: Value = chain.links.iter().map(|links| links.iter().map(link).collect::<Value>()).collect();
        let seconds = elapsed.as_secs_f64();
        println!("{}", json!({ "valid": true, "verify_s": seconds, "proofs": statements, "links": links }));
        return Ok(());
    }
    println!("{} proofs are valid and linked (checked in {})", pairs.len(), seconds(elapsed));
    for (index, ((key, _), verified)) in pairs.iter().zip(&chain.proofs).enumerate() {
        print_statement(key, verified);
        for link in chain.links.get(index).into_iter().flatten() {
            println!("output {} is input {} of the next proof", link.output, link.input);
        }
    }
    Ok(())
}
