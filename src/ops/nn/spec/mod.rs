//! Layers with all their sizes, on whatever device: what every engine begins with.
//!
//! In: a node of a network and the shapes around it. Out: its [`Spec`], with parameters in PyTorch's names, shapes and initial values.
//! Never: a computation.

mod images;
mod normalisation;
mod numbers;
mod parameter;
mod products;
mod tokens;

use crate::base::Stream;
use crate::lang::net::ir::{LayerOp, Shape};
use parameter::{scale_and_shift, weight_and_bias};

pub use images::{AvgPool, GlobalMean, MaxPool, SubsamplePad, Upsample, Windows};
pub use normalisation::{BatchNorm, GroupNorm, LayerNorm};
pub use numbers::{Activation, Add, Concat, Dropout, Function, Reshape, Transpose};
pub use parameter::{Init, Order, Parameter};
pub use products::{Conv, ConvTransposed, Geometry, Linear};
pub use tokens::{Attention, ClassToken, Embedding, Lstm, PositionEmbedding, Softmax, Token};

/// A layer with its sizes, on whatever device.
#[derive(Clone, Debug)]
pub enum Spec {
    Conv(Conv),
    ConvTransposed(ConvTransposed),
    GroupNorm(GroupNorm),
    BatchNorm(BatchNorm),
    LayerNorm(LayerNorm),
    Activation(Activation),
    Softmax(Softmax),
    MaxPool(MaxPool),
    AvgPool(AvgPool),
    GlobalMean(GlobalMean),
    Transpose(Transpose),
    Reshape(Reshape),
    Token(Token),
    ClassToken(ClassToken),
    PositionEmbedding(PositionEmbedding),
    Embedding(Embedding),
    Attention(Attention),
    Lstm(Lstm),
    Upsample(Upsample),
    Linear(Linear),
    Dropout(Dropout),
    Add(Add),
    Concat(Concat),
    SubsamplePad(SubsamplePad),
}

impl Spec {
    /// Returns its parameters and statistics, trained ones first.
    pub fn parameters(&self) -> Vec<Parameter> {
        match self {
            Spec::Conv(Conv { geometry: g, bias }) => {
                let shape = vec![g.n, g.group_in(), g.kernel, g.kernel];
                weight_and_bias(shape, Order::ChannelsLast { groups: g.groups }, g.depth(), bias.then_some(g.n))
            }
            // PyTorch takes the second axis of the weight for the fan-in, here the output channels of a group.
            Spec::ConvTransposed(ConvTransposed { back: g, bias }) => {
                let shape = vec![g.n, g.group_in(), g.kernel, g.kernel];
                weight_and_bias(shape, Order::ChannelsLast { groups: g.groups }, g.depth(), bias.then_some(g.c))
            }
            Spec::Linear(Linear { input, output, bias, .. }) => {
                weight_and_bias(vec![*output, *input], Order::Transposed, *input, bias.then_some(*output))
            }
            Spec::GroupNorm(GroupNorm { features, .. }) | Spec::LayerNorm(LayerNorm { features, .. }) => {
                scale_and_shift(*features, 1.0)
            }
            Spec::BatchNorm(of) => of.parameters(),
            Spec::Lstm(of) => of.parameters(),
            Spec::ClassToken(ClassToken { features, .. }) => {
                vec![Parameter::trained("", vec![1, 1, *features], Order::Same, Init::Constant(0.0))]
            }
            Spec::PositionEmbedding(PositionEmbedding { tokens, features }) => {
                vec![Parameter::trained("", vec![1, *tokens, *features], Order::Same, Init::Normal(0.02))]
            }
            Spec::Embedding(Embedding { words, features, .. }) => {
                vec![Parameter::trained("weight", vec![*words, *features], Order::Same, Init::Normal(1.0))]
            }
            Spec::Activation(_)
            | Spec::Softmax(_)
            | Spec::MaxPool(_)
            | Spec::AvgPool(_)
            | Spec::GlobalMean(_)
            | Spec::Transpose(_)
            | Spec::Reshape(_)
            | Spec::Token(_)
            | Spec::Attention(_)
            | Spec::Upsample(_)
            | Spec::Dropout(_)
            | Spec::Add(_)
            | Spec::Concat(_)
            | Spec::SubsamplePad(_) => Vec::new(),
        }
    }
}

/// Returns the layer of a node. `node` is its index in the network, which names its stream; shapes are of one example.
pub fn spec(op: &LayerOp, node: usize, inputs: &[&Shape], output: &Shape) -> Spec {
    let input = inputs.first().copied().unwrap_or(output);
    let len: usize = output.iter().product();
    let (h, w, c) = image(input);
    let (oh, ow, n) = image(output);
    let positions = h * w;
    let function = |function| Spec::Activation(Activation { function });
    match *op {
        LayerOp::Conv { kernel, stride, pad, dilation, groups, bias, .. } => {
            Spec::Conv(Conv { geometry: Geometry { h, w, c, oh, ow, n, kernel, stride, pad, dilation, groups }, bias })
        }
        LayerOp::ConvTransposed { kernel, stride, pad, dilation, groups, bias, .. } => {
            let back = Geometry { h: oh, w: ow, c: n, oh: h, ow: w, n: c, kernel, stride, pad, dilation, groups };
            Spec::ConvTransposed(ConvTransposed { back, bias })
        }
        LayerOp::GroupNorm { groups, features, eps } => Spec::GroupNorm(GroupNorm { positions, features, groups, eps }),
        LayerOp::BatchNorm { features, eps, momentum, zero_scale } => {
            Spec::BatchNorm(BatchNorm { positions, features, eps, momentum, zero_scale, residual: false, relu: false })
        }
        LayerOp::LayerNorm { features, eps } => Spec::LayerNorm(LayerNorm { positions, features, eps }),
        LayerOp::Relu => function(Function::Relu),
        LayerOp::LeakyRelu { slope } => function(Function::LeakyRelu(slope as f32)),
        LayerOp::Gelu => function(Function::Gelu),
        LayerOp::GeluTanh => function(Function::GeluTanh),
        LayerOp::Tanh => function(Function::Tanh),
        LayerOp::Sigmoid => function(Function::Sigmoid),
        LayerOp::Softmax => Spec::Softmax(Softmax { positions, features: c }),
        LayerOp::MaxPool { kernel, stride, pad } => Spec::MaxPool(MaxPool(Windows { h, w, c, oh, ow, kernel, stride, pad })),
        LayerOp::AvgPool { kernel, stride, pad } => Spec::AvgPool(AvgPool(Windows { h, w, c, oh, ow, kernel, stride, pad })),
        LayerOp::GlobalMean => Spec::GlobalMean(GlobalMean { positions, c }),
        // Images are laid out channels first, as PyTorch has them: a transposition. Rows of tokens stay as they are.
        LayerOp::Flatten | LayerOp::Reshape if (input.len() == 3) != (output.len() == 3) => match input.len() {
            3 => Spec::Transpose(Transpose { rows: positions, cols: c }),
            _ => Spec::Transpose(Transpose { rows: n, cols: oh * ow }),
        },
        LayerOp::Reshape if input != output => Spec::Reshape(Reshape { from: (positions, c), to: (oh * ow, n) }),
        LayerOp::Flatten | LayerOp::Reshape | LayerOp::Tokens => Spec::Add(Add),
        LayerOp::Transpose => Spec::Transpose(Transpose { rows: positions, cols: c }),
        LayerOp::Token { index } => Spec::Token(Token { tokens: positions, features: c, index }),
        LayerOp::ClassToken { features } => Spec::ClassToken(ClassToken { tokens: positions, features }),
        LayerOp::PositionEmbedding { tokens, features } => Spec::PositionEmbedding(PositionEmbedding { tokens, features }),
        LayerOp::Embedding { words, features } => Spec::Embedding(Embedding { tokens: len / features, words, features }),
        LayerOp::Attention { heads, causal } => Spec::Attention(Attention { tokens: oh, features: n, heads, causal }),
        LayerOp::Lstm { input, hidden, index } => Spec::Lstm(Lstm { tokens: positions, input, hidden, index }),
        LayerOp::Upsample { factor, bilinear } => Spec::Upsample(Upsample { h, w, c, factor, bilinear }),
        LayerOp::Linear { input, output, bias } => Spec::Linear(Linear { positions, input, output, bias }),
        LayerOp::Dropout { rate } => Spec::Dropout(Dropout { positions: 1, c: len, rate, node }),
        LayerOp::DropoutChannels { rate } => Spec::Dropout(Dropout { positions, c, rate, node }),
        LayerOp::Add => Spec::Add(Add),
        LayerOp::Concat => {
            let widths = inputs.iter().map(|s| s.last().copied().unwrap_or(1)).collect();
            Spec::Concat(Concat { positions, widths })
        }
        LayerOp::SubsamplePad { stride, .. } => Spec::SubsamplePad(SubsamplePad { h, w, c, oh, ow, n, stride }),
    }
}

/// Returns height, width and channels of a shape; tokens count as a column of positions.
pub fn image(shape: &Shape) -> (usize, usize, usize) {
    match shape[..] {
        [h, w, c] => (h, w, c),
        [tokens, c] => (tokens, 1, c),
        [c] => (1, 1, c),
        _ => (1, 1, shape.iter().product()),
    }
}

/// What all layers of one pass are told.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// Number of examples.
    pub batch: usize,
    /// Training (statistics of the batch, dropout) or evaluation.
    pub training: bool,
    /// The stream of this step, from which dropout draws.
    pub stream: Stream,
}
