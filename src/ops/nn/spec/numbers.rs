//! Layers that look at single numbers, or change shapes alone.

/// A function of one number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Function {
    /// max(x, 0)
    Relu,
    /// x where x > 0, slope x elsewhere.
    LeakyRelu(f32),
    /// x Phi(x) with the normal distribution function Phi (Hendrycks & Gimpel 2016, exact form).
    Gelu,
    /// 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), the same approximately.
    GeluTanh,
    /// Hyperbolic tangent.
    Tanh,
    /// 1 / (1 + exp(-x))
    Sigmoid,
}

/// The function applied to every number.
#[derive(Clone, Copy, Debug)]
pub struct Activation {
    /// The function.
    pub function: Function,
}

/// Sets channels of an example to zero with probability `rate` in training and scales the others by 1 / (1 - rate). Where single numbers are dropped, each
/// is a channel at the one position.
#[derive(Clone, Copy, Debug)]
pub struct Dropout {
    /// Positions in one example.
    pub positions: usize,
    /// Channels.
    pub c: usize,
    /// Probability of a zero.
    pub rate: f64,
    /// Number that tells this layer's stream from those of others.
    pub node: usize,
}

/// Sum of its inputs; of one, a copy, for layers that change the shape alone.
#[derive(Clone, Copy, Debug)]
pub struct Add;

/// Concatenation along the last axis.
#[derive(Clone, Debug)]
pub struct Concat {
    /// Positions in one example.
    pub positions: usize,
    /// Widths of the inputs.
    pub widths: Vec<usize>,
}

/// Another image of the same numbers, both in the order channels, positions.
#[derive(Clone, Copy, Debug)]
pub struct Reshape {
    /// Positions and channels that come in.
    pub from: (usize, usize),
    /// Positions and channels that go out.
    pub to: (usize, usize),
}

/// Rows and columns of each example exchanged.
#[derive(Clone, Copy, Debug)]
pub struct Transpose {
    /// Rows that come in.
    pub rows: usize,
    /// Columns that come in.
    pub cols: usize,
}
