//! Dense tensors with shared storage.

use std::fmt;

use ndarray::{ArcArray, ArrayD, IxDyn};

use crate::domain::Scalar;

/// A dense row-major tensor; cloning shares the storage.
#[derive(Clone, PartialEq)]
pub struct Tensor<T>(ArcArray<T, IxDyn>);

impl<T: Scalar> Tensor<T> {
    /// Tensor of `shape` from row-major `data`; `None` when the lengths differ.
    pub fn from_vec(shape: &[usize], data: Vec<T>) -> Option<Self> {
        ArcArray::from_shape_vec(IxDyn(shape), data).ok().map(Self)
    }

    /// Tensor of rank 0.
    pub fn scalar(value: T) -> Self {
        Self(ArcArray::from_elem(IxDyn(&[]), value))
    }

    /// Tensor of rank 1.
    pub fn vector(data: Vec<T>) -> Self {
        Self(ArcArray::from(data).into_dyn())
    }

    /// Tensor with every element equal to `value`.
    pub fn full(shape: &[usize], value: T) -> Self {
        Self(ArcArray::from_elem(IxDyn(shape), value))
    }

    /// Extents of the axes, outermost first.
    pub fn shape(&self) -> &[usize] {
        self.0.shape()
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether an extent is zero.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Elements in row-major order.
    pub fn iter(&self) -> impl Iterator<Item = T> + '_ {
        self.data().iter().copied()
    }

    /// Elements in row-major order, copied.
    pub fn to_vec(&self) -> Vec<T> {
        self.data().to_vec()
    }

    /// Elements in row-major order.
    pub fn data(&self) -> &[T] {
        // Every constructor keeps the standard layout.
        self.0.as_slice().unwrap_or(&[])
    }

    /// The same elements in row-major order under another shape, sharing the storage; `None` when the lengths differ.
    pub fn reshaped(&self, shape: &[usize]) -> Option<Self> {
        self.0.clone().into_shape_with_order(IxDyn(shape)).ok().map(Self)
    }

    /// The underlying array.
    pub fn array(&self) -> &ArcArray<T, IxDyn> {
        &self.0
    }

    /// An owned copy of the underlying array.
    pub fn to_array(&self) -> ArrayD<T> {
        self.0.to_owned()
    }

    /// First 16 hex digits of a BLAKE3 hash over shape and elements.
    pub fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(self.shape().len() as u64).to_le_bytes());
        for d in self.shape() {
            hasher.update(&(*d as u64).to_le_bytes());
        }
        let mut block = Vec::with_capacity(8 * 1024);
        for values in self.data().chunks(1024) {
            block.clear();
            block.extend(values.iter().flat_map(|v| v.to_bytes()));
            hasher.update(&block);
        }
        hasher.finalize().to_hex()[..16].to_string()
    }
}

impl<T: Scalar> From<ArrayD<T>> for Tensor<T> {
    fn from(array: ArrayD<T>) -> Self {
        let array = if array.is_standard_layout() { array } else { array.as_standard_layout().into_owned() };
        Self(array.into_shared())
    }
}

impl<T: Scalar> fmt::Debug for Tensor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tensor{:?}@{}", self.shape(), self.fingerprint())
    }
}
