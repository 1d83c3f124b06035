//! Whose examples a result is about: handed on from inputs to results with a row or a number for each example, and compared where
//! numbers of examples meet.

use super::facts::{Facts, KnownInput, Problem};
use crate::lang::kind::Kind;
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
/// The input `data` decides where there is one; else examples meet, so that there are at most as many as the fewest.
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
        labelled: first.labelled.filter(|_| one),
        ..Facts::default()
    }
}

/// Adds what is known of the examples to a result's facts, where the operation has said nothing of them.
pub fn hand_on(about: Facts, facts: &mut Facts) {
    if facts.most_rows().is_none() {
        (facts.rows, facts.rows_at_most) = (about.rows, about.rows_at_most);
    }
    if facts.rows == about.rows && facts.source.is_none() {
        facts.source = about.source;
        facts.labelled = facts.labelled.or(about.labelled);
    }
}

/// Checks that what meets by examples is about examples of one data set: numbers per example that make others or are set against each
/// other (`pearson(x, y)`), and the data sets of `by:` and `within:` with what they split. Figures and tables set examples beside each
/// other, and so does a call that says `paired: false`. `per_example` tells which slots hold numbers per example.
///
/// Errors: two of them are known to be about examples of different data sets, whose ids mean different examples.
pub fn meet(kind: &Kind, settings: &Settings, inputs: &[KnownInput], per_example: impl Fn(&str) -> bool) -> Result<(), Problem> {
    let beside = matches!(kind, Kind::Figure | Kind::Table) || settings.find("paired") == Some(&Static::Bool(false));
    let splits = |slot: &str| slot.starts_with("by.") || ["by", "within", "in_every"].contains(&slot);
    let meets = |slot: &str| splits(slot) || !beside && per_example(slot) && (kind.per_example() || !slot.contains('.'));
    let some = inputs.iter().flat_map(|(slot, f)| f.iter().map(move |f| (*slot, *f)));
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
            Some((other, there)) if (meets(slot) || meets(other)) && apart(&there.from, &facts.from) => {
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

/// Returns whether examples of some splits cannot be those of others, as far as splits are known.
pub fn apart(one: &[String], two: &[String]) -> bool {
    !one.is_empty() && !two.is_empty() && !one.iter().any(|split| two.contains(split))
}
