//! Networks with their arguments, and recipes with their fields.

use super::view::{Env, NetworkRef, Statics};
use crate::base::Span;
use crate::base::text::shorten;
use crate::lang::bind::{all_args, bind_args_except};
use crate::lang::finding::{Finding, Findings, What};
use crate::lang::scope::{DefId, Program};
use crate::lang::signature::{SettingType, setting_type};
use crate::syntax::ast::{self, Expr, ExprKind, ItemKind};
use std::collections::BTreeMap;

/// The parameter that is filled with the number of classes of the data.
const CLASSES: &str = "classes";

impl<'a> Statics<'a> {
    /// Returns the network that an expression means here.
    pub fn network(&self, module: usize, expr: &'a Expr, env: &Env) -> Result<NetworkRef, Findings> {
        let (module, expr) = self.meant(module, expr, env)?;
        let (name, args) = match &expr.kind {
            ExprKind::Name(name) => (name, Vec::new()),
            ExprKind::Call { callee, args, block } => match &callee.kind {
                ExprKind::Name(name) => (name, all_args(args, block)),
                _ => return Err(self.wrong(&SettingType::Network, expr)),
            },
            ExprKind::Map(entries) => {
                let chosen = self.map_entry(entries, expr, env)?;
                return self.network(module, chosen, env);
            }
            _ => return Err(self.wrong(&SettingType::Network, expr)),
        };
        let Some(def) = self.program.find(module, name) else {
            return Err(self.unknown_name(module, name, expr.span).into());
        };
        let ItemKind::Network { keyword: ast::Keyword::Network, params, .. } = &self.program.item(def).kind else {
            return Err(self.wrong(&SettingType::Network, expr));
        };
        let bound = bind_args_except(params, &args, name, expr.span, &[CLASSES])
            .map_err(|found| self.program.misplaced_in_network(name, found))?;
        let mut values = Vec::new();
        for (param, given) in params.iter().zip(bound) {
            if let Some(given) = given {
                let ty = param.ty.as_ref().map_or(SettingType::Any, setting_type);
                let value = self.setting(module, &ty, given, env, &[]);
                let value = value.map_err(|found| self.another_argument((name, params, param), given, env).unwrap_or(found))?;
                values.push((param.name.name.clone(), value));
            }
        }
        Ok(NetworkRef { def, args: values, span: expr.span })
    }

    /// Returns that what a network is given for the number of its classes, which come from the data, is meant for another parameter; `None`
    /// where it fits none.
    fn another_argument(
        &self,
        (network, params, param): (&str, &[ast::Param], &ast::Param),
        given: &'a Expr,
        env: &Env,
    ) -> Option<Findings> {
        let ty = |p: &ast::Param| p.ty.as_ref().map_or(SettingType::Any, setting_type);
        let module = self.program.module_at(given.span);
        let others = params.iter().filter(|p| p.name.name != param.name.name && param.name.name == CLASSES);
        let meant = others.into_iter().find(|p| self.setting(module, &ty(p), given, env, &[]).is_ok())?;
        let written = shorten(self.program.sources.text(given.span));
        let help =
            format!("the number of classes comes from the data; name the argument: `{network}({}: {written})`", meant.name.name);
        Some(Finding::new(given.span, What::NoSetting { expected: ty(param).to_string(), written, help }).into())
    }

    /// Returns the recipe that an expression means here: its fields, those of its base first overridden, with their modules.
    pub fn recipe(&self, module: usize, expr: &'a Expr, env: &Env) -> Result<BTreeMap<String, (usize, &'a Expr)>, Findings> {
        let def = self.recipe_named(module, expr, env)?;
        recipe_fields(self.program, def, expr.span).map_err(|d| match d {
            Some(finding) => finding.into(),
            None => self.wrong(&SettingType::Recipe, expr),
        })
    }

    /// Returns the declaration of the recipe that an expression means here.
    pub fn recipe_named(&self, module: usize, expr: &'a Expr, env: &Env) -> Result<DefId, Findings> {
        let (module, expr) = self.meant(module, expr, env)?;
        let ExprKind::Name(name) = &expr.kind else { return Err(self.wrong(&SettingType::Recipe, expr)) };
        self.program.find(module, name).ok_or_else(|| self.unknown_name(module, name, expr.span).into())
    }
}

/// Returns the fields of a recipe, those of its bases where it has none of that name, with their modules.
///
/// Errors: `None` if a declaration is no recipe; a message where a base is unknown or leads back.
pub fn recipe_fields(program: &Program, def: DefId, span: Span) -> Result<BTreeMap<String, (usize, &Expr)>, Option<Finding>> {
    let mut out = BTreeMap::new();
    let mut def = def;
    loop {
        if program.leads_back(def) {
            return Err(Some(Finding::consequence(span)));
        }
        let ItemKind::Recipe { base, fields, .. } = &program.item(def).kind else { return Err(None) };
        for field in fields {
            if let Some(n) = &field.name {
                out.entry(n.name.clone()).or_insert((def.module, &field.value));
            }
        }
        let Some(base) = base else { return Ok(out) };
        match program.find(def.module, &base.name) {
            Some(next) => def = next,
            None if program.is_lost(&base.name) => return Err(Some(Finding::consequence(base.span))),
            None => {
                let help = match program.topic_of(&base.name) {
                    Some(topic) => format!("take it from the standard library: `use std.{topic} {{ {} }}`", base.name),
                    None => "a recipe is made from another recipe, declared here or taken with `use`".to_string(),
                };
                return Err(Some(Finding::new(base.span, What::UnknownName { name: base.name.clone(), help })));
            }
        }
    }
}
