//! The operators that run here, and how many values they can make of constants.

/// How many values an operator makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    /// Those that the file holds.
    Stored,
    /// One for each axis.
    PerAxis,
    /// One.
    One,
    /// No more than its first input has.
    AsFirst,
    /// As many as its inputs have together.
    AsAll,
    /// No more than the product of all inputs: one is spread over another.
    Spread,
    /// As many as the values of its inputs say.
    AsTold,
    /// Larger results than its inputs, or nobody uses it on constants: only images go through it.
    OfImages,
}

impl Made {
    /// `None` for operators that do not run here.
    pub fn by(operator: &str) -> Option<Self> {
        Some(match operator {
            "Constant" => Self::Stored,
            "Shape" => Self::PerAxis,
            "Size" => Self::One,
            "Concat" => Self::AsAll,
            "ConstantOfShape" | "Expand" | "Range" | "Tile" => Self::AsTold,
            "Abs" | "Cast" | "Ceil" | "Clip" | "Dropout" | "Exp" | "Flatten" | "Floor" | "Identity" | "Neg" | "Not"
            | "ReduceMax" | "ReduceMean" | "ReduceMin" | "ReduceProd" | "ReduceSum" | "Relu" | "Reshape" | "Round"
            | "ScatterND" | "Sigmoid" | "Sign" | "Slice" | "Sqrt" | "Squeeze" | "Tanh" | "Transpose" | "Unsqueeze" => {
                Self::AsFirst
            }
            "Add" | "And" | "Div" | "Equal" | "Gather" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual"
            | "Max" | "Min" | "Mod" | "Mul" | "Or" | "Pow" | "Sub" | "Where" => Self::Spread,
            "AveragePool"
            | "BatchNormalization"
            | "Celu"
            | "Conv"
            | "ConvTranspose"
            | "DepthToSpace"
            | "Elu"
            | "Erf"
            | "Gemm"
            | "GlobalAveragePool"
            | "GlobalMaxPool"
            | "GroupNormalization"
            | "HardSigmoid"
            | "HardSwish"
            | "InstanceNormalization"
            | "LayerNormalization"
            | "LeakyRelu"
            | "Log"
            | "LogSoftmax"
            | "MatMul"
            | "MaxPool"
            | "Mean"
            | "Mish"
            | "Pad"
            | "PRelu"
            | "Reciprocal"
            | "Resize"
            | "Selu"
            | "Softmax"
            | "Softplus"
            | "SpaceToDepth"
            | "Split"
            | "Sum"
            | "ThresholdedRelu"
            | "Upsample" => Self::OfImages,
            _ => return None,
        })
    }
}

/// Which inputs tell how large the result of an operator is that makes as many values as it is told.
pub(crate) fn telling(operator: &str) -> std::ops::Range<usize> {
    match operator {
        "ConstantOfShape" => 0..1,
        "Range" => 0..3,
        _ => 1..2,
    }
}

/// How many values they tell, beside the `first` that are spread or repeated; what cannot be is larger than all.
pub(crate) fn told(operator: &str, first: u64, values: &[f64]) -> f64 {
    let product = || values.iter().map(|length| length.abs().max(1.0)).product::<f64>();
    match (operator, values) {
        ("Range", [start, limit, delta]) if *delta != 0.0 => ((limit - start) / delta).ceil().max(0.0),
        ("Range", _) => f64::INFINITY,
        ("ConstantOfShape", _) => product(),
        _ => first as f64 * product(),
    }
}

/// Whether tract makes several operators of it.
pub(crate) fn is_taken_apart(operator: &str) -> bool {
    matches!(
        operator,
        "BatchNormalization"
            | "Celu"
            | "Conv"
            | "ConvTranspose"
            | "Elu"
            | "Gemm"
            | "GroupNormalization"
            | "HardSigmoid"
            | "InstanceNormalization"
            | "LayerNormalization"
            | "MatMul"
            | "Selu"
    )
}
