//! Networks at their extremes: whatever sizes layers and networks are given, one that cannot be laid out is refused at a place of the script,
//! and one that is accepted has an estimate that a machine may have; small ones are trained.
//!
//! Each number at its extremes is always tried; `CFX_CASES=100000` tries all other sizes, and all pairs of them, too.

use super::calls::of_param;
use super::extremes::{EXTREMES, judged};
use super::world::{self, Line};
use crate::dice::Dice;
use cfx::lang::signature::{SettingType, takes};
use cfx::syntax::ast::{ItemKind, Keyword, Param};
use std::collections::{BTreeMap, BTreeSet};

/// Sizes that a network may have, up to the largest that layers take, and just above.
const SIZES: [&str; 9] = ["1", "2", "3", "64", "1000", "100000", "300001", "1000000", "1000001"];

/// Sizes that are tried two at a time: a kernel of 300,001 positions fits an image with a margin of 310,000.
const LARGE: [&str; 5] = ["1", "1000", "300001", "310000", "1000000"];

/// Where a layer may stand: the data, what is before it, and what is behind it.
const STANDS: [(&str, &str, &str); 4] = [
    ("d", "conv(4, 3) -> ", " -> flatten -> linear(classes)"),
    ("d", "conv(4, 3) -> tokens -> ", " -> flatten -> linear(classes)"),
    ("d", "flatten -> ", " -> flatten -> linear(classes)"),
    ("words", "", " -> linear(classes)"),
];

/// What a parameter is given where all others are at their usual values: layer or network, or any (`*`), parameter, text.
const GIVEN: [(&str, &str, &str); 12] = [
    ("conv", "kernel", "3"),
    ("conv_transposed", "kernel", "3"),
    ("mlp", "hidden", "[8]"),
    ("subsample_pad", "channels", "6"),
    ("vgg", "head", "cifar"),
    ("*", "patch", "4"),
    ("*", "dim", "8"),
    ("*", "heads", "2"),
    ("*", "depth", "1"),
    ("*", "hidden", "8"),
    ("*", "hidden_tokens", "8"),
    ("lstm_classifier", "words", "64"),
];

/// Networks of the library that suit none of the data here, with what they would need.
const NOT_HERE: [(&str, &str); 1] = [("lstm_classifier", "words with one label a text")];

/// A layer or network with some of its arguments.
#[derive(Clone)]
struct Laid {
    name: String,
    args: Vec<(String, String)>,
    stand: usize,
    /// A network of the library, and no layer.
    network: bool,
}

impl Laid {
    fn with(&self, name: &str, value: &str) -> Laid {
        let mut args: Vec<_> = self.args.iter().filter(|(n, _)| n != name).cloned().collect();
        args.push((name.to_string(), value.to_string()));
        Laid { args, ..self.clone() }
    }

    fn text(&self) -> String {
        let args: Vec<String> = self.args.iter().map(|(n, v)| format!("{n}: {v}")).collect();
        if args.is_empty() { self.name.clone() } else { format!("{}({})", self.name, args.join(", ")) }
    }

    fn line(&self, i: usize) -> Line {
        let call = self.text();
        let (data, before, after) = if self.network { (NETWORK_DATA[self.stand], "", "") } else { STANDS[self.stand] };
        let generator = self.name == "latent" || self.name == "dcgan";
        let net = match (self.network, generator) {
            (true, _) => String::new(),
            (false, true) => {
                format!("network n{i} {{ {call}, generator: linear(64) -> tanh, linear(6) -> relu -> linear(1) }}\n")
            }
            (false, false) => format!("network n{i} {{ {before}{call}{after} }}\n"),
        };
        let made = if self.network { call } else { format!("n{i}") };
        let text = match generator {
            true => format!(
                "{net}model m{i} = train_gan({made}, {data}, seed: 1) {{ epochs: 1, batch: 12, init: default }}\n\
                 dataset z{i} = generate(m{i}, {data}, count: 2, seed: 1)"
            ),
            false => format!(
                "{net}model m{i} = train({made}, {data}, seed: 1) {{ epochs: 1, batch: 12, rate: 0.1 }}\n\
                 analysis z{i} = loss(m{i}, {data})"
            ),
        };
        Line { name: format!("z{i}"), text }
    }
}

/// Data that networks of the library are tried on.
const NETWORK_DATA: [&str; 3] = ["d", "colour", "words"];

/// The declarations that all lines stand behind.
fn head() -> String {
    let write = |name: &str, shape: &str, bytes: &[u8]| {
        let text = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({shape}), }}");
        let text = format!("{text}{}\n", " ".repeat(64 - (10 + text.len() + 1) % 64));
        let mut out = b"\x93NUMPY\x01\x00".to_vec();
        out.extend((text.len() as u16).to_le_bytes());
        world::put(&format!("sizes/{name}"), &[out, text.into_bytes(), bytes.to_vec()].concat(), 0);
    };
    let images: Vec<u8> = (0..24 * 32 * 32 * 3).map(|i: usize| (i * 37 % 251) as u8).collect();
    write("x.npy", "24, 32, 32, 3", &images);
    write("y.npy", "24,", &(0..24).map(|i| i % 10).collect::<Vec<u8>>());
    let names: Vec<String> = networks().into_iter().map(|(name, _)| name).collect();
    format!(
        "cfx 1\nexperiment \"Sizes\" {{ seed: 1 }}\nuse std.data {{ digits, arrays }}\nuse std.networks {{ {} }}\n\
         dataset d = sample(digits().train, 24, seed: 1)\n\
         dataset words = corpus(\"data/rhyme.txt\", length: 6)\n\
         dataset colour = arrays(\"sizes/x.npy\", labels: \"sizes/y.npy\", layout: nhwc)\n",
        names.join(", ")
    )
}

/// Returns the networks of the library with their parameters.
fn networks() -> Vec<(String, Vec<Param>)> {
    let items = world::library().modules.iter().filter(|m| m.topic.as_deref() == Some("networks")).flat_map(|m| &m.file.items);
    let network = |kind: &ItemKind| match kind {
        ItemKind::Network { keyword: Keyword::Network, name, params, .. } => Some((name.name.clone(), params.clone())),
        _ => None,
    };
    items.filter_map(|i| network(&i.kind)).collect()
}

/// Returns the built-in layers with their parameters.
fn layers() -> Vec<(String, Vec<Param>)> {
    let library = world::library();
    let of = |(name, def): (&String, _)| match &library.item(def).kind {
        ItemKind::Extern { params, .. } => (name.clone(), params.clone()),
        _ => panic!("`{name}` is no layer"),
    };
    library.layers.iter().map(|(name, def)| of((name, *def))).collect()
}

/// Returns numbers as a parameter takes them; none where it takes no number.
fn numbers(param: &Param, of: &[&str]) -> Vec<String> {
    let all = || of.iter().map(|t| t.to_string());
    match takes(param).ok().and_then(|t| t.setting) {
        Some(SettingType::Int | SettingType::Real | SettingType::Signed) => all().collect(),
        Some(SettingType::List(of)) if matches!(*of, SettingType::Int | SettingType::Real) => {
            all().map(|t| format!("[{t}]")).chain(all().map(|t| format!("[8, {t}]"))).chain(["[]".to_string()]).collect()
        }
        _ => Vec::new(),
    }
}

/// Returns a layer or network with what it needs, at its usual values.
fn usual(name: &str, params: &[Param], stand: usize, network: bool) -> Laid {
    let given =
        |p: &str| GIVEN.iter().find(|(n, q, _)| (*n == name || *n == "*") && *q == p).map(|(_, _, text)| text.to_string());
    let own = params.iter().filter(|p| p.name.name != "classes");
    let args = own.filter_map(|p| {
        let value = given(&p.name.name).filter(|_| network || p.default.is_none());
        let value = value.or_else(|| p.default.is_none().then(|| of_param(p)))?;
        Some((p.name.name.clone(), value))
    });
    Laid { name: name.to_string(), args: args.collect(), stand, network }
}

/// Layers that hold steps, which no call by name alone makes.
const COMBINING: [&str; 7] = ["residual", "repeat", "each", "concat", "named", "numbered", "unnamed"];

/// Returns everything with what it needs, where it is accepted, with its parameters.
fn accepted() -> Vec<(Laid, Vec<Param>)> {
    let mut all: Vec<(Laid, Vec<Param>)> = Vec::new();
    for (name, params) in layers().into_iter().filter(|(name, _)| !COMBINING.contains(&name.as_str())) {
        all.extend((0..STANDS.len()).map(|stand| (usual(&name, &params, stand, false), params.clone())));
    }
    for (name, params) in networks() {
        all.extend((0..NETWORK_DATA.len()).map(|data| (usual(&name, &params, data, true), params.clone())));
    }
    let lines: Vec<Line> = all.iter().enumerate().map(|(i, (laid, _))| laid.line(i)).collect();
    let refused = world::refusals(&head(), &lines);
    let mut seen = BTreeSet::new();
    let taken = all.into_iter().zip(&lines).filter(|(_, line)| !refused.contains_key(&line.name)).map(|(laid, _)| laid);
    let out: Vec<_> = taken.filter(|(laid, _)| seen.insert((laid.name.clone(), laid.network))).collect();
    let names = layers().into_iter().map(|(n, _)| (n, false)).chain(networks().into_iter().map(|(n, _)| (n, true)));
    let excused = |name: &str| COMBINING.contains(&name) || NOT_HERE.iter().any(|(n, _)| *n == name);
    let never: Vec<_> = names.filter(|(name, network)| !excused(name) && !seen.contains(&(name.clone(), *network))).collect();
    let why = |name: &str| {
        let line = lines.iter().find(|l| l.text.contains(&format!("{name}(")) || l.text.contains(&format!("{name},")));
        line.and_then(|l| refused.get(&l.name)).cloned()
    };
    let never: Vec<_> = never.iter().map(|(name, _)| (name, why(name))).collect();
    assert!(never.is_empty(), "no call of these is accepted: {never:#?}");
    out
}

/// Returns everything at its extremes, one number at a time; and with other sizes, one at a time, two of them, and all.
fn extremes() -> (Vec<Laid>, Vec<Laid>) {
    let (mut first, mut out) = (Vec::new(), Vec::new());
    for (laid, params) in accepted() {
        let own = || params.iter().filter(|p| p.name.name != "classes");
        let each = |of: &[&str]| -> Vec<Laid> {
            own().flat_map(|p| numbers(p, of).into_iter().map(|v| laid.with(&p.name.name, &v)).collect::<Vec<_>>()).collect()
        };
        first.extend(each(&EXTREMES));
        out.extend(each(&SIZES));
        if laid.network {
            continue;
        }
        let named: Vec<&str> = own().filter(|p| !numbers(p, &SIZES).is_empty()).map(|p| p.name.name.as_str()).collect();
        for (i, one) in named.iter().enumerate() {
            for other in &named[i + 1..] {
                for a in LARGE {
                    out.extend(LARGE.iter().map(|b| laid.with(one, a).with(other, b)));
                }
            }
        }
        out.extend(LARGE.iter().map(|v| named.iter().fold(laid.clone(), |laid, name| laid.with(name, v))));
    }
    (first, out)
}

/// Returns lines of layers that hold steps, a number of turns at its extreme.
fn combined(from: usize) -> Vec<Line> {
    let numbers: Vec<&str> = EXTREMES.into_iter().chain(SIZES).collect();
    let all = numbers.iter().flat_map(|n| {
        [
            format!("repeat({n}) {{ relu }}"),
            format!("repeat({n}) {{ conv(2, 1) }}"),
            format!("repeat(100) {{ repeat({n}) {{ relu }} }}"),
            format!("each(width: [{n}]) {{ conv(width, 1) }}"),
            format!("named(\"a\") {{ concat {{ conv({n}, 1), identity }} }}"),
            format!("numbered {{ residual(project: conv({n}, 1)) {{ conv({n}, 1) }} }}"),
            format!("unnamed {{ upsample({n}) -> upsample({n}) -> upsample({n}) }}"),
        ]
    });
    all.enumerate()
        .map(|(k, steps)| {
            let i = from + k;
            let text = format!(
                "network n{i} {{ {steps} -> flatten -> linear(classes) }}\n\
                 model m{i} = train(n{i}, d, seed: 1) {{ epochs: 1, batch: 12, rate: 0.1 }}\nanalysis z{i} = loss(m{i}, d)"
            );
            Line { name: format!("z{i}"), text }
        })
        .collect()
}

/// Every number of every layer and network is tried.
#[test]
fn networks_at_their_extremes_are_refused_or_can_be_run() {
    let began = std::time::Instant::now();
    let (mut all, mut others) = extremes();
    // Of calls that are the same one is tried: they are one cell.
    let mut seen = BTreeSet::new();
    all.retain(|laid| seen.insert((laid.text(), laid.stand)));
    others.retain(|laid| seen.insert((laid.text(), laid.stand)));
    let wanted: usize = std::env::var("CFX_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(300);
    let (extreme, known, mut dice) = (all.len(), others.len(), Dice::new(7));
    while all.len() < extreme + wanted && !others.is_empty() {
        all.push(others.swap_remove(dice.below(others.len())));
    }
    println!("{extreme} networks with a number at its extreme, {} of {known} others", all.len() - extreme);
    let mut lines: Vec<Line> = all.iter().enumerate().map(|(i, laid)| laid.line(i)).collect();
    lines.extend(combined(lines.len()));
    assert!(lines.len() > 1000, "only {} networks are tried", lines.len());
    let texts: BTreeMap<String, String> = lines.iter().map(|l| (l.name.clone(), l.text.clone())).collect();
    let head = head();
    judged(&head, lines.clone(), &|label| {
        let number: String = label.chars().filter(char::is_ascii_digit).collect();
        texts.get(&format!("z{number}")).cloned().unwrap_or_else(|| label.to_string())
    });
    println!("{:.0} s", began.elapsed().as_secs_f64());
    // Whatever is small by its estimate is trained.
    let refused = world::refusals(&head, &lines);
    let mut left: Vec<Line> = lines.into_iter().filter(|l| !refused.contains_key(&l.name)).collect();
    let mut large: BTreeSet<String> = BTreeSet::new();
    for (label, seconds, memory) in world::costs(&head, &left) {
        if seconds > 0.05 || memory > 2e7 {
            large.insert(format!("z{}", label.chars().filter(char::is_ascii_digit).collect::<String>()));
        }
    }
    left.retain(|l| !large.contains(&l.name));
    assert!(left.len() > 100, "only {} networks are trained, of {} that are refused", left.len(), refused.len());
    println!("{:.0} s; {} are refused, {} of the others are trained", began.elapsed().as_secs_f64(), refused.len(), left.len());
    let ran = world::run(&head, &left);
    println!("{:.0} s", began.elapsed().as_secs_f64());
    let failed: Vec<String> = left
        .iter()
        .filter_map(|l| ran.cells(&l.name).iter().find_map(|c| c.value.as_ref().err()).map(|why| format!("{}: {why}", l.text)))
        .collect();
    assert!(failed.is_empty(), "{} networks were planned and failed: {:#?}", failed.len(), &failed[..failed.len().min(8)]);
}
