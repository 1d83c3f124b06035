//! Latent numbers, and data sets of the images made from them.

use crate::base::Stream;
use crate::engine::Failure;
use crate::engine::value::{Dataset, Images, Pixels, Source};
use crate::lang::net::ir::Net;
use crate::ops::nn::given::failed;
use crate::ops::nn::suits;
use crate::plan::facts::{KnownInput, Problem, known};
use rand_distr::{Distribution, StandardNormal};
use std::sync::Arc;

/// Writes standard normal numbers, row after row of `size`; each row draws from a stream of its own number, counted from `first`.
pub fn latent(stream: Stream, first: usize, size: usize, out: &mut [f32]) {
    for (row, out) in out.chunks_exact_mut(size.max(1)).enumerate() {
        let mut rng = stream.numbered((first + row) as u64).rng();
        out.iter_mut().for_each(|x| {
            let z: f64 = StandardNormal.sample(&mut rng);
            *x = z as f32;
        });
    }
}

/// Returns a data set of images made from numbers in -1..1, normalised as `like` is.
pub fn images(name: &str, like: &Dataset, numbers: &[f32], labels: Vec<u32>) -> Dataset {
    let of = &like.source;
    let size = of.images.shape.iter().product::<usize>().max(1);
    let count = numbers.len() / size;
    let data = Pixels::Floats(numbers.iter().map(|x| 0.5 * x + 0.5).collect());
    let images = Images { shape: of.images.shape.clone(), data, mean: of.images.mean.clone(), std: of.images.std.clone() };
    let splits = vec![("all".to_string(), 0..count)];
    let source = Source { name: name.to_string(), images, labels: labels.clone(), classes: of.classes.clone(), splits };
    Dataset { source: Arc::new(source), ids: Arc::new((0..count as u32).collect()), labels: Arc::new(labels) }
}

/// Checks that a network makes images from latent numbers, as large as others of a shape.
///
/// Errors: it does not.
fn makes(net: &Net, shape: &[usize], slot: &'static str) -> Result<(), Problem> {
    let made = net.nodes.get(net.output).map_or(&[][..], |n| &n.shape[..]);
    if net.input.len() == 1 && made.iter().product::<usize>() == shape.iter().product::<usize>() {
        return Ok(());
    }
    let message = format!("the network `{}` turns {:?} into {made:?}, and the images have shape {shape:?}", net.name, net.input);
    Err(suits::unfit(slot, message, "give a model that `train_gan` made for these data"))
}

/// Checks before the run that the model in a slot makes images like those in the slot `data`.
pub fn known_to_make(inputs: &[KnownInput], slot: &'static str) -> Result<(), Problem> {
    match (known(inputs, slot).and_then(|m| m.net.as_ref()), known(inputs, "data").and_then(|d| d.shape.as_ref())) {
        (Some(net), Some(shape)) => makes(net, shape, slot),
        _ => Ok(()),
    }
}

/// Checks that a model makes images from latent numbers, as large as those of a data set.
///
/// Errors: it does not.
pub fn makes_images(net: &Net, data: &Dataset) -> Result<(), Failure> {
    makes(net, &data.source.images.shape, "m").map_err(failed)
}
