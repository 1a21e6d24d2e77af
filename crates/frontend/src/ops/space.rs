//! DepthToSpace, SpaceToDepth: blocks of channels as blocks of pixels, and back.
//!
//! Spec: the pages of these names; all opsets. Rejected: inputs that are not of rank 4.

use plonnx_ir::NodeId;

use crate::lower::{Builder, Call, Lowering, Results, extent, invalid};

pub(super) fn depth_to_space(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let ([n, c, h, w], block) = image(call, x)?;
    if c % (block * block) != 0 {
        return invalid(format!("{c} channels for blocks of {block} x {block}"));
    }
    let depth = c / (block * block);
    let (split, perm) = match call.text("mode", "DCR")? {
        "DCR" => ([n, block, block, depth, h, w], [0, 3, 4, 1, 5, 2]),
        "CRD" => ([n, depth, block, block, h, w], [0, 1, 4, 2, 5, 3]),
        other => return invalid(format!("mode is \"{other}\", expected DCR or CRD")),
    };
    Ok(vec![rearrange(call, x, split, perm, [n, depth, h * block, w * block])?])
}

pub(super) fn space_to_depth(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let ([n, c, h, w], block) = image(call, x)?;
    if h % block != 0 || w % block != 0 {
        return invalid(format!("{h} x {w} pixels for blocks of {block} x {block}"));
    }
    let split = [n, c, h / block, block, w / block, block];
    let joined = [n, c * block * block, h / block, w / block];
    Ok(vec![rearrange(call, x, split, [0, 3, 5, 1, 2, 4], joined)?])
}

fn image(call: &mut Call, x: NodeId) -> Lowering<([usize; 4], usize)> {
    let block = extent(call.int("blocksize")?.unwrap_or(0), "blocksize")?;
    match <[usize; 4]>::try_from(call.shape(x)) {
        Ok(shape) if block > 0 && block < 1 << 16 => Ok((shape, block)),
        _ => invalid(format!("blocksize {block} for an input of shape {:?}", call.shape(x))),
    }
}

fn rearrange(
    builder: &mut Builder,
    x: NodeId,
    split: [usize; 6],
    perm: [usize; 6],
    joined: [usize; 4],
) -> Lowering<NodeId> {
    let x = builder.reshape(x, &split)?;
    let x = builder.transpose(x, &perm)?;
    builder.reshape(x, &joined)
}
