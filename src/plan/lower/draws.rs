//! Declarations that are one draw: the same call of an operation that draws, written twice.

use crate::base::{Diag, Severity};
use crate::lang::scope::Program;
use crate::lang::typed::{Node, Script};
use crate::plan::graph::{Declared, Entry};
use std::collections::BTreeMap;

/// Returns a warning for each declaration that draws the very numbers that one before it draws: equal calls are one cell, so that the second
/// is no further sample.
pub fn repeated(program: &Program, script: &Script, values: &[Declared]) -> Vec<Diag> {
    let mut seen: BTreeMap<Vec<usize>, &Declared> = BTreeMap::new();
    let mut out = Vec::new();
    for (v, declared) in script.order.iter().zip(values) {
        let Node::Call(call) = &script.values[*v].typed.node else { continue };
        let draws = program.operations.get(&call.op).is_some_and(|s| s.random);
        let cells: Vec<usize> =
            declared.entries.iter().filter_map(|e| if let Entry::Cell(id) = e { Some(*id) } else { None }).collect();
        if !draws || cells.is_empty() || cells.len() < declared.entries.len() {
            continue;
        }
        match seen.get(&cells) {
            None => {
                seen.insert(cells, declared);
            }
            Some(first) => {
                let message = format!("`{}` is the same draw as `{}`: only the name differs", declared.name, first.name);
                let diag = Diag::error("cfx::name::same_draw", declared.span, message).label(first.span, "drawn here");
                let help = "give one of them another `seed:`, as in `seed: 2`, for another draw; or use one name for both";
                out.push(Diag { severity: Severity::Warning, ..diag.help(help) });
            }
        }
    }
    out
}
