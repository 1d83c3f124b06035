//! Layers of tokens.

use super::parameter::{Init, Order, Parameter};

/// `softmax(Q K' / sqrt(d)) V` head by head; queries, keys and values of all heads lie side by side in each token.
///
/// Weights of attention are not kept: the backward pass makes them again, which costs one small product and saves `heads x tokens^2` numbers an example.
#[derive(Clone, Copy, Debug)]
pub struct Attention {
    /// Tokens in one example.
    pub tokens: usize,
    /// Features of a token that come out; three times as many come in.
    pub features: usize,
    /// Number of heads.
    pub heads: usize,
    /// Whether a token attends to itself and those before it only.
    pub causal: bool,
}

/// Softmax over the last axis.
#[derive(Clone, Copy, Debug)]
pub struct Softmax {
    /// Rows in one example.
    pub positions: usize,
    /// Length of a row.
    pub features: usize,
}

/// Names of the parameters of each layer in PyTorch's module.
const NAMES: [[&str; 4]; 8] = [
    ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"],
    ["weight_ih_l1", "weight_hh_l1", "bias_ih_l1", "bias_hh_l1"],
    ["weight_ih_l2", "weight_hh_l2", "bias_ih_l2", "bias_hh_l2"],
    ["weight_ih_l3", "weight_hh_l3", "bias_ih_l3", "bias_hh_l3"],
    ["weight_ih_l4", "weight_hh_l4", "bias_ih_l4", "bias_hh_l4"],
    ["weight_ih_l5", "weight_hh_l5", "bias_ih_l5", "bias_hh_l5"],
    ["weight_ih_l6", "weight_hh_l6", "bias_ih_l6", "bias_hh_l6"],
    ["weight_ih_l7", "weight_hh_l7", "bias_ih_l7", "bias_hh_l7"],
];

/// One layer: `i, f, o = sigmoid(…)`, `g = tanh(…)` of `W_ih x + b_ih + W_hh h + b_hh`; `c = f c + i g`; `h = o tanh(c)`, from zeros.
/// State: `W_ih` (`[input, 4 hidden]` in memory, gates in the order i, f, g, o), `W_hh` (`[hidden, 4 hidden]`), `b_ih`, `b_hh`.
#[derive(Clone, Copy, Debug)]
pub struct Lstm {
    /// Tokens in one example.
    pub tokens: usize,
    /// Features of a token that come in.
    pub input: usize,
    /// Hidden units.
    pub hidden: usize,
    /// The layer's number in its names.
    pub index: usize,
}

impl Lstm {
    /// Returns its parameters and statistics, trained ones first.
    pub fn parameters(&self) -> Vec<Parameter> {
        let init = Init::Uniform(1.0 / (self.hidden as f32).sqrt());
        let names = NAMES[self.index.min(NAMES.len() - 1)];
        let gates = 4 * self.hidden;
        let matrix = |name, cols| Parameter::trained(name, vec![gates, cols], Order::Transposed, init);
        let bias = |name| Parameter::trained(name, vec![gates], Order::Same, init);
        vec![matrix(names[0], self.input), matrix(names[1], self.hidden), bias(names[2]), bias(names[3])]
    }
}

/// A learned token before the others. State: the token.
#[derive(Clone, Copy, Debug)]
pub struct ClassToken {
    /// Tokens that come in.
    pub tokens: usize,
    /// Features of a token.
    pub features: usize,
}

/// A learned vector added to each token. State: the vectors.
#[derive(Clone, Copy, Debug)]
pub struct PositionEmbedding {
    /// Tokens.
    pub tokens: usize,
    /// Features of a token.
    pub features: usize,
}

/// A learned vector for each word; words come in as whole numbers. State: the vectors.
#[derive(Clone, Copy, Debug)]
pub struct Embedding {
    /// Tokens in one example.
    pub tokens: usize,
    /// Words that have a vector.
    pub words: usize,
    /// Length of a vector.
    pub features: usize,
}

/// One token of several.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    /// Tokens that come in.
    pub tokens: usize,
    /// Features of a token.
    pub features: usize,
    /// The token, from 0.
    pub index: usize,
}
