//! The table of ONNX operators: one line each.

mod add;
mod arg;
mod average_pool;
mod batch_norm;
mod branch;
mod cast;
mod clip;
mod compare;
mod concat;
mod constant;
mod conv;
mod conv_transpose;
mod cumsum;
mod div;
mod einsum;
mod expand;
mod extremum;
mod gather;
mod gemm;
mod grid;
mod group_norm;
mod gru;
mod identity;
mod integer;
mod layer_norm;
mod logic;
mod lstm;
mod map;
mod matmul;
mod max_pool;
mod ml;
mod modulo;
mod mul;
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
mod rnn;
mod scan;
mod select;
mod sequence;
mod shape;
mod slice;
mod softmax;
mod space;
mod split;
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
    op("And", 1, logic::and),
    op("ArgMax", 1, |c| arg::lower(c, Extremum::Max)),
    op("ArgMin", 1, |c| arg::lower(c, Extremum::Min)),
    op("Asin", 7, |c| map::lower(c, Function::Asin)),
    op("Asinh", 9, |c| map::lower(c, Function::Asinh)),
    op("Atan", 7, |c| map::lower(c, Function::Atan)),
    op("Atanh", 9, |c| map::lower(c, Function::Atanh)),
    op("AveragePool", 1, average_pool::lower).note("up to three spatial axes"),
    op("BatchNormalization", 1, batch_norm::lower).note("inference only"),
    op("Cast", 1, cast::cast).note("no strings, no floats of 8 bits or less"),
    op("CastLike", 15, cast::cast_like),
    op("Ceil", 1, |c| map::lower(c, Function::Ceil)),
    op("Celu", 12, |c| map::with(c, map::celu)),
    op("Clip", 1, clip::lower),
    op("Concat", 1, concat::lower),
    flow("ConcatFromSequence", 11, sequence::concat),
    op("Constant", 1, constant::constant).note("dense tensors of numbers"),
    op("ConstantOfShape", 9, constant::constant_of_shape).note("known shape"),
    op("Conv", 1, conv::lower).note("one to three spatial axes"),
    op("ConvInteger", 10, integer::conv_integer).note("one to three spatial axes"),
    op("ConvTranspose", 1, conv_transpose::lower).note("one to three spatial axes"),
    op("Cos", 7, |c| map::lower(c, Function::Cos)),
    op("Cosh", 9, |c| map::lower(c, Function::Cosh)),
    op("CumSum", 11, cumsum::lower).note("known axis"),
    op("DepthToSpace", 1, space::depth_to_space),
    op("DequantizeLinear", 10, quantize::dequantize),
    op("Div", 1, div::lower).note("integers only when known"),
    op("Dropout", 1, identity::dropout).note("inference only"),
    op("DynamicQuantizeLinear", 11, quantize::dynamic),
    op("Einsum", 12, einsum::lower).note("up to 26 different axes"),
    op("Elu", 1, |c| map::with(c, map::elu)),
    op("Equal", 1, |c| compare::lower(c, Compare::Equal, false)),
    op("Erf", 9, |c| map::lower(c, Function::Erf)),
    op("Exp", 1, |c| map::lower(c, Function::Exp)),
    op("Expand", 8, expand::expand).note("known shape"),
    op("Flatten", 1, reshape::flatten),
    op("Floor", 1, |c| map::lower(c, Function::Floor)),
    op("GRU", 1, gru::lower).note("known sequence lengths, unrolled"),
    op("Gather", 1, gather::gather).note("indices from the data must not be negative"),
    op("GatherElements", 11, gather::gather_elements).note("known indices"),
    op("GatherND", 11, gather::gather_nd).note("known indices"),
    op("Gelu", 20, |c| map::with(c, map::gelu)),
    op("Gemm", 1, gemm::lower),
    op("GlobalAveragePool", 1, average_pool::global),
    op("GlobalMaxPool", 1, max_pool::global),
    op("Greater", 1, |c| compare::lower(c, Compare::Less, true)),
    op("GreaterOrEqual", 12, |c| compare::lower(c, Compare::LessEqual, true)),
    op("GroupNormalization", 18, group_norm::group_norm),
    op("HardSigmoid", 1, |c| map::with(c, map::hard_sigmoid)),
    op("HardSwish", 14, |c| map::lower(c, Function::HardSwish)),
    op("Hardmax", 1, softmax::hardmax),
    flow("Identity", 1, identity::identity),
    flow("If", 1, branch::lower),
    op("InstanceNormalization", 1, group_norm::instance_norm),
    op("LSTM", 1, lstm::lower).note("known sequence lengths, unrolled"),
    op("LayerNormalization", 17, layer_norm::layer_norm),
    op("LeakyRelu", 1, |c| map::with(c, map::leaky_relu)),
    op("Less", 1, |c| compare::lower(c, Compare::Less, false)),
    op("LessOrEqual", 12, |c| compare::lower(c, Compare::LessEqual, false)),
    op("Log", 1, |c| map::lower(c, Function::Log)),
    op("LogSoftmax", 1, softmax::log_softmax),
    flow("Loop", 1, repeat::lower).note("bounded trip count, unrolled"),
    op("MatMul", 1, matmul::lower),
    op("MatMulInteger", 10, integer::matmul_integer),
    op("Max", 1, |c| extremum::lower(c, Extremum::Max)),
    op("MaxPool", 1, max_pool::lower).note("without indices"),
    op("Mean", 1, |c| add::sum(c, true)),
    op("Min", 1, |c| extremum::lower(c, Extremum::Min)),
    op("Mish", 18, |c| map::lower(c, Function::Mish)),
    op("Mod", 10, modulo::lower).note("known operands"),
    op("Mul", 1, mul::lower),
    op("Neg", 1, add::neg),
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
    op("Round", 11, |c| map::lower(c, Function::Round)),
    flow("Scan", 8, scan::lower).note("unrolled"),
    op("Selu", 1, |c| map::with(c, map::selu)),
    flow("SequenceAt", 11, sequence::at).note("known position"),
    flow("SequenceConstruct", 11, sequence::construct),
    flow("SequenceEmpty", 11, sequence::empty),
    flow("SequenceErase", 11, sequence::erase).note("known position"),
    flow("SequenceInsert", 11, sequence::insert).note("known position"),
    flow("SequenceLength", 11, sequence::length),
    flow("SequenceMap", 17, sequence::map),
    op("Shape", 1, shape::shape),
    op("Sigmoid", 1, |c| map::lower(c, Function::Sigmoid)),
    op("Sign", 9, |c| map::lower(c, Function::Sign)),
    op("Sin", 7, |c| map::lower(c, Function::Sin)),
    op("Sinh", 9, |c| map::lower(c, Function::Sinh)),
    op("Size", 1, shape::size),
    op("Slice", 1, slice::lower).note("known bounds"),
    op("Softmax", 1, softmax::softmax),
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
    op("ThresholdedRelu", 10, |c| map::with(c, map::thresholded_relu)),
    op("Tile", 6, expand::tile).note("known repeats"),
    op("Transpose", 1, transpose::lower),
    op("Trilu", 14, trilu::lower).note("known diagonal"),
    op("Unsqueeze", 1, reshape::unsqueeze).note("known axes"),
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
