//! Settings at their extremes: whatever number an operation takes, one that cannot be run is refused before anything is read or made, and
//! what is accepted has an estimate that a machine may have.

use super::calls::{Call, of_param};
use super::world::{self, Line, WORLD};
use super::{accepted, judge, lines};
use cfx::lang::signature::{SettingType, takes};
use std::collections::{BTreeMap, BTreeSet};

/// Numbers beyond what anyone means: the largest whole number, one too large for any counter, nothing, next to nothing, one below all, and what is no
/// number at all.
pub const EXTREMES: [&str; 8] = ["9007199254740991", "1e300", "0", "1e-300", "-9007199254740991", "-1", "0 / 0", "1 / 0"];

/// No cell that is planned takes longer than this, in seconds (three hundred years), or more memory, in bytes: settings that lead further
/// are refused.
const LONGEST: f64 = 1e10;
const LARGEST: f64 = 1e16;

/// Returns the values of a type that are a number at its extreme, each with the place of the number: constructors and parameters on the way to it.
/// `above`: variants that these stand in; one that leads back to itself is followed once.
fn within(ty: &SettingType, above: &mut Vec<String>) -> Vec<(String, String)> {
    let all = |texts: &mut dyn Iterator<Item = String>| texts.map(|t| (String::new(), t)).collect::<Vec<_>>();
    match ty {
        SettingType::Int | SettingType::Real | SettingType::Signed => all(&mut EXTREMES.iter().map(|t| t.to_string())),
        SettingType::Sized => all(&mut EXTREMES.iter().flat_map(|t| [format!("({t}) * dim"), format!("dim + ({t})")])),
        SettingType::List(of) => within(of, above).into_iter().map(|(at, t)| (at, format!("[{t}]"))).collect(),
        SettingType::Either(types) => types.iter().flat_map(|ty| within(ty, above)).collect(),
        SettingType::Variant(name) if !above.contains(name) => {
            above.push(name.clone());
            let constructors = world::library().variants.get(name).map_or(&[][..], |v| &v.constructors);
            let mut out = Vec::new();
            for constructor in constructors {
                for param in &constructor.params {
                    let Some(ty) = takes(param).ok().and_then(|t| t.setting) else { continue };
                    let others = constructor.params.iter().filter(|p| p.default.is_none() && p.name.name != param.name.name);
                    let others: Vec<String> = others.map(|p| format!("{}: {}", p.name.name, of_param(p))).collect();
                    for (at, value) in within(&ty, above) {
                        let own = format!("{}: {value}", param.name.name);
                        let args: Vec<&str> = others.iter().map(String::as_str).chain([own.as_str()]).collect();
                        let place = format!("{}.{} {at}", constructor.name.name, param.name.name);
                        out.push((place, format!("{}({})", constructor.name.name, args.join(", "))));
                    }
                }
            }
            above.pop();
            out
        }
        _ => Vec::new(),
    }
}

/// Returns a call of each operation with each of its numbers at each extreme, and the places of the numbers.
fn calls() -> (Vec<Call>, BTreeSet<String>) {
    let (mut out, mut places) = (Vec::new(), BTreeSet::new());
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for (_, call) in accepted().iter().filter(|(_, call)| seen.insert(call.op.as_str())) {
        let signature = call.signature();
        for (param, takes) in signature.params.iter().zip(&signature.takes) {
            let name = param.name.name.as_str();
            let values = takes.setting.as_ref().map_or(Vec::new(), |ty| within(ty, &mut Vec::new()));
            for (at, value) in values {
                places.insert(format!("{}.{name} {at}", call.op));
                out.push(call.with(name, &value));
            }
        }
        if signature.random {
            out.extend(EXTREMES.iter().map(|value| call.with("seed", value)));
        }
    }
    (out, places)
}

/// Panics with the lines that a world accepts and that no machine could run.
pub fn judged(world: &str, all: Vec<Line>, what: &dyn Fn(&str) -> String) {
    let refused = world::refusals(world, &all);
    let left: Vec<Line> = all.into_iter().filter(|l| !refused.contains_key(&l.name)).collect();
    let mut wrong = Vec::new();
    for (label, seconds, memory) in world::costs(world, &left) {
        if !(seconds <= LONGEST && memory <= LARGEST) {
            let what = what(&label);
            let op = what.split(['(', '.']).next().unwrap_or(&what).to_string();
            wrong.push((op, format!("{what}: {seconds:e} s, {memory:e} bytes")));
        }
    }
    judge("settings that cannot be run and are accepted", &wrong, &[]);
}

/// Every number of every signature is among those that are tried.
#[test]
fn every_number_of_every_signature_is_tried() {
    let (_, tried) = calls();
    for signature in world::library().operations.values().filter(|s| !super::excused(&s.name)) {
        for (param, takes) in signature.params.iter().zip(&signature.takes) {
            for (at, _) in takes.setting.as_ref().map_or(Vec::new(), |ty| within(ty, &mut Vec::new())) {
                let place = format!("{}.{} {at}", signature.name, param.name.name);
                assert!(tried.contains(&place), "{place} is not tried");
            }
        }
    }
    assert!(tried.len() > 150, "only {} numbers are tried", tried.len());
}

#[test]
fn settings_at_their_extremes_are_refused_or_can_be_run() {
    let tried = lines("extreme", &calls().0);
    assert!(tried.len() > 1000, "only {} calls are tried", tried.len());
    let texts: BTreeMap<String, String> = tried.iter().map(|(line, call)| (line.name.clone(), call.text())).collect();
    judged(WORLD, tried.into_iter().map(|(line, _)| line).collect(), &|label| {
        texts.get(label).map_or(label.to_string(), String::clone)
    });
}
