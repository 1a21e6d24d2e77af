//! Networks of published benchmarks with seeded random weights, made on the spot.

mod architectures;
mod network;

pub(crate) use network::Network;

/// A model of the suite.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    /// How it is compiled; every entry says why it needs more than the defaults.
    pub(crate) options: &'static [&'static str],
    pub(crate) make: Make,
}

/// Where a model comes from.
pub(crate) enum Make {
    /// Random weights.
    Random(fn() -> Network),
    /// Trained weights: the LeNet-5 that is part of the program.
    LeNet5,
}

/// Networks whose results are compared in papers, the larger first within a family.
pub(crate) const PAPER: [Entry; 8] = [
    Entry {
        name: "mlp-18m",
        options: &[],
        make: Make::Random(|| architectures::mlp(18, &[784, 2048, 2048, 2048, 2048, 2048, 10])),
    },
    Entry { name: "mlp-2m", options: &[], make: Make::Random(|| architectures::mlp(2, &[784, 2000, 60, 4000, 10])) },
    Entry { name: "lenet5", options: &[], make: Make::LeNet5 },
    Entry { name: "vgg16-cifar", options: FIFTEEN_BITS, make: Make::Random(architectures::vgg16) },
    Entry { name: "resnet18-cifar", options: THIRTEEN_BITS, make: Make::Random(architectures::resnet18) },
    Entry { name: "mobilenet-small", options: &[], make: Make::Random(architectures::mobilenet) },
    Entry { name: "leela-bgnet", options: THIRTEEN_BITS, make: Make::Random(architectures::leela) },
    Entry { name: "nanogpt", options: &[], make: Make::Random(architectures::nanogpt) },
];

/// Deep residual networks: the error of 12-bit weights dominates, while activations have bits to spare. With 13 of each the
/// largest error stays below a thousandth of the outputs' range, and accumulators have fewer digits than with the defaults.
const THIRTEEN_BITS: &[&str] = &["--activation-bits", "13", "--weight-bits", "13"];

/// Sixteen layers without a shortcut: errors of every one reach the outputs, a thousandth of whose range takes 15 bits of each.
const FIFTEEN_BITS: &[&str] = &["--activation-bits", "15", "--weight-bits", "15"];

/// The network whose proof tells how fast a machine is.
pub(crate) fn calibration() -> Network {
    architectures::calibration()
}
