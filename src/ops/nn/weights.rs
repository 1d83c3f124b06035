//! Weights by PyTorch's names and layouts: to and from the layers' own, initial values, and safetensors.

use super::spec::{Init, Order, Parameter};
use crate::base::Stream;
use crate::engine::Failure;
use crate::engine::value::{Model, Weights};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};
use std::borrow::Cow;

/// Returns the initial values of a parameter in PyTorch's layout, from the stream named after it.
pub fn initial(parameter: &Parameter, stream: Stream) -> Vec<f32> {
    match parameter.init {
        Init::Constant(value) => vec![value; parameter.len()],
        Init::Uniform(bound) => {
            let mut rng = stream.rng();
            (0..parameter.len()).map(|_| (unit(&mut rng) * 2.0 - 1.0) * bound).collect()
        }
        Init::Normal(deviation) => {
            let mut rng = stream.rng();
            let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
            (0..parameter.len()).map(|_| normal() as f32 * deviation).collect()
        }
    }
}

/// Returns a number uniform in [0, 1), a multiple of 2^-24.
pub fn unit(rng: &mut impl Rng) -> f32 {
    (rng.next_u32() >> 8) as f32 / 16_777_216.0
}

/// Returns the place in PyTorch's layout of each number of the layer's layout.
fn places(parameter: &Parameter) -> Option<Vec<usize>> {
    match (parameter.order, &parameter.shape[..]) {
        (Order::Transposed, [output, input]) => {
            Some((0..*input).flat_map(|i| (0..*output).map(move |o| o * input + i)).collect())
        }
        (Order::ChannelsLast { groups }, [output, input, height, width]) => {
            let each = output / groups;
            let mut out = Vec::with_capacity(parameter.len());
            for group in 0..groups {
                for place in 0..height * width {
                    for i in 0..*input {
                        out.extend((0..each).map(|o| ((group * each + o) * input + i) * height * width + place));
                    }
                }
            }
            Some(out)
        }
        _ => None,
    }
}

/// Returns numbers of PyTorch's layout in the layer's.
pub fn import<'a>(parameter: &Parameter, from: &'a [f32]) -> Cow<'a, [f32]> {
    match places(parameter) {
        Some(places) => places.into_iter().map(|p| from[p]).collect(),
        None => Cow::Borrowed(from),
    }
}

/// Returns numbers of the layer's layout in PyTorch's.
pub fn export(parameter: &Parameter, numbers: Vec<f32>) -> Vec<f32> {
    match places(parameter) {
        Some(places) => {
            let mut out = vec![0.0; numbers.len()];
            numbers.iter().zip(places).for_each(|(f, p)| out[p] = *f);
            out
        }
        None => numbers,
    }
}

/// Returns the numbers of the tensor of that name.
///
/// Errors: there is none, or its shape is another one.
pub fn find<'a>(weights: &'a Weights, name: &str, shape: &[usize]) -> Result<&'a [f32], Failure> {
    let Some((_, found, numbers)) = weights.iter().find(|(n, _, _)| n == name) else {
        return Err(Failure::new(format!("the model has no weights `{name}`")));
    };
    if found != shape || numbers.len() != shape.iter().product::<usize>() {
        return Err(Failure::new(format!("the weights `{name}` have shape {found:?} where the network needs {shape:?}")));
    }
    Ok(numbers)
}

/// What begins the names of weights that a model keeps beside those of its network: those of the discriminator that a generator was trained against.
pub const BESIDE: &str = "discriminator/";

/// Returns the weights of the model's network as a safetensors file, names and layouts as PyTorch's, byte for byte the same for the same weights.
///
/// Errors: a tensor's shape does not fit its numbers.
pub fn weights_to_safetensors(model: &Model) -> Result<Vec<u8>, Failure> {
    let bytes: Vec<(String, Vec<usize>, Vec<u8>)> = model
        .weights
        .iter()
        .filter(|(name, _, _)| !name.starts_with(BESIDE))
        .map(|(name, shape, numbers)| (name.clone(), shape.clone(), numbers.iter().flat_map(|x| x.to_le_bytes()).collect()))
        .collect();
    let mut views = Vec::with_capacity(bytes.len());
    for (name, shape, data) in &bytes {
        let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), data)
            .map_err(|e| Failure::new(format!("the weights `{name}` cannot be written: {e}")))?;
        views.push((name.as_str(), view));
    }
    safetensors::serialize(views, None).map_err(|e| Failure::new(format!("the weights cannot be written: {e}")))
}
