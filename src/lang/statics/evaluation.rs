//! Evaluation of expressions that name things: parameters, `let`s, coordinates of axes.

use super::view::{Env, Statics};
use crate::base::Span;
use crate::lang::eval::{self, Outcome};
use crate::lang::finding::{Finding, Findings, What};
use crate::lang::scope::DefId;
use crate::lang::static_value::Static;
use crate::syntax::ast::{self, Expr, ExprKind, ItemKind};
use std::cell::RefCell;
use std::collections::BTreeMap;

impl Statics<'_> {
    /// Returns a plain value: a number, truth value, text, list or word.
    pub fn value(&self, module: usize, expr: &Expr, env: &Env) -> Result<Static, Findings> {
        let evaluation = Evaluation { statics: self, env, memo: RefCell::default() };
        evaluation.value(module, expr).map_err(Findings::from)
    }
}

/// Evaluates expressions of a module at some coordinates.
struct Evaluation<'s, 'a> {
    statics: &'s Statics<'a>,
    env: &'s Env,
    /// Values of the `let`s and axes met on the way.
    memo: RefCell<BTreeMap<DefId, Outcome>>,
}

/// The names that an expression of a module sees.
struct Scope<'e, 's, 'a> {
    evaluation: &'e Evaluation<'s, 'a>,
    module: usize,
}

impl eval::Scope for Scope<'_, '_, '_> {
    fn value(&self, name: &str, span: Span) -> Option<Outcome> {
        self.evaluation.named(self.module, name, span)
    }

    fn called(&self, name: &str, span: Span) -> Option<Box<Finding>> {
        let statics = self.evaluation.statics;
        let program = statics.program;
        let known = program.find(self.module, name).is_some()
            || program.operations.contains_key(name)
            || program.layers.contains_key(name)
            || program.variants.values().any(|v| v.constructors.iter().any(|c| c.name.name == name));
        (!known).then(|| Box::new(statics.unknown_name(self.module, name, span)))
    }

    fn here(&self, name: &str) -> Option<eval::Here> {
        let statics = self.evaluation.statics;
        let (axis, coordinate) = match statics.program.find(self.module, name) {
            Some(def) => statics.coordinate(def, self.evaluation.env)?,
            None => statics.own(name, self.evaluation.env)?,
        };
        let texts = || statics.axes.get(axis).coordinates.as_ref().map(|all| all.iter().map(|c| c.text.clone()).collect());
        let all = statics.axes.names(axis).or_else(texts)?;
        Some(eval::Here { name: coordinate.text.clone(), all })
    }

    fn listed(&self, name: &str) -> Option<(Vec<String>, Vec<f64>)> {
        let statics = self.evaluation.statics;
        let def = statics.program.find(self.module, name)?;
        let ItemKind::Bind { value: Expr { kind: ExprKind::List(items), .. }, .. } = &statics.program.item(def).kind else {
            return None;
        };
        if !items.iter().all(|i| matches!(i.kind, ExprKind::Number { .. })) {
            return None;
        }
        let (axis, _) = statics.coordinate(def, self.evaluation.env)?;
        let coordinates = statics.axes.get(axis).coordinates.as_ref()?;
        let values = coordinates.iter().map(|c| c.value.as_ref()?.number()).collect::<Option<_>>()?;
        Some((coordinates.iter().map(|c| c.text.clone()).collect(), values))
    }
}

impl Evaluation<'_, '_> {
    fn value(&self, module: usize, expr: &Expr) -> Outcome {
        eval::eval(expr, &Scope { evaluation: self, module })
    }

    /// Returns what a name stands for: a parameter, a `let`, or an axis's coordinate here; `None` if it may be a word.
    fn named(&self, module: usize, name: &str, span: Span) -> Option<Outcome> {
        if name == "none" {
            return Some(Ok(Static::None));
        }
        let found = |what| Some(Err(Box::new(Finding::new(span, what))));
        let program = self.statics.program;
        let Some(def) = program.find(module, name) else {
            // An axis that values have by themselves stands for its coordinate, as a declared one does.
            if let Some((_, here)) = self.statics.own(name, self.env) {
                return Some(Ok(here.value.clone().unwrap_or_else(|| Static::Word(here.text.clone()))));
            }
            return match name {
                eval::DIM => None,
                _ => Some(Err(Box::new(self.statics.unknown_name(module, name, span)))),
            };
        };
        match &program.item(def).kind {
            ItemKind::Param(_) => match self.statics.params.get(&def) {
                Some(value) => Some(Ok(value.clone())),
                None => found(What::Consequence),
            },
            ItemKind::Bind { keyword: ast::Keyword::Let, .. } => Some(self.declared(def)),
            ItemKind::Bind { keyword: ast::Keyword::Axis, .. } => {
                let Some(declared) = self.statics.declared_axes.get(&def) else { return found(What::Consequence) };
                match self.statics.coordinate(def, self.env) {
                    None => found(What::Waiting { axis: name.to_string() }),
                    Some((axis, coordinate)) if self.statics.behind(axis, coordinate).is_some() => {
                        Some(match self.declared(def) {
                            // A network, recipe or result behind the coordinate has no value of its own.
                            Err(finding)
                                if matches!(
                                    finding.what,
                                    What::Computed { .. } | What::NotBefore { .. } | What::Result { .. }
                                ) =>
                            {
                                let example =
                                    self.statics.axes.names(*declared).and_then(|n| n.into_iter().next()).unwrap_or_default();
                                Err(Box::new(Finding::new(span, What::NoValue { axis: name.to_string(), example })))
                            }
                            other => other,
                        })
                    }
                    Some((_, coordinate)) => match &coordinate.value {
                        Some(value) => Some(Ok(value.clone())),
                        None => found(What::NotBefore { name: name.to_string() }),
                    },
                }
            }
            ItemKind::Bind { .. } => found(What::Result { name: name.to_string() }),
            _ => found(What::NotBefore { name: name.to_string() }),
        }
    }

    /// Returns the value of a `let` or of an axis whose coordinates stand for something, evaluated once however often it is named, those it
    /// is made from first.
    fn declared(&self, def: DefId) -> Outcome {
        if let Some(known) = self.memo.borrow().get(&def).cloned().or_else(|| self.statics.lets.known(def)) {
            return known;
        }
        let program = self.statics.program;
        let evaluated = |d: DefId| {
            matches!(program.item(d).kind, ItemKind::Bind { keyword: ast::Keyword::Let | ast::Keyword::Axis, .. })
                && self.statics.lets.known(d).is_none()
        };
        for below in program.order().below(def, evaluated) {
            if self.memo.borrow().contains_key(&below) || !evaluated(below) {
                continue;
            }
            let span = self.statics.place(below);
            // What leads back to itself has no value, which is said where it is declared.
            self.memo.borrow_mut().insert(below, Err(Box::new(Finding::consequence(span))));
            if program.leads_back(below) {
                continue;
            }
            let value = match &program.item(below).kind {
                ItemKind::Bind { keyword: ast::Keyword::Let, value, .. } => self.value(below.module, value),
                _ => match self.statics.coordinate(below, self.env).and_then(|(a, c)| self.statics.behind(a, c)) {
                    Some(written) => self.value(written.0, &written.1),
                    None => continue,
                },
            };
            if !self.statics.varies(below) {
                self.statics.lets.keep(below, value.clone());
            }
            self.memo.borrow_mut().insert(below, value);
        }
        let known = self.memo.borrow().get(&def).cloned();
        known
            .or_else(|| self.statics.lets.known(def))
            .unwrap_or_else(|| Err(Box::new(Finding::consequence(self.statics.place(def)))))
    }
}
