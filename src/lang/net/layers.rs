//! The layers written in Rust: from settings and the shape of the input to an operation and the shape of its output.

use super::ir::{LayerOp, Shape};
use crate::base::{Diag, Span};
use crate::lang::{Settings, Static};

/// The largest number of units, channels or positions along one axis.
const LARGEST: f64 = 1e6;

/// Returns a shape in words: `8 x 8 x 16`, `64 units`.
pub fn words(shape: &[usize]) -> String {
    match shape {
        [units] => format!("{units} units"),
        _ => shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" x "),
    }
}

/// One operation of a built-in layer.
pub(crate) struct Part {
    /// Name of its parameters below the layer's; nothing for a layer of one part, and for parts without parameters.
    pub name: Option<&'static str>,
    /// What it computes.
    pub op: LayerOp,
    /// Shape of its output.
    pub shape: Shape,
}

/// Returns the operations of a built-in layer on an input of the given shape, one after the other; none for `identity`.
///
/// Errors (`cfx::shape::…`, `cfx::network::setting`): a layer that does not take such an input, sizes that do not fit, empty outputs.
pub(crate) fn apply(name: &str, settings: &Settings, input: &Shape, span: Span) -> Result<Vec<Part>, Box<Diag>> {
    let layer = Layer { name, settings, input, span };
    let one = |(op, shape)| vec![Part { name: None, op, shape }];
    match name {
        "identity" => Ok(Vec::new()),
        "self_attention" => layer.self_attention(),
        "feed_forward" => layer.feed_forward(),
        _ => layer.single().map(one),
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
    /// Returns the operation of a layer of one part.
    fn single(&self) -> Made {
        let (settings, input) = (self.settings, self.input);
        let last = input.last().copied().unwrap_or(0);
        let same = |op: LayerOp| Ok((op, input.clone()));
        match self.name {
            "relu" => same(LayerOp::Relu),
            "gelu" if settings.word("approximate") == "tanh" => same(LayerOp::GeluTanh),
            "gelu" => same(LayerOp::Gelu),
            "tanh" => same(LayerOp::Tanh),
            "sigmoid" => same(LayerOp::Sigmoid),
            "softmax" => same(LayerOp::Softmax),
            "leaky_relu" => same(LayerOp::LeakyRelu { slope: self.real("slope", 0.0, 1000.0)? }),
            "dropout" => same(LayerOp::Dropout { rate: self.rate("rate")? }),
            "dropout_channels" if input.len() < 2 => Err(self
                .takes("drops channels of images")
                .help("use `dropout`, or put it before `flatten` or `global_mean`")
                .into()),
            "dropout_channels" => same(LayerOp::DropoutChannels { rate: self.rate("rate")? }),
            "batch_norm" => same(LayerOp::BatchNorm {
                features: last,
                eps: self.real("eps", 0.0, 1.0)?,
                momentum: self.real("momentum", 0.0, 1.0)?,
                zero_scale: settings.flag("zero_scale"),
            }),
            "layer_norm" => same(LayerOp::LayerNorm { features: last, eps: self.real("eps", 0.0, 1.0)? }),
            "group_norm" => {
                let groups = self.int("groups", 1)?;
                self.divides(last, groups, "input channels", "groups", "`groups` must divide the channels")?;
                same(LayerOp::GroupNorm { groups, features: last, eps: self.real("eps", 0.0, 1.0)? })
            }
            "conv" => self.conv(),
            "conv_transposed" => self.conv_transposed(),
            "max_pool" | "avg_pool" => self.pool(),
            "upsample" => self.upsample(),
            "global_mean" if input.len() < 2 => {
                Err(self.takes("takes a mean over positions").help("an image is needed: put it before `flatten`").into())
            }
            "global_mean" => Ok((LayerOp::GlobalMean, vec![last])),
            "flatten" => Ok((LayerOp::Flatten, vec![input.iter().product()])),
            "reshape" => self.reshape(),
            "linear" => self.linear(),
            "subsample_pad" => self.subsample_pad(),
            "tokens" => {
                let [height, width, channels] = self.image("takes positions of images")?;
                Ok((LayerOp::Tokens, vec![height * width, channels]))
            }
            "transpose" => {
                let [tokens, features] = self.sequence("exchanges tokens and features")?;
                Ok((LayerOp::Transpose, vec![features, tokens]))
            }
            "class_token" => {
                let [tokens, features] = self.sequence("puts a token before others")?;
                Ok((LayerOp::ClassToken { features }, vec![tokens + 1, features]))
            }
            "position_embedding" => {
                let [tokens, features] = self.sequence("adds a vector to each token")?;
                same(LayerOp::PositionEmbedding { tokens, features })
            }
            "token" => self.token(),
            "embedding" => self.embedding(),
            "lstm" => {
                let [tokens, features] = self.sequence("runs along tokens")?;
                let hidden = self.int("units", 1)?;
                Ok((LayerOp::Lstm { input: features, hidden, index: 0 }, vec![tokens, hidden]))
            }
            name => {
                let text = format!("`{name}` has no meaning in this version");
                Err(Box::new(Diag::error("cfx::network::unknown", self.span, text)))
            }
        }
    }

    fn rate(&self, name: &str) -> Result<f64, Box<Diag>> {
        match self.real(name, 0.0, 1.0)? {
            1.0 => Err(self.setting(name, "1", "below 1")),
            rate => Ok(rate),
        }
    }

    /// Checks that a count splits into equal parts.
    fn divides(&self, count: usize, parts: usize, what: &str, into: &str, help: &str) -> Result<(), Box<Diag>> {
        if count.is_multiple_of(parts) {
            return Ok(());
        }
        let text = format!("`{}` cannot split {count} {what} into {parts} {into}", self.name);
        let diag = Diag::error("cfx::shape::groups", self.span, text).here(format!("the input is {}", words(self.input)));
        Err(Box::new(diag.help(help)))
    }

    /// Returns attention over tokens: one linear map to queries, keys and values, attention, one back to the input's features.
    fn self_attention(&self) -> Result<Vec<Part>, Box<Diag>> {
        let [tokens, features] = self.sequence("attends to tokens")?;
        let heads = self.int("heads", 1)?;
        self.divides(features, heads, "features", "heads", "`heads` must divide the features of a token")?;
        let linear = |name, output, bias| {
            let op = LayerOp::Linear { input: features, output, bias };
            Part { name: Some(name), op, shape: vec![tokens, output] }
        };
        let op = LayerOp::Attention { heads, causal: self.settings.flag("causal") };
        let attention = Part { name: None, op, shape: vec![tokens, features] };
        Ok(vec![linear("qkv", 3 * features, self.settings.flag("bias")), attention, linear("proj", features, true)])
    }

    /// Returns two linear maps with a GELU between them, the second back to the input's features.
    fn feed_forward(&self) -> Result<Vec<Part>, Box<Diag>> {
        let mut inner = self.input.clone();
        let Some(last) = inner.last_mut().filter(|_| self.input.len() <= 2) else {
            let diag = self.takes("maps vectors and tokens");
            return Err(Box::new(diag.help("put `tokens` before it, or `flatten`")));
        };
        let (features, units) = (*last, self.int("units", 1)?);
        *last = units;
        let rate = self.rate("dropout")?;
        let gelu = match self.settings.word("approximate") {
            "tanh" => LayerOp::GeluTanh,
            _ => LayerOp::Gelu,
        };
        let part = |name, op, shape: &Shape| Part { name, op, shape: shape.clone() };
        let linear = |input, output| LayerOp::Linear { input, output, bias: true };
        let drop = |shape| (rate > 0.0).then(|| part(None, LayerOp::Dropout { rate }, shape));
        let first = [part(Some("fc1"), linear(features, units), &inner), part(None, gelu, &inner)];
        let second = part(Some("fc2"), linear(units, features), self.input);
        Ok(first.into_iter().chain(drop(&inner)).chain([second]).chain(drop(self.input)).collect())
    }

    fn conv(&self) -> Made {
        let [height, width, channels] = self.image("convolves images")?;
        let (output, kernel, stride) = (self.int("channels", 1)?, self.int("kernel", 1)?, self.int("stride", 1)?);
        let (dilation, groups) = (self.int("dilation", 1)?, self.int("groups", 1)?);
        if self.number("pad").fract() != 0.0 {
            let text = format!("a {kernel} x {kernel} kernel has no middle, so the default `pad` is not a whole number");
            return Err(Box::new(
                Diag::error("cfx::network::setting", self.span, text)
                    .help(
                        "write `pad:`, for example `pad: 0`, or take an odd kernel; `conv` takes channels and kernel, and channels of the input follow from the step before",
                    ),
            ));
        }
        let pad = self.int("pad", 0)?;
        for (count, what) in [(channels, "input channels"), (output, "output channels")] {
            self.divides(count, groups, what, "groups", "channels on both sides must be divisible by `groups`")?;
        }
        let reach = dilation * (kernel - 1) + 1;
        let shape = vec![self.windows(height, reach, stride, pad)?, self.windows(width, reach, stride, pad)?, output];
        let bias = self.settings.flag("bias");
        Ok((LayerOp::Conv { input: channels, output, kernel, stride, pad, dilation, groups, bias }, shape))
    }

    fn conv_transposed(&self) -> Made {
        let [height, width, channels] = self.image("takes images apart")?;
        let (output, kernel, stride) = (self.int("channels", 1)?, self.int("kernel", 1)?, self.int("stride", 1)?);
        let (dilation, groups) = (self.int("dilation", 1)?, self.int("groups", 1)?);
        if self.number("pad").fract() != 0.0 || self.number("pad") < 0.0 {
            let text = format!(
                "with kernel {kernel} and stride {stride} no padding makes the image {stride} times as large, so there is no default `pad`"
            );
            let diag = Diag::error("cfx::network::setting", self.span, text);
            return Err(Box::new(diag.help("write `pad:`, and `output_pad:` if rows are then missing")));
        }
        let (pad, output_pad) = (self.int("pad", 0)?, self.int("output_pad", 0)?);
        if output_pad >= stride.max(dilation) {
            let below = format!("below stride or dilation, {}", stride.max(dilation));
            return Err(self.setting("output_pad", &output_pad.to_string(), &below));
        }
        for (count, what) in [(channels, "input channels"), (output, "output channels")] {
            self.divides(count, groups, what, "groups", "channels on both sides must be divisible by `groups`")?;
        }
        let reach = dilation * (kernel - 1) + 1;
        let size = |n: usize| match ((n - 1) * stride + reach + output_pad).checked_sub(2 * pad) {
            Some(size @ 1..) => Ok(size),
            _ => {
                let text = format!("`conv_transposed` would have no output for {n} positions: `pad` takes {pad} from each side");
                let diag = Diag::error("cfx::shape::empty", self.span, text);
                Err(Box::new(diag.here(format!("the input is {}", words(self.input))).help("use a smaller `pad`")))
            }
        };
        let shape = vec![size(height)?, size(width)?, output];
        let bias = self.settings.flag("bias");
        let op = LayerOp::ConvTransposed { input: channels, output, kernel, stride, pad, output_pad, dilation, groups, bias };
        Ok((op, shape))
    }

    fn upsample(&self) -> Made {
        let [height, width, channels] = self.image("enlarges images")?;
        let factor = self.int("factor", 1)?;
        let bilinear = self.settings.word("mode") == "bilinear";
        Ok((LayerOp::Upsample { factor, bilinear }, vec![factor * height, factor * width, channels]))
    }

    fn reshape(&self) -> Made {
        let (height, width) = (self.int("height", 1)?, self.int("width", 1)?);
        let channels = match self.settings.find("channels") {
            Some(Static::Number(_)) => self.int("channels", 1)?,
            // What is left; where nothing is, the counts below differ.
            _ => (self.input.iter().product::<usize>() / (height * width)).max(1),
        };
        let shape = vec![height, width, channels];
        let counts = [self.input, &shape].map(|s| s.iter().map(|n| *n as f64).product::<f64>());
        if counts[0] != counts[1] {
            let text = format!("`reshape` cannot make {} of {}", words(&shape), words(self.input));
            let diag = Diag::error("cfx::network::setting", self.span, text);
            let here = format!("the input has {} numbers, that image {}", counts[0], counts[1]);
            return Err(Box::new(diag.here(here).help("height times width times channels must be the numbers of the input")));
        }
        Ok((LayerOp::Reshape, shape))
    }

    fn token(&self) -> Made {
        let [tokens, features] = self.sequence("takes one token of several")?;
        let at = self.number("at");
        let index = if at < 0.0 { tokens as f64 + at } else { at };
        if at.fract() != 0.0 || index < 0.0 || index >= tokens as f64 {
            let expected = format!("a whole number from {} to {}", -(tokens as i64), tokens - 1);
            return Err(self.setting("at", &at.to_string(), &expected));
        }
        Ok((LayerOp::Token { index: index as usize }, vec![features]))
    }

    fn embedding(&self) -> Made {
        let [tokens] = self.input[..] else {
            let diag = self.takes("takes words by their numbers");
            return Err(Box::new(diag.help("make it the first layer, for data whose examples are rows of words: `corpus(…)`")));
        };
        let (words, features) = (self.int("words", 1)?, self.int("units", 1)?);
        Ok((LayerOp::Embedding { words, features }, vec![tokens, features]))
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
            let text = format!("`subsample_pad` cannot pad {channels} channels to {output} with equal zeros on both sides");
            return Err(Box::new(
                Diag::error("cfx::shape::pad", self.span, text).here(format!("the input is {}", words(self.input))),
            ));
        }
        let shape = vec![height.div_ceil(stride), width.div_ceil(stride), output];
        Ok((LayerOp::SubsamplePad { stride, output }, shape))
    }

    /// Returns the numbers of tokens and of their features.
    fn sequence(&self, does: &str) -> Result<[usize; 2], Box<Diag>> {
        <[usize; 2]>::try_from(self.input.as_slice()).map_err(|_| {
            let help = match self.input.len() {
                3 => "make tokens of the image's positions: put `tokens` before it",
                _ => "put `embedding` before it for words, or move it before the layer that leaves no tokens",
            };
            Box::new(self.takes(does).help(help))
        })
    }

    /// Returns height, width and channels of an image.
    fn image(&self, does: &str) -> Result<[usize; 3], Box<Diag>> {
        <[usize; 3]>::try_from(self.input.as_slice()).map_err(|_| {
            let help = match self.name {
                "conv" => "put it before `flatten` or `global_mean`, or use `linear`",
                "conv_transposed" | "upsample" => "make an image of it: put `reshape` before it",
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
                    format!("`conv` would have no output: its kernel covers {window} positions of {length}{with}"),
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

    /// Returns a number, NaN where `none` is given.
    fn number(&self, name: &str) -> f64 {
        self.settings.find(name).and_then(Static::number).unwrap_or(f64::NAN)
    }

    fn int(&self, name: &str, least: usize) -> Result<usize, Box<Diag>> {
        let x = self.number(name);
        if x.fract() == 0.0 && x >= least as f64 && x <= LARGEST {
            return Ok(x as usize);
        }
        Err(self.setting(name, &x.to_string(), &format!("a whole number from {least} to a million")))
    }

    fn real(&self, name: &str, least: f64, most: f64) -> Result<f64, Box<Diag>> {
        let x = self.number(name);
        if x >= least && x <= most {
            return Ok(x);
        }
        Err(self.setting(name, &x.to_string(), &format!("between {least} and {most}")))
    }

    fn setting(&self, name: &str, found: &str, expected: &str) -> Box<Diag> {
        let text = format!("`{name}` of `{}` is {found}; it must be {expected}", self.name);
        let diag = Diag::error("cfx::network::setting", self.span, text);
        // A percentage without its sign.
        let of_hundred = expected == "between 0 and 1" && found.parse::<f64>().is_ok_and(|x| x > 1.0 && x <= 100.0);
        Box::new(if of_hundred { diag.help(format!("{found} of a hundred is written `{found}%`")) } else { diag })
    }
}
