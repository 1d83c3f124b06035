//! Expressions that are none of the type asked for, with what to write.

use super::view::Statics;
use crate::base::text::shorten;
use crate::lang::finding::{Finding, Findings, What};
use crate::lang::scope::DefId;
use crate::lang::signature::SettingType;
use crate::lang::static_value::{LARGEST_WHOLE, Static};
use crate::lang::suggest::nearest_or_list;
use crate::syntax::ast::{self, Expr, ExprKind, ItemKind};

impl<'a> Statics<'a> {
    /// Returns that an expression is none of a type.
    pub(super) fn wrong(&self, ty: &SettingType, expr: &Expr) -> Findings {
        let written = shorten(self.program.sources.text(expr.span));
        let head = match &expr.kind {
            ExprKind::Name(n) => Some(n.as_str()),
            ExprKind::Call { callee, .. } => match &callee.kind {
                ExprKind::Name(n) => Some(n.as_str()),
                _ => None,
            },
            _ => None,
        };
        let module = self.program.module_at(expr.span);
        let declared = head.and_then(|h| self.program.find(module, h));
        if head.is_some_and(|h| declared.is_none() && self.program.is_lost(h)) {
            return Finding::consequence(expr.span).into();
        }
        let mut words = Vec::new();
        self.words_of(ty, &mut words);
        let help = match (head, words.is_empty()) {
            (Some(head), false) => nearest_or_list(head, &words),
            (None, false) => format!("it can be {}", words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ")),
            _ if *ty == SettingType::Network => self.network_help(declared, head),
            _ if *ty == SettingType::Recipe && matches!(expr.kind, ExprKind::Map(_)) => {
                format!("settings stand behind the brackets, `train(…) {written}`, or under a name: `recipe r {written}`")
            }
            (Some(_), true) if declared.is_some() => {
                "a setting must be known before the run: a number, a `param`, a `let`, or an axis's coordinate".to_string()
            }
            _ if *ty == SettingType::Int && written.starts_with('-') => "write a whole number from 0 here".to_string(),
            _ => format!("write {ty} here"),
        };
        Finding::new(expr.span, What::NoSetting { expected: ty.to_string(), written, help }).into()
    }

    /// Returns that the value of an expression is none of a type, with what to do about such a value.
    pub(super) fn wrong_value(&self, ty: &SettingType, expr: &Expr, value: &Static) -> Findings {
        let whole = matches!(ty, SettingType::Int | SettingType::Signed);
        let text = |t: &str| t.trim().parse::<f64>().is_ok();
        let help = match (ty, value) {
            (_, Static::Number(x)) if whole && x.abs() > LARGEST_WHOLE => {
                "whole numbers go up to 9,007,199,254,740,992".to_string()
            }
            (SettingType::Int, Static::Number(x)) if *x < 0.0 => "write a whole number from 0 here".to_string(),
            (_, Static::Text(t)) if (whole || *ty == SettingType::Real) && text(t) => {
                format!("a number stands without quotes: `{}`", t.trim())
            }
            (SettingType::Bool, Static::Number(x)) if *x == 0.0 || *x == 1.0 => {
                format!("write `{}`", if *x == 1.0 { "true" } else { "false" })
            }
            (SettingType::Text, Static::Number(_)) => {
                format!("text stands in double quotes: `\"{}\"`", self.program.sources.text(expr.span))
            }
            _ => return self.wrong(ty, expr),
        };
        let written = shorten(self.program.sources.text(expr.span));
        Finding::new(expr.span, What::NoSetting { expected: ty.to_string(), written, help }).into()
    }

    /// Returns what to do where something else stands for a network.
    pub(super) fn network_help(&self, declared: Option<DefId>, head: Option<&str>) -> String {
        let name = head.unwrap_or("m");
        match declared.map(|d| &self.program.item(d).kind) {
            Some(ItemKind::Bind { keyword: ast::Keyword::Model, value, .. }) => {
                let network = match &value.kind {
                    ExprKind::Call { args, .. } => args.first().map(|a| shorten(self.program.sources.text(a.value.span))),
                    _ => None,
                };
                let network = network.unwrap_or_else(|| "network".to_string());
                format!(
                    "`{name}` is a trained model; give its network, and to go on from its weights the model: `train({network}, data, from: {name})`"
                )
            }
            Some(ItemKind::Network { keyword: ast::Keyword::Layer, .. }) => {
                format!("`{name}` is a layer; make a network of it: `network net(classes: int) {{ {name} -> linear(classes) }}`")
            }
            _ => "declare one, `network net(classes: int) { … }`, and name it here".to_string(),
        }
    }

    pub(super) fn words_of<'s>(&'s self, ty: &'s SettingType, out: &mut Vec<&'s str>) {
        match ty {
            SettingType::Option(words) => out.extend(words.iter().map(String::as_str)),
            SettingType::Variant(v) => out.extend(
                self.program.variants.get(v).into_iter().flat_map(|v| v.constructors.iter().map(|c| c.name.name.as_str())),
            ),
            SettingType::Either(types) => types.iter().for_each(|t| self.words_of(t, out)),
            _ => {}
        }
    }
}
