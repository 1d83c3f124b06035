//! The layers written in Rust: from settings and the shape of the input to an operation and the shape of its output.

use super::ir::{LayerOp, Shape};
use crate::base::{Diag, Span};
use crate::lang::Settings;

/// The largest number of units, channels or positions along one axis.
const LARGEST: f64 = 1e6;

/// Returns a shape in words: `8 x 8 x 16`, `64 units`.
pub fn words(shape: &[usize]) -> String {
    match shape {
        [units] => format!("{units} units"),
        _ => shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" x "),
    }
}

/// Returns the operation of a built-in layer on an input of the given shape, and the shape of its output; nothing for `identity`.
///
/// Errors (`cfx::shape::…`, `cfx::network::setting`): a layer that does not take such an input, sizes that do not fit, empty outputs.
pub(crate) fn apply(name: &str, settings: &Settings, input: &Shape, span: Span) -> Result<Option<(LayerOp, Shape)>, Box<Diag>> {
    let layer = Layer { name, settings, input, span };
    let last = input.last().copied().unwrap_or(0);
    let same = |op: LayerOp| Ok(Some((op, input.clone())));
    match name {
        "identity" => Ok(None),
        "relu" => same(LayerOp::Relu),
        "gelu" => same(LayerOp::Gelu),
        "tanh" => same(LayerOp::Tanh),
        "sigmoid" => same(LayerOp::Sigmoid),
        "leaky_relu" => same(LayerOp::LeakyRelu { slope: layer.real("slope", 0.0, f64::MAX)? }),
        "dropout" => {
            let rate = layer.real("rate", 0.0, 1.0)?;
            if rate == 1.0 {
                return Err(layer.setting("rate", "1", "below 1"));
            }
            same(LayerOp::Dropout { rate })
        }
        "batch_norm" => same(LayerOp::BatchNorm {
            features: last,
            eps: layer.real("eps", 0.0, 1.0)?,
            momentum: layer.real("momentum", 0.0, 1.0)?,
            zero_scale: settings.flag("zero_scale"),
        }),
        "layer_norm" => same(LayerOp::LayerNorm { features: last, eps: layer.real("eps", 0.0, 1.0)? }),
        "conv" => layer.conv().map(Some),
        "max_pool" | "avg_pool" => layer.pool().map(Some),
        "global_mean" if input.len() < 2 => {
            Err(layer.takes("takes a mean over positions").help("an image is needed: put it before `flatten`").into())
        }
        "global_mean" => Ok(Some((LayerOp::GlobalMean, vec![last]))),
        "flatten" => Ok(Some((LayerOp::Flatten, vec![input.iter().product()]))),
        "linear" => layer.linear().map(Some),
        "subsample_pad" => layer.subsample_pad().map(Some),
        _ => Err(Box::new(Diag::error("cfx::network::unknown", span, format!("`{name}` has no meaning in this version")))),
    }
}

struct Layer<'a> {
    name: &'a str,
    settings: &'a Settings,
    input: &'a Shape,
    span: Span,
}

type Made = Result<(LayerOp, Shape), Box<Diag>>;

impl Layer<'_> {
    fn conv(&self) -> Made {
        let [height, width, channels] = self.image("convolves images")?;
        let (output, kernel, stride) = (self.int("channels", 1)?, self.int("kernel", 1)?, self.int("stride", 1)?);
        let (dilation, groups) = (self.int("dilation", 1)?, self.int("groups", 1)?);
        if self.settings.real("pad").fract() != 0.0 {
            let text = format!("a {kernel} x {kernel} kernel has no middle, so the default `pad` is no whole number");
            return Err(Box::new(
                Diag::error("cfx::network::setting", self.span, text)
                    .help("write `pad:`, for example `pad: 0`, or take an odd kernel"),
            ));
        }
        let pad = self.int("pad", 0)?;
        for (count, what) in [(channels, "input"), (output, "output")] {
            if count % groups != 0 {
                let text = format!("`conv` cannot split {count} {what} channels into {groups} groups");
                let diag = Diag::error("cfx::shape::groups", self.span, text).here(format!("the input is {}", words(self.input)));
                return Err(Box::new(diag.help("channels on both sides must be divisible by `groups`")));
            }
        }
        let reach = dilation * (kernel - 1) + 1;
        let shape = vec![self.windows(height, reach, stride, pad)?, self.windows(width, reach, stride, pad)?, output];
        let bias = self.settings.flag("bias");
        Ok((LayerOp::Conv { input: channels, output, kernel, stride, pad, dilation, groups, bias }, shape))
    }

    fn pool(&self) -> Made {
        let [height, width, channels] = self.image("pools images")?;
        let (kernel, stride, pad) = (self.int("kernel", 1)?, self.int("stride", 1)?, self.int("pad", 0)?);
        if pad > kernel / 2 {
            return Err(self.setting("pad", &pad.to_string(), &format!("at most half the kernel, {}", kernel / 2)));
        }
        let shape = vec![self.windows(height, kernel, stride, pad)?, self.windows(width, kernel, stride, pad)?, channels];
        let op = match self.name {
            "max_pool" => LayerOp::MaxPool { kernel, stride, pad },
            _ => LayerOp::AvgPool { kernel, stride, pad },
        };
        Ok((op, shape))
    }

    fn linear(&self) -> Made {
        if self.input.len() > 2 {
            let diag = self.takes("maps vectors");
            return Err(Box::new(diag.help("put `flatten` before it, or `global_mean` for the mean over positions")));
        }
        let output = self.int("units", 1)?;
        let mut shape = self.input.clone();
        let input = shape.pop().unwrap_or(0);
        shape.push(output);
        Ok((LayerOp::Linear { input, output, bias: self.settings.flag("bias") }, shape))
    }

    fn subsample_pad(&self) -> Made {
        let [height, width, channels] = self.image("takes positions of images")?;
        let (output, stride) = (self.int("channels", 1)?, self.int("stride", 1)?);
        if output < channels || (output - channels) % 2 != 0 {
            let text = format!("`subsample_pad` cannot pad {channels} channels to {output}, with as many zeros on either side");
            return Err(Box::new(
                Diag::error("cfx::shape::pad", self.span, text).here(format!("the input is {}", words(self.input))),
            ));
        }
        let shape = vec![height.div_ceil(stride), width.div_ceil(stride), output];
        Ok((LayerOp::SubsamplePad { stride, output }, shape))
    }

    /// Returns height, width and channels of an image.
    fn image(&self, does: &str) -> Result<[usize; 3], Box<Diag>> {
        <[usize; 3]>::try_from(self.input.as_slice()).map_err(|_| {
            let help = match self.name {
                "conv" => "put it before `flatten` or `global_mean`, or use `linear`",
                _ => "put it before `flatten` or `global_mean`",
            };
            Box::new(self.takes(does).help(help))
        })
    }

    /// Returns how many windows of a size fit along one axis.
    fn windows(&self, length: usize, window: usize, stride: usize, pad: usize) -> Result<usize, Box<Diag>> {
        let padded = length + 2 * pad;
        if window > padded {
            let with = if pad > 0 { format!(", {padded} with padding") } else { String::new() };
            let (code, text) = match self.name {
                "conv" => (
                    "cfx::shape::empty",
                    format!("`conv` would leave nothing: its kernel covers {window} positions of {length}{with}"),
                ),
                _ => (
                    "cfx::shape::pool",
                    format!("`{}` has windows of {window} positions on an image of {length}{with}", self.name),
                ),
            };
            let help = "use a smaller kernel, or fewer layers that shrink the image before it";
            return Err(Box::new(
                Diag::error(code, self.span, text).here(format!("the input is {}", words(self.input))).help(help),
            ));
        }
        Ok((padded - window) / stride + 1)
    }

    fn takes(&self, does: &str) -> Diag {
        let text = format!("`{}` {does}, but its input is {}", self.name, words(self.input));
        Diag::error("cfx::shape::rank", self.span, text).here(format!("gets {}", words(self.input)))
    }

    fn int(&self, name: &str, least: usize) -> Result<usize, Box<Diag>> {
        let x = self.settings.real(name);
        if x.fract() == 0.0 && x >= least as f64 && x <= LARGEST {
            return Ok(x as usize);
        }
        Err(self.setting(name, &x.to_string(), &format!("a whole number from {least} to a million")))
    }

    fn real(&self, name: &str, least: f64, most: f64) -> Result<f64, Box<Diag>> {
        let x = self.settings.real(name);
        if x >= least && x <= most {
            return Ok(x);
        }
        let range = if most == f64::MAX { format!("{least} or more") } else { format!("between {least} and {most}") };
        Err(self.setting(name, &x.to_string(), &range))
    }

    fn setting(&self, name: &str, found: &str, expected: &str) -> Box<Diag> {
        let text = format!("`{name}` of `{}` is {found}; it must be {expected}", self.name);
        Box::new(Diag::error("cfx::network::setting", self.span, text))
    }
}
