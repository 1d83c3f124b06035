//! Which tensor of a file is which of a network: prefixes, the ways in which published checkpoints name layers, and what does not fit.

use crate::base::text::on_a_line;
use std::collections::{BTreeMap, BTreeSet};

/// A tensor's name and shape.
pub type Named = (String, Vec<usize>);

/// Prefixes that wrappers put in front of all names: `DataParallel`, `torch.compile`, both.
const PREFIXES: [&str; 5] = ["", "module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."];

/// A way of naming that differs from that of std.networks (torchvision's, timm's of transformers and mixers): parts of names, and what they are
/// there. A part that ends in `*` is the beginning of one.
struct Convention(&'static [(&'static str, &'static str)]);

const CONVENTIONS: [Convention; 9] = [
    // torchvision, timm's ResNets, transformers and mixers.
    Convention(&[]),
    // torchvision's vision transformers.
    Convention(&[
        ("class_token", "cls_token"),
        ("conv_proj", "patch_embed.proj"),
        ("encoder.pos_embedding", "pos_embed"),
        ("encoder.layers.encoder_layer_*", "blocks."),
        ("encoder.ln", "norm"),
        ("ln_1", "norm1"),
        ("ln_2", "norm2"),
        ("self_attention.in_proj_weight", "attn.qkv.weight"),
        ("self_attention.in_proj_bias", "attn.qkv.bias"),
        ("self_attention.out_proj", "attn.proj"),
        ("mlp.linear_1", "mlp.fc1"),
        ("mlp.linear_2", "mlp.fc2"),
        ("mlp.0", "mlp.fc1"),
        ("mlp.3", "mlp.fc2"),
        ("heads.head", "head"),
    ]),
    // Language models whose parts are called after what they are.
    Convention(&[("embedding", "encoder"), ("lstm", "rnn"), ("fc", "decoder")]),
    Convention(&[("embedding", "encoder"), ("lstm", "rnn"), ("linear", "decoder")]),
    // ResNets for CIFAR: Y. Idelbayev's, K. Liu's.
    Convention(&[("linear", "fc"), ("shortcut", "downsample")]),
    // Networks whose head is called after its task.
    Convention(&[("classifier", "fc")]),
    Convention(&[("head", "fc")]),
    // VGGs for CIFAR with a single linear layer: K. Liu's.
    Convention(&[("classifier", "classifier.0")]),
    // timm's VGGs, whose first two linear layers are convolutions over the whole image.
    Convention(&[("pre_logits.fc1", "classifier.0"), ("pre_logits.fc2", "classifier.3"), ("head.fc", "classifier.6")]),
];

/// So many names in a file are very many.
pub const MANY: usize = 20_000;

/// How many names of each kind a message lists.
const LISTED: usize = 12;

/// What does not fit, in the best of all ways of naming.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mismatch {
    /// What the network needs and the file lacks, with the nearest name in the file that is left over.
    pub missing: Vec<(String, Option<String>)>,
    /// What the file has and the network does not, with the nearest name that the network needs.
    pub unexpected: Vec<(String, Option<String>)>,
    /// Same name, another shape: name, shape in the file, shape in the network.
    pub misshapen: Vec<(String, Vec<usize>, Vec<usize>)>,
}

/// Returns whether a name is of a count that PyTorch's batch normalisation keeps and no result depends on.
fn ignored(name: &str) -> bool {
    name == "num_batches_tracked" || name.ends_with(".num_batches_tracked")
}

/// Returns a name with whole parts, or beginnings of parts, replaced.
fn replaced(name: &str, rules: &[(&str, &str)]) -> String {
    let mut out = format!(".{name}.");
    for (from, to) in rules {
        out = match from.strip_suffix('*') {
            Some(beginning) => out.replace(&format!(".{beginning}"), &format!(".{to}")),
            None => out.replace(&format!(".{from}."), &format!(".{to}.")),
        };
    }
    out[1..out.len() - 1].to_string()
}

/// Returns a name with the first matching beginning replaced: `("backbone.", "")`.
fn renamed(name: &str, rename: &[(String, String)]) -> String {
    let found = rename.iter().find_map(|(from, to)| name.strip_prefix(from.as_str()).map(|rest| format!("{to}{rest}")));
    found.unwrap_or_else(|| name.to_string())
}

/// Returns whether a name begins as one of the list.
pub fn begins(name: &str, list: &[String]) -> bool {
    list.iter().any(|beginning| name.starts_with(beginning.as_str()))
}

/// Returns whether numbers of a shape are those of another: the same, or a convolution over the whole image that is written as a linear map
/// (both in the order channels, height, width).
fn same(file: &[usize], wanted: &[usize]) -> bool {
    match (file, wanted) {
        ([o, c, h, w], [output, input]) => o == output && c.checked_mul(*h).and_then(|x| x.checked_mul(*w)) == Some(*input),
        _ => file == wanted,
    }
}

/// Returns, for each tensor that a network needs, its place in the file.
///
/// Names are first changed as `rename` says, then read in every known way: as they are, without the prefixes of wrappers, with other usual
/// names of layers. A way other than the first counts only if every name then has its partner.
///
/// What the file has under names that begin as one of `ignore` (the file's names), or, changed, as one of `fresh` (the network's names), is left
/// out.
///
/// Errors: what does not fit, in the way in which the most fits. Names are given as the file has them.
pub fn pairing(
    file: &[Named],
    wanted: &[Named],
    rename: &[(String, String)],
    fresh: &[String],
    ignore: &[String],
) -> Result<Vec<usize>, Box<Mismatch>> {
    let taken = file.iter().enumerate().filter(|(_, (n, _))| !ignored(n) && !begins(n, ignore));
    let kept: Vec<(usize, String)> = taken.map(|(i, (n, _))| (i, renamed(n, rename))).collect();
    let needed: BTreeSet<&str> = wanted.iter().map(|(n, _)| n.as_str()).collect();
    let mut best: Option<(usize, BTreeMap<String, usize>)> = None;
    // A file with very many names is no network of those whose layers go by other names.
    let conventions = if kept.len() > MANY { &CONVENTIONS[..1] } else { &CONVENTIONS[..] };
    for Convention(rules) in conventions {
        for prefix in PREFIXES {
            let map: BTreeMap<String, usize> =
                kept.iter().map(|(i, n)| (replaced(n.strip_prefix(prefix).unwrap_or(n), rules), *i)).collect();
            if map.len() < kept.len() {
                continue;
            }
            let map: BTreeMap<String, usize> = map.into_iter().filter(|(n, _)| !begins(n, fresh)).collect();
            let shared = map.keys().filter(|n| needed.contains(n.as_str())).count();
            let strangers = map.len() + needed.len() - 2 * shared;
            if best.as_ref().is_none_or(|(least, _)| strangers < *least) {
                best = Some((strangers, map));
            }
        }
    }
    let (_, map) = best.unwrap_or_default();
    let fits = |(name, shape): &Named| map.get(name).copied().filter(|i| same(&file[*i].1, shape));
    if map.len() == wanted.len()
        && let Some(places) = wanted.iter().map(fits).collect()
    {
        return Ok(places);
    }
    Err(Box::new(mismatch(file, wanted, &map, &needed)))
}

fn mismatch(file: &[Named], wanted: &[Named], map: &BTreeMap<String, usize>, needed: &BTreeSet<&str>) -> Mismatch {
    let missing: Vec<&str> = wanted.iter().map(|(n, _)| n.as_str()).filter(|n| !map.contains_key(*n)).collect();
    let mut unexpected: Vec<(&str, usize)> =
        map.iter().filter(|(n, _)| !needed.contains(n.as_str())).map(|(n, i)| (n.as_str(), *i)).collect();
    unexpected.sort_by_key(|(_, i)| *i);
    let all: Vec<&str> = needed.iter().copied().collect();
    let left: Vec<&str> = unexpected.iter().map(|(n, _)| *n).collect();
    let misshapen = wanted.iter().filter_map(|(n, shape)| {
        let (name, found) = &file[*map.get(n)?];
        (!same(found, shape)).then(|| (name.clone(), found.clone(), shape.clone()))
    });
    // Nearest names are sought only for those that are shown: a file may hold very many.
    let near =
        |at: usize, name: &str, others: &[&str]| if at < LISTED { nearest(name, others).map(str::to_string) } else { None };
    Mismatch {
        misshapen: misshapen.collect(),
        missing: missing
            .iter()
            .enumerate()
            .map(|(at, n)| {
                let near = near(at, n, &left);
                let written = near.and_then(|m| map.get(&m)).map(|i| file[*i].0.clone());
                (n.to_string(), written)
            })
            .collect(),
        unexpected: unexpected
            .iter()
            .enumerate()
            .map(|(at, (n, i))| {
                let candidates = if missing.is_empty() { &all } else { &missing };
                (file[*i].0.clone(), near(at, n, candidates))
            })
            .collect(),
    }
}

/// Returns the name most like one, where more than half of it agrees.
pub fn nearest<'a>(name: &str, others: &[&'a str]) -> Option<&'a str> {
    const COMPARED: usize = 4096;
    others
        .iter()
        .take(COMPARED)
        .filter(|o| o.len() < 256 && name.len() < 256)
        .map(|o| (strsim::levenshtein(name, o), *o))
        .min()
        .filter(|(distance, o)| 2 * distance < o.len().max(name.len()))
        .map(|(_, o)| o)
}

/// Returns a shape as people write it: `64 x 3 x 3 x 3`.
fn size(shape: &[usize]) -> String {
    if shape.is_empty() {
        return "a single number".to_string();
    }
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ")
}

impl Mismatch {
    /// Returns the numbers of what does not fit, in words: `2 tensors missing, 1 unexpected`.
    pub fn summary(&self) -> String {
        let parts =
            [(self.missing.len(), "missing"), (self.unexpected.len(), "unexpected"), (self.misshapen.len(), "of another shape")];
        let said = parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}"));
        format!("tensors: {}", said.collect::<Vec<_>>().join(", "))
    }

    /// Returns the lists, one line a tensor.
    pub fn lists(&self) -> String {
        let shown = |n: usize| if n > LISTED { format!("\n  and {} more", n - LISTED) } else { String::new() };
        let near = |n: &Option<String>| n.as_ref().map_or(String::new(), |n| format!(" (nearest: `{}`)", on_a_line(n)));
        let mut out = Vec::new();
        for (title, list) in [("missing in the file", &self.missing), ("in the file, not in the network", &self.unexpected)] {
            if !list.is_empty() {
                let lines: String = list.iter().take(LISTED).map(|(n, m)| format!("\n  `{}`{}", on_a_line(n), near(m))).collect();
                out.push(format!("{title}:{lines}{}", shown(list.len())));
            }
        }
        if !self.misshapen.is_empty() {
            let line = |(n, a, b): &(String, Vec<usize>, Vec<usize>)| {
                format!("\n  `{}`: {} in the file, {} in the network", on_a_line(n), size(a), size(b))
            };
            let lines: String = self.misshapen.iter().take(LISTED).map(line).collect();
            out.push(format!("of another shape:{lines}{}", shown(self.misshapen.len())));
        }
        out.join("\n")
    }
}
