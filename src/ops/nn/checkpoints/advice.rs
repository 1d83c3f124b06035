//! What settings would make a file of weights fit a network: tried, and given only where they do.

use super::names::{MANY, Named, begins, pairing};
use crate::base::text::on_a_line;
use std::collections::{BTreeMap, BTreeSet};

/// Deepest prefix that is tried, in parts of names.
const DEPTH: usize = 4;
/// Most prefixes that are tried.
const PREFIXES: usize = 64;
/// Parts of names of networks that follow another one: of two that fit alike, the other is meant.
const FOLLOWERS: [&str; 6] = ["encoder_k", "momentum", "ema", "teacher", "target", "key"];
/// Most beginnings of names that are worth writing out.
const WRITTEN: usize = 8;

/// Returns the settings that make a file fit, as they are written in a script: `rename: ["model. -> "], fresh: ["fc."]`; `None` if none do.
/// `wanted` are all weights of the network.
pub fn advice(file: &[Named], wanted: &[Named]) -> Option<String> {
    if file.len() > MANY {
        return None;
    }
    let needed: BTreeMap<&str, &[usize]> = wanted.iter().map(|(n, s)| (n.as_str(), s.as_slice())).collect();
    let shared = |prefix: &str, there: &str| {
        let named = file.iter().filter_map(|(n, s)| Some((format!("{there}{}", n.strip_prefix(prefix)?), s)));
        named.filter(|(n, s)| needed.get(n.as_str()).is_some_and(|w| *w == s.as_slice())).count()
    };
    // A prefix of the file's that the network lacks, or one of the network's that the file lacks.
    let theirs = prefixes(file).into_iter().map(|p| (p, String::new()));
    let ours = prefixes(wanted).into_iter().map(|p| (String::new(), p));
    let none = std::iter::once((String::new(), String::new()));
    let (count, prefix, there) = none.chain(theirs).chain(ours).map(|(p, t)| (shared(&p, &t), p, t)).fold(
        (0, String::new(), String::new()),
        // The first of the best: the shortest change.
        |best, next| if next.0 > best.0 { next } else { best },
    );
    // What shares few names may still have the same layers under others, which are paired below.
    let (prefix, there) = if count * 2 < wanted.len() { (String::new(), String::new()) } else { (prefix, there) };
    let same = prefix.is_empty() && there.is_empty();
    let counted = |n: &str| n.ends_with("num_batches_tracked");
    let alone: Vec<(String, String)> = if same { Vec::new() } else { vec![(prefix, there)] };
    // What is left over on both sides, under other names.
    let strange = |n: &str| !counted(n) && changed(n, &alone).is_none_or(|n| !needed.contains_key(n.as_str()));
    let there: BTreeSet<String> = file.iter().filter_map(|(n, _)| changed(n, &alone)).collect();
    let left: Vec<Named> = file.iter().filter(|(n, _)| strange(n)).cloned().collect();
    let open: Vec<Named> = wanted.iter().filter(|(n, _)| !there.contains(n)).cloned().collect();
    let rename: Vec<(String, String)> = partners(&left, &open).into_iter().chain(alone).collect();
    let new_name = |n: &str| changed(n, &rename).or_else(|| same.then(|| n.to_string()));
    let given: BTreeMap<String, &[usize]> = file.iter().filter_map(|(n, s)| Some((new_name(n)?, s.as_slice()))).collect();
    let lacking = |(n, s): &&Named| given.get(n.as_str()).is_none_or(|there| *there != s.as_slice());
    let fresh = beginnings(wanted.iter().filter(lacking).map(|(n, _)| n.as_str()), |b| {
        // Nothing that fits may begin so.
        wanted.iter().all(|w| !w.0.starts_with(b) || lacking(&w))
    });
    let of_use = |n: &str| new_name(n).is_some_and(|n| needed.contains_key(n.as_str()) || begins(&n, &fresh));
    let strangers = file.iter().map(|(n, _)| n.as_str()).filter(|n| !counted(n) && !of_use(n));
    let ignore = beginnings(strangers, |b| file.iter().all(|(n, _)| !n.starts_with(b) || counted(n) || !of_use(n)));
    if fresh.len() > WRITTEN || ignore.len() > WRITTEN {
        return None;
    }
    let taken: Vec<Named> = wanted.iter().filter(|(n, _)| !begins(n, &fresh)).cloned().collect();
    if taken.len() * 2 < wanted.len() {
        return None;
    }
    pairing(file, &taken, &rename, &fresh, &ignore).ok()?;
    let list = |name: &str, of: Vec<String>| {
        let items: Vec<String> = of.iter().map(|t| format!("\"{}\"", on_a_line(t))).collect();
        (!of.is_empty()).then(|| format!("{name}: [{}]", items.join(", ")))
    };
    let renamed = rename.into_iter().map(|(from, to)| format!("{from} -> {to}")).collect();
    let parts: Vec<String> =
        [list("rename", renamed), list("fresh", fresh), list("ignore", ignore)].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// Returns a name as the first rule changes it that fits; without rules it stays as it is, and one that none of several fits is of no use.
fn changed(name: &str, rules: &[(String, String)]) -> Option<String> {
    if rules.is_empty() {
        return Some(name.to_string());
    }
    rules.iter().find_map(|(from, to)| Some(format!("{to}{}", name.strip_prefix(from.as_str())?)))
}

/// Returns beginnings of names of a file with those that a network has in their place: behind both stand the same names of the same shapes, and
/// behind no other.
fn partners(file: &[Named], wanted: &[Named]) -> Vec<(String, String)> {
    let behind = |names: &[Named], prefix: &str| -> BTreeSet<(String, Vec<usize>)> {
        names.iter().filter_map(|(n, shape)| Some((n.strip_prefix(prefix)?.to_string(), shape.clone()))).collect()
    };
    let apart = |a: &str, b: &str| !a.starts_with(b) && !b.starts_with(a);
    let (theirs, ours) = (prefixes(file), prefixes(wanted));
    let mut out: Vec<(String, String)> = Vec::new();
    for from in &theirs {
        let these = behind(file, from);
        let twice = theirs.iter().any(|other| apart(other, from) && behind(file, other) == these);
        if twice || out.iter().any(|(taken, _)| !apart(taken, from)) {
            continue;
        }
        let mut fits = ours.iter().filter(|to| behind(wanted, to) == these);
        if let (Some(to), None) = (fits.next(), fits.next())
            && out.iter().all(|(_, taken)| apart(taken, to))
        {
            out.push((from.clone(), to.clone()));
        }
    }
    out
}

/// Returns the prefixes, up to a dot, that names begin with, the most frequent first.
fn prefixes(names: &[Named]) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, _) in names {
        name.match_indices('.').take(DEPTH).for_each(|(i, _)| *counts.entry(&name[..=i]).or_insert(0) += 1);
    }
    let mut all: Vec<(&str, usize)> = counts.into_iter().collect();
    let follows = |prefix: &str| FOLLOWERS.iter().any(|f| prefix.contains(f));
    all.sort_by_key(|(prefix, count)| (follows(prefix), std::cmp::Reverse(*count), prefix.len()));
    all.into_iter().take(PREFIXES).map(|(prefix, _)| prefix.to_string()).collect()
}

/// Returns beginnings that cover names and are as short as `alone` lets them be: whole parts up to a dot, else the names themselves.
fn beginnings<'n>(names: impl Iterator<Item = &'n str>, alone: impl Fn(&str) -> bool) -> Vec<String> {
    let mut out: BTreeSet<String> = BTreeSet::new();
    for name in names {
        if out.iter().any(|b| name.starts_with(b.as_str())) {
            continue;
        }
        let ends = name.match_indices('.').map(|(i, _)| &name[..=i]);
        out.insert(ends.chain(std::iter::once(name)).find(|b| alone(b)).unwrap_or(name).to_string());
        if out.len() > WRITTEN {
            break;
        }
    }
    out.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(list: &[(&str, &[usize])]) -> Vec<Named> {
        list.iter().map(|(n, s)| (n.to_string(), s.to_vec())).collect()
    }

    #[test]
    fn what_would_make_a_file_fit_is_written_out() {
        let net = named(&[
            ("conv1.weight", &[4, 3]),
            ("bn1.weight", &[4]),
            ("layer1.0.weight", &[4]),
            ("fc.weight", &[10, 4]),
            ("fc.bias", &[10]),
        ]);
        let with = |prefix: &str| -> Vec<Named> { net.iter().map(|(n, s)| (format!("{prefix}{n}"), s.clone())).collect() };
        assert_eq!(advice(&with("model."), &net).unwrap(), "rename: [\"model. -> \"]");
        assert_eq!(advice(&net, &with("model.")).unwrap(), "rename: [\" -> model.\"]");
        // MoCo: the head has another size, and a second encoder and a queue stand beside.
        let mut moco: Vec<Named> = with("module.encoder_q.");
        moco[3].1 = vec![128, 4];
        moco[4].1 = vec![128];
        let follower: Vec<Named> = moco.iter().map(|(n, s)| (n.replace("encoder_q", "encoder_k"), s.clone())).collect();
        moco.extend(follower);
        moco.extend(named(&[("module.queue", &[128, 8]), ("module.queue_ptr", &[1])]));
        assert_eq!(
            advice(&moco, &net).unwrap(),
            "rename: [\"module.encoder_q. -> \"], fresh: [\"fc.\"], ignore: [\"module.encoder_k.\", \"module.queue\"]"
        );
        let mut more = net.clone();
        more.extend(named(&[("aux.weight", &[1]), ("aux.bias", &[1]), ("bn1.num_batches_tracked", &[])]));
        assert_eq!(advice(&more, &net).unwrap(), "ignore: [\"aux.\"]");
        assert_eq!(advice(&named(&[("a", &[1])]), &net), None);
        // No name is shared, and each layer of the one is a layer of the other.
        let theirs: [(&str, &[usize]); 4] =
            [("fc1.weight", &[16, 64]), ("fc1.bias", &[16]), ("fc2.weight", &[10, 16]), ("fc2.bias", &[10])];
        let ours: [(&str, &[usize]); 4] =
            [("hidden1.0.weight", &[16, 64]), ("hidden1.0.bias", &[16]), ("fc.weight", &[10, 16]), ("fc.bias", &[10])];
        assert_eq!(advice(&named(&theirs), &named(&ours)).unwrap(), "rename: [\"fc1. -> hidden1.0.\", \"fc2. -> fc.\"]");
        // Trained layers that go by other names are renamed, not begun anew; where it is not clear which is which, nothing is said of them.
        let mut head: Vec<Named> = with("backbone.");
        head[3].0 = "head.out.weight".to_string();
        head[4].0 = "head.out.bias".to_string();
        assert_eq!(advice(&head, &net).unwrap(), "rename: [\"head.out. -> fc.\", \"backbone. -> \"]");
        let stem: Vec<Named> = net.iter().map(|(n, s)| (n.replace("conv1", "0").replace("bn1", "1"), s.clone())).collect();
        assert_eq!(advice(&stem, &net).unwrap(), "rename: [\"0. -> conv1.\", \"1. -> bn1.\"]");
        let twins = named(&[("a.weight", &[4]), ("b.weight", &[4]), ("fc.weight", &[10, 4]), ("fc.bias", &[10])]);
        let known = named(&[("one.weight", &[4]), ("two.weight", &[4]), ("fc.weight", &[10, 4]), ("fc.bias", &[10])]);
        assert_eq!(advice(&twins, &known).unwrap(), "fresh: [\"one.\", \"two.\"], ignore: [\"a.\", \"b.\"]");
    }
}
