//! Arguments of a call, sorted by what the signature takes: inputs, axis words, settings with or without results inside.

use super::axes::AxisId;
use super::bind::{all_args, bind_args};
use super::checker::Checker;
use super::kind::Kind;
use super::misfit::misfit;
use super::parts::Parts;
use super::signature::{SettingType, Signature};
use super::statics::{Env, NetworkRef};
use super::typed::Typed;
use crate::base::{Diag, Span};
use crate::syntax::ast::{self, Expr, ExprKind, ItemKind, Keyword};
use std::rc::Rc;

impl<'a> Checker<'a> {
    /// Sorts one argument; false where it is wrong.
    pub(super) fn argument(
        &mut self,
        signature: &'a Signature,
        i: usize,
        module: usize,
        value: &'a Expr,
        parts: &mut Parts<'a>,
    ) -> bool {
        let takes = &signature.takes[i];
        let name = &signature.params[i].name.name;
        if matches!(&value.kind, ExprKind::Name(n) if n == "none" && self.program().find(module, n).is_none()) {
            if let Some(ty) = &takes.setting
                && *ty != SettingType::Recipe
            {
                parts.written.insert(name.clone(), self.keep(module, value));
            }
            // What a setting may be is said of the setting.
            if takes.setting.is_none() && signature.params[i].default.is_none() {
                let message = format!("`{name}` of `{}` cannot be left out", signature.name);
                let diag = Diag::error("cfx::type::no_result", value.span, message);
                self.say(diag.help("`none` leaves an argument out, and this one is needed"));
                return false;
            }
            return true;
        }
        if takes.axis.is_some() && takes.inputs.is_empty() {
            parts.axis_words.push((i, module, value));
            return true;
        }
        if takes.axis.is_some() {
            // Either the name of an axis or a result: a name that is no declared result is an axis.
            let mut named = |e: &'a Expr| match &e.kind {
                ExprKind::Name(n) => match self.program().find(module, n) {
                    None => true,
                    // Data sets in several parts are no value here, but the axis that they are along.
                    Some(def) => {
                        let axis = |k: &Keyword| matches!(k, Keyword::Dataset | Keyword::Axis);
                        let parts_of = matches!(&self.program().item(def).kind, ItemKind::Bind { keyword, .. } if axis(keyword));
                        parts_of && !takes.inputs.contains(&Kind::Dataset)
                            || !self.is_result(module, e)
                            || self.names_axis(module, n, parts)
                    }
                },
                _ => false,
            };
            let axis = match &value.kind {
                ExprKind::List(items) if !takes.list => items.iter().all(named),
                _ => named(value),
            };
            if axis {
                parts.axis_words.push((i, module, value));
                return true;
            }
        }
        let as_input = !takes.inputs.is_empty() && (takes.setting.is_none() || self.is_result(module, value));
        if as_input {
            let items: Vec<&'a Expr> = match &value.kind {
                ExprKind::List(items) if takes.list => items.iter().collect(),
                _ => vec![value],
            };
            let list = takes.list && matches!(value.kind, ExprKind::List(_));
            if items.is_empty() {
                let diag = Diag::error("cfx::axis::empty", value.span, format!("`{name}:` is given nothing"));
                self.say(diag.help("name one value or more"));
                return false;
            }
            let typed: Vec<Rc<Typed>> = items.into_iter().map(|x| self.expr(module, x)).collect();
            if typed.iter().any(|t| t.is_error()) {
                return false;
            }
            parts.inputs.push((i, typed, list));
            return true;
        }
        let Some(ty) = &takes.setting else { return true };
        let kept = self.keep(module, value);
        if *ty == SettingType::Recipe {
            parts.recipe = Some(kept);
            parts.recipe_source = Some((module, value));
            self.axes_of_static(module, value, &mut parts.setting_axes);
            return true;
        }
        if *ty == SettingType::Network {
            self.networks(module, value, &mut parts.networks);
            // Without any network nothing is known of what the call makes.
            if parts.networks.is_empty() {
                return false;
            }
        }
        self.axes_of_setting(module, ty, value, &mut parts.setting_axes);
        parts.written.insert(name.clone(), kept);
        if self.has_inputs(ty) {
            return self.inputs_inside(name, ty, module, value, parts);
        }
        true
    }

    /// Checks the results that the fields of a recipe refer to, at each coordinate of the axes it depends on, where the call does not override them.
    pub(super) fn recipe_inputs(&mut self, signature: &'a Signature, parts: &mut Parts<'a>) -> bool {
        let Some((module, value)) = parts.recipe_source else { return true };
        let mut axes = Vec::new();
        self.axes_of_static(module, value, &mut axes);
        let mut seen: Vec<Span> = Vec::new();
        let mut fine = true;
        for env in self.envs(&axes) {
            // What is wrong with the recipe itself is said where the settings are evaluated.
            let Ok(def) = self.statics().recipe_named(module, value, &env) else { continue };
            let Ok(fields) = super::statics::recipe_fields(self.program(), def, value.span) else { continue };
            for (name, (from, field)) in fields {
                let Some(i) = signature.params.iter().position(|p| p.name.name == name) else { continue };
                if let Some(ty) = &signature.takes[i].setting
                    && !parts.written.contains_key(&name)
                    && !seen.contains(&field.span)
                    && self.has_inputs(ty)
                {
                    seen.push(field.span);
                    fine &= self.inputs_inside(&name, ty, from, field, parts);
                }
            }
        }
        fine
    }

    /// Returns whether a bare name among arguments means an axis of the inputs seen so far.
    fn names_axis(&self, module: usize, name: &str, parts: &Parts) -> bool {
        let declared = self.program().find(module, name).and_then(|d| self.declared_as(d));
        parts.inputs.iter().flat_map(|(_, v, _)| v).flat_map(|v| &v.axes).any(|a| Some(self.axes().whole(*a)) == declared)
    }

    /// Collects the networks that an expression means, at each coordinate of the axes it depends on.
    pub(super) fn networks(&mut self, module: usize, e: &'a Expr, out: &mut Vec<NetworkRef>) {
        let mut axes = Vec::new();
        self.axes_of_static(module, e, &mut axes);
        for env in self.envs(&axes) {
            match self.statics().network(module, e, &env) {
                Ok(found) if !out.iter().any(|n| n.def == found.def && n.args == found.args) => out.push(found),
                Ok(_) => {}
                Err(found) => self.say_all(found),
            }
        }
    }

    /// Returns the combinations of known coordinates of axes, the first 256 of them.
    pub(super) fn envs(&self, axes: &[AxisId]) -> Vec<Env> {
        let mut envs = vec![Env::new()];
        for a in axes {
            let Some(coordinates) = &self.axes().get(*a).coordinates else { continue };
            let room = (256 / envs.len().max(1)).max(1);
            envs = envs
                .iter()
                .flat_map(|env| {
                    coordinates.iter().take(room).map(|c| {
                        let mut e = env.clone();
                        e.insert(*a, Rc::new(c.clone()));
                        e
                    })
                })
                .collect();
        }
        envs
    }

    /// Returns whether settings of a type may refer to results: `record: [accuracy(test)]`.
    pub(super) fn has_inputs(&self, ty: &SettingType) -> bool {
        match ty {
            SettingType::List(of) => self.has_inputs(of),
            SettingType::Either(types) => types.iter().any(|t| self.has_inputs(t)),
            SettingType::Variant(name) => self.program().variants.get(name).is_some_and(|v| {
                v.constructors
                    .iter()
                    .flat_map(|c| &c.params)
                    .any(|p| super::signature::takes(p).is_ok_and(|t| !t.inputs.is_empty()))
            }),
            _ => false,
        }
    }

    /// Checks the results that a setting refers to.
    fn inputs_inside(&mut self, slot: &str, ty: &SettingType, module: usize, e: &'a Expr, parts: &mut Parts<'a>) -> bool {
        match (ty, &e.kind) {
            (_, ExprKind::Paren(inner)) => self.inputs_inside(slot, ty, module, inner, parts),
            (_, ExprKind::If(_, a, b)) => {
                self.inputs_inside(slot, ty, module, a, parts) & self.inputs_inside(slot, ty, module, b, parts)
            }
            (_, ExprKind::Map(entries)) => {
                entries.iter().fold(true, |fine, (_, x)| fine & self.inputs_inside(slot, ty, module, x, parts))
            }
            (_, ExprKind::Name(name)) => {
                let program = self.program();
                match program.find(module, name).filter(|d| !parts.inside_lets.contains(d)).map(|d| (d, &program.item(d).kind)) {
                    Some((def, ItemKind::Bind { keyword: ast::Keyword::Let, value, .. })) => {
                        parts.inside_lets.push(def);
                        self.inputs_inside(slot, ty, def.module, value, parts)
                    }
                    _ => true,
                }
            }
            (SettingType::List(of), ExprKind::List(items)) => {
                let mut fine = true;
                for (i, item) in items.iter().enumerate() {
                    fine &= self.inputs_inside(&format!("{slot}.{i}"), of, module, item, parts);
                }
                fine
            }
            (SettingType::Either(types), _) => types.iter().all(|t| self.inputs_inside(slot, t, module, e, parts)),
            (SettingType::Variant(v), ExprKind::Call { callee, args, block }) => {
                let ExprKind::Name(name) = &callee.kind else { return true };
                let program = self.program();
                let Some(constructor) =
                    program.variants.get(v).and_then(|v| v.constructors.iter().find(|c| c.name.name == *name))
                else {
                    return true;
                };
                let Ok(bound) = bind_args(&constructor.params, &all_args(args, block), name, e.span) else { return true };
                let mut fine = true;
                for (param, given) in constructor.params.iter().zip(bound) {
                    let (Ok(takes), Some(given)) = (super::signature::takes(param), given) else { continue };
                    if takes.inputs.is_empty() {
                        continue;
                    }
                    let typed = self.expr(module, given);
                    if typed.is_error() {
                        fine = false;
                    } else if !takes.inputs.iter().any(|k| typed.kind.fits(k)) {
                        self.say(misfit(&param.name.name, name, &takes.inputs, &typed));
                        fine = false;
                    } else {
                        // Several recipes or branches may fill one slot, each in other cells: the number tells them apart, and the plan drops it.
                        let place = format!("{slot}.{}#{}", param.name.name, parts.inside.len());
                        parts.inside.push((given.span, place, typed));
                    }
                }
                fine
            }
            _ => true,
        }
    }
}
