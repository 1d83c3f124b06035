//! Order and names mean nothing: of axes in an argument, of declarations, of coordinates.

use super::calls::Call;
use super::world::{self, Line, WORLD};
use super::{accepted, compare, here, judge};
use std::collections::BTreeMap;

/// Returns the elements of a list of names, as it is written.
fn list(text: &str) -> Option<Vec<&str>> {
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    let parts: Vec<&str> = inner.split(',').map(str::trim).collect();
    (parts.len() > 1 && parts.iter().all(|p| p.chars().all(|c| c.is_alphanumeric() || c == '_'))).then_some(parts)
}

/// Returns all orders of some names but the one given.
fn orders(names: &[&str]) -> Vec<Vec<String>> {
    if names.len() <= 1 {
        return vec![names.iter().map(|n| n.to_string()).collect()];
    }
    let mut out = Vec::new();
    for i in 0..names.len() {
        let mut rest = names.to_vec();
        let first = rest.remove(i).to_string();
        for order in orders(&rest) {
            out.push([vec![first.clone()], order].concat());
        }
    }
    out
}

#[test]
fn the_order_of_names_of_axes() {
    let nested = "of several axes of a side the first is the outer one";
    judge("the order of names changes results", &by_order_of_names(accepted(), 200), &[("heatmap", nested)]);
}

/// Returns what is wrong where axes are named in another order; more calls than `least` name several.
fn by_order_of_names(calls: &[(Line, Call)], least: usize) -> Vec<(String, String)> {
    let mut tried: Vec<(Line, Call, String)> = Vec::new();
    for (line, call) in calls {
        let signature = call.signature();
        for (param, takes) in signature.params.iter().zip(&signature.takes) {
            let name = &param.name.name;
            let Some(names) = takes.axis.and_then(|_| list(call.arg(name)?)) else { continue };
            for (i, order) in orders(&names).into_iter().enumerate().skip(1) {
                let other = call.with(name, &format!("[{}]", order.join(", ")));
                tried.push((other.line(&format!("{}order{i}", line.name)), other, line.name.clone()));
            }
        }
    }
    assert!(tried.len() > least, "only {} calls name several axes", tried.len());
    let all: Vec<Line> = tried.iter().map(|(l, _, _)| l.clone()).collect();
    let refused = world::refusals(WORLD, &all);
    let mut lines: Vec<Line> = all.into_iter().filter(|l| !refused.contains_key(&l.name)).collect();
    lines.extend(calls.iter().map(|(l, _)| l.clone()).filter(|l| tried.iter().any(|t| t.2 == l.name)));
    let ran = world::run(WORLD, &lines);
    let mut wrong = Vec::new();
    for (line, call, first) in &tried {
        let why = match refused.get(&line.name) {
            Some(why) => Some(format!("refused, unlike another order: {why}")),
            None => compare::cells(ran.cells(first), ran.cells(&line.name), true),
        };
        wrong.extend(why.map(|why| (call.op.clone(), format!("{}: {why}", call.text()))));
    }
    wrong
}

/// Calls with their values in the world.
pub(super) struct Here<'a> {
    pub calls: &'a [(Line, Call)],
    pub ran: &'a world::Ran,
}

/// Returns all calls with their values.
fn everything() -> Here<'static> {
    Here { calls: accepted(), ran: here() }
}

/// Compares calls in the world with the same in another, whose axes go by other names. Keys are compared where `keys` says so.
fn same_in(here: &Here, other: &str, rename: &dyn Fn(&str) -> String, keys: &dyn Fn(&str) -> bool) -> Vec<(String, String)> {
    let all: Vec<Line> = here.calls.iter().map(|(l, _)| l.clone()).collect();
    let renamed: Vec<Line> = all.iter().map(|l| Line { name: rename(&l.name), text: rename(&l.text) }).collect();
    let mut wrong = Vec::new();
    let refused = world::refusals(other, &renamed);
    let kept: Vec<Line> = renamed.into_iter().filter(|l| !refused.contains_key(&l.name)).collect();
    let there = world::run(other, &kept);
    for (line, call) in here.calls {
        let name = rename(&line.name);
        if let Some(why) = refused.get(&name) {
            wrong.push((call.op.clone(), format!("{}: refused there: {why}", call.text())));
            continue;
        }
        let mut found = here.ran.cells(&line.name).to_vec();
        let other = there.cells(&name);
        if found.iter().any(|c| c.value.is_err()) {
            // What fails says so of the first place; that nothing fails is another law.
            continue;
        }
        for cell in &mut found {
            // The second of a pair is called after the first; an axis that an operation makes has a name of its own.
            let called = |axis: &str| match axis.strip_suffix("_other") {
                Some(first) => format!("{}_other", rename(first)),
                None => rename(axis),
            };
            let there = |axis: &str| other.first().is_some_and(|c| c.at.contains_key(axis));
            let axis = |axis: &String| if there(&called(axis)) { called(axis) } else { axis.clone() };
            cell.at = cell.at.iter().map(|(name, at)| (axis(name), at.clone())).collect::<BTreeMap<_, _>>();
        }
        if let Some(why) = compare::cells(&found, other, true) {
            wrong.push((call.op.clone(), format!("{}: {why}", call.text())));
        } else if keys(&call.op) {
            let differs = found.iter().find(|c| other.iter().any(|o| o.at == c.at && o.key != c.key));
            wrong.extend(differs.map(|c| (call.op.clone(), format!("{}: another key at {:?}", call.text(), c.at))));
        }
    }
    wrong
}

#[test]
fn the_order_of_declarations() {
    let lines: Vec<&str> = WORLD.lines().collect();
    let (head, body) = lines.split_at(4);
    let turned: Vec<&str> = head.iter().chain(body.iter().rev()).copied().collect();
    let wrong = same_in(&everything(), &format!("{}\n", turned.join("\n")), &|n| n.to_string(), &|_| true);
    judge("the order of declarations changes results", &wrong, &[]);
}

/// Replaces whole words.
fn replace(text: &str, names: &[(&str, &str)]) -> String {
    let mut out = String::new();
    let mut word = String::new();
    for c in text.chars().map(Some).chain([None]) {
        match c {
            Some(c) if c.is_alphanumeric() || c == '_' => word.push(c),
            c => {
                out.push_str(names.iter().find(|(from, _)| *from == word).map_or(word.as_str(), |(_, to)| to));
                word.clear();
                out.extend(c);
            }
        }
    }
    out
}

#[test]
fn names_of_axes_and_values() {
    let named = "`in_every` is kept with the name of its axis: renamed, the mixture is computed anew, and equal";
    judge("names change results", &by_names(&everything()), &[("dp_mixture", named)]);
}

/// Returns what is wrong where axes and values go by other names.
pub(super) fn by_names(here: &Here) -> Vec<(String, String)> {
    let names =
        [("a", "zeta"), ("b", "alpha"), ("c", "mid"), ("run", "again"), ("bin", "yard"), ("ease", "best"), ("trial", "go")];
    let values = [("n3", "w"), ("s2", "aa"), ("e", "zz"), ("g", "bb"), ("m", "yy"), ("y2", "b2"), ("tab", "t9")];
    let all = [names.as_slice(), values.as_slice()].concat();
    let other = |text: &str| {
        // Parameters keep their names: a colon follows them in a call.
        let mut out = String::new();
        for (i, piece) in text.split('\n').enumerate() {
            out.push_str(if i > 0 { "\n" } else { "" });
            out.push_str(&protect(piece, &all));
        }
        out
    };
    // Tables and figures show names of axes, and are keyed with them.
    let shown = |op: &str| op != "table" && !matches!(world::library().operations[op].gives, cfx::lang::kind::Kind::Figure);
    same_in(here, &other(WORLD), &other, &shown).into_iter().filter(|(op, _)| shown(op)).collect()
}

/// Replaces whole words, parameters (before a colon within brackets of a call) aside, but axes of selections.
fn protect(line: &str, names: &[(&str, &str)]) -> String {
    let mut out = String::new();
    let mut round = Vec::new();
    let chars: Vec<char> = line.chars().collect();
    let mut i = 0;
    let mut text = false;
    while i < chars.len() {
        let c = chars[i];
        if c == '"' {
            text = !text;
        }
        if !text && (c.is_alphanumeric() || c == '_') {
            let start = i;
            while i < chars.len() && (chars[i].is_alphanumeric() || chars[i] == '_') {
                i += 1;
            }
            let word: String = chars[start..i].iter().collect();
            let colon = chars.get(i) == Some(&':');
            let member = start > 0 && chars[start - 1] == '.';
            let kept = member || (colon && matches!(round.last(), Some('(' | '{')));
            out.push_str(&if kept { word } else { replace(&word, names) });
            continue;
        }
        match c {
            '(' | '[' | '{' if !text => round.push(c),
            ')' | ']' | '}' if !text => {
                round.pop();
            }
            _ => {}
        }
        out.push(c);
        i += 1;
    }
    out
}

#[test]
fn the_order_of_coordinates() {
    let other = WORLD
        .replace("axis a = [0, 1]", "axis a = [1, 0]")
        .replace("axis b = [1, 3, 7]", "axis b = [7, 1, 3]")
        .replace("axis c = { left: 2, right: 5 }", "axis c = { right: 5, left: 2 }")
        .replace("axis run = [0, 1]", "axis run = [1, 0]")
        .replace("axis trial = [0, 1, 2, 3]", "axis trial = [2, 0, 3, 1]");
    let wrong = same_in(&everything(), &other, &|n| n.to_string(), &|_| false);
    let numbered = "leaves and groups are numbered in the order of coordinates";
    let ordered = [
        ("join", "rows stand in the order of coordinates"),
        ("images", "images stand in the order of coordinates"),
        ("cluster", numbered),
        ("clusters", numbered),
    ];
    judge("the order of coordinates changes results", &wrong, &ordered);
}
