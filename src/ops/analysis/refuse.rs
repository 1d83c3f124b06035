//! What this topic's operations can do nothing with, said before the run: examples kept where they are taken in, or the other way round.

use super::pairs::Pairing;
use super::settings::{At, Over};
use crate::lang::Settings;
use crate::lang::suggest::nearest_or_list;
use crate::plan::facts::{Problem, Shape};

/// Refuses examples that are to be kept, of an operation that takes them in.
pub fn kept_examples(op: &str, over: Over, shapes: &[Shape]) -> Result<(), Problem> {
    match shapes.iter().any(|s| s.kind.per_example()) && !over.examples {
        true => Err(problem(
            Some("over"),
            format!("`{op}` reduces over examples, so they cannot be kept"),
            "add `example` to `over:`".to_string(),
        )),
        false => Ok(()),
    }
}

/// Refuses one number per example, of an operation that works along another axis.
pub fn each_example(message: &str, shapes: &[Shape]) -> Result<(), Problem> {
    match shapes.iter().any(|s| s.kind.per_example()) {
        true => Err(problem(None, message.to_string(), "average it first, as in `mean(x, by: class)`".to_string())),
        false => Ok(()),
    }
}

/// Refuses `by: class` of numbers per example that carry no labels.
pub fn unlabelled(settings: &Settings, shapes: &[Shape]) -> Result<(), Problem> {
    let by_class = At::all(settings).iter().any(|(_, at)| at.role == "class");
    let without = |s: &&Shape| s.kind.per_example() && s.facts.iter().any(|f| f.labelled == Some(false));
    match shapes.iter().find(without).filter(|_| by_class) {
        Some(_) => Err(problem(
            Some("by"),
            "these scores carry no labels to split them by".to_string(),
            "make them from a data set with labels, or leave out `by: class`".to_string(),
        )),
        None => Ok(()),
    }
}

/// Refuses the correlation of scores with a number that is the same for all their examples: where no axis of that number is taken in, it
/// has none.
pub fn same_for_all(shapes: &[Shape]) -> Result<(), Problem> {
    let one = |slot: &str| match shapes.iter().filter(|s| s.slot == slot).collect::<Vec<_>>()[..] {
        [shape] => Some((shape.kind.per_example(), shape.axes.is_empty())),
        _ => None,
    };
    let constant = match (one("x"), one("y")) {
        (Some((true, _)), Some((false, true))) => "y",
        (Some((false, true)), Some((true, _))) => "x",
        _ => return Ok(()),
    };
    Err(Problem {
        code: "cfx::analysis::axis",
        parameter: Some(constant),
        message: format!("`{constant}` is one number for all examples, and the other side has one for each: no correlation"),
        help: Some("give two numbers per example, or reduce both sides to numbers over an axis: `mean(x, over: example)`".into()),
    })
}

/// Returns the warning that a result will carry no error, where values along an axis share units of pairs whose other side was taken in, or pairs those
/// of several axes at once.
pub fn shared_units(op: &str, shapes: &[Shape]) -> Option<Problem> {
    if let Some(axes) = shapes.iter().map(|s| s.axes).find(|axes| Pairing::of(axes).is_some_and(|p| p.crossed(axes))) {
        let paired: Vec<String> = axes
            .iter()
            .filter(|a| axes.iter().any(|b| b.pairs.as_ref() == Some(&a.name)))
            .map(|a| format!("`{}`", a.name))
            .collect();
        return Some(Problem {
            code: "cfx::analysis::pairs",
            parameter: None,
            message: format!(
                "pairs of {} at once share members of each of them, so this `{op}` has no standard error",
                paired.join(" and ")
            ),
            help: Some("pair one axis alone, `between: run`, at each coordinate of the others: its error takes shared members into account".to_string()),
        });
    }
    let axis = shapes.iter().flat_map(|s| s.axes).find(|a| a.shared && a.coordinates.len() > 1)?;
    let name = &axis.name;
    let first = axis.pairs.as_ref().unwrap_or(name);
    Some(Problem {
        code: "cfx::analysis::pairs",
        parameter: None,
        message: format!(
            "the values at each `{name}` are made from pairs that share members, so this `{op}` has no standard error"
        ),
        help: Some(format!(
            "reduce over both sides of the pairs at once, as in `{op}(x, over: [{first}, {first}_other])`: its error takes \
             the shared members into account"
        )),
    })
}

/// Returns the refusal of a column that a table will not have.
pub fn column(parameter: &'static str, name: &str, columns: &[String]) -> Problem {
    let names: Vec<&str> = columns.iter().map(String::as_str).collect();
    Problem {
        code: "cfx::analysis::setting",
        parameter: Some(parameter),
        message: format!("the table has no column `{name}`"),
        help: Some(nearest_or_list(name, &names)),
    }
}

/// Returns the refusal of a column that holds words, where numbers are due.
pub fn words(parameter: &'static str, name: &str, columns: &[String], texts: &[String]) -> Problem {
    let numbers: Vec<String> = columns.iter().filter(|c| !texts.contains(c)).map(|c| format!("`{c}`")).collect();
    Problem {
        code: "cfx::analysis::setting",
        parameter: Some(parameter),
        message: format!("the column `{name}` holds words, not numbers"),
        help: Some(format!("numbers stand in {}", numbers.join(", "))),
    }
}

fn problem(parameter: Option<&'static str>, message: String, help: String) -> Problem {
    Problem { code: "cfx::analysis::axis", parameter, message, help: Some(help) }
}
