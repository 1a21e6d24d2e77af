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

use crate::lower::{Call, Lower, Results, ValueResults};

/// Newest version of the standard operator set that the table describes.
const NEWEST_OPSET: i64 = 27;
/// The same of ai.onnx.ml.
const NEWEST_ML_OPSET: i64 = 5;

/// One operator.
pub(crate) struct OpDef {
    domain: &'static str,
    name: &'static str,
    /// First version of the operator set that has it.
    pub(crate) since: i64,
    /// Last version that has it, for an operator that was removed.
    pub(crate) until: Option<i64>,
    /// Lowers one node.
    pub(crate) lower: Lower,
    note: &'static str,
}

const fn op(name: &'static str, since: i64, lower: fn(&mut Call) -> Results) -> OpDef {
    OpDef { domain: "", name, since, until: None, lower: Lower::Tensors(lower), note: "" }
}

/// An operator whose operands or results may be sequences, or whose results have element types of their own.
const fn flow(name: &'static str, since: i64, lower: fn(&mut Call) -> ValueResults) -> OpDef {
    OpDef { domain: "", name, since, until: None, lower: Lower::Values(lower), note: "" }
}

/// Domain of the operators for classical machine learning.
const ML: &str = "ai.onnx.ml";

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

    const fn note(self, note: &'static str) -> Self {
        Self { note, ..self }
    }
}

/// Sorted by domain and name.
#[rustfmt::skip]
static OPS: &[OpDef] = &[
    op("Abs", 1, |c| map::lower(c, Function::Abs)),
    op("Acos", 7, |c| map::lower(c, Function::Acos)),
    op("Acosh", 9, |c| map::lower(c, Function::Acosh)),
    op("Add", 1, |c| add::add(c, 1.0)),
    op("AffineGrid", 20, grid_sample::affine_grid).note("known size"),
    op("And", 1, logic::and),
    op("ArgMax", 1, |c| arg::lower(c, Extremum::Max)),
    op("ArgMin", 1, |c| arg::lower(c, Extremum::Min)),
    op("Asin", 7, |c| map::lower(c, Function::Asin)),
    op("Asinh", 9, |c| map::lower(c, Function::Asinh)),
    op("Atan", 7, |c| map::lower(c, Function::Atan)),
    op("Atanh", 9, |c| map::lower(c, Function::Atanh)),
    op("Attention", 23, attention::lower),
    op("AveragePool", 1, average_pool::lower).note("up to three spatial axes"),
    op("BatchNormalization", 1, batch_norm::lower).note("inference only"),
    op("BitShift", 11, bitwise::shift),
    op("BitwiseAnd", 18, |c| bitwise::binary(c, 0.0, 1.0)),
    op("BitwiseNot", 18, bitwise::not),
    op("BitwiseOr", 18, |c| bitwise::binary(c, 1.0, -1.0)),
    op("BitwiseXor", 18, |c| bitwise::binary(c, 1.0, -2.0)),
    op("BlackmanWindow", 17, |c| signal::window(c, signal::BLACKMAN)).note("known size"),
    op("Cast", 1, cast::cast).note("no strings, no floats of 8 bits or less"),
    op("CastLike", 15, cast::cast_like),
    op("CausalConvWithState", 27, causal_conv::lower),
    op("Ceil", 1, |c| map::lower(c, Function::Ceil)),
    op("Celu", 12, |c| map::with(c, map::celu)),
    op("CenterCropPad", 18, crop::lower).note("known shape"),
    op("Clip", 1, clip::lower),
    op("Col2Im", 18, col2im::lower).note("known shapes"),
    op("Compress", 9, compress::compress).note("known condition"),
    op("Concat", 1, concat::lower),
    flow("ConcatFromSequence", 11, sequence::concat),
    op("Constant", 1, constant::constant).note("dense tensors of numbers"),
    op("ConstantOfShape", 9, constant::constant_of_shape).note("known shape"),
    op("Conv", 1, conv::lower).note("one to three spatial axes"),
    op("ConvInteger", 10, integer::conv_integer).note("one to three spatial axes"),
    op("ConvTranspose", 1, conv_transpose::lower).note("one to three spatial axes"),
    op("Cos", 7, |c| map::lower(c, Function::Cos)),
    op("Cosh", 9, |c| map::lower(c, Function::Cosh)),
    op("CumProd", 26, cumprod::lower).note("known axis, up to 64 factors"),
    op("CumSum", 11, cumsum::lower).note("known axis"),
    op("DFT", 17, dft::dft).note("known length and axis"),
    op("DeformConv", 19, deform_conv::lower).note("two spatial axes"),
    op("DepthToSpace", 1, space::depth_to_space),
    op("DequantizeLinear", 10, quantize::dequantize),
    op("Det", 11, det::lower).note("up to 8 rows"),
    op("Div", 1, div::lower).note("integers only when known"),
    op("Dropout", 1, identity::dropout).note("inference only"),
    op("DynamicQuantizeLinear", 11, quantize::dynamic),
    op("Einsum", 12, einsum::lower).note("up to 26 different axes"),
    op("Elu", 1, |c| map::with(c, map::elu)),
    op("Equal", 1, |c| compare::lower(c, Compare::Equal, false)),
    op("Erf", 9, |c| map::lower(c, Function::Erf)),
    op("Exp", 1, |c| map::lower(c, Function::Exp)),
    op("Expand", 8, expand::expand).note("known shape"),
    op("EyeLike", 9, eye::lower),
    op("Flatten", 1, reshape::flatten),
    op("Floor", 1, |c| map::lower(c, Function::Floor)),
    op("GRU", 1, gru::lower).note("known sequence lengths, unrolled"),
    op("Gather", 1, gather::gather).note("indices from the data must not be negative"),
    op("GatherElements", 11, gather::gather_elements),
    op("GatherND", 11, gather::gather_nd),
    op("Gelu", 20, |c| map::with(c, map::gelu)),
    op("Gemm", 1, gemm::lower),
    op("GlobalAveragePool", 1, average_pool::global),
    op("GlobalLpPool", 2, lp_norm::global),
    op("GlobalMaxPool", 1, max_pool::global),
    op("Greater", 1, |c| compare::lower(c, Compare::Less, true)),
    op("GreaterOrEqual", 12, |c| compare::lower(c, Compare::LessEqual, true)),
    op("GridSample", 16, grid_sample::grid_sample),
    op("GroupNormalization", 18, group_norm::group_norm),
    op("HammingWindow", 17, |c| signal::window(c, signal::HAMMING)).note("known size"),
    op("HannWindow", 17, |c| signal::window(c, signal::HANN)).note("known size"),
    op("HardSigmoid", 1, |c| map::with(c, map::hard_sigmoid)),
    op("HardSwish", 14, |c| map::lower(c, Function::HardSwish)),
    op("Hardmax", 1, softmax::hardmax),
    flow("Identity", 1, identity::identity),
    flow("If", 1, branch::lower),
    op("InstanceNormalization", 1, group_norm::instance_norm),
    op("IsInf", 10, compare::is_inf),
    op("IsNaN", 9, compare::is_nan),
    op("LRN", 1, lrn::lower),
    op("LSTM", 1, lstm::lower).note("known sequence lengths, unrolled"),
    op("LayerNormalization", 17, layer_norm::layer_norm),
    op("LeakyRelu", 1, |c| map::with(c, map::leaky_relu)),
    op("Less", 1, |c| compare::lower(c, Compare::Less, false)),
    op("LessOrEqual", 12, |c| compare::lower(c, Compare::LessEqual, false)),
    op("LinearAttention", 27, linear_attention::lower).note("up to 256 positions"),
    op("Log", 1, |c| map::lower(c, Function::Log)),
    op("LogSoftmax", 1, softmax::log_softmax),
    flow("Loop", 1, repeat::lower).note("bounded trip count, unrolled"),
    op("LpNormalization", 1, lp_norm::normalization).note("1-norm or 2-norm"),
    op("LpPool", 2, lp_norm::pool).note("up to three spatial axes"),
    op("MatMul", 1, matmul::lower),
    op("MatMulInteger", 10, integer::matmul_integer),
    op("Max", 1, |c| extremum::lower(c, Extremum::Max)),
    op("MaxPool", 1, max_pool::lower),
    op("MaxUnpool", 9, max_unpool::lower).note("known shape"),
    op("Mean", 1, |c| add::sum(c, true)),
    op("MeanVarianceNormalization", 9, layer_norm::mean_variance_norm),
    op("MelWeightMatrix", 17, signal::mel_weight_matrix).note("known operands"),
    op("Min", 1, |c| extremum::lower(c, Extremum::Min)),
    op("Mish", 18, |c| map::lower(c, Function::Mish)),
    op("Mod", 10, modulo::lower).note("known operands"),
    op("Mul", 1, mul::lower),
    op("Neg", 1, add::neg),
    op("NegativeLogLikelihoodLoss", 12, nll_loss::negative_log_likelihood),
    op("NonZero", 9, compress::non_zero).note("known operand"),
    op("Not", 1, logic::not),
    op("OneHot", 9, one_hot::lower).note("known depth"),
    flow("Optional", 15, optional::optional),
    flow("OptionalGetElement", 15, optional::get_element),
    flow("OptionalHasElement", 15, optional::has_element),
    op("Or", 1, |c| logic::either(c, 1.0)),
    op("PRelu", 1, prelu::lower),
    op("Pad", 1, pad::lower).note("known pads"),
    op("Pow", 1, pow::lower).note("known exponent, or known base"),
    op("QLinearConv", 10, integer::qlinear_conv).note("one to three spatial axes"),
    op("QLinearMatMul", 10, integer::qlinear_matmul),
    op("QuantizeLinear", 10, quantize::quantize).note("to floats of 8 bits or less only when known"),
    op("RMSNormalization", 23, layer_norm::rms_norm),
    op("RNN", 1, rnn::lower).note("known sequence lengths, unrolled"),
    op("Range", 11, constant::range).note("known bounds"),
    op("Reciprocal", 1, map::reciprocal),
    op("ReduceL1", 1, |c| reduce::lower(c, reduce::Kind::L1)),
    op("ReduceL2", 1, |c| reduce::lower(c, reduce::Kind::L2)),
    op("ReduceLogSum", 1, |c| reduce::lower(c, reduce::Kind::LogSum)),
    op("ReduceLogSumExp", 1, |c| reduce::lower(c, reduce::Kind::LogSumExp)),
    op("ReduceMax", 1, |c| reduce::lower(c, reduce::Kind::Max)),
    op("ReduceMean", 1, |c| reduce::lower(c, reduce::Kind::Mean)),
    op("ReduceMin", 1, |c| reduce::lower(c, reduce::Kind::Min)),
    op("ReduceProd", 1, |c| reduce::lower(c, reduce::Kind::Prod)).note("up to 64 factors"),
    op("ReduceSum", 1, |c| reduce::lower(c, reduce::Kind::Sum)),
    op("ReduceSumSquare", 1, |c| reduce::lower(c, reduce::Kind::SumSquare)),
    op("Relu", 1, |c| map::lower(c, Function::Relu)),
    op("Reshape", 1, reshape::reshape).note("known shape"),
    op("Resize", 10, resize::resize).note("known scales or sizes"),
    op("ReverseSequence", 10, reverse_sequence::lower),
    op("RoiAlign", 10, roi_align::lower).note("known regions"),
    op("RotaryEmbedding", 23, rotary_embedding::lower),
    op("Round", 11, |c| map::lower(c, Function::Round)),
    op("STFT", 17, dft::stft).note("known step and length"),
    flow("Scan", 8, scan::lower).note("unrolled"),
    op("Scatter", 9, scatter::scatter_elements),
    op("ScatterElements", 11, scatter::scatter_elements),
    op("ScatterND", 11, scatter::scatter_nd),
    op("Selu", 1, |c| map::with(c, map::selu)),
    flow("SequenceAt", 11, sequence::at).note("known position"),
    flow("SequenceConstruct", 11, sequence::construct),
    flow("SequenceEmpty", 11, sequence::empty),
    flow("SequenceErase", 11, sequence::erase).note("known position"),
    flow("SequenceInsert", 11, sequence::insert).note("known position"),
    flow("SequenceLength", 11, sequence::length),
    flow("SequenceMap", 17, sequence::map),
    op("Shape", 1, shape::shape),
    op("Shrink", 9, map::shrink),
    op("Sigmoid", 1, |c| map::lower(c, Function::Sigmoid)),
    op("Sign", 9, |c| map::lower(c, Function::Sign)),
    op("Sin", 7, |c| map::lower(c, Function::Sin)),
    op("Sinh", 9, |c| map::lower(c, Function::Sinh)),
    op("Size", 1, shape::size),
    op("Slice", 1, slice::lower).note("known bounds"),
    op("Softmax", 1, softmax::softmax),
    op("SoftmaxCrossEntropyLoss", 12, nll_loss::softmax_cross_entropy),
    op("Softplus", 1, |c| map::lower(c, Function::Softplus)),
    op("Softsign", 1, |c| map::lower(c, Function::Softsign)),
    op("SpaceToDepth", 1, space::space_to_depth),
    op("Split", 1, split::lower).note("known sizes"),
    flow("SplitToSequence", 11, sequence::split).note("known sizes"),
    op("Sqrt", 1, |c| map::lower(c, Function::Sqrt)),
    op("Squeeze", 1, reshape::squeeze).note("known axes"),
    op("Sub", 1, |c| add::add(c, -1.0)),
    op("Sum", 1, |c| add::sum(c, false)),
    op("Swish", 24, |c| map::with(c, map::swish)),
    op("Tan", 7, |c| map::lower(c, Function::Tan)),
    op("Tanh", 1, |c| map::lower(c, Function::Tanh)),
    op("TensorScatter", 24, scatter::tensor_scatter),
    op("ThresholdedRelu", 10, |c| map::with(c, map::thresholded_relu)),
    op("Tile", 6, expand::tile).note("known repeats"),
    op("TopK", 1, top_k::lower).note("known K"),
    op("Transpose", 1, transpose::lower),
    op("Trilu", 14, trilu::lower).note("known diagonal"),
    op("Unique", 11, compress::unique).note("known operand"),
    op("Unsqueeze", 1, reshape::unsqueeze).note("known axes"),
    op("Upsample", 7, resize::upsample).note("known scales"),
    op("Where", 9, select::lower),
    op("Xor", 1, |c| logic::either(c, 2.0)),
    op("ArrayFeatureExtractor", 1, ml::encoding::array_feature_extractor).of(ML),
    op("Binarizer", 1, ml::scaling::binarizer).of(ML),
    op("FeatureVectorizer", 1, ml::encoding::feature_vectorizer).of(ML),
    op("Imputer", 1, ml::scaling::imputer).of(ML),
    op("LabelEncoder", 1, ml::encoding::label_encoder).of(ML).note("no texts as keys"),
    op("LinearClassifier", 1, ml::linear_model::classifier).of(ML).note("a score for each class"),
    op("LinearRegressor", 1, ml::linear_model::regressor).of(ML),
    op("Normalizer", 1, ml::scaling::normalizer).of(ML),
    op("OneHotEncoder", 1, ml::encoding::one_hot_encoder).of(ML).note("integers"),
    op("SVMClassifier", 1, ml::svm::classifier).of(ML).note("probabilities of two classes only"),
    op("SVMRegressor", 1, ml::svm::regressor).of(ML),
    op("Scaler", 1, ml::scaling::scaler).of(ML),
    op("TreeEnsemble", 5, ml::ensemble).of(ML).note("no membership tests"),
    op("TreeEnsembleClassifier", 1, ml::classifier).of(ML),
    op("TreeEnsembleRegressor", 1, ml::regressor).of(ML),
    op("ZipMap", 1, ml::encoding::zip_map).of(ML).note("the tensor of scores instead of maps"),
    // What onnxruntime's quantiser writes for integers of 4 and 16 bits into models of older opsets.
    op("DequantizeLinear", 1, quantize::dequantize).of("com.microsoft"),
    op("QuantizeLinear", 1, quantize::quantize).of("com.microsoft").note("to floats of 8 bits or less only when known"),
];

/// The line of an operator.
pub(crate) fn find(domain: &str, name: &str) -> Option<&'static OpDef> {
    OPS.binary_search_by(|op| (op.domain, op.name).cmp(&(domain, name))).ok().and_then(|i| OPS.get(i))
}

/// Newest version of an operator set that the table describes.
pub(crate) fn newest(domain: &str) -> i64 {
    if domain == ML { NEWEST_ML_OPSET } else { NEWEST_OPSET }
}

/// A supported ONNX operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpInfo {
    /// Operator set; empty for the standard one.
    pub domain: &'static str,
    pub name: &'static str,
    /// First and last version of the operator set.
    pub opsets: (i64, i64),
    /// What is asked of its uses; empty when nothing is.
    pub note: &'static str,
}

/// Every supported operator, sorted by domain and name.
pub fn supported_ops() -> impl Iterator<Item = OpInfo> {
    OPS.iter().map(|op| OpInfo {
        domain: op.domain,
        name: op.name,
        opsets: (op.since, op.until.unwrap_or(newest(op.domain))),
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
