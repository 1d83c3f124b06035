//! Numbers of networks and layers at their extremes: one that cannot be run is refused before anything is made, and what is accepted has an estimate
//! that a machine may have.

use super::calls::of_param;
use super::extremes::{judged, numbers};
use super::judge;
use super::world::{self, Line, library};
use cfx::lang::signature::takes;
use cfx::syntax::ast::{ItemKind, Keyword, Param, TypeAtom};
use std::collections::BTreeMap;

/// Data of the shapes that networks are made for, and all networks.
const WORLD: &str = "cfx 1
experiment \"Architectures\" { seed: 1 }
use std.data { digits, cifar10, corpus }
use std.networks { NETWORKS }
dataset d = sample(digits().train, 60, seed: 1)
dataset pictures = cifar10(\"data/cifar10\", mean: [0.5], std: [0.5]).train
dataset words = corpus(train: \"data/rhyme.txt\", length: 6)
";

/// What a network or a layer needs to be given in the place of the first number that comes to mind.
const GIVEN: &[(&str, &str, &str)] = &[
    ("*", "patch", "4"),
    ("*", "dim", "8"),
    ("*", "heads", "2"),
    ("conv", "kernel", "3"),
    ("conv_transposed", "kernel", "3"),
    ("token", "at", "0"),
    ("subsample_pad", "channels", "8"),
    ("embedding", "words", "classes"),
    ("lstm_classifier", "words", "40"),
    ("dropout", "rate", "0.5"),
    ("dropout_channels", "rate", "0.5"),
];

/// Where a layer stands in a network, and which data suit it.
const BODIES: &[(&[&str], &str, &str)] = &[
    (
        &[
            "conv",
            "conv_transposed",
            "batch_norm",
            "group_norm",
            "leaky_relu",
            "dropout",
            "dropout_channels",
            "max_pool",
            "avg_pool",
            "upsample",
            "subsample_pad",
        ],
        "pictures",
        "conv(4, 3) -> LAYER -> global_mean -> linear(classes)",
    ),
    (&["linear", "feed_forward", "layer_norm"], "pictures", "global_mean -> LAYER -> linear(classes)"),
    (&["reshape"], "pictures", "global_mean -> linear(16) -> LAYER -> flatten -> linear(classes)"),
    (&["token"], "pictures", "conv(4, 3) -> tokens -> LAYER -> linear(classes)"),
    (&["self_attention"], "pictures", "conv(4, 3) -> tokens -> LAYER -> global_mean -> linear(classes)"),
    (&["embedding"], "words", "LAYER -> linear(classes)"),
    (&["lstm"], "words", "embedding(classes, 4) -> LAYER -> linear(classes)"),
];

/// A network or a layer with its parameters.
fn declared() -> Vec<(&'static str, bool, &'static [Param])> {
    let mut out = Vec::new();
    for item in library().modules.iter().flat_map(|m| &m.file.items) {
        match &item.kind {
            ItemKind::Network { keyword: Keyword::Network, name, params, .. } => {
                out.push((name.name.as_str(), true, params.as_slice()))
            }
            ItemKind::Extern { name, params, result, .. }
                if result.alternatives.iter().any(|a| matches!(a, TypeAtom::Name(n) if n.name == "layer")) =>
            {
                out.push((name.name.as_str(), false, params.as_slice()));
            }
            _ => {}
        }
    }
    out
}

/// Returns a declaration that uses a network or layer with these arguments; nothing for layers that hold others, whose counts have tests of their own.
fn line(number: usize, name: &str, network: bool, args: &[(String, String)]) -> Option<Line> {
    let args: Vec<String> = args.iter().map(|(n, v)| format!("{n}: {v}")).collect();
    let call = format!("{name}({})", args.join(", "));
    let label = format!("made{number}");
    let text = match network {
        true if name == "dcgan" => format!("model {label} = train_gan({call}, pictures, seed: 1) {{ epochs: 1, batch: 2 }}"),
        true => {
            let data = if name.starts_with("lstm") { "words" } else { "pictures" };
            format!("model {label} = untrained({call}, {data}, seed: 1)")
        }
        false if name == "latent" => format!(
            "network {label}_net(width: int = 8) {{ {call}, generator: linear(width) -> relu -> linear(64) -> tanh, linear(6) -> relu -> linear(1) }}\n\
             model {label} = train_gan({label}_net, d, seed: 1) {{ epochs: 1, batch: 30 }}"
        ),
        false => {
            let (_, data, body) = BODIES.iter().find(|(names, ..)| names.contains(&name))?;
            let body = body.replace("LAYER", &call);
            format!("network {label}_net(classes: int) {{ {body} }}\nmodel {label} = untrained({label}_net, {data}, seed: 1)")
        }
    };
    Some(Line { name: label, text })
}

#[test]
fn numbers_of_networks_and_layers_at_their_extremes_are_refused_or_can_be_run() {
    let world = WORLD.replace("NETWORKS", &networks());
    let given = |name: &str, p: &Param| {
        let of = |wanted: &str| {
            GIVEN.iter().find(|(n, param, _)| *n == wanted && *param == p.name.name).map(|(.., text)| text.to_string())
        };
        of(name).or_else(|| of("*")).unwrap_or_else(|| of_param(p))
    };
    // What each is given that has no default; `classes` comes from the data.
    let needed = |name: &str, params: &[Param]| -> Vec<(String, String)> {
        let open = params.iter().filter(|p| p.default.is_none() && p.name.name != "classes");
        open.map(|p| (p.name.name.clone(), given(name, p))).collect()
    };
    let mut tried: Vec<(Line, String)> = Vec::new();
    let mut plain: Vec<(Line, String)> = Vec::new();
    for (name, network, params) in declared() {
        let base = needed(name, params);
        let numeric = params.iter().filter(|p| {
            p.name.name != "classes" && takes(p).ok().and_then(|t| t.setting).is_some_and(|ty| !numbers(&ty).is_empty())
        });
        for (n, param) in numeric.enumerate() {
            if n == 0
                && let Some(line) = line(tried.len() + plain.len(), name, network, &base)
            {
                plain.push((line, name.to_string()));
            }
            let ty = takes(param).ok().and_then(|t| t.setting).expect("a setting");
            for value in numbers(&ty) {
                let mut args: Vec<(String, String)> = base.iter().filter(|(n, _)| *n != param.name.name).cloned().collect();
                args.push((param.name.name.clone(), value.clone()));
                if let Some(line) = line(tried.len() + plain.len(), name, network, &args) {
                    tried.push((line, format!("{name}({}: {value})", param.name.name)));
                }
            }
        }
    }
    // With usual numbers they are accepted: it is the extreme that is refused.
    let refused = world::refusals(&world, &plain.iter().map(|(l, _)| l.clone()).collect::<Vec<_>>());
    let wrong: Vec<(String, String)> =
        plain.iter().filter_map(|(l, name)| Some((name.clone(), format!("{}: {}", l.text, refused.get(&l.name)?)))).collect();
    judge("networks and layers that the world refuses", &wrong, &[]);
    assert!(plain.len() > 40 && tried.len() > 400, "{} networks and layers, {} numbers", plain.len(), tried.len());
    let names: BTreeMap<String, String> = tried.iter().map(|(l, what)| (l.name.clone(), what.clone())).collect();
    judged(&world, tried.into_iter().map(|(l, _)| l).collect(), &|label| {
        names.get(label).map_or(label.to_string(), String::clone)
    });
}

/// Returns the names of all networks, for `use`.
fn networks() -> String {
    declared().iter().filter(|(_, network, _)| *network).map(|(name, ..)| *name).collect::<Vec<_>>().join(", ")
}
