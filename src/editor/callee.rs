//! What stands before brackets: its parameters, and what is said of them.

use crate::lang::scope::Program;
use crate::lang::signature::Takes;
use crate::syntax::ast::{ItemKind, Param, TypeAtom, TypeExpr};

/// Something that takes arguments.
#[derive(Clone, Copy, Debug)]
pub struct Callee<'p> {
    /// What it is.
    pub is: Called,
    /// Its parameters.
    pub params: &'p [Param],
    /// What each takes, where it is an operation.
    pub takes: &'p [Takes],
    /// What is said of it.
    pub doc: &'p str,
    /// Whether it draws random numbers.
    pub random: bool,
}

/// What something that takes arguments is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Called {
    /// A built-in operation.
    Operation,
    /// A network or layer.
    Network,
    /// A maker of a setting: `sgd(momentum: 0.9)`.
    Constructor,
}

impl<'p> Callee<'p> {
    /// Returns what a name stands for before brackets, as seen from a module; `in_body` where layers come first.
    pub fn find(program: &'p Program, module: usize, name: &str, in_body: bool) -> Option<Callee<'p>> {
        if in_body {
            Self::network(program, module, name).or_else(|| Self::constructor(program, name))
        } else {
            Self::operation(program, name)
                .or_else(|| Self::network(program, module, name))
                .or_else(|| Self::constructor(program, name))
        }
    }

    fn operation(program: &'p Program, name: &str) -> Option<Callee<'p>> {
        let s = program.operations.get(name)?;
        Some(Callee { is: Called::Operation, params: &s.params, takes: &s.takes, doc: &s.doc, random: s.random })
    }

    fn network(program: &'p Program, module: usize, name: &str) -> Option<Callee<'p>> {
        let def = program.find(module, name).or_else(|| program.layers.get(name).copied())?;
        let item = program.item(def);
        let (ItemKind::Network { params, .. } | ItemKind::Extern { params, .. }) = &item.kind else { return None };
        let doc = item.doc.as_deref().unwrap_or("");
        Some(Callee { is: Called::Network, params, takes: &[], doc, random: false })
    }

    fn constructor(program: &'p Program, name: &str) -> Option<Callee<'p>> {
        let of = |v: &'p crate::lang::signature::Variant| {
            let made = v.constructors.iter().find(|c| c.name.name == name)?;
            Some(Callee { is: Called::Constructor, params: &made.params, takes: &[], doc: &v.doc, random: false })
        };
        program.variants.values().find_map(of)
    }

    /// Returns the words that may stand for a parameter: those of its option sets.
    pub fn options(&self, parameter: usize) -> Vec<&'p str> {
        self.params.get(parameter).map(options).unwrap_or_default()
    }
}

/// Returns the words of a parameter's option sets.
fn options(param: &Param) -> Vec<&str> {
    fn of(ty: &TypeExpr) -> Vec<&str> {
        let mut out = Vec::new();
        for atom in &ty.alternatives {
            match atom {
                TypeAtom::Option(words) => out.extend(words.iter().map(|w| w.name.as_str())),
                TypeAtom::List(inner) => out.extend(of(inner)),
                TypeAtom::Name(_) | TypeAtom::Record(_) => {}
            }
        }
        out
    }
    param.ty.as_ref().map(of).unwrap_or_default()
}
