//! One network with a seam: the generator before it, the discriminator behind.

use crate::lang::net::ir::{Net, Node, Source};
use std::sync::Arc;

/// The tap at which a network is cut in two.
const SEAM: &str = "generator";

/// Returns the two networks that a network is cut into at its tap `generator`: latent numbers to image, image to the log odds that it is real.
///
/// Errors: no such tap; something behind it looks back before it; more or less than one number at the end.
pub fn split(net: &Net) -> Result<(Arc<Net>, Arc<Net>), String> {
    let Some((_, seam)) = net.taps.iter().find(|(name, _)| name == SEAM) else {
        return Err(format!("the network `{}` has no tap `{SEAM}` at which its images come out", net.name));
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
            return Err(format!("a layer after the tap `{SEAM}` of `{}` uses a value before it", net.name));
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
