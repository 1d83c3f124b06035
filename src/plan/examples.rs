//! Whose examples a result is about: handed on from inputs to results with a row or a number for each example, and compared where
//! numbers of examples meet.

use super::facts::{Facts, KnownInput, Problem, known};
use crate::lang::kind::Kind;
use crate::lang::signature::Signature;
use crate::lang::{Settings, Static};

/// Returns whether cells of this kind hold something for each of some examples.
pub fn of_examples(kind: &Kind) -> bool {
    match kind {
        Kind::Dataset | Kind::Stages => true,
        Kind::Record(fields) => fields.iter().any(|(_, k)| of_examples(k)),
        kind => kind.per_example(),
    }
}

/// Returns what inputs tell of the examples that a result is about; `holds` tells which slots hold something for each example.
///
/// The input `data` decides where there is one; else examples meet: there are at most as many as the fewest, and they come from splits that
/// all of them may come from.
pub fn of_inputs(inputs: &[KnownInput], holds: impl Fn(&str) -> bool) -> Facts {
    let of = |wanted: &dyn Fn(&str) -> bool| -> Vec<&Facts> {
        inputs.iter().filter(|(slot, _)| wanted(slot)).flat_map(|(_, f)| f.iter().copied()).collect()
    };
    let mut about = of(&|slot| slot == "data");
    if about.is_empty() {
        about = of(&|slot| holds(slot));
    }
    let Some(first) = about.first() else { return Facts::default() };
    let (rows, rows_at_most) = match about.as_slice() {
        [one] => (one.rows, one.rows_at_most),
        all => (None, all.iter().filter_map(|f| f.most_rows()).min()),
    };
    let one = about.iter().all(|f| f.source == first.source);
    Facts {
        rows,
        rows_at_most,
        source: first.source.clone().filter(|_| one),
        splits: if one { first.splits.clone() } else { Vec::new() },
        from: about.iter().fold(Vec::new(), |from, f| in_both(&from, &f.from)),
        labelled: first.labelled.filter(|_| one),
        ..Facts::default()
    }
}

/// Returns what is known of a result that is one of some inputs as a whole, such as a choice by one truth value: what holds of all of them.
/// `holds` tells which slots hold something for each example. Nothing where the result is made from its inputs: an operation of no
/// alternatives, or one that chooses for each example.
pub fn one_of(signature: &Signature, inputs: &[KnownInput], holds: impl Fn(&str) -> bool) -> Option<Facts> {
    let alternative = |slot: &str| signature.one_of.iter().any(|name| name == slot);
    if signature.one_of.is_empty() || inputs.iter().any(|(slot, _)| !alternative(slot) && holds(slot)) {
        return None;
    }
    let all = inputs.iter().filter(|(slot, _)| alternative(slot)).flat_map(|(_, f)| f.iter().copied());
    all.map(|f| Facts { files: Vec::new(), warnings: Vec::new(), ..f.clone() }).reduce(|one, other| one.either(&other))
}

/// Adds what is known of the examples to a result's facts, where the operation has said nothing of them.
pub fn hand_on(about: Facts, facts: &mut Facts) {
    if facts.most_rows().is_none() {
        (facts.rows, facts.rows_at_most) = (about.rows, about.rows_at_most);
    }
    if facts.rows == about.rows && facts.source.is_none() {
        facts.source = about.source;
        if facts.splits.is_empty() {
            facts.splits = about.splits;
        }
        facts.labelled = facts.labelled.or(about.labelled);
        if facts.from.is_empty() {
            facts.from = about.from;
        }
    }
}

/// Checks that rows of `x` that are only numbered (read from files, drawn) can be those of the data set by whose examples they are chosen:
/// there is one for each of them, or for each of its first split.
fn numbered<'a>(inputs: &[KnownInput], choices: impl Iterator<Item = &'a Facts>) -> Result<(), Problem> {
    let Some(rows) = known(inputs, "x").filter(|x| x.source.is_none()).and_then(|x| x.rows) else { return Ok(()) };
    for facts in choices {
        let (Some(source), Some(first)) = (&facts.source, facts.splits.first()) else { continue };
        let all: usize = facts.splits.iter().map(|s| s.rows).sum();
        if rows != all && rows != first.rows {
            return Err(Problem {
                code: "cfx::data::other_examples",
                parameter: None,
                message: format!(
                    "its {rows} rows are only numbered, and `{source}` has {all} examples: it is not known which belong together"
                ),
                help: Some(
                    "choose by examples among rows that a network puts out (`tap`), or files with a row for each example"
                        .to_string(),
                ),
            });
        }
    }
    Ok(())
}

/// Checks that rows that are only numbered, which meet examples by their numbers, reach those that they meet: examples of a later split have higher numbers.
fn beyond(all: &[&Facts]) -> Result<(), Problem> {
    let Some(rows) = all.iter().filter(|f| f.source.is_none()).filter_map(|f| f.rows).min() else { return Ok(()) };
    for facts in all {
        let (Some(source), Some(first)) = (&facts.source, facts.first_number()) else { continue };
        if rows <= first {
            return Err(Problem {
                code: "cfx::data::other_examples",
                parameter: None,
                message: format!(
                    "{rows} rows that are only numbered meet examples of `{}` of `{source}`, whose numbers begin at {first}: they have none in common",
                    facts.from.join("`, `")
                ),
                help: Some(
                    "make both from the examples of one data set: rows that a network puts out (`tap`) are about its examples"
                        .to_string(),
                ),
            });
        }
    }
    Ok(())
}

/// Checks that what meets by examples is about examples of one data set: numbers per example that make others or are set against each
/// other (`pearson(x, y)`), and the data sets of `by:` and `within:` with what they split. Figures and tables set examples beside each
/// other, and so do a call whose setting says so ([`Signature::meets`]) and one whose result is one of its inputs. `per_example` tells which slots
/// hold numbers per example.
///
/// Errors: two of them are known to be about examples of different data sets, whose ids mean different examples.
pub fn meet(
    signature: &Signature,
    kind: &Kind,
    settings: &Settings,
    inputs: &[KnownInput],
    per_example: impl Fn(&str) -> bool,
) -> Result<(), Problem> {
    let apart = signature.meets.as_ref().is_some_and(|name| settings.find(name) == Some(&Static::Bool(false)));
    let beside = matches!(kind, Kind::Figure | Kind::Table) || apart;
    let splits = |slot: &str| slot.starts_with("by.") || ["by", "within", "in_every"].contains(&slot);
    let meets = |slot: &str| splits(slot) || !beside && per_example(slot) && (kind.per_example() || !slot.contains('.'));
    let some = inputs.iter().flat_map(|(slot, f)| f.iter().map(move |f| (*slot, *f)));
    let choices = inputs.iter().filter(|(slot, _)| splits(slot)).flat_map(|(_, f)| f.iter().copied());
    numbered(inputs, choices)?;
    beyond(&some.clone().filter(|(slot, _)| per_example(slot) && meets(slot)).map(|(_, f)| f).collect::<Vec<_>>())?;
    let mut first: Option<(&str, &Facts)> = None;
    for (slot, facts) in some.filter(|(slot, f)| f.source.is_some() && (meets(slot) || *slot == "x")) {
        match first {
            Some((other, there)) if there.source != facts.source && (meets(slot) || meets(other)) => {
                let name = |f: &Facts| f.source.as_deref().unwrap_or_default().to_string();
                return Err(Problem {
                    code: "cfx::data::other_examples",
                    parameter: None,
                    message: format!("examples of `{}` meet examples of `{}`", name(there), name(facts)),
                    help: Some("examples meet by their places in one data set: make both from the same".to_string()),
                });
            }
            Some((other, there)) if (meets(slot) || meets(other)) && self::apart(&there.from, &facts.from) => {
                return Err(Problem {
                    code: "cfx::data::other_examples",
                    parameter: None,
                    message: format!(
                        "examples of `{}` meet examples of `{}`: they have none in common",
                        there.from.join("`, `"),
                        facts.from.join("`, `")
                    ),
                    help: Some("make both from the same split".to_string()),
                });
            }
            Some(_) => {}
            None => first = Some((slot, facts)),
        }
    }
    Ok(())
}

/// Returns the splits that examples come from which are of some splits and of others, as far as splits are known.
pub fn in_both(one: &[String], two: &[String]) -> Vec<String> {
    match (one.is_empty(), two.is_empty()) {
        (true, _) => two.to_vec(),
        (_, true) => one.to_vec(),
        _ => one.iter().filter(|split| two.contains(split)).cloned().collect(),
    }
}

/// Returns whether examples of some splits cannot be those of others, as far as splits are known.
pub fn apart(one: &[String], two: &[String]) -> bool {
    !one.is_empty() && !two.is_empty() && !one.iter().any(|split| two.contains(split))
}
