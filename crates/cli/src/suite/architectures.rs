//! The networks. Weights are He-initialised, so activations keep unit scale; batch normalisation is folded into the
//! convolutions, whose biases it leaves.

use super::network::{Elements, Network, float, int, ints};

/// Layers of the networks.
impl Network {
    fn relu(&mut self, x: &str) -> String {
        self.op("Relu", &[x], vec![])
    }

    fn add(&mut self, a: &str, b: &str) -> String {
        self.op("Add", &[a, b], vec![])
    }

    /// A square convolution that keeps the extents at stride 1.
    fn conv(&mut self, x: &str, (cin, cout): (usize, usize), shape: Window, gain: f64) -> String {
        let Window { kernel, stride, groups } = shape;
        let fan = cin / groups * kernel * kernel;
        let weight = self.random(&[cout, cin / groups, kernel, kernel], (gain / fan as f64).sqrt());
        let bias = self.random(&[cout], 0.02);
        let (kernel, stride) = (kernel as i64, stride as i64);
        let attributes = vec![
            ints("kernel_shape", &[kernel; 2]),
            ints("strides", &[stride; 2]),
            ints("pads", &[kernel / 2; 4]),
            int("group", groups as i64),
        ];
        self.op("Conv", &[x, &weight, &bias], attributes)
    }

    fn gemm(&mut self, x: &str, cin: usize, cout: usize, gain: f64) -> String {
        let weight = self.random(&[cout, cin], (gain / cin as f64).sqrt());
        let bias = self.random(&[cout], 0.02);
        self.op("Gemm", &[x, &weight, &bias], vec![int("transB", 1)])
    }

    /// A linear layer of `[batch, tokens, width]`, as exporters write it.
    fn linear(&mut self, x: &str, cin: usize, cout: usize, gain: f64) -> String {
        let weight = self.random(&[cin, cout], (gain / cin as f64).sqrt());
        let product = self.op("MatMul", &[x, &weight], vec![]);
        let bias = self.random(&[cout], 0.02);
        self.add(&product, &bias)
    }

    fn pooled(&mut self, x: &str) -> String {
        let mean = self.op("GlobalAveragePool", &[x], vec![]);
        self.op("Flatten", &[&mean], vec![int("axis", 1)])
    }

    fn norm(&mut self, x: &str, width: usize) -> String {
        let scale = self.floats(&[width], vec![1.0; width]);
        let bias = self.floats(&[width], vec![0.0; width]);
        self.op("LayerNormalization", &[x, &scale, &bias], vec![int("axis", -1), float("epsilon", 1e-5)])
    }
}

/// Extent, step and groups of a convolution.
#[derive(Clone, Copy)]
struct Window {
    kernel: usize,
    stride: usize,
    groups: usize,
}

/// A 3 x 3 convolution of stride 1.
const THREE: Window = Window { kernel: 3, stride: 1, groups: 1 };
/// A 1 x 1 convolution.
const ONE: Window = Window { kernel: 1, stride: 1, groups: 1 };

/// An image of 32 x 32 pixels, such as those of CIFAR-10.
fn cifar(seed: u64) -> Network {
    Network::new(seed, 13, "input", &[1, 3, 32, 32], Elements::Normal)
}

/// Linear layers with ReLU between them.
pub(super) fn mlp(seed: u64, sizes: &[usize]) -> Network {
    let mut g = Network::new(seed, 13, "input", &[1, sizes[0]], Elements::Uniform);
    let mut x = "input".to_string();
    for (i, pair) in sizes.windows(2).enumerate() {
        let last = i + 2 == sizes.len();
        x = g.gemm(&x, pair[0], pair[1], if last { 1.0 } else { 2.0 });
        if !last {
            x = g.relu(&x);
        }
    }
    g.finish("output", &[1, sizes[sizes.len() - 1]])
}

/// VGG-16 for images of 32 x 32: 13 convolutions, 5 max pools, 3 linear layers.
pub(super) fn vgg16() -> Network {
    let mut g = cifar(16);
    let (mut x, mut channels) = ("input".to_string(), 3);
    for (width, count) in [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)] {
        for _ in 0..count {
            x = g.conv(&x, (channels, width), THREE, 2.0);
            x = g.relu(&x);
            channels = width;
        }
        x = g.op("MaxPool", &[&x], vec![ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])]);
    }
    x = g.op("Flatten", &[&x], vec![int("axis", 1)]);
    for _ in 0..2 {
        x = g.gemm(&x, 512, 512, 2.0);
        x = g.relu(&x);
    }
    g.gemm(&x, 512, 10, 1.0);
    g.finish("output", &[1, 10])
}

/// ResNet-18 for images of 32 x 32.
pub(super) fn resnet18() -> Network {
    let mut g = cifar(18);
    let mut x = g.conv("input", (3, 64), THREE, 2.0);
    x = g.relu(&x);
    let mut channels = 64;
    for (width, first) in [(64, 1), (128, 2), (256, 2), (512, 2)] {
        for stride in [first, 1] {
            let mut y = g.conv(&x, (channels, width), Window { stride, ..THREE }, 2.0);
            y = g.relu(&y);
            y = g.conv(&y, (width, width), THREE, 0.5);
            if stride != 1 || channels != width {
                x = g.conv(&x, (channels, width), Window { stride, ..ONE }, 1.0);
            }
            x = g.add(&y, &x);
            x = g.relu(&x);
            channels = width;
        }
    }
    x = g.pooled(&x);
    g.gemm(&x, 512, 10, 1.0);
    g.finish("output", &[1, 10])
}

/// A stem and seven depthwise separable blocks, with ReLU6; about 0.5 million activations.
pub(super) fn mobilenet() -> Network {
    let mut g = cifar(32);
    let (low, high) = (g.scalar(0.0), g.scalar(6.0));
    let relu6 = |g: &mut Network, x: &str| g.op("Clip", &[x, &low, &high], vec![]);
    let mut x = g.conv("input", (3, 32), THREE, 2.0);
    x = relu6(&mut g, &x);
    let mut channels = 32;
    for (width, stride) in [(64, 1), (64, 1), (128, 2), (128, 1), (128, 1), (256, 2), (256, 1)] {
        x = g.conv(&x, (channels, channels), Window { stride, groups: channels, ..THREE }, 2.0);
        x = relu6(&mut g, &x);
        x = g.conv(&x, (channels, width), ONE, 2.0);
        x = relu6(&mut g, &x);
        channels = width;
    }
    x = g.pooled(&x);
    g.gemm(&x, 256, 10, 1.0);
    g.finish("output", &[1, 10])
}

/// A chess network like Leela's: ten residual blocks with squeeze and excitation, and a policy head.
pub(super) fn leela() -> Network {
    const WIDTH: usize = 128;
    const SQUEEZE: usize = 32;
    let mut g = Network::new(64, 13, "planes", &[1, 112, 8, 8], Elements::Planes(0.1));
    let mut x = g.conv("planes", (112, WIDTH), THREE, 2.0);
    x = g.relu(&x);
    for _ in 0..10 {
        let mut y = g.conv(&x, (WIDTH, WIDTH), THREE, 2.0);
        y = g.relu(&y);
        y = g.conv(&y, (WIDTH, WIDTH), THREE, 1.0);
        let mut s = g.pooled(&y);
        s = g.gemm(&s, WIDTH, SQUEEZE, 2.0);
        s = g.relu(&s);
        s = g.gemm(&s, SQUEEZE, 2 * WIDTH, 1.0);
        let shape = g.ints(&[-1, 2 * WIDTH as i64, 1, 1]);
        s = g.op("Reshape", &[&s, &shape], vec![]);
        let parts = g.ints(&[WIDTH as i64; 2]);
        let halves = g.split("Split", &[&s, &parts], 2, vec![int("axis", 1)]);
        let gate = g.op("Sigmoid", &[&halves[0]], vec![]);
        y = g.op("Mul", &[&y, &gate], vec![]);
        y = g.add(&y, &halves[1]);
        x = g.add(&y, &x);
        x = g.relu(&x);
    }
    x = g.conv(&x, (WIDTH, 32), ONE, 2.0);
    x = g.relu(&x);
    x = g.op("Flatten", &[&x], vec![int("axis", 1)]);
    g.gemm(&x, 32 * 64, 1858, 1.0);
    g.finish("policy", &[1, 1858])
}

/// A GPT on bytes: causal attention, norms before the layers, erf GELU, logits of the last position.
pub(super) fn nanogpt() -> Network {
    const WIDTH: usize = 64;
    const TOKENS: usize = 64;
    const HEADS: usize = 4;
    const LAYERS: usize = 4;
    const VOCABULARY: usize = 256;
    const HEAD: usize = WIDTH / HEADS;
    let mut g = Network::new(4, 17, "tokens", &[1, TOKENS], Elements::Tokens(VOCABULARY as u64));
    let pairs = (0..TOKENS).flat_map(|q| (0..TOKENS).map(move |k| k <= q));
    let mask = g.flags(&[1, 1, TOKENS, TOKENS], pairs);
    let minus = g.scalar(f64::NEG_INFINITY);
    let (by_head, by_token) =
        (g.ints(&[1, TOKENS as i64, HEADS as i64, HEAD as i64]), g.ints(&[1, TOKENS as i64, WIDTH as i64]));
    let (root, two, one, half) = (g.scalar((HEAD as f64).sqrt()), g.scalar(2f64.sqrt()), g.scalar(1.0), g.scalar(0.5));
    let thirds = g.ints(&[WIDTH as i64; 3]);
    let embedding = g.random(&[VOCABULARY, WIDTH], 1.0);
    let mut x = g.op("Gather", &[&embedding, "tokens"], vec![int("axis", 0)]);
    let position = g.random(&[1, TOKENS, WIDTH], 0.3);
    x = g.add(&x, &position);
    let residual = 1.0 / (2 * LAYERS) as f64;
    for _ in 0..LAYERS {
        let h = g.norm(&x, WIDTH);
        let qkv = g.linear(&h, WIDTH, 3 * WIDTH, 1.0);
        let parts = g.split("Split", &[&qkv, &thirds], 3, vec![int("axis", 2)]);
        let [q, k, v]: [String; 3] = std::array::from_fn(|i| {
            let heads = g.op("Reshape", &[&parts[i], &by_head], vec![]);
            let order: &[i64] = if i == 1 { &[0, 2, 3, 1] } else { &[0, 2, 1, 3] };
            g.op("Transpose", &[&heads], vec![ints("perm", order)])
        });
        let mut scores = g.op("MatMul", &[&q, &k], vec![]);
        scores = g.op("Div", &[&scores, &root], vec![]);
        scores = g.op("Where", &[&mask, &scores, &minus], vec![]);
        scores = g.op("Softmax", &[&scores], vec![int("axis", -1)]);
        let mut y = g.op("MatMul", &[&scores, &v], vec![]);
        y = g.op("Transpose", &[&y], vec![ints("perm", &[0, 2, 1, 3])]);
        y = g.op("Reshape", &[&y, &by_token], vec![]);
        y = g.linear(&y, WIDTH, WIDTH, residual);
        x = g.add(&x, &y);
        let h = g.norm(&x, WIDTH);
        let h = g.linear(&h, WIDTH, 4 * WIDTH, 1.0);
        let scaled = g.op("Div", &[&h, &two], vec![]);
        let erf = g.op("Erf", &[&scaled], vec![]);
        let plus = g.add(&erf, &one);
        let product = g.op("Mul", &[&h, &plus], vec![]);
        let gelu = g.op("Mul", &[&product, &half], vec![]);
        let y = g.linear(&gelu, 4 * WIDTH, WIDTH, 2.0 * residual);
        x = g.add(&x, &y);
    }
    x = g.norm(&x, WIDTH);
    let (start, end, axis) = (g.ints(&[-1]), g.ints(&[i64::MAX]), g.ints(&[1]));
    x = g.op("Slice", &[&x, &start, &end, &axis], vec![]);
    let head = g.random(&[WIDTH, VOCABULARY], (1.0 / WIDTH as f64).sqrt());
    g.op("MatMul", &[&x, &head], vec![]);
    g.finish("logits", &[1, 1, VOCABULARY])
}

/// Convolutions, pooling, a sigmoid and linear layers: all kinds of rows in a small circuit.
pub(super) fn calibration() -> Network {
    let mut g = Network::new(1, 13, "input", &[1, 3, 16, 16], Elements::Normal);
    let mut x = g.conv("input", (3, 16), THREE, 2.0);
    x = g.relu(&x);
    x = g.op("MaxPool", &[&x], vec![ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])]);
    x = g.conv(&x, (16, 32), THREE, 2.0);
    x = g.op("Sigmoid", &[&x], vec![]);
    x = g.op("Flatten", &[&x], vec![int("axis", 1)]);
    x = g.gemm(&x, 2048, 64, 2.0);
    x = g.relu(&x);
    g.gemm(&x, 64, 10, 1.0);
    g.finish("output", &[1, 10])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_those_of_the_published_networks() {
        let parameters = |network: Network| {
            let model = plonnx::Model::from_onnx(network.to_onnx());
            let import = model.import().unwrap();
            (import.params, plonnx::macs(&import.graph))
        };
        assert_eq!(parameters(mlp(1, &[784, 2000, 60, 4000, 10])), (1_974_070, 1_968_000));
        assert_eq!(parameters(mobilenet()).1, 25_799_168);
        let (parameters, macs) = parameters(nanogpt());
        assert_eq!(macs, 14_696_448);
        assert!((236_000..246_000).contains(&parameters), "{parameters}");
    }

    #[test]
    fn the_same_seed_gives_the_same_file() {
        assert!(mlp(3, &[20, 30, 4]).to_onnx() == mlp(3, &[20, 30, 4]).to_onnx());
        assert!(mlp(3, &[20, 30, 4]).to_onnx() != mlp(4, &[20, 30, 4]).to_onnx());
    }
}
