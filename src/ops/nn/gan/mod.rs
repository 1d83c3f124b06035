//! Two networks against each other (Goodfellow et al. 2014; DCGAN, Radford et al. 2016), and what a trained generator is good for.
//!
//! In: one network program that runs from latent numbers through a tap `generator` to one number, a data set. Out: the generator as a
//! model; images made by it; the images that excite the outputs of another network most. Images lie in -1..1 here, 2 x - 1 of 0..1.
//! Never: a draw outside the cell's stream.

mod ascend;
mod generate;
mod train;

#[cfg(test)]
mod tests;

use crate::base::Stream;
use crate::engine::Kernel;
use crate::engine::value::{Dataset, Images, Pixels, Source as Examples};
use crate::lang::net::ir::{Net, Node, Source};
use rand_distr::{Distribution, StandardNormal};
use std::sync::Arc;

/// Returns the kernels by name.
pub fn kernels() -> Vec<(&'static str, Box<dyn Kernel>)> {
    vec![
        ("train_gan", Box::new(train::TrainGan)),
        ("generate", Box::new(generate::Generate)),
        ("maximize_activation", Box::new(ascend::MaximizeActivation)),
    ]
}

/// The tap at which a network is cut in two.
const SEAM: &str = "generator";

/// Returns the two networks that a network is cut into at its tap `generator`: latent numbers to image, image to the log odds that it is real.
///
/// Errors: no such tap; something behind it looks back before it; more or less than one number at the end.
pub fn split(net: &Net) -> Result<(Arc<Net>, Arc<Net>), String> {
    let Some((_, seam)) = net.taps.iter().find(|(name, _)| name == SEAM) else {
        return Err(format!("the network `{}` has no tap `{SEAM}` that says where its images come out", net.name));
    };
    let seam = *seam;
    if seam >= net.output || net.nodes.get(net.output).is_none_or(|n| n.shape.iter().product::<usize>() != 1) {
        return Err(format!(
            "behind the tap `{SEAM}`, the network `{}` must end in one number: the log odds that an image is real",
            net.name
        ));
    }
    if net.input.len() != 1 {
        return Err(format!("the network `{}` must begin with `latent(…)`: a generator starts from random numbers", net.name));
    }
    let taps = |behind: bool, shift: usize| {
        net.taps.iter().filter(|(_, t)| (*t > seam) == behind).map(|(n, t)| (n.clone(), t - shift)).collect::<Vec<_>>()
    };
    let mut later = Vec::new();
    for node in &net.nodes[seam + 1..] {
        let inputs = node.inputs.iter().map(|s| match s {
            Source::Node(id) if *id == seam => Some(Source::Input),
            Source::Node(id) if *id > seam => Some(Source::Node(id - seam - 1)),
            _ => None,
        });
        let Some(inputs) = inputs.collect::<Option<Vec<_>>>() else {
            return Err(format!("a layer behind the tap `{SEAM}` of `{}` looks at something before it", net.name));
        };
        later.push(Node { inputs, ..node.clone() });
    }
    let generator = Net {
        name: net.name.clone(),
        input: net.input.clone(),
        nodes: net.nodes[..=seam].to_vec(),
        taps: taps(false, 0),
        output: seam,
    };
    let judge = Net {
        name: net.name.clone(),
        input: net.nodes[seam].shape.clone(),
        nodes: later,
        taps: taps(true, seam + 1),
        output: net.output - seam - 1,
    };
    Ok((Arc::new(generator), Arc::new(judge)))
}

/// Writes standard normal numbers, row after row of `size`; each row draws from a stream of its own number, counted from `first`.
fn latent(stream: Stream, first: usize, size: usize, out: &mut [f32]) {
    for (row, out) in out.chunks_exact_mut(size.max(1)).enumerate() {
        let mut rng = stream.numbered((first + row) as u64).rng();
        out.iter_mut().for_each(|x| {
            let z: f64 = StandardNormal.sample(&mut rng);
            *x = z as f32;
        });
    }
}

/// Returns a data set of images made from numbers in -1..1, normalised as `like` is.
fn images(name: &str, like: &Dataset, numbers: &[f32], labels: Vec<u32>) -> Dataset {
    let of = &like.source;
    let size = of.images.shape.iter().product::<usize>().max(1);
    let count = numbers.len() / size;
    let data = Pixels::Floats(numbers.iter().map(|x| 0.5 * x + 0.5).collect());
    let images = Images { shape: of.images.shape.clone(), data, mean: of.images.mean.clone(), std: of.images.std.clone() };
    let splits = vec![("all".to_string(), 0..count)];
    let source = Examples { name: name.to_string(), images, labels: labels.clone(), classes: of.classes.clone(), splits };
    Dataset { source: Arc::new(source), ids: Arc::new((0..count as u32).collect()), labels: Arc::new(labels) }
}

/// Checks that a model makes images from latent numbers, as large as those of a data set.
///
/// Errors: it does not.
fn makes_images(net: &Net, data: &Dataset) -> Result<(), crate::engine::Failure> {
    let made = net.nodes.get(net.output).map_or(&[][..], |n| &n.shape[..]);
    let shape = &data.source.images.shape;
    if net.input.len() != 1 || made.iter().product::<usize>() != shape.iter().product::<usize>() {
        return Err(crate::engine::Failure::new(format!(
            "the network `{}` turns {:?} into {made:?}, and the images of `{}` have shape {shape:?}",
            net.name, net.input, data.source.name
        ))
        .help("give a model that `train_gan` made for these data"));
    }
    Ok(())
}
