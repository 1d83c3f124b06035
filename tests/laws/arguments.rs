//! No dead argument: for each argument of each operation and figure there is a call on which changing it changes the result.

use super::calls::{Call, bases, inputs, of_param, settings, words};
use super::compare::{self, Atom, atoms};
use super::given::{BESIDE, INSIDE, NO_RESULT, VALUES};
use super::world::{self, Line, WORLD};
use super::{excused, judge};
use cfx::engine::Value;
use cfx::lang::signature::{AxisWord, SettingType, Signature, takes};
use std::collections::BTreeMap;

/// One thing to try: an argument by its path, a call with it, and what the call is beside it.
struct Trial {
    op: String,
    argument: String,
    /// Whether the argument is left out: what it is without it.
    without: bool,
    /// The word that the argument is, where each word must do something; or the way that it is given in, where there are several: an axis, or
    /// a result of some kind.
    word: String,
    /// Which calls differ in this argument alone.
    group: usize,
    call: Call,
}

fn beside(op: &str, argument: &str, call: &Call) -> Call {
    let more = BESIDE.iter().filter(|(o, a, _)| *o == op && *a == argument).flat_map(|(_, _, args)| args.iter());
    more.fold(call.clone(), |call, (name, text)| call.with(name, text))
}

/// Returns texts to try for a parameter, each with the way that it is given in where there are several.
fn texts(op: &str, argument: &str, call: &Call, param: &cfx::syntax::ast::Param) -> Vec<(String, String)> {
    let takes = takes(param).expect("a parameter of the standard library");
    let axis = takes.axis.is_some() && !argument.contains('.');
    let several = takes.inputs.len() + axis as usize + takes.setting.is_some() as usize > 1;
    let way = |text: &str| {
        let value = world::known().iter().find(|k| k.name == text);
        let kind = value.and_then(|k| takes.inputs.iter().find(|wanted| k.kind.fits(wanted))).filter(|_| several);
        kind.map_or_else(String::new, |k| format!("a {k}"))
    };
    if let Some((_, _, texts)) = VALUES.iter().find(|(o, a, _)| *o == op && *a == argument) {
        return texts.iter().map(|t| (way(t), t.to_string())).collect();
    }
    let mut out = Vec::new();
    if axis {
        let way = if several { "an axis" } else { "" };
        out.extend(words(call, argument).into_iter().map(|w| (way.to_string(), w)));
    }
    if let Some(ty) = &takes.setting {
        out.extend(settings(ty).into_iter().map(|text| (String::new(), text)));
    }
    // Some of each kind: of the most telling ones all may be of one.
    for kind in &takes.inputs {
        let new: Vec<&str> = inputs(std::slice::from_ref(kind)).into_iter().filter(|t| out.iter().all(|(_, o)| o != t)).collect();
        out.extend(new.into_iter().take(12).map(|text| (way(text), text.to_string())));
    }
    out
}

/// Returns the words of options within a type.
fn options(ty: &SettingType) -> Vec<String> {
    match ty {
        SettingType::Option(words) => words.clone(),
        _ => Vec::new(),
    }
}

/// Returns everything to try for the arguments of an operation.
fn trials(signature: &Signature, groups: &mut usize) -> Vec<Trial> {
    let mut out = Vec::new();
    let all = bases(signature);
    let trial = |argument: &str, word: String, group: usize, call: Call| Trial {
        op: signature.name.clone(),
        argument: argument.into(),
        without: false,
        word,
        group,
        call,
    };
    let without =
        |argument: &str, group: usize, call: Call| Trial { without: true, ..trial(argument, String::new(), group, call) };
    for (param, takes) in signature.params.iter().zip(&signature.takes) {
        let name = param.name.name.as_str();
        for base in all.iter().take(3) {
            *groups += 1;
            let mut base = beside(&signature.name, name, base);
            if takes.axis == Some(AxisWord::Pairs) {
                // Pairs are made of one value: what it was compared with is left out.
                out.push(trial(name, String::new(), *groups, base.clone()));
                base = base.without("against");
            }
            let given = base.without(name);
            let group = *groups;
            out.push(without(name, group, given.clone()));
            let words = takes.setting.as_ref().map(options).unwrap_or_default();
            let mut ways: BTreeMap<String, usize> = BTreeMap::new();
            for (way, text) in texts(&signature.name, name, &base, param) {
                let at = format!("{name} = {way}");
                let word = if words.contains(&text) && !is_default(param, &text) { text.clone() } else { way };
                if BESIDE.iter().any(|(op, argument, _)| *op == signature.name && *argument == at) {
                    // Values of this kind are compared with each other, beside what they have something to do with.
                    let own = *ways.entry(word.clone()).or_insert_with(|| {
                        *groups += 1;
                        *groups
                    });
                    out.push(trial(name, word, own, beside(&signature.name, &at, &base).with(name, &text)));
                    continue;
                }
                let at = format!("{name} = {text}");
                if BESIDE.iter().any(|(op, argument, _)| *op == signature.name && *argument == at) {
                    // What this word has something to do with is no use for others.
                    *groups += 1;
                    let own = beside(&signature.name, &at, &base);
                    out.push(without(name, *groups, own.without(name)));
                    out.push(trial(name, word, *groups, own.with(name, &text)));
                    continue;
                }
                out.push(trial(name, word, group, given.with(name, &text)));
            }
        }
        // Fields of constructors.
        let Some(base) = all.first() else { continue };
        for variant in takes.setting.iter().flat_map(variants) {
            for constructor in &world::library().variants[&variant].constructors {
                let made = constructor.name.name.as_str();
                for field in &constructor.params {
                    *groups += 1;
                    let path = format!("{name}.{made}.{}", field.name.name);
                    let inside = INSIDE
                        .iter()
                        .find(|(at, _)| *at == path || *at == format!("{name}.{made}"))
                        .map_or(&[][..], |(_, fields)| fields);
                    let call = beside(&signature.name, &path, base);
                    let mut others: Vec<String> = Vec::new();
                    for other in constructor.params.iter().filter(|p| p.name.name != field.name.name) {
                        let given = inside.iter().find(|(n, _)| *n == other.name.name).map(|(_, text)| text.to_string());
                        let needed = other.default.is_none().then(|| of_param(other));
                        others.extend(given.or(needed).map(|text| format!("{}: {text}", other.name.name)));
                    }
                    let with = |more: Option<String>| {
                        let text = format!("{made}({})", others.iter().cloned().chain(more).collect::<Vec<_>>().join(", "));
                        call.with(
                            name,
                            &if matches!(takes.setting, Some(SettingType::List(_))) { format!("[{text}]") } else { text },
                        )
                    };
                    out.push(without(&path, *groups, with(None)));
                    for (way, text) in texts(&signature.name, &path, &call, field) {
                        let word = takes_words(field).into_iter().find(|w| *w == text && !is_default(field, w)).unwrap_or(way);
                        out.push(trial(&path, word, *groups, with(Some(format!("{}: {text}", field.name.name)))));
                    }
                }
            }
        }
    }
    out
}

fn takes_words(param: &cfx::syntax::ast::Param) -> Vec<String> {
    takes(param).ok().and_then(|t| t.setting).map(|ty| options(&ty)).unwrap_or_default()
}

/// Returns whether a word is what a parameter has where it is left out.
fn is_default(param: &cfx::syntax::ast::Param, word: &str) -> bool {
    matches!(&param.default, Some(expr) if matches!(&expr.kind, cfx::syntax::ast::ExprKind::Name(name) if name == word))
}

/// Returns the names of variants within a type.
fn variants(ty: &SettingType) -> Vec<String> {
    match ty {
        SettingType::Variant(name) => vec![name.clone()],
        SettingType::List(of) => variants(of),
        SettingType::Either(types) => types.iter().flat_map(variants).collect(),
        _ => Vec::new(),
    }
}

/// Returns whether cells are, at every place, those without the axes that they have more: an axis word that did nothing.
fn nothing_more(cells: &[world::Cell], without: &[world::Cell]) -> bool {
    let Some(first) = without.first() else { return false };
    cells.iter().all(|cell| {
        let place: BTreeMap<String, String> =
            cell.at.iter().filter(|(axis, _)| first.at.contains_key(*axis)).map(|(a, x)| (a.clone(), x.clone())).collect();
        let here = world::Cell { at: place.clone(), ..cell.clone() };
        let says = |cell: &world::Cell| says(std::slice::from_ref(cell), &[]);
        without.iter().any(|w| w.at == place && compare::difference(&says(&here), &says(w)).is_none())
    })
}

/// No axis word is taken and ignored: ten equal rows for ten classes, a colour that colours nothing.
#[test]
fn no_axis_word_is_ignored() {
    let mut pairs: Vec<(Call, Call)> = Vec::new();
    for signature in world::library().operations.values().filter(|s| !excused(&s.name)) {
        for base in bases(signature).iter().take(3) {
            for (param, takes) in signature.params.iter().zip(&signature.takes) {
                let name = &param.name.name;
                if matches!(takes.axis, Some(AxisWord::Axis | AxisWord::Splits))
                    && param.default.is_some()
                    && !BESIDE.iter().any(|b| b.0 == signature.name && b.1 == *name)
                {
                    let given = base.without(name);
                    // An axis that a value has stays where it is split by it.
                    let stays = |w: &String| takes.axis == Some(AxisWord::Splits) && base.axes_given().contains(w);
                    pairs.extend(
                        words(base, name).into_iter().filter(|w| !stays(w)).map(|w| (given.clone(), given.with(name, &w))),
                    );
                }
            }
        }
    }
    let mut lines: Vec<Line> = Vec::new();
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for call in pairs.iter().flat_map(|(x, y)| [x, y]) {
        let next = format!("word{}", lines.len());
        if let std::collections::btree_map::Entry::Vacant(place) = names.entry(call.text()) {
            lines.push(call.line(&next));
            place.insert(next);
        }
    }
    let refused = world::refusals(WORLD, &lines);
    let kept: Vec<Line> = lines.into_iter().filter(|l| !refused.contains_key(&l.name)).collect();
    let ran = world::run(WORLD, &kept);
    let mut wrong = Vec::new();
    for (without, with) in &pairs {
        let (x, y) = (&names[&without.text()], &names[&with.text()]);
        if refused.contains_key(x) || refused.contains_key(y) {
            continue;
        }
        let (x, y) = (ran.cells(x), ran.cells(y));
        let said = |cells: &[world::Cell]| cells.iter().all(|c| matches!(&c.value, Ok(v) if !matches!(v, Value::Absent(_))));
        if said(x) && y.iter().all(|c| c.value.is_ok()) && nothing_more(y, x) {
            wrong.push((with.op.clone(), with.text()));
        }
    }
    judge(
        "axis words that are taken and ignored",
        &wrong,
        &[("heatmap", "named or not, the first two axes are its rows and columns")],
    );
}

/// Returns what a result says; of a figure its drawing without its title and without the names of what it draws, which are there whatever is drawn.
fn says(cells: &[world::Cell], names: &[&str]) -> Vec<Atom> {
    let mut out = Vec::new();
    for cell in cells {
        out.extend(cell.at.iter().map(|(a, x)| Atom::Word(format!("{a}: {x}"))));
        match &cell.value {
            Ok(Value::Figure(f)) => out.push(Atom::Word(drawing(&f.svg, names))),
            value => out.extend(atoms(value)),
        }
    }
    out
}

/// Returns a drawing without its title, and without these names where they are all of a text but for a unit behind.
fn drawing(svg: &str, names: &[&str]) -> String {
    let title = svg.split_once("aria-label=\"").and_then(|(_, rest)| rest.split_once('"')).map_or("", |(title, _)| title);
    let named = |text: &str| {
        text == title || names.iter().any(|n| text.strip_prefix(n).is_some_and(|unit| unit.is_empty() || unit.starts_with(" (")))
    };
    let mut out = String::new();
    for line in svg.replacen(title, "", 1).lines() {
        let text = line.strip_suffix("</text>").and_then(|l| l.rsplit_once('>')).map(|(_, text)| text);
        out.push_str(text.filter(|t| named(t)).map_or(line, |_| "a name"));
        out.push('\n');
    }
    out
}

/// Returns the arguments of a call that are results, as they are written.
fn named(call: &Call) -> Vec<&str> {
    let signature = call.signature();
    let input =
        |name: &str| signature.params.iter().zip(&signature.takes).any(|(p, t)| p.name.name == name && !t.inputs.is_empty());
    let given = call.args.iter().filter(|(n, _)| input(n));
    given.flat_map(|(_, text)| std::iter::once(text.as_str()).chain(text.trim_matches(['[', ']']).split(", "))).collect()
}

#[test]
fn every_argument_changes_something() {
    let wrong = changing_nothing(|_| true);
    let exceptions = || NO_RESULT.iter().filter(|e| !wrong.iter().any(|(what, _)| excepts(e, what)));
    let stale: Vec<String> = exceptions().map(|(op, argument, _)| format!("{op} {argument}")).collect();
    let left: Vec<(String, String)> = wrong.iter().filter(|(what, _)| !excepted(what)).cloned().collect();
    judge("arguments that change nothing", &left, &[]);
    assert!(stale.is_empty(), "these change something now, take them off the list: {stale:?}");
}

/// Returns whether an exception is about an argument.
fn excepts((op, argument, _): &(&str, &str, &str), what: &str) -> bool {
    let rest = what.strip_prefix(op).and_then(|r| r.strip_prefix(' ')).and_then(|r| r.strip_prefix(argument));
    rest.is_some_and(|r| r.is_empty() || r.starts_with(" = "))
}

fn excepted(what: &str) -> bool {
    NO_RESULT.iter().any(|e| excepts(e, what))
}

/// Returns the arguments of some operations that change nothing and should: operation and argument, with a call.
pub(super) fn dead(of: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    changing_nothing(of).into_iter().filter(|(what, _)| !excepted(what)).collect()
}

/// Returns the arguments of some operations that change nothing: operation and argument, with a call.
fn changing_nothing(of: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let mut groups = 0;
    let mut all: Vec<Trial> = Vec::new();
    let signatures = world::library().operations.values().filter(|s| !excused(&s.name) && of(&s.name));
    signatures.for_each(|s| all.extend(trials(s, &mut groups)));
    // Equal calls are one declaration.
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut lines: Vec<Line> = Vec::new();
    for trial in &all {
        let next = format!("tried{}", lines.len());
        if let std::collections::btree_map::Entry::Vacant(place) = names.entry(trial.call.text()) {
            lines.push(trial.call.line(&next));
            place.insert(next);
        }
    }
    let refused = world::refusals(WORLD, &lines);
    let kept: Vec<Line> = lines.into_iter().filter(|l| !refused.contains_key(&l.name)).collect();
    let ran = world::run(WORLD, &kept);
    // What each call that is taken and does not fail says, by what it differs in.
    let mut said: BTreeMap<usize, Vec<(usize, Vec<Atom>)>> = BTreeMap::new();
    for (i, trial) in all.iter().enumerate() {
        let name = &names[&trial.call.text()];
        if !refused.contains_key(name) && ran.cells(name).iter().all(|c| c.value.is_ok()) {
            said.entry(trial.group).or_default().push((i, says(ran.cells(name), &named(&trial.call))));
        }
    }
    let mut alive: BTreeMap<(String, String, String), bool> = BTreeMap::new();
    let mut example: BTreeMap<(String, String, String), String> = BTreeMap::new();
    for (i, trial) in all.iter().enumerate() {
        let group = said.get(&trial.group).map(Vec::as_slice).unwrap_or_default();
        let own = group.iter().find(|(j, _)| *j == i);
        let differs = |from: &dyn Fn(&Trial) -> bool| {
            let others = || group.iter().filter(|(j, _)| *j != i && from(&all[*j]));
            own.and_then(|(_, own)| {
                others().next()?;
                Some(others().any(|(_, other)| compare::difference(own, other).is_some()))
            })
        };
        // A word, and a way, do something where something comes out that does not without the argument; where that is refused, other than by
        // another text of the same way.
        let by_any = differs(&|_| true).unwrap_or(false);
        let by_word = differs(&|t| t.without).or_else(|| differs(&|t| t.word == trial.word)).unwrap_or(by_any);
        for (word, differs) in [("", by_any), (trial.word.as_str(), if trial.word.is_empty() { by_any } else { by_word })] {
            let at = (trial.op.clone(), trial.argument.clone(), word.to_string());
            *alive.entry(at.clone()).or_default() |= differs;
            let why = refused
                .get(&names[&trial.call.text()])
                .map_or("no difference".to_string(), |why| why.chars().take(160).collect());
            example.insert(at, format!("{}: {why}", trial.call.text()));
        }
    }
    alive
        .iter()
        .filter(|(_, alive)| !**alive)
        .map(|(at, _)| (format!("{} {}{}{}", at.0, at.1, if at.2.is_empty() { "" } else { " = " }, at.2), example[at].clone()))
        .collect()
}
