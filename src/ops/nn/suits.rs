//! Whether models and data fit each other, told before the run as far as it is known by then. [`super::evaluate::fits`] tells the same of the data themselves.

use super::settings::wrong;
use super::steps::parameters;
use crate::lang::net::ir::{LayerOp, Net};
use crate::plan::facts::{Facts, KnownInput, Problem, known};

/// What an operation needs of the labels of its examples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labels {
    /// Nothing.
    Any,
    /// One for each score that the network gives.
    Needed,
    /// One label an example.
    One,
}

/// Returns the problem of data that do not suit.
pub fn unfit(slot: &'static str, message: String, help: &str) -> Problem {
    Problem { code: "cfx::data::fit", parameter: Some(slot), message, help: Some(help.to_string()) }
}

/// Checks that the examples in a slot come from one split, or that all were asked for: a number over training and test data together is
/// what nobody means, and training on both spoils every later test.
pub fn unmixed(inputs: &[KnownInput], slot: &'static str) -> Result<(), Problem> {
    let Some(mixed) = inputs.iter().filter(|(n, _)| *n == slot).flat_map(|(_, f)| f).map(|f| &f.mixed).find(|m| !m.is_empty())
    else {
        return Ok(());
    };
    let names: Vec<String> = mixed.iter().map(|n| format!("`{n}`")).collect();
    let (last, others) = (names.last().cloned().unwrap_or_default(), names[..names.len().saturating_sub(1)].join(", "));
    let first = &mixed[0];
    let both = if mixed.len() == 2 { "both" } else { "all of them" };
    Err(Problem {
        code: "cfx::data::mixed",
        parameter: Some(slot),
        message: format!("these data have the splits {others} and {last}, and none of them is chosen"),
        help: Some(format!("choose one, as in `d.{first}`, or write `d.all` to mean {both}")),
    })
}

/// Checks that the examples in one slot are from one split, and fit the model in another.
pub fn fits(inputs: &[KnownInput], model: &str, slot: &'static str, labels: Labels) -> Result<(), Problem> {
    unmixed(inputs, slot)?;
    if let (Some(model), Some(data), true) = (known(inputs, model), known(inputs, slot), labels != Labels::Any) {
        same_classes(model, data, slot)?;
    }
    match (known(inputs, model).and_then(|m| m.net.as_ref()), known(inputs, slot)) {
        (Some(net), Some(data)) => fits_net(net, data, slot, labels),
        (None, Some(data)) => labelled(data, slot, labels),
        _ => Ok(()),
    }
}

/// Returns the doubts about what a network gives for these data: see [`scaled_alike`], and for a measure [`seen`].
pub fn doubts(inputs: &[KnownInput], data: &Facts, measure: bool) -> Vec<Problem> {
    scaled_alike(inputs, data).into_iter().chain(seen(inputs, data).filter(|_| measure)).collect()
}

/// Returns the doubt about data that are normalised otherwise than in training.
fn scaled_alike(inputs: &[KnownInput], data: &Facts) -> Option<Problem> {
    let (ours, theirs) = (known(inputs, "net")?.scaled.as_ref()?, data.scaled.as_ref()?);
    let words = |by: &[f64]| match by {
        [] => "are not normalised".to_string(),
        [mean, std] => format!("are normalised by the mean {mean} and the deviation {std}"),
        several => {
            let list = |part: &[f64]| part.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
            let (mean, std) = several.split_at(several.len() / 2);
            format!("are normalised by the means {} and the deviations {}", list(mean), list(std))
        }
    };
    (ours != theirs).then(|| {
        let message = format!("these data {}; those that the network was trained on {}", words(theirs), words(ours));
        unfit("data", message, "give both data sets the same `mean:` and `std:`")
    })
}

/// Returns the doubt about a measure on a split that is not for training, but was trained on.
fn seen(inputs: &[KnownInput], data: &Facts) -> Option<Problem> {
    let ([split], Some(source)) = (&data.from[..], &data.source) else { return None };
    let learnt = &known(inputs, "net")?.learnt;
    let doubtful = split != "train" && data.splits.len() > 1 && learnt.iter().any(|(own, of)| own == source && of == split);
    doubtful.then(|| {
        let message = format!("the network was trained on examples of `{split}` too, so this says nothing about unseen ones");
        let help =
            format!("train on another split, as in `train(…, d.train)`; or leave the examples out: `d.all except d.{split}`");
        unfit("data", message, &help)
    })
}

/// Checks that the classes of examples are those of a model, where both have names: a label is the number of its class.
fn same_classes(model: &Facts, data: &Facts, slot: &'static str) -> Result<(), Problem> {
    let (Some(ours), Some(theirs)) = (&model.classes, &data.classes) else { return Ok(()) };
    let named = |names: &[String]| names.iter().any(|n| n.parse::<f64>().is_err());
    let present = |c: usize| data.class_sizes.as_ref().is_none_or(|sizes| sizes.get(c).is_some_and(|n| *n > 0));
    let other = (0..theirs.len().min(ours.len())).find(|c| present(*c) && ours[*c] != theirs[*c]);
    match other.filter(|_| named(ours) && named(theirs)) {
        Some(c) => {
            let (here, there) = (&theirs[c], &ours[c]);
            let message = format!("class {c} of these data is `{here}`, and `{there}` where the network was trained");
            Err(unfit(slot, message, "labels are numbers of classes: measure on data with the classes that it was trained on"))
        }
        None => Ok(()),
    }
}

fn labelled(data: &Facts, slot: &'static str, labels: Labels) -> Result<(), Problem> {
    if labels != Labels::Any && data.labelled == Some(false) {
        let help = "measure on examples that have labels; generated images and unlabelled files have none";
        return Err(unfit(slot, "these examples have no labels".to_string(), help));
    }
    if labels == Labels::One && data.labels_each.is_some() {
        let message = "these examples have a word to predict at each of their words, not one label".to_string();
        return Err(unfit(slot, message, "measure words by `loss`, `example_loss` or `accuracy`"));
    }
    Ok(())
}

/// Checks that examples fit a network: their shape, and, where labels are needed, that there are scores for them.
pub fn fits_net(net: &Net, data: &Facts, slot: &'static str, labels: Labels) -> Result<(), Problem> {
    if let Some(shape) = data.shape.as_ref().filter(|s| **s != net.input) {
        let made = net.nodes.get(net.output).map_or(0, |n| n.shape.iter().product::<usize>());
        let generator = net.input.len() == 1 && made == shape.iter().product::<usize>();
        return Err(unfit(
            slot,
            format!("the network `{}` takes examples of shape {:?}, and these have {shape:?}", net.name, net.input),
            if generator {
                "this network makes such images: give `generate` its model"
            } else {
                "give it data like those it was built for"
            },
        ));
    }
    let embeds = |n: &crate::lang::net::ir::Node| if let LayerOp::Embedding { words, .. } = n.op { Some(words) } else { None };
    if let (Some(_), Some(classes), Some(words)) = (data.labels_each, &data.classes, net.nodes.iter().find_map(embeds))
        && words < classes.len()
    {
        let message = format!("the data have {} words where the network `{}` has vectors for {words}", classes.len(), net.name);
        return Err(unfit(slot, message, "write `embedding(classes, …)`, which takes the vocabulary of the data"));
    }
    if labels == Labels::Any {
        return Ok(());
    }
    labelled(data, slot, labels)?;
    let output = net.nodes.get(net.output).map_or(&[][..], |n| &n.shape);
    match (data.labels_each, output.len()) {
        (Some(each), 2) if output[0] == each => return Ok(()),
        (Some(each), _) => {
            let message = format!(
                "the data have a word to predict at each of {each} words, and the network gives {output:?} scores an example"
            );
            let help = "end it in `linear(classes)` over tokens: scores for each word at each place, as `lstm_lm` does";
            return Err(unfit(slot, message, help));
        }
        (None, 2) if data.shape.is_some() => {
            let message =
                format!("the data have one label an example, and the network `{}` gives scores at each token", net.name);
            return Err(unfit(slot, message, "give words (`corpus`), or end the network in one score for each class"));
        }
        _ => {}
    }
    let outputs: usize = output.iter().product();
    // Labels above the outputs: classes that have examples, or, where sizes are not known, may have some.
    let highest = match &data.class_sizes {
        Some(sizes) => sizes.iter().rposition(|n| *n > 0).map_or(0, |c| c + 1),
        None => data.classes.as_ref().map_or(0, Vec::len),
    };
    if highest > outputs {
        let message = format!("the data have {highest} classes, and the network `{}` has {outputs} outputs", net.name);
        return Err(unfit(slot, message, "give data of the classes that it was trained on"));
    }
    Ok(())
}

/// Checks that a training can begin with the weights of another network: all parameters have the same names and shapes, those of the layer `head` aside.
pub fn continues(net: &Net, start: &Net, head: Option<&str>, help: &str) -> Result<(), Problem> {
    let theirs = parameters(start);
    let free = |name: &str| head.and_then(|head| name.strip_prefix(head)).is_some_and(|rest| rest.starts_with('.'));
    let there = |name: &str, shape: &[usize]| theirs.iter().any(|(n, p)| n == name && p.shape == shape);
    match parameters(net).iter().find(|(name, p)| !free(name) && !there(name, &p.shape)) {
        Some((name, _)) => {
            let message = format!(
                "the model to start from, a `{}`, has no weights `{name}` in the shape that `{}` needs",
                start.name, net.name
            );
            Err(Problem { help: Some(help.to_string()), ..wrong("from", message) })
        }
        None => Ok(()),
    }
}

/// Checks a tap's name against those that the model in a slot is known to have.
pub fn tap(inputs: &[KnownInput], model: &str, name: &str) -> Result<(), Problem> {
    let taps: Vec<&str> = known(inputs, model).map(|m| m.taps.iter().map(|t| t.0.as_str()).collect()).unwrap_or_default();
    let net = known(inputs, model).and_then(|m| m.net.as_ref());
    if taps.contains(&name) || name == "?" || net.is_some_and(|net| net.find(name).is_some()) || net.is_none() && taps.is_empty()
    {
        return Ok(());
    }
    // What has a dot is the path of a layer.
    let Some(net) = net.filter(|_| name.contains('.')) else {
        let help = crate::lang::suggest::nearest_or_list(name, &taps);
        return Err(unfit("at", format!("the network has no tap `{name}`"), &help));
    };
    let paths: Vec<&str> = net.nodes.iter().map(|n| n.path.as_str()).collect();
    let near = crate::lang::suggest::nearest(name, &paths).or(paths.last().copied()).unwrap_or_default();
    Err(unfit("at", format!("the network has no layer `{name}`"), &format!("paths of layers are written as in `{near}`")))
}
