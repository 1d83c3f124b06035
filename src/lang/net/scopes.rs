//! Names of parameters: scopes that hand out labels and numbers as PyTorch's modules do.

use super::env::one;
use super::{Combinator, StepRef, bare, combinator, steps_of, steps_of_body};
use crate::base::{Diag, Diags, Span};
use crate::syntax::ast::{Body, Expr, ExprKind};
use std::collections::BTreeMap;

/// Where a layer's name comes from.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// The next number of the scope.
    Next,
    /// A label or a `named` path.
    Named(String, Span),
    /// As `Next`, but a module is written out where it stands.
    Flat,
}

/// The scopes of one network.
pub(crate) struct Scopes(Vec<Scope>);

struct Scope {
    prefix: String,
    next: usize,
    taken: BTreeMap<String, Span>,
}

impl Scopes {
    /// Returns the scopes of an empty network.
    pub fn new() -> Self {
        Scopes(vec![Scope { prefix: String::new(), next: 0, taken: BTreeMap::new() }])
    }

    /// Returns the scope of the network itself.
    pub fn root(&self) -> usize {
        0
    }

    /// Opens a scope of the given name inside another.
    pub fn open(&mut self, scope: usize, name: &str, span: Span) -> Result<usize, Diags> {
        let prefix = self.leaf(scope, name, span)?;
        self.0.push(Scope { prefix, next: 0, taken: BTreeMap::new() });
        Ok(self.0.len() - 1)
    }

    /// Opens a scope with the next number.
    pub fn open_next(&mut self, scope: usize) -> usize {
        let prefix = self.leaf_next(scope);
        self.0.push(Scope { prefix, next: 0, taken: BTreeMap::new() });
        self.0.len() - 1
    }

    /// Returns the path of a layer of the given name, which must be new in the scope.
    pub fn leaf(&mut self, scope: usize, name: &str, span: Span) -> Result<String, Diags> {
        if let Some(first) = self.0[scope].taken.insert(name.to_string(), span) {
            let diag = Diag::error("cfx::network::doubled_label", span, format!("two neighbouring steps are called `{name}`"));
            let diag = if first == span { diag.here("used more than once") } else { diag.label(first, "the first") };
            return Err(one(diag.help("give them different labels: names of parameters come from them")));
        }
        Ok(self.under(scope, name))
    }

    /// Returns the path of a layer with the next free number.
    pub fn leaf_next(&mut self, scope: usize) -> String {
        let here = &mut self.0[scope];
        while here.taken.contains_key(&here.next.to_string()) {
            here.next += 1;
        }
        here.next += 1;
        let number = here.next - 1;
        self.under(scope, &number.to_string())
    }

    /// Returns a path inside the scope, taking nothing.
    pub fn under(&self, scope: usize, name: &str) -> String {
        match self.0[scope].prefix.as_str() {
            "" => name.to_string(),
            prefix => format!("{prefix}.{name}"),
        }
    }
}

/// Returns whether a body is a module: whether a step of it, or of the blocks in it, has a label or a name.
pub(crate) fn is_module(body: &Body) -> bool {
    steps_of_body(body).iter().any(names_itself)
}

fn names_itself(step: &StepRef) -> bool {
    fn inside(expr: &Expr) -> bool {
        match &bare(expr).kind {
            ExprKind::Chain(parts) => parts.iter().any(inside),
            ExprKind::If(_, then, other) => inside(then) || inside(other),
            ExprKind::Call { callee, block, .. } => {
                let named = matches!(&bare(callee).kind, ExprKind::Name(n) if combinator(n) == Some(Combinator::Named));
                named || steps_of(block.as_ref()).iter().any(names_itself)
            }
            _ => false,
        }
    }
    step.label.is_some() || inside(step.value)
}
