//! The settings of a call: what is written, then the recipe's fields, then defaults.

use super::view::{Env, NetworkRef, Statics};
use crate::base::Span;
use crate::lang::finding::Findings;
use crate::lang::signature::{SettingType, Signature};
use crate::lang::static_value::{Settings, Static};
use crate::lang::typed::Call;
use crate::syntax::ast::{self, Expr};
use std::collections::BTreeMap;

impl<'a> Statics<'a> {
    /// Returns where a setting is written, and its module: in the call, in the recipe, or as the default.
    fn source(
        &self,
        param: &'a ast::Param,
        call: &'a Call,
        recipe: &BTreeMap<String, (usize, &'a Expr)>,
    ) -> Option<(usize, &'a Expr)> {
        let name = &param.name.name;
        call.written
            .get(name)
            .map(|w| (w.0, &w.1))
            .or_else(|| recipe.get(name).copied())
            .or_else(|| param.default.as_ref().map(|d| (self.program.module_at(d.span), d)))
    }

    /// Returns one setting of an operation at the coordinates given, with its place; `None` if there is none.
    pub fn single(
        &self,
        signature: &'a Signature,
        call: &'a Call,
        name: &str,
        env: &Env,
    ) -> Result<Option<(Static, Span)>, Findings> {
        let Some(at) = signature.params.iter().position(|p| p.name.name == name) else { return Ok(None) };
        let recipe = match &call.recipe {
            Some(written) => self.recipe(written.0, &written.1, env)?,
            None => BTreeMap::new(),
        };
        let (Some((module, expr)), Some(ty)) =
            (self.source(&signature.params[at], call, &recipe), signature.takes[at].setting.as_ref())
        else {
            return Ok(None);
        };
        self.setting(module, ty, expr, env, &[]).map(|value| Some((value, expr.span)))
    }

    /// Returns an operation's settings at the coordinates given: what is written, then the recipe's fields, then defaults.
    pub fn settings(
        &self,
        signature: &'a Signature,
        call: &'a Call,
        env: &Env,
    ) -> Result<(Settings, Option<NetworkRef>), Findings> {
        let mut out = Vec::new();
        let mut network = None;
        let mut found = Findings::default();
        let inside: Vec<(Span, String)> = call.inside.iter().map(|(s, n, _)| (*s, n.clone())).collect();
        let recipe = match &call.recipe {
            Some(written) => self.recipe(written.0, &written.1, env)?,
            None => BTreeMap::new(),
        };
        for (param, takes) in signature.params.iter().zip(&signature.takes) {
            let name = &param.name.name;
            if name == "seed" || !takes.is_setting() {
                continue;
            }
            if let Some((_, decided)) = call.decided.iter().find(|(n, _)| n == name) {
                out.push((name.clone(), decided.clone()));
                continue;
            }
            let ty = takes.setting.clone().unwrap_or(SettingType::Any);
            let Some((module, expr)) = self.source(param, call, &recipe) else { continue };
            if ty == SettingType::Network {
                match self.network(module, expr, env) {
                    Ok(n) => network = Some(n),
                    Err(e) => found.extend(e),
                }
                continue;
            }
            if ty == SettingType::Recipe {
                continue;
            }
            match self.given(param, module, &ty, expr, env, &inside) {
                Ok(value) => out.push((name.clone(), value)),
                Err(e) => found.extend(e),
            }
        }
        for (name, value) in &call.decided {
            if !out.iter().any(|(n, _)| n == name) {
                out.push((name.clone(), value.clone()));
            }
        }
        if found.0.is_empty() { Ok((Settings(out), network)) } else { Err(found) }
    }
}
