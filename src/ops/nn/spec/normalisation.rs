//! Normalisations.

use super::parameter::{Init, Order, Parameter, scale_and_shift};

/// `y = (x - mean) / sqrt(var + eps) * scale + shift`, then plus the second input where `residual`, then max(y, 0) where `relu`.
///
/// State: scale, shift, running mean, running variance. As in PyTorch, the batch is normalised by its biased variance and the
/// running variance follows the unbiased one: `running = (1 - momentum) running + momentum batch`.
#[derive(Clone, Copy, Debug)]
pub struct BatchNorm {
    /// Positions in one example.
    pub positions: usize,
    /// Features.
    pub features: usize,
    /// Added to variances.
    pub eps: f64,
    /// Weight of the new batch in running statistics.
    pub momentum: f64,
    /// Whether the scale starts at 0 instead of 1.
    pub zero_scale: bool,
    /// Whether the second input is added.
    pub residual: bool,
    /// Whether negative results become 0.
    pub relu: bool,
}

impl BatchNorm {
    /// Returns its parameters and statistics, trained ones first.
    pub fn parameters(&self) -> Vec<Parameter> {
        let statistic = |name, value| Parameter {
            name,
            shape: vec![self.features],
            order: Order::Same,
            init: Init::Constant(value),
            trained: false,
        };
        let mut all = scale_and_shift(self.features, if self.zero_scale { 0.0 } else { 1.0 });
        all.extend([statistic("running_mean", 0.0), statistic("running_var", 1.0)]);
        all
    }
}

/// `y = (x - mean) / sqrt(var + eps) * scale + shift` with mean and biased variance of an example over positions and the channels of a group.
/// State: scale, shift, a number a channel.
#[derive(Clone, Copy, Debug)]
pub struct GroupNorm {
    /// Positions in one example.
    pub positions: usize,
    /// Channels.
    pub features: usize,
    /// Number of groups.
    pub groups: usize,
    /// Added to variances.
    pub eps: f64,
}

/// `y = (x - mean) / sqrt(var + eps) * scale + shift` with mean and biased variance of each row. State: scale, shift.
#[derive(Clone, Copy, Debug)]
pub struct LayerNorm {
    /// Rows in one example.
    pub positions: usize,
    /// Length of a row.
    pub features: usize,
    /// Added to variances.
    pub eps: f64,
}
