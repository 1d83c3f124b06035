//! Constructors of variants: `sgd(momentum: 0.9)`, with all their fields.

use super::view::{Env, Statics};
use crate::base::Span;
use crate::lang::bind::{all_args, bind_args};
use crate::lang::finding::{Finding, Findings, What};
use crate::lang::signature::{SettingType, takes};
use crate::lang::static_value::Static;
use crate::syntax::ast::{self, Expr, ExprKind};

impl<'a> Statics<'a> {
    pub(super) fn constructor(&self, variant: &str, name: &str) -> Option<&'a ast::Constructor> {
        self.program.variants.get(variant)?.constructors.iter().find(|c| c.name.name == name)
    }

    /// Returns the constructor that an expression names or calls, with all its fields.
    pub(super) fn make(
        &self,
        module: usize,
        variant: &str,
        expr: &'a Expr,
        env: &Env,
        inside: &[(Span, String)],
    ) -> Result<Static, Findings> {
        let ty = SettingType::Variant(variant.to_string());
        let (name, args): (&str, Vec<&'a ast::Arg>) = match &expr.kind {
            ExprKind::Name(name) => (name, Vec::new()),
            ExprKind::Call { callee, args, block } => match &callee.kind {
                ExprKind::Name(name) => (name, all_args(args, block)),
                _ => return Err(self.wrong(&ty, expr)),
            },
            _ => return Err(self.wrong(&ty, expr)),
        };
        if self.constructor(variant, name).is_none() {
            return Err(self.wrong(&ty, expr));
        }
        self.construct(module, variant, (name, &args, expr.span), env, inside)
    }

    /// Returns a constructor of a variant, given its name, arguments and place, with all its fields.
    pub(super) fn construct(
        &self,
        module: usize,
        variant: &str,
        (name, args, span): (&str, &[&'a ast::Arg], Span),
        env: &Env,
        inside: &[(Span, String)],
    ) -> Result<Static, Findings> {
        let Some(constructor) = self.constructor(variant, name) else {
            let what = What::NoConstructor { name: name.to_string(), variant: variant.to_string() };
            return Err(Finding::new(span, what).into());
        };
        let bound =
            bind_args(&constructor.params, args, name, span).map_err(|f| self.program.misplaced_in_constructor(variant, f))?;
        let mut fields = Vec::new();
        for (param, given) in constructor.params.iter().zip(bound) {
            let takes = takes(param).map_err(Finding::from)?;
            let value = match given {
                Some(given) => match inside.iter().find(|(span, _)| *span == given.span) {
                    Some((_, slot)) if !takes.inputs.is_empty() => Static::Input(slot.clone()),
                    _ if !takes.inputs.is_empty() => Static::None,
                    _ => {
                        let ty = takes.setting.unwrap_or(SettingType::Any);
                        let value = self.given(param, module, &ty, given, env, inside);
                        value.map_err(|found| self.bound_alone(constructor, &ty, given).unwrap_or(found))?
                    }
                },
                None => match self.default_of(variant, name, &param.name.name) {
                    Some(default) => self.setting(
                        self.program.module_at(default.span),
                        &takes.setting.unwrap_or(SettingType::Any),
                        default,
                        env,
                        inside,
                    )?,
                    None => Static::None,
                },
            };
            fields.push((param.name.name.clone(), value));
        }
        Ok(Static::Make(name.to_string(), fields))
    }

    pub(super) fn default_of(&self, variant: &str, constructor: &str, param: &str) -> Option<&'a Expr> {
        self.constructor(variant, constructor)?.params.iter().find(|p| p.name.name == param)?.default.as_ref()
    }
}
