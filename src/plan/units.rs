//! Units of numbers: declared by signatures, handed on by operations that keep them, shown on figures and tables.

use super::facts::KnownInput;
use crate::lang::Static;
use crate::lang::signature::Signature;

/// Returns the units of a result: the part of a record (empty for the value itself), and the unit.
///
/// A signature names a unit (`in(nats)`) or the parameters whose unit the result has (`in(a, b)`): that of those inputs that have one,
/// none where they differ.
pub fn of_result(signature: &Signature, inputs: &[KnownInput]) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for (part, words) in &signature.units {
        let handed_on = words.iter().all(|w| signature.params.iter().any(|p| p.name.name == *w));
        let mut found: Vec<&str> = match handed_on {
            true => {
                let slots = inputs.iter().filter(|(slot, _)| words.iter().any(|parameter| belongs(slot, parameter)));
                slots.flat_map(|(_, facts)| facts).filter_map(|f| unit(&f.units, "")).collect()
            }
            false => words.iter().map(String::as_str).collect(),
        };
        found.dedup();
        if let [one] = found.as_slice() {
            out.push((part.clone(), one.replace('_', " ")));
        }
    }
    out
}

/// Returns the unit of a part.
pub fn unit<'a>(units: &'a [(String, String)], part: &str) -> Option<&'a str> {
    units.iter().find(|(p, _)| p == part).map(|(_, u)| u.as_str())
}

/// Returns what a figure is told of its inputs' units: for each slot a map from parts to units. Nothing where no input has any.
pub fn setting(inputs: &[KnownInput]) -> Option<Static> {
    let of = |units: &[(String, String)]| Static::Map(units.iter().map(|(p, u)| (p.clone(), Static::Text(u.clone()))).collect());
    let known = inputs.iter().filter_map(|(slot, facts)| {
        let first = facts.iter().find(|f| !f.units.is_empty())?;
        Some((slot.to_string(), of(&first.units)))
    });
    let slots: Vec<_> = known.collect();
    (!slots.is_empty()).then_some(Static::Map(slots))
}

fn belongs(slot: &str, parameter: &str) -> bool {
    slot.strip_prefix(parameter).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
