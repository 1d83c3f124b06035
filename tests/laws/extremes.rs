//! Settings at their extremes: whatever number an operation takes, one that cannot be run is refused before anything is read or made, and
//! what is accepted has an estimate that a machine may have.

use super::calls::{Call, of_param};
use super::world::{self, Line, WORLD};
use super::{accepted, judge, lines};
use cfx::lang::signature::{SettingType, takes};
use std::collections::BTreeSet;

/// Numbers beyond what anyone means: the largest whole number, one too large for any counter, nothing, one below all.
const EXTREMES: [&str; 5] = ["9007199254740991", "1e300", "0", "1e-300", "-9007199254740991"];

/// No cell that is planned takes longer than this, in seconds (three hundred years), or more memory, in bytes: settings that lead further
/// are refused.
const LONGEST: f64 = 1e10;
const LARGEST: f64 = 1e16;

/// Returns the values of a type that are a number at its extreme, `None` where the type holds no number.
fn extremes(ty: &SettingType) -> Vec<String> {
    let plain = || EXTREMES.iter().map(|t| t.to_string()).collect::<Vec<_>>();
    match ty {
        SettingType::Int | SettingType::Real | SettingType::Signed => plain(),
        SettingType::List(of) => extremes(of).into_iter().map(|t| format!("[{t}]")).collect(),
        SettingType::Either(types) => types.iter().flat_map(extremes).collect(),
        SettingType::Variant(name) => {
            let constructors = world::library().variants.get(name).map_or(&[][..], |v| &v.constructors);
            let mut out = Vec::new();
            for constructor in constructors {
                for param in &constructor.params {
                    let Some(ty) = takes(param).ok().and_then(|t| t.setting) else { continue };
                    let others = constructor.params.iter().filter(|p| p.default.is_none() && p.name.name != param.name.name);
                    let others: Vec<String> = others.map(|p| format!("{}: {}", p.name.name, of_param(p))).collect();
                    // Constructors within constructors are few, and those that lead back to themselves have no end.
                    let values = if matches!(ty, SettingType::Variant(_)) { Vec::new() } else { extremes(&ty) };
                    for value in values {
                        let own = format!("{}: {value}", param.name.name);
                        let args: Vec<&str> = others.iter().map(String::as_str).chain([own.as_str()]).collect();
                        out.push(format!("{}({})", constructor.name.name, args.join(", ")));
                    }
                }
            }
            out
        }
        _ => Vec::new(),
    }
}

/// Returns a call of each operation with each of its numbers at each extreme.
fn calls() -> Vec<Call> {
    let mut out = Vec::new();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for (_, call) in accepted().iter().filter(|(_, call)| seen.insert(call.op.as_str())) {
        let signature = call.signature();
        for (param, takes) in signature.params.iter().zip(&signature.takes) {
            let name = param.name.name.as_str();
            let values = takes.setting.as_ref().filter(|_| takes.inputs.is_empty()).map_or(Vec::new(), extremes);
            out.extend(values.iter().map(|value| call.with(name, value)));
        }
        if signature.random {
            out.extend(EXTREMES.iter().map(|value| call.with("seed", value)));
        }
    }
    out
}

#[test]
fn settings_at_their_extremes_are_refused_or_can_be_run() {
    let tried = lines("extreme", &calls());
    assert!(tried.len() > 400, "only {} calls are tried", tried.len());
    let all: Vec<Line> = tried.iter().map(|(line, _)| line.clone()).collect();
    let refused = world::refusals(WORLD, &all);
    let left: Vec<Line> = all.into_iter().filter(|l| !refused.contains_key(&l.name)).collect();
    let mut wrong = Vec::new();
    for (label, seconds, memory) in world::costs(WORLD, &left) {
        if !(seconds <= LONGEST && memory <= LARGEST) {
            let call = tried.iter().find(|(line, _)| line.name == label).map(|(_, call)| call);
            let op = call.map_or(label.clone(), |c| c.op.clone());
            wrong.push((op, format!("{}: {seconds:e} s, {memory:e} bytes", call.map_or(label, Call::text))));
        }
    }
    judge("settings that cannot be run and are accepted", &wrong, &[]);
}
