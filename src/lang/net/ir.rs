//! The network program: layers in execution order with every size filled in. What `ops::nn` runs and keys are hashed from.

use crate::base::{Hash, Hasher};
use std::fmt;

/// Shape of one example's activation, without the batch: `[height, width, channels]`, `[tokens, features]` or `[features]`.
pub type Shape = Vec<usize>;

/// A network with all sizes known: a directed acyclic graph in topological order.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Net {
    /// Name of the declaration, for reading; no part of the hash.
    pub name: String,
    /// Shape of one input.
    pub input: Shape,
    /// Layers in execution order.
    pub nodes: Vec<Node>,
    /// Taps in the order written: name and the node whose output it is.
    pub taps: Vec<(String, NodeId)>,
    /// The node whose output is the network's: class scores before softmax.
    pub output: NodeId,
}

/// A node's index in [`Net::nodes`].
pub type NodeId = usize;

/// Where a layer takes its input from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Source {
    /// The network's input.
    Input,
    /// Another node's output.
    Node(NodeId),
}

/// One layer.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Node {
    /// What it computes.
    pub op: LayerOp,
    /// Its inputs: one, two for [`LayerOp::Add`], any number for [`LayerOp::Concat`].
    pub inputs: Vec<Source>,
    /// Shape of its output.
    pub shape: Shape,
    /// Path of its parameters, such as `stage1.0.conv1`; unique among layers with parameters. Weights are named `PATH.weight` and so on.
    pub path: String,
}

/// The layers. Images are channels-last; weights keep PyTorch's names and layouts when saved.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum LayerOp {
    /// 2-D convolution. Weight `[out, in / groups, kernel, kernel]`, bias `[out]` where `bias`.
    Conv { input: usize, output: usize, kernel: usize, stride: usize, pad: usize, dilation: usize, groups: usize, bias: bool },
    /// Transposed 2-D convolution, the gradient by the input of a convolution. Weight `[in, out / groups, kernel, kernel]`, bias `[out]` where `bias`.
    ConvTransposed {
        input: usize,
        output: usize,
        kernel: usize,
        stride: usize,
        pad: usize,
        output_pad: usize,
        dilation: usize,
        groups: usize,
        bias: bool,
    },
    /// Batch normalisation over all but the last axis. `zero_scale`: the scale starts at 0.
    BatchNorm { features: usize, eps: f64, momentum: f64, zero_scale: bool },
    /// Layer normalisation over the last axis.
    LayerNorm { features: usize, eps: f64 },
    /// Normalisation over positions and the channels of each group.
    GroupNorm { groups: usize, features: usize, eps: f64 },
    /// max(x, 0)
    Relu,
    /// x where x > 0, slope * x elsewhere.
    LeakyRelu { slope: f64 },
    /// Gaussian error linear unit (exact).
    Gelu,
    /// Gaussian error linear unit, with the approximation by a hyperbolic tangent.
    GeluTanh,
    /// Hyperbolic tangent.
    Tanh,
    /// Logistic function.
    Sigmoid,
    /// exp(x) / sum of exp(x) over the last axis.
    Softmax,
    /// Maximum over windows; padding counts as minus infinity.
    MaxPool { kernel: usize, stride: usize, pad: usize },
    /// Mean over windows; padding counts as zeros in the mean, as PyTorch's default.
    AvgPool { kernel: usize, stride: usize, pad: usize },
    /// Mean over all positions: `[h, w, c]` or `[tokens, c]` to `[c]`.
    GlobalMean,
    /// To one axis, images in the order channels, height, width (PyTorch's), so that weights carry over.
    Flatten,
    /// To an image, numbers in the order channels, height, width (PyTorch's).
    Reshape,
    /// Positions of an image in a row, as tokens: `[h, w, c]` to `[h w, c]`.
    Tokens,
    /// Tokens and features exchanged: `[tokens, c]` to `[c, tokens]`.
    Transpose,
    /// One token, counted from the front: `[tokens, c]` to `[c]`.
    Token { index: usize },
    /// Every position `factor` x `factor` times, or bilinear interpolation between the centres of positions.
    Upsample { factor: usize, bilinear: bool },
    /// Affine map of the last axis. Weight `[output, input]`, bias `[output]` where `bias`.
    Linear { input: usize, output: usize, bias: bool },
    /// Sets units to zero with probability `rate` in training, and scales the others by 1 / (1 - rate).
    Dropout { rate: f64 },
    /// Sets whole channels of an example to zero with probability `rate` in training, and scales the others by 1 / (1 - rate).
    DropoutChannels { rate: f64 },
    /// A learned token before the others. Parameter `[1, 1, features]`, named by the path alone.
    ClassToken { features: usize },
    /// Adds a learned vector to each token. Parameter `[1, tokens, features]`, named by the path alone.
    PositionEmbedding { tokens: usize, features: usize },
    /// Scaled dot-product attention of queries, keys and values side by side: `[tokens, 3 c]` to `[tokens, c]`.
    /// `causal`: a token attends to itself and those before it.
    Attention { heads: usize, causal: bool },
    /// A learned vector for each number of a word. Weight `[words, features]`.
    Embedding { words: usize, features: usize },
    /// A layer of long short-term memory, hidden states of all tokens. Weights `weight_ih_lN` `[4 hidden, input]`, `weight_hh_lN` `[4 hidden, hidden]`,
    /// biases `bias_ih_lN`, `bias_hh_lN`, gates in the order input, forget, cell, output; N is `index`.
    Lstm { input: usize, hidden: usize, index: usize },
    /// Sum of its inputs.
    Add,
    /// Concatenation of its inputs along the last axis.
    Concat,
    /// Takes every `stride`-th position and pads channels with zeros, half on each side (the option-A shortcut of He et al. 2016).
    SubsamplePad { stride: usize, output: usize },
}

impl Net {
    /// Returns the hash of everything that decides what the network computes.
    pub fn hash(&self) -> Hash {
        let mut h = Hasher::new("cfx.net.1");
        h.text(&format!("{:?}", self.input)).int(self.output as u64);
        for node in &self.nodes {
            h.text(&format!("{:?} {:?} {:?}", node.op, node.inputs, node.shape)).text(&node.path);
            if node.op.revision() > 0 {
                h.text("revision").int(node.op.revision());
            }
        }
        for (name, id) in &self.taps {
            h.text(name).int(*id as u64);
        }
        h.finish()
    }

    /// Returns the shape of a source's output.
    pub fn shape_of(&self, source: Source) -> &Shape {
        match source {
            Source::Input => &self.input,
            Source::Node(id) => &self.nodes[id].shape,
        }
    }

    /// Returns the node that a name means: a tap; else a layer by its path, `layer1.0.conv1` (of several the last); else the last layer of a
    /// module, `layer1.0`.
    pub fn find(&self, name: &str) -> Option<NodeId> {
        let inside = |path: &str| path.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        let tap = self.taps.iter().find(|(tap, _)| tap == name).map(|(_, node)| *node);
        let layer = || self.nodes.iter().rposition(|n| n.path == name);
        tap.or_else(layer).or_else(|| self.nodes.iter().rposition(|n| inside(&n.path)))
    }

    /// Returns the number of trainable parameters.
    pub fn parameters(&self) -> usize {
        self.nodes.iter().map(|n| n.op.parameters()).sum()
    }

    /// Returns the multiply-adds of one forward pass over one example, those of matrix products only.
    pub fn multiply_adds(&self) -> usize {
        let numbers = |shape: &Shape| shape.iter().map(|n| *n as u128).product::<u128>();
        let of = |n: &Node| {
            let each = match n.op {
                LayerOp::Conv { input, kernel, groups, .. } => (input / groups) as u128 * (kernel as u128).pow(2),
                LayerOp::ConvTransposed { output, kernel, groups, .. } => {
                    let taken: u128 = n.inputs.iter().map(|s| numbers(self.shape_of(*s))).sum();
                    return taken * (output / groups) as u128 * (kernel as u128).pow(2);
                }
                LayerOp::Linear { input, .. } => input as u128,
                LayerOp::Attention { .. } => 2 * n.shape[0] as u128,
                LayerOp::Lstm { input, hidden, .. } => 4 * (input as u128 + hidden as u128),
                _ => 0,
            };
            numbers(&n.shape) * each
        };
        usize::try_from(self.nodes.iter().map(of).sum::<u128>()).unwrap_or(usize::MAX)
    }
}

impl LayerOp {
    /// Returns a number that is raised whenever a layer's results change for equal inputs, which parts its keys from earlier ones.
    fn revision(&self) -> u64 {
        match self {
            LayerOp::LayerNorm { .. } | LayerOp::Gelu => 1,
            _ => 0,
        }
    }

    /// Returns the number of trainable parameters.
    pub fn parameters(&self) -> usize {
        match *self {
            LayerOp::Conv { input, output, kernel, groups, bias, .. } => {
                output * (input / groups) * kernel * kernel + if bias { output } else { 0 }
            }
            LayerOp::ConvTransposed { input, output, kernel, groups, bias, .. } => {
                input * (output / groups) * kernel * kernel + if bias { output } else { 0 }
            }
            LayerOp::BatchNorm { features, .. } | LayerOp::LayerNorm { features, .. } | LayerOp::GroupNorm { features, .. } => {
                2 * features
            }
            LayerOp::ClassToken { features } => features,
            LayerOp::PositionEmbedding { tokens, features } => tokens * features,
            LayerOp::Embedding { words, features } => words * features,
            LayerOp::Lstm { input, hidden, .. } => 4 * hidden * (input + hidden + 2),
            LayerOp::Linear { input, output, bias } => input * output + if bias { output } else { 0 },
            _ => 0,
        }
    }

    /// Returns the layer's name in the language.
    pub fn word(&self) -> &'static str {
        match self {
            LayerOp::Conv { .. } => "conv",
            LayerOp::BatchNorm { .. } => "batch_norm",
            LayerOp::LayerNorm { .. } => "layer_norm",
            LayerOp::Relu => "relu",
            LayerOp::LeakyRelu { .. } => "leaky_relu",
            LayerOp::Gelu => "gelu",
            LayerOp::Tanh => "tanh",
            LayerOp::Sigmoid => "sigmoid",
            LayerOp::MaxPool { .. } => "max_pool",
            LayerOp::AvgPool { .. } => "avg_pool",
            LayerOp::GlobalMean => "global_mean",
            LayerOp::Flatten => "flatten",
            LayerOp::Linear { .. } => "linear",
            LayerOp::Dropout { .. } => "dropout",
            LayerOp::ConvTransposed { .. } => "conv_transposed",
            LayerOp::GroupNorm { .. } => "group_norm",
            LayerOp::GeluTanh => "gelu",
            LayerOp::Softmax => "softmax",
            LayerOp::Reshape => "reshape",
            LayerOp::Tokens => "tokens",
            LayerOp::Transpose => "transpose",
            LayerOp::Token { .. } => "token",
            LayerOp::Upsample { .. } => "upsample",
            LayerOp::DropoutChannels { .. } => "dropout_channels",
            LayerOp::ClassToken { .. } => "class_token",
            LayerOp::PositionEmbedding { .. } => "position_embedding",
            LayerOp::Attention { .. } => "attention",
            LayerOp::Embedding { .. } => "embedding",
            LayerOp::Lstm { .. } => "lstm",
            LayerOp::Add => "add",
            LayerOp::Concat => "concat",
            LayerOp::SubsamplePad { .. } => "subsample_pad",
        }
    }
}

/// Writes one line a layer: path, layer, output shape.
impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {:?}, {} parameters", self.name, self.input, self.parameters())?;
        for (i, node) in self.nodes.iter().enumerate() {
            let taps: Vec<_> = self.taps.iter().filter(|t| t.1 == i).map(|t| t.0.as_str()).collect();
            let tap = if taps.is_empty() { String::new() } else { format!("  <- {}", taps.join(", ")) };
            writeln!(f, "  {i:3} {:<24} {:<14} {:?}{tap}", node.path, node.op.word(), node.shape)?;
        }
        Ok(())
    }
}
