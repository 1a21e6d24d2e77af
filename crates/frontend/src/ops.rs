//! The table of ONNX operators: one line each.

mod add;
mod arg;
mod attention;
mod average_pool;
mod batch_norm;
mod bitwise;
mod branch;
mod cast;
mod causal_conv;
mod clip;
mod col2im;
mod compare;
mod compress;
mod concat;
mod constant;
mod conv;
mod conv_transpose;
mod crop;
mod cumprod;
mod cumsum;
mod deform_conv;
mod det;
mod dft;
mod div;
mod einsum;
mod expand;
mod extremum;
mod eye;
mod fused;
mod gather;
mod gemm;
mod grid;
mod grid_sample;
mod group_norm;
mod gru;
mod identity;
mod integer;
mod interpolation;
mod layer_norm;
mod linear_attention;
mod logic;
mod lp_norm;
mod lrn;
mod lstm;
mod map;
mod matmul;
mod max_pool;
mod max_unpool;
mod ml;
mod modulo;
mod mul;
mod nll_loss;
mod one_hot;
mod operands;
mod optional;
mod pad;
mod pow;
mod prelu;
mod qlinear;
mod quantize;
mod recognise;
mod recurrent;
mod reduce;
mod repeat;
mod reshape;
mod resize;
mod reverse_sequence;
mod rnn;
mod roi_align;
mod rotary_embedding;
mod sampling;
mod scan;
mod scatter;
mod select;
mod sequence;
mod shape;
mod signal;
mod slice;
mod softmax;
mod space;
mod split;
mod top_k;
mod transpose;
mod trilu;
mod window;

use plonnx_ir::Function;
use plonnx_ir::op::{Compare, Extremum};

use crate::cost::Cost::{self, Linear, Order, Product, Root, Rounding, Several, Table, Wiring};
use crate::lower::{Call, Lower, Results, ValueResults};

/// Newest version of the standard operator set that the table describes.
const NEWEST_OPSET: i64 = 27;
/// The same of ai.onnx.ml.
const NEWEST_ML_OPSET: i64 = 5;
/// The same of com.microsoft.
const NEWEST_MICROSOFT_OPSET: i64 = 1;

/// One operator.
pub(crate) struct OpDef {
    domain: &'static str,
    name: &'static str,
    /// First version of the operator set that has it.
    pub(crate) since: i64,
    /// Last version that has it, for an operator that was removed.
    pub(crate) until: Option<i64>,
    /// Whether onnxruntime's optimiser writes it into models of earlier versions, too.
    pub(crate) early: bool,
    /// Lowers one node.
    pub(crate) lower: Lower,
    cost: Cost,
    note: &'static str,
}

const fn op(name: &'static str, cost: Cost, since: i64, lower: fn(&mut Call) -> Results) -> OpDef {
    OpDef { domain: "", name, since, until: None, early: false, lower: Lower::Tensors(lower), cost, note: "" }
}

/// An operator whose operands or results may be sequences, or whose results have element types of their own.
const fn flow(name: &'static str, cost: Cost, since: i64, lower: fn(&mut Call) -> ValueResults) -> OpDef {
    OpDef { domain: "", name, since, until: None, early: false, lower: Lower::Values(lower), cost, note: "" }
}

/// Domain of the operators for classical machine learning.
const ML: &str = "ai.onnx.ml";

/// Domain of onnxruntime's own operators: what its optimiser makes of several nodes, and what its quantiser writes for
/// integers of 4 and 16 bits into models of older opsets.
const MICROSOFT: &str = "com.microsoft";

/// Operators that have no circuit for a reason that users should read.
pub(crate) fn refusal(domain: &str, name: &str) -> Option<(&'static str, &'static str)> {
    if domain != ML {
        return None;
    }
    match name {
        "CastMap" | "DictVectorizer" => {
            Some(("its operand is a map, and circuits have tensors", "give the features as a tensor"))
        }
        "CategoryMapper" => Some(("it maps between texts and integers", "encode texts as integers before the model")),
        _ => None,
    }
}

impl OpDef {
    const fn of(self, domain: &'static str) -> Self {
        Self { domain, ..self }
    }

    const fn early(self) -> Self {
        Self { early: true, ..self }
    }

    const fn note(self, note: &'static str) -> Self {
        Self { note, ..self }
    }
}

/// Sorted by domain and name.
#[rustfmt::skip]
static OPS: &[OpDef] = &[
    op("Abs", Order, 1, |c| map::lower(c, Function::Abs)),
    op("Acos", Table, 7, |c| map::lower(c, Function::Acos)),
    op("Acosh", Table, 9, |c| map::lower(c, Function::Acosh)),
    op("Add", Linear, 1, |c| add::add(c, 1.0)),
    op("AffineGrid", Linear, 20, grid_sample::affine_grid).note("known size"),
    op("And", Product, 1, logic::and),
    op("ArgMax", Order, 1, |c| arg::lower(c, Extremum::Max)),
    op("ArgMin", Order, 1, |c| arg::lower(c, Extremum::Min)),
    op("Asin", Table, 7, |c| map::lower(c, Function::Asin)),
    op("Asinh", Table, 9, |c| map::lower(c, Function::Asinh)),
    op("Atan", Table, 7, |c| map::lower(c, Function::Atan)),
    op("Atanh", Table, 9, |c| map::lower(c, Function::Atanh)),
    op("Attention", Several, 23, attention::lower),
    op("AveragePool", Linear, 1, average_pool::lower).note("up to three spatial axes"),
    op("BatchNormalization", Linear, 1, batch_norm::lower).note("inference only"),
    op("BitShift", Rounding, 11, bitwise::shift),
    op("BitwiseAnd", Rounding, 18, |c| bitwise::binary(c, 0.0, 1.0)),
    op("BitwiseNot", Linear, 18, bitwise::not),
    op("BitwiseOr", Rounding, 18, |c| bitwise::binary(c, 1.0, -1.0)),
    op("BitwiseXor", Rounding, 18, |c| bitwise::binary(c, 1.0, -2.0)),
    op("BlackmanWindow", Wiring, 17, |c| signal::window(c, signal::BLACKMAN)).note("known size"),
    op("Cast", Wiring, 1, cast::cast).note("no strings, no floats of 8 bits or less"),
    op("CastLike", Wiring, 15, cast::cast_like),
    op("CausalConvWithState", Linear, 27, causal_conv::lower),
    op("Ceil", Rounding, 1, |c| map::lower(c, Function::Ceil)),
    op("Celu", Table, 12, |c| map::with(c, map::celu)),
    op("CenterCropPad", Wiring, 18, crop::lower).note("known shape"),
    op("Clip", Order, 1, clip::lower),
    op("Col2Im", Linear, 18, col2im::lower).note("known shapes"),
    op("Compress", Wiring, 9, compress::compress).note("known condition"),
    op("Concat", Wiring, 1, concat::lower),
    flow("ConcatFromSequence", Wiring, 11, sequence::concat),
    op("Constant", Wiring, 1, constant::constant).note("dense tensors of numbers"),
    op("ConstantOfShape", Wiring, 9, constant::constant_of_shape).note("known shape"),
    op("Conv", Linear, 1, conv::lower).note("one to three spatial axes"),
    op("ConvInteger", Linear, 10, integer::conv_integer).note("one to three spatial axes"),
    op("ConvTranspose", Linear, 1, conv_transpose::lower).note("one to three spatial axes"),
    op("Cos", Table, 7, |c| map::lower(c, Function::Cos)),
    op("Cosh", Table, 9, |c| map::lower(c, Function::Cosh)),
    op("CumProd", Product, 26, cumprod::lower).note("known axis, up to 64 factors"),
    op("CumSum", Linear, 11, cumsum::lower).note("known axis"),
    op("DFT", Linear, 17, dft::dft).note("known length and axis"),
    op("DeformConv", Product, 19, deform_conv::lower).note("two spatial axes"),
    op("DepthToSpace", Wiring, 1, space::depth_to_space),
    op("DequantizeLinear", Linear, 10, quantize::dequantize),
    op("Det", Product, 11, det::lower).note("up to 8 rows"),
    op("Div", Root, 1, div::lower),
    op("Dropout", Wiring, 1, identity::dropout).note("inference only"),
    op("DynamicQuantizeLinear", Several, 11, quantize::dynamic),
    op("Einsum", Linear, 12, einsum::lower).note("up to 26 different axes"),
    op("Elu", Table, 1, |c| map::with(c, map::elu)),
    op("Equal", Order, 1, |c| compare::lower(c, Compare::Equal, false)),
    op("Erf", Table, 9, |c| map::lower(c, Function::Erf)),
    op("Exp", Table, 1, |c| map::lower(c, Function::Exp)),
    op("Expand", Wiring, 8, expand::expand).note("known shape"),
    op("EyeLike", Wiring, 9, eye::lower),
    op("Flatten", Wiring, 1, reshape::flatten),
    op("Floor", Rounding, 1, |c| map::lower(c, Function::Floor)),
    op("GRU", Several, 1, gru::lower).note("known sequence lengths, unrolled"),
    op("Gather", Order, 1, gather::gather).note("indices from the data must not be negative"),
    op("GatherElements", Order, 11, gather::gather_elements),
    op("GatherND", Order, 11, gather::gather_nd),
    op("Gelu", Table, 20, |c| map::with(c, map::gelu)),
    op("Gemm", Linear, 1, gemm::lower),
    op("GlobalAveragePool", Linear, 1, average_pool::global),
    op("GlobalLpPool", Several, 1, lp_norm::global),
    op("GlobalMaxPool", Order, 1, max_pool::global),
    op("Greater", Order, 1, |c| compare::lower(c, Compare::Less, true)),
    op("GreaterOrEqual", Order, 12, |c| compare::lower(c, Compare::LessEqual, true)),
    op("GridSample", Product, 16, grid_sample::grid_sample),
    op("GroupNormalization", Several, 18, group_norm::group_norm),
    op("HammingWindow", Wiring, 17, |c| signal::window(c, signal::HAMMING)).note("known size"),
    op("HannWindow", Wiring, 17, |c| signal::window(c, signal::HANN)).note("known size"),
    op("HardSigmoid", Table, 1, |c| map::with(c, map::hard_sigmoid)),
    op("HardSwish", Table, 14, |c| map::lower(c, Function::HardSwish)),
    op("Hardmax", Order, 1, softmax::hardmax),
    flow("Identity", Wiring, 1, identity::identity),
    flow("If", Several, 1, branch::lower),
    op("InstanceNormalization", Several, 1, group_norm::instance_norm),
    op("IsInf", Wiring, 10, compare::is_inf),
    op("IsNaN", Wiring, 9, compare::is_nan),
    op("LRN", Several, 1, lrn::lower),
    op("LSTM", Several, 1, lstm::lower).note("known sequence lengths, unrolled"),
    op("LayerNormalization", Several, 17, layer_norm::layer_norm).early().note("onnxruntime's also in older opsets"),
    op("LeakyRelu", Table, 1, |c| map::with(c, map::leaky_relu)),
    op("Less", Order, 1, |c| compare::lower(c, Compare::Less, false)),
    op("LessOrEqual", Order, 12, |c| compare::lower(c, Compare::LessEqual, false)),
    op("LinearAttention", Product, 27, linear_attention::lower).note("up to 256 positions"),
    op("Log", Table, 1, |c| map::lower(c, Function::Log)),
    op("LogSoftmax", Several, 1, softmax::log_softmax),
    flow("Loop", Several, 1, repeat::lower).note("bounded trip count, unrolled"),
    op("LpNormalization", Several, 1, lp_norm::normalization).note("1-norm or 2-norm"),
    op("LpPool", Several, 1, lp_norm::pool).note("up to three spatial axes"),
    op("MatMul", Linear, 1, matmul::lower),
    op("MatMulInteger", Linear, 10, integer::matmul_integer),
    op("Max", Order, 1, |c| extremum::lower(c, Extremum::Max)),
    op("MaxPool", Order, 1, max_pool::lower),
    op("MaxUnpool", Order, 9, max_unpool::lower).note("known shape"),
    op("Mean", Linear, 1, |c| add::sum(c, true)),
    op("MeanVarianceNormalization", Several, 9, layer_norm::mean_variance_norm),
    op("MelWeightMatrix", Wiring, 17, signal::mel_weight_matrix).note("known operands"),
    op("Min", Order, 1, |c| extremum::lower(c, Extremum::Min)),
    op("Mish", Table, 18, |c| map::lower(c, Function::Mish)),
    op("Mod", Root, 10, modulo::lower),
    op("Mul", Product, 1, mul::lower),
    op("Neg", Linear, 1, add::neg),
    op("NegativeLogLikelihoodLoss", Several, 12, nll_loss::negative_log_likelihood),
    op("NonZero", Wiring, 9, compress::non_zero).note("known operand"),
    op("Not", Linear, 1, logic::not),
    op("OneHot", Order, 9, one_hot::lower).note("known depth"),
    flow("Optional", Wiring, 15, optional::optional),
    flow("OptionalGetElement", Wiring, 15, optional::get_element),
    flow("OptionalHasElement", Wiring, 15, optional::has_element),
    op("Or", Product, 1, |c| logic::either(c, 1.0)),
    op("PRelu", Table, 1, prelu::lower),
    op("Pad", Wiring, 1, pad::lower).note("known pads"),
    op("Pow", Table, 1, pow::lower).note("known exponent, or one known base"),
    op("QLinearConv", Rounding, 10, integer::qlinear_conv).note("one to three spatial axes"),
    op("QLinearMatMul", Rounding, 10, integer::qlinear_matmul),
    op("QuantizeLinear", Rounding, 10, quantize::quantize).note("to floats of 8 bits or less only when known"),
    op("RMSNormalization", Several, 23, layer_norm::rms_norm),
    op("RNN", Several, 1, rnn::lower).note("known sequence lengths, unrolled"),
    op("Range", Wiring, 11, constant::range).note("known bounds"),
    op("Reciprocal", Root, 1, map::reciprocal),
    op("ReduceL1", Order, 1, |c| reduce::lower(c, reduce::Kind::L1)),
    op("ReduceL2", Root, 1, |c| reduce::lower(c, reduce::Kind::L2)),
    op("ReduceLogSum", Several, 1, |c| reduce::lower(c, reduce::Kind::LogSum)),
    op("ReduceLogSumExp", Several, 1, |c| reduce::lower(c, reduce::Kind::LogSumExp)),
    op("ReduceMax", Order, 1, |c| reduce::lower(c, reduce::Kind::Max)),
    op("ReduceMean", Linear, 1, |c| reduce::lower(c, reduce::Kind::Mean)),
    op("ReduceMin", Order, 1, |c| reduce::lower(c, reduce::Kind::Min)),
    op("ReduceProd", Product, 1, |c| reduce::lower(c, reduce::Kind::Prod)).note("up to 64 factors"),
    op("ReduceSum", Linear, 1, |c| reduce::lower(c, reduce::Kind::Sum)),
    op("ReduceSumSquare", Product, 1, |c| reduce::lower(c, reduce::Kind::SumSquare)),
    op("Relu", Order, 1, |c| map::lower(c, Function::Relu)),
    op("Reshape", Wiring, 1, reshape::reshape).note("known shape"),
    op("Resize", Linear, 10, resize::resize).note("known scales or sizes"),
    op("ReverseSequence", Wiring, 10, reverse_sequence::lower),
    op("RoiAlign", Product, 10, roi_align::lower).note("known regions"),
    op("RotaryEmbedding", Product, 23, rotary_embedding::lower),
    op("Round", Rounding, 11, |c| map::lower(c, Function::Round)),
    op("STFT", Linear, 17, dft::stft).note("known step and length"),
    flow("Scan", Several, 8, scan::lower).note("unrolled"),
    op("Scatter", Order, 9, scatter::scatter_elements),
    op("ScatterElements", Order, 11, scatter::scatter_elements),
    op("ScatterND", Order, 11, scatter::scatter_nd),
    op("Selu", Table, 1, |c| map::with(c, map::selu)),
    flow("SequenceAt", Wiring, 11, sequence::at).note("known position"),
    flow("SequenceConstruct", Wiring, 11, sequence::construct),
    flow("SequenceEmpty", Wiring, 11, sequence::empty),
    flow("SequenceErase", Wiring, 11, sequence::erase).note("known position"),
    flow("SequenceInsert", Wiring, 11, sequence::insert).note("known position"),
    flow("SequenceLength", Wiring, 11, sequence::length),
    flow("SequenceMap", Several, 17, sequence::map),
    op("Shape", Wiring, 1, shape::shape),
    op("Shrink", Table, 9, map::shrink),
    op("Sigmoid", Table, 1, |c| map::lower(c, Function::Sigmoid)),
    op("Sign", Order, 9, |c| map::lower(c, Function::Sign)),
    op("Sin", Table, 7, |c| map::lower(c, Function::Sin)),
    op("Sinh", Table, 9, |c| map::lower(c, Function::Sinh)),
    op("Size", Wiring, 1, shape::size),
    op("Slice", Wiring, 1, slice::lower).note("known bounds"),
    op("Softmax", Several, 1, softmax::softmax),
    op("SoftmaxCrossEntropyLoss", Several, 12, nll_loss::softmax_cross_entropy),
    op("Softplus", Table, 1, |c| map::lower(c, Function::Softplus)),
    op("Softsign", Table, 1, |c| map::lower(c, Function::Softsign)),
    op("SpaceToDepth", Wiring, 1, space::space_to_depth),
    op("Split", Wiring, 1, split::lower).note("known sizes"),
    flow("SplitToSequence", Wiring, 11, sequence::split).note("known sizes"),
    op("Sqrt", Root, 1, |c| map::lower(c, Function::Sqrt)),
    op("Squeeze", Wiring, 1, reshape::squeeze).note("known axes"),
    op("Sub", Linear, 1, |c| add::add(c, -1.0)),
    op("Sum", Linear, 1, |c| add::sum(c, false)),
    op("Swish", Table, 24, |c| map::with(c, map::swish)),
    op("Tan", Table, 7, |c| map::lower(c, Function::Tan)),
    op("Tanh", Table, 1, |c| map::lower(c, Function::Tanh)),
    op("TensorScatter", Order, 24, scatter::tensor_scatter),
    op("ThresholdedRelu", Table, 10, |c| map::with(c, map::thresholded_relu)),
    op("Tile", Wiring, 1, expand::tile).note("known repeats"),
    op("TopK", Order, 1, top_k::lower).note("known K"),
    op("Transpose", Wiring, 1, transpose::lower),
    op("Trilu", Wiring, 14, trilu::lower).note("known diagonal"),
    op("Unique", Wiring, 11, compress::unique).note("known operand"),
    op("Unsqueeze", Wiring, 1, reshape::unsqueeze).note("known axes"),
    op("Upsample", Linear, 1, resize::upsample).note("known scales"),
    op("Where", Product, 9, select::lower),
    op("Xor", Product, 1, |c| logic::either(c, 2.0)),
    op("ArrayFeatureExtractor", Wiring, 1, ml::encoding::array_feature_extractor).of(ML),
    op("Binarizer", Order, 1, ml::scaling::binarizer).of(ML),
    op("FeatureVectorizer", Wiring, 1, ml::encoding::feature_vectorizer).of(ML),
    op("Imputer", Order, 1, ml::scaling::imputer).of(ML),
    op("LabelEncoder", Table, 1, ml::encoding::label_encoder).of(ML).note("no texts as keys"),
    op("LinearClassifier", Several, 1, ml::linear_model::classifier).of(ML).note("a score for each class"),
    op("LinearRegressor", Linear, 1, ml::linear_model::regressor).of(ML),
    op("Normalizer", Several, 1, ml::scaling::normalizer).of(ML),
    op("OneHotEncoder", Order, 1, ml::encoding::one_hot_encoder).of(ML).note("integers"),
    op("SVMClassifier", Several, 1, ml::svm::classifier).of(ML).note("probabilities of two classes only"),
    op("SVMRegressor", Several, 1, ml::svm::regressor).of(ML),
    op("Scaler", Linear, 1, ml::scaling::scaler).of(ML),
    op("TreeEnsemble", Order, 5, ml::ensemble).of(ML).note("no membership tests"),
    op("TreeEnsembleClassifier", Order, 1, ml::classifier).of(ML),
    op("TreeEnsembleRegressor", Order, 1, ml::regressor).of(ML),
    op("ZipMap", Wiring, 1, ml::encoding::zip_map).of(ML).note("the tensor of scores instead of maps"),
    op("BiasGelu", Table, 1, |c| fused::biased(c, Function::Gelu, true)).of(MICROSOFT),
    op("DequantizeLinear", Linear, 1, quantize::dequantize).of(MICROSOFT),
    op("DynamicQuantizeMatMul", Several, 1, qlinear::dynamic_matmul).of(MICROSOFT),
    op("FastGelu", Table, 1, |c| fused::biased(c, Function::GeluTanh, false)).of(MICROSOFT),
    op("FusedMatMul", Linear, 1, fused::matrix_product).of(MICROSOFT).note("batch axes stay first"),
    op("Gelu", Table, 1, |c| map::lower(c, Function::Gelu)).of(MICROSOFT),
    op("MatMulIntegerToFloat", Linear, 1, qlinear::matmul_to_float).of(MICROSOFT),
    op("QGemm", Rounding, 1, qlinear::gemm).of(MICROSOFT),
    op("QLinearAdd", Rounding, 1, qlinear::add).of(MICROSOFT),
    op("QLinearAveragePool", Rounding, 1, qlinear::average_pool).of(MICROSOFT).note("not channels_last"),
    op("QLinearConcat", Rounding, 1, qlinear::concat).of(MICROSOFT),
    op("QLinearGlobalAveragePool", Rounding, 1, qlinear::global_average_pool).of(MICROSOFT).note("not channels_last"),
    op("QLinearLeakyRelu", Rounding, 1, qlinear::leaky_relu).of(MICROSOFT),
    op("QLinearMul", Rounding, 1, qlinear::mul).of(MICROSOFT),
    op("QLinearSigmoid", Table, 1, qlinear::sigmoid).of(MICROSOFT),
    op("QLinearSoftmax", Several, 1, qlinear::softmax).of(MICROSOFT),
    op("QuantizeLinear", Rounding, 1, quantize::quantize).of(MICROSOFT).note("to floats of 8 bits or less only when known"),
    op("QuickGelu", Table, 1, |c| map::with(c, fused::quick_gelu)).of(MICROSOFT),
    op("SkipLayerNormalization", Several, 1, fused::skip_layer_norm).of(MICROSOFT),
    op("SkipSimplifiedLayerNormalization", Several, 1, fused::skip_rms_norm).of(MICROSOFT),
];

/// The line of an operator.
pub(crate) fn find(domain: &str, name: &str) -> Option<&'static OpDef> {
    OPS.binary_search_by(|op| (op.domain, op.name).cmp(&(domain, name))).ok().and_then(|i| OPS.get(i))
}

/// Newest version of an operator set that the table describes.
pub(crate) fn newest(domain: &str) -> i64 {
    match domain {
        ML => NEWEST_ML_OPSET,
        MICROSOFT => NEWEST_MICROSOFT_OPSET,
        _ => NEWEST_OPSET,
    }
}

/// A supported ONNX operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpInfo {
    /// Operator set; empty for the standard one.
    pub domain: &'static str,
    pub name: &'static str,
    /// First and last version of the operator set.
    pub opsets: (i64, i64),
    /// What it costs in a circuit.
    pub cost: Cost,
    /// What is asked of its uses; empty when nothing is.
    pub note: &'static str,
}

/// Every supported operator, sorted by domain and name.
pub fn supported_ops() -> impl Iterator<Item = OpInfo> {
    OPS.iter().map(|op| OpInfo {
        domain: op.domain,
        name: op.name,
        opsets: (op.since, op.until.unwrap_or(newest(op.domain))),
        cost: op.cost,
        note: op.note,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_is_found() {
        for op in OPS {
            assert!(find(op.domain, op.name).is_some_and(|found| found.name == op.name), "{} is out of order", op.name);
        }
    }
}
