//! Parameters and statistics of layers, and what they are before training.

/// A parameter or a statistic of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Name below the layer's path: `weight`, `bias`, `running_mean`, `running_var`; empty where the path is the whole name.
    pub name: &'static str,
    /// Shape in PyTorch's layout.
    pub shape: Vec<usize>,
    /// How the numbers lie in the buffer, compared with PyTorch's layout.
    pub order: Order,
    /// Value before training.
    pub init: Init,
    /// Whether the optimiser changes it (running statistics are not trained).
    pub trained: bool,
}

/// How a parameter's numbers lie in its buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As in PyTorch.
    Same,
    /// A matrix, transposed: `[input, output]`.
    Transposed,
    /// A convolution's weight: `[groups, kernel, kernel, input / groups, output / groups]`.
    ChannelsLast {
        /// Number of groups.
        groups: usize,
    },
}

/// Value of a parameter before training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// One value everywhere.
    Constant(f32),
    /// Uniform in (-bound, bound).
    Uniform(f32),
    /// Normal with mean 0 and this standard deviation.
    Normal(f32),
}

impl Parameter {
    /// Returns one that the optimiser changes.
    pub fn trained(name: &'static str, shape: Vec<usize>, order: Order, init: Init) -> Self {
        Parameter { name, shape, order, init, trained: true }
    }

    /// Returns its whole name, below the path of its layer.
    pub fn under(&self, path: &str) -> String {
        if self.name.is_empty() { path.to_string() } else { format!("{path}.{}", self.name) }
    }

    /// Returns how many numbers it has.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Returns whether it has no number.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether it follows the batches and not the gradient.
    pub fn statistic(&self) -> bool {
        matches!(self.name, "running_mean" | "running_var")
    }
}

/// Returns the parameters of a normalisation that scales and shifts: `weight`, from `scale` on, and `bias` of zeros, `[features]` each (PyTorch's).
pub fn scale_and_shift(features: usize, scale: f32) -> Vec<Parameter> {
    let one = |name, value| Parameter::trained(name, vec![features], Order::Same, Init::Constant(value));
    vec![one("weight", scale), one("bias", 0.0)]
}

/// Returns the parameters of a product: `weight`, and `bias` where there is one, of so many numbers. Both begin as PyTorch's defaults, kaiming_uniform(a = sqrt 5): with
/// the bound sqrt(6 / (6 fan_in)).
pub fn weight_and_bias(shape: Vec<usize>, order: Order, fan_in: usize, bias: Option<usize>) -> Vec<Parameter> {
    let init = Init::Uniform(1.0 / (fan_in as f32).sqrt());
    let weight = Parameter::trained("weight", shape, order, init);
    std::iter::once(weight).chain(bias.map(|len| Parameter::trained("bias", vec![len], Order::Same, init))).collect()
}
