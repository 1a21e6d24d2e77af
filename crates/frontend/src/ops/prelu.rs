//! PRelu: `x` where positive, `slope * x` elsewhere.
//!
//! Spec: PRelu; all opsets. A slope per element is `slope * x + (1 - slope) * relu(x)`: both products are linear once
//! `relu(x)` is known. Nothing is rejected.

use plonnx_ir::Function;

use crate::lower::{Call, Results};

pub(super) fn lower(call: &mut Call) -> Results {
    call.ignore(&["consumed_inputs"]);
    let (x, slope) = (call.input(0)?, call.input(1)?);
    // Before opset 7 a slope of rank 1 meant one number per channel.
    let slope = if call.opset < 7 && call.rank(slope) == 1 && call.rank(x) > 2 {
        let mut shape = vec![1; call.rank(x) - 1];
        shape[0] = call.shape(slope)[0];
        call.reshape(slope, &shape)?
    } else {
        slope
    };
    if let Some(slope) = call.uniform(slope) {
        return Ok(vec![call.map(Function::LeakyRelu(slope), x)?]);
    }
    let dtype = call.dtype(slope);
    let one = call.scalar(1.0, dtype)?;
    let rest = call.linear(&[(1.0, one), (-1.0, slope)])?;
    let positive = call.map(Function::Relu, x)?;
    let scaled = call.product(x, slope)?;
    let lifted = call.product(positive, rest)?;
    Ok(vec![call.linear(&[(1.0, scaled), (1.0, lifted)])?])
}
