//! Text form of graphs: one line for every node, readable by people, and read back to the same graph.
//!
//! ```text
//! graph field
//! %0 = input [-128+2^8] : real[1,784] "pixels" 2^-7
//! %1 = const @2f1c8c0e8c3a9d47 : real[784,10] "weights" 2^-9
//! %2 = contract %0, %1 ab,bc->ac : real[1,10] "MatMul_0" 2^-16
//! %3 = round>>5 %2 [-8192+2^14] : real[1,10] "MatMul_0" 2^-11
//! output "logits" %3
//! ```
//!
//! A line gives the operator, its operands, its attributes, the fact of the result, the name in the user's model and,
//! in the field domain, the scale: the real number is the integer times it. `[lo+2^bits]` are the integers
//! `lo..lo + 2^bits`. Nodes are numbered in the order of the text. Attributes that follow from the fact (the shape of a
//! reshape, say) are not repeated. Constants of more than a few elements, long index lists and tables stand as
//! `@fingerprint`; reading needs a [`Pool`] that has them.

mod attribute;
mod cursor;
mod parse;
mod print;

use std::collections::BTreeMap;

pub use attribute::Attribute;
pub use cursor::Cursor;
pub use parse::parse;
pub use print::{const_pool, print};

use crate::tensor::Tensor;

/// Tensors by [`Tensor::fingerprint`].
pub type Pool<T> = BTreeMap<String, Tensor<T>>;
