//! Networks: from the language's bodies to a static program whose shapes are all known.
//!
//! In: the declaration of a network, its arguments, an input shape, a number of classes. Out: an [`ir::Net`].
//! Never: weights, tensors, or a device.
//!
//! # Bodies
//! Each line of a body is a step; steps run one after the other, as do the layers of a chain `a -> b`. A step is a layer with or without
//! brackets, a choice `if … then … else …` on values known before the run, or a combinator with steps in braces ([`combinator`]).
//!
//! # Labels: taps and names of parameters
//! - A label on a step of a **network** names the step's output: a tap. Labels inside `residual`, `concat`, `named` and `unnamed` of the
//!   network's own body do so as well, and those of a network used as a step; labels inside `layer` declarations and in arguments do not.
//!   Inside `repeat` and `each` a label gets the number of the turn: `block: …` in `repeat(3)` makes `block1`, `block2`, `block3`.
//! - Parameters are named as in PyTorch. Every layer takes the next number of the scope it stands in; a label takes its place.
//!   What is labelled and more than one layer opens a scope: `stage1: conv(16, 3) -> batch_norm` has `stage1.0.weight`, `stage1.1.weight`.
//! - A `layer` with labels in its body is a module: it takes one number and opens a scope. One without labels is written out where it stands,
//!   and so is a network used as a step.
//! - `named("layer1") { … }` names a scope for the parameters alone and overrides a label on it;
//!   `unnamed { … }` puts its steps into the scope around it, whatever label it has; in `numbered { … }` they are named as if it had none.
//!
//! These rules give torchvision's names for `std/networks.cfx`: `layer1.0.conv1.weight`, `layer2.0.downsample.1.weight`, `features.0.weight`.

pub mod check;
mod combine;
pub mod elaborate;
mod env;
pub mod ir;
pub mod layers;
pub mod library;
mod limits;
mod scopes;

pub use check::{check_body, contains_itself, taps};
pub use elaborate::elaborate;
pub use ir::Net;
pub use layers::words as shape_words;
pub use library::{Declared, Found, Library, NetworkCall};

use crate::syntax::ast::{Block, Body, Expr, ExprKind, Ident};

#[cfg(test)]
mod tests;

/// The layers and combinators whose bodies are written in Rust: exactly the `extern … -> layer` of `std/layers.cfx`.
pub const BUILT_IN: [&str; 39] = [
    "avg_pool",
    "batch_norm",
    "class_token",
    "concat",
    "conv",
    "conv_transposed",
    "dropout",
    "dropout_channels",
    "each",
    "embedding",
    "feed_forward",
    "flatten",
    "gelu",
    "global_mean",
    "group_norm",
    "identity",
    "latent",
    "layer_norm",
    "leaky_relu",
    "linear",
    "lstm",
    "max_pool",
    "named",
    "numbered",
    "position_embedding",
    "relu",
    "repeat",
    "reshape",
    "residual",
    "self_attention",
    "sigmoid",
    "softmax",
    "subsample_pad",
    "tanh",
    "token",
    "tokens",
    "transpose",
    "unnamed",
    "upsample",
];

/// The built-ins that hold steps in braces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Combinator {
    /// `residual(project: layers) { steps }`: steps(x) + shortcut(x).
    Residual,
    /// `repeat(n) { steps }`: the steps n times over.
    Repeat,
    /// `each(width: list) { steps }`: the steps once for each element, which `width` stands for.
    Each,
    /// `concat { step; step }`: every step on the same input, outputs side by side.
    Concat,
    /// `named("path") { steps }`: a scope for names of parameters.
    Named,
    /// `unnamed { steps }`: no scope.
    Unnamed,
    /// `numbered { steps }`: names as without a label.
    Numbered,
}

/// Returns the combinator of that name.
pub(crate) fn combinator(name: &str) -> Option<Combinator> {
    Some(match name {
        "residual" => Combinator::Residual,
        "repeat" => Combinator::Repeat,
        "each" => Combinator::Each,
        "concat" => Combinator::Concat,
        "named" => Combinator::Named,
        "unnamed" => Combinator::Unnamed,
        "numbered" => Combinator::Numbered,
        _ => return None,
    })
}

/// A step as bodies and blocks hold it; labelled steps of a block may have been read as fields.
#[derive(Clone, Copy)]
pub(crate) struct StepRef<'a> {
    pub label: Option<&'a Ident>,
    pub value: &'a Expr,
}

pub(crate) fn steps_of_body(body: &Body) -> Vec<StepRef<'_>> {
    body.steps.iter().map(|s| StepRef { label: s.label.as_ref(), value: &s.value }).collect()
}

pub(crate) fn steps_of(block: Option<&Block>) -> Vec<StepRef<'_>> {
    match block {
        None => Vec::new(),
        Some(Block::Body(body)) => steps_of_body(body),
        Some(Block::Fields(fields)) => fields.iter().map(|f| StepRef { label: f.name.as_ref(), value: &f.value }).collect(),
    }
}

/// Returns the expression without the round brackets around it.
pub(crate) fn bare(expr: &Expr) -> &Expr {
    match &expr.kind {
        ExprKind::Paren(inner) => bare(inner),
        _ => expr,
    }
}
