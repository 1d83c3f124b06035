//! What an expression means here: names followed, choices made, the entry of a map that belongs to the coordinates.

use super::view::{Env, Statics};
use crate::lang::axes::{AxisId, Coordinate};
use crate::lang::finding::{Finding, Findings, What};
use crate::lang::static_value::Static;
use crate::syntax::ast::{self, Expr, ExprKind, ItemKind};

impl<'a> Statics<'a> {
    /// Follows names (`let`, axis coordinates), brackets, choices and maps over coordinates to the expression meant here.
    pub(super) fn meant(&self, module: usize, expr: &'a Expr, env: &Env) -> Result<(usize, &'a Expr), Findings> {
        let (mut module, mut expr) = (module, expr);
        // Each declaration is passed at most once, with brackets and choices in it; what goes on longer is a circle.
        for _ in 0..1000 + 300 * self.program.order().sorted.len() {
            match &expr.kind {
                ExprKind::Paren(inner) => expr = inner,
                ExprKind::If(c, yes, no) => match self.value(module, c, env)? {
                    Static::Bool(b) => expr = if b { yes } else { no },
                    _ => return Err(Finding::new(c.span, What::NoCondition).into()),
                },
                ExprKind::Name(name) => {
                    let Some(def) = self.program.find(module, name) else { return Ok((module, expr)) };
                    match &self.program.item(def).kind {
                        ItemKind::Bind { keyword: ast::Keyword::Let, value, .. } => {
                            if self.program.leads_back(def) || self.lets.failed(def) {
                                return Err(Finding::consequence(expr.span).into());
                            }
                            module = def.module;
                            expr = value;
                        }
                        ItemKind::Bind { keyword: ast::Keyword::Axis, .. } => {
                            if !self.declared_axes.contains_key(&def) {
                                return Err(Finding::consequence(expr.span).into());
                            }
                            let Some((axis, here)) = self.coordinate(def, env) else { return Ok((module, expr)) };
                            match self.behind(axis, here) {
                                Some(written) => {
                                    module = written.0;
                                    expr = &written.1;
                                }
                                None => return Ok((module, expr)),
                            }
                        }
                        _ => return Ok((module, expr)),
                    }
                }
                _ => return Ok((module, expr)),
            }
        }
        Err(Finding::new(expr.span, What::Circle).into())
    }

    /// Returns the entry of a map over coordinates that belongs to the coordinates here.
    pub(super) fn map_entry(&self, entries: &'a [(ast::Ident, Expr)], expr: &Expr, env: &Env) -> Result<&'a Expr, Findings> {
        for (i, (key, _)) in entries.iter().enumerate() {
            if let Some((first, _)) = entries[..i].iter().find(|(k, _)| k.name == key.name) {
                let what = What::Doubled { callee: "a map".to_string(), name: key.name.clone(), first: first.span };
                return Err(Finding::new(key.span, what).into());
            }
        }
        let entry = |c: &Coordinate| entries.iter().find(|(k, _)| k.name == c.text).map(|(_, value)| value);
        // Axes none of whose coordinates has an entry decide nothing here.
        let decides =
            |a: &AxisId| self.axes.get(*a).coordinates.as_ref().is_none_or(|all| all.iter().any(|c| entry(c).is_some()));
        env.keys().filter(|a| decides(a)).for_each(|a| self.note(*a));
        let here: Vec<(AxisId, &'a Expr)> = env.iter().filter_map(|(a, c)| entry(c).map(|e| (*a, e))).collect();
        let named = |axes: Vec<AxisId>| axes.into_iter().map(|a| self.axes.name(a).to_string()).collect();
        let keys: Vec<String> = entries.iter().map(|(k, _)| k.name.clone()).collect();
        let what = match here.as_slice() {
            [(_, only)] => return Ok(only),
            [] => {
                // The map is over the axis that has some of its entries among its coordinates.
                let coordinates = |a: AxisId| self.axes.get(a).coordinates.as_deref().unwrap_or_default();
                match env.keys().find(|a| coordinates(**a).iter().any(|c| entry(c).is_some())) {
                    Some(axis) => {
                        let lacking = coordinates(*axis).iter().filter(|c| entry(c).is_none());
                        let missing = lacking.map(|c| c.text.clone()).collect();
                        What::NoEntry { axis: self.axes.name(*axis).to_string(), missing, keys }
                    }
                    None => What::NoAxis { keys, axes: named(env.keys().copied().collect()) },
                }
            }
            several => What::SeveralAxes { axes: named(several.iter().map(|(a, _)| *a).collect()) },
        };
        Err(Finding::new(expr.span, what).into())
    }
}
