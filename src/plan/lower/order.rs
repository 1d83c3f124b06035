//! The order in which declared values are laid out: each after those that it is made from.

use crate::lang::typed::{Call, Node, Script, Typed, ValueId};

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
    let mut out = Vec::new();
    refers(&script.values[value].typed, &mut out);
    out.reverse();
    out
}

fn refers(typed: &Typed, out: &mut Vec<ValueId>) {
    match &typed.node {
        Node::Value(id) => out.push(*id),
        Node::Error | Node::Static(..) => {}
        Node::Call(call) => inputs(call).for_each(|t| refers(t, out)),
        Node::Select { base, .. } | Node::Align { base, .. } => refers(base, out),
        Node::Stack { parts, .. } => parts.iter().for_each(|p| refers(p, out)),
        Node::If { yes, no, .. } => [yes, no].into_iter().for_each(|t| refers(t, out)),
    }
}

/// Returns the values that a call is given, also inside its settings.
fn inputs(call: &Call) -> impl Iterator<Item = &Typed> {
    call.inputs.iter().map(|(_, value, _)| &**value).chain(call.inside.iter().map(|(_, _, value)| &**value))
}
