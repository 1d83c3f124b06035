//! The order in which declared values are laid out: each after those that it is made from.

use crate::lang::typed::{Script, ValueId};

/// Returns the values that the script's own declarations need, each after those that it refers to.
pub(super) fn order(script: &Script) -> Vec<ValueId> {
    let mut out = Vec::new();
    let mut seen = vec![false; script.values.len()];
    for root in &script.order {
        // Values being looked at, each with those that it refers to and that are still to be looked at.
        let mut open: Vec<(ValueId, Vec<ValueId>)> = Vec::new();
        if !std::mem::replace(&mut seen[*root], true) {
            open.push((*root, referred(script, *root)));
        }
        while let Some((value, left)) = open.last_mut() {
            match left.pop() {
                Some(next) if !std::mem::replace(&mut seen[next], true) => {
                    let further = referred(script, next);
                    open.push((next, further));
                }
                Some(_) => {}
                None => {
                    out.push(*value);
                    open.pop();
                }
            }
        }
    }
    out
}

/// Returns the values that a value refers to, the last one first.
fn referred(script: &Script, value: ValueId) -> Vec<ValueId> {
    let mut out = script.values[value].typed.mentions();
    out.reverse();
    out
}
