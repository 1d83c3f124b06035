//! Expressions that are none of the type asked for, with what to write.

use super::view::Statics;
use crate::base::text::shorten;
use crate::lang::finding::{Finding, Findings, What};
use crate::lang::scope::DefId;
use crate::lang::signature::SettingType;
use crate::lang::static_value::{LARGEST_WHOLE, Static};
use crate::lang::suggest::{nearest, nearest_or_list};
use crate::syntax::ast::{self, Expr, ExprKind, ItemKind};

/// How the help begins for what is no setting.
pub(super) const KNOWN: &str = "a setting must be known before the run";

impl<'a> Statics<'a> {
    /// Returns that an expression is none of a type.
    pub(super) fn wrong(&self, ty: &SettingType, expr: &Expr) -> Findings {
        let written = shorten(self.text(expr.span));
        let head = match &expr.kind {
            ExprKind::Name(n) => Some(n.as_str()),
            ExprKind::Call { callee, .. } => match &callee.kind {
                ExprKind::Name(n) => Some(n.as_str()),
                _ => None,
            },
            _ => None,
        };
        let module = if self.outside.is_some() { self.program.main } else { self.program.module_at(expr.span) };
        let declared = head.and_then(|h| self.program.find(module, h));
        if head.is_some_and(|h| declared.is_none() && self.program.is_lost(h)) {
            return Finding::consequence(expr.span).into();
        }
        let mut words = Vec::new();
        self.words_of(ty, &mut words);
        // A name, a network or a word between quotes.
        let quoted = match &expr.kind {
            ExprKind::Text(text) => Some(text.as_str()),
            _ => None,
        };
        let network = *ty == SettingType::Network;
        let help = match (head, words.is_empty()) {
            _ if quoted.is_some_and(|t| words.contains(&t) || network && self.is_network(module, t)) => {
                format!("names and words have no quotes: `{}`", quoted.unwrap_or_default())
            }
            _ if network && matches!(expr.kind, ExprKind::Select(..)) => {
                format!("a network takes arguments in round brackets: `{}`", written.replace('[', "(").replace(']', ")"))
            }
            _ if network && head.is_some_and(|h| self.stands_for_words(module, h)) => {
                "its coordinates are text; an axis of networks names them without quotes: `axis net = [one, other]`".to_string()
            }
            (Some("tf32"), false) if words.contains(&"bf16") => {
                "candle, which drives GPUs, switches TF32 for the whole process and not for one training: write `f32` or `bf16`".to_string()
            }
            (Some("fp16" | "float16" | "half" | "bfloat16" | "mixed" | "amp"), false) if words.contains(&"bf16") => {
                "numbers of 16 bits are bfloat16 here: write `bf16`".to_string()
            }
            (Some("sem" | "stderr" | "standard_error"), false) if words.contains(&"se") => {
                "`se` draws the standard error of the mean, `ci` its 95 % confidence interval, `sd` the standard deviation".to_string()
            }
            (Some("micro"), false) if words.contains(&"macro") => {
                "of one answer for each example the micro average is the accuracy: `accuracy(m, data)`; here `weighted` or `macro`".to_string()
            }
            (Some("iqr" | "quartiles" | "median" | "percentiles"), false) if words.contains(&"quantiles") => {
                "`quantiles` draws the median, the quartiles, 5 % and 95 %".to_string()
            }
            (Some("inf" | "Inf" | "infinity" | "Infinity" | "NaN" | "nan" | "NA"), _) => {
                "there is no such number; leave the bound out, or write `none`".to_string()
            }
            (Some(head), false) if words.contains(&"accuracy") && (head.ends_with("_accuracy") || head.ends_with("_loss")) => {
                let (split, metric) = head.rsplit_once('_').unwrap_or_default();
                format!("`{head}` is the column that comes of it; write what is measured: `{metric}(data.{split})`")
            }
            (Some(head), false) => match nearest(head, &words).or_else(|| self.near_setting(module, head)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => nearest_or_list(head, &words),
            },
            _ if quoted.is_some_and(|t| t.trim().parse::<f64>().is_ok()) && takes_number(ty) => {
                format!("a number has no quotes: `{}`", quoted.unwrap_or_default().trim())
            }
            (None, false) if matches!(expr.kind, ExprKind::Number { .. }) && !self.made_of(ty, &written).is_empty() => {
                format!("say which is meant: {}", self.made_of(ty, &written).join(" or "))
            }
            (None, no_words)
                if matches!(expr.kind, ExprKind::List(_))
                    && (!no_words || matches!(ty, SettingType::Int | SettingType::Signed | SettingType::Real)) =>
            {
                format!("for each of several values declare an axis, `axis value = {written}`, and write `value` here")
            }
            (None, true) if *ty == SettingType::Text && matches!(expr.kind, ExprKind::List(_)) => {
                "write one string; several files of a folder are named by a pattern, where an operation reads several: `\"acts/*.npy\"`"
                    .to_string()
            }
            (None, false) => format!("it can be {}", words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ")),
            _ if network && written.starts_with("std.") => {
                "names of the standard library are taken by `use std.networks { mlp }`, and then stand alone: `mlp(…)`".to_string()
            }
            _ if *ty == SettingType::Network => self.network_help(declared, head),
            _ if *ty == SettingType::Recipe && matches!(expr.kind, ExprKind::Map(_)) => {
                format!("settings follow the brackets, `train(…) {written}`, or under a name: `recipe r {written}`")
            }
            _ if *ty == SettingType::Recipe => {
                "a recipe is declared, `recipe r { epochs: 3 }`, and named here; other data are measured on: `record: [accuracy(d.test)]`"
                    .to_string()
            }
            (Some(_), true) if declared.is_some() => {
                format!("{KNOWN}: a number, a `param`, a `let`, or an axis's coordinate")
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
                "the largest whole number is 9,007,199,254,740,992".to_string()
            }
            (SettingType::Int, Static::Number(x)) if *x < 0.0 => "write a whole number from 0 here".to_string(),
            (_, Static::Number(x)) if whole && self.text(expr.span).ends_with('%') => {
                format!("a percentage is a share, here {x}, and this counts something: write a whole number")
            }
            (_, Static::Text(t)) if (whole || *ty == SettingType::Real) && text(t) => {
                format!("a number has no quotes: `{}`", t.trim())
            }
            (SettingType::Bool, Static::Number(x)) if *x == 0.0 || *x == 1.0 => {
                format!("write `{}`", if *x == 1.0 { "true" } else { "false" })
            }
            (SettingType::Text, Static::Number(_)) if self.text(expr.span).ends_with('%') => format!(
                "text in double quotes is due here; a share of the examples of a data set is `subset(data, {})`",
                self.text(expr.span)
            ),
            (SettingType::Text, Static::Number(_)) => {
                format!("write text in double quotes: `\"{}\"`", self.text(expr.span))
            }
            _ => return self.wrong(ty, expr),
        };
        let written = shorten(self.text(expr.span));
        Finding::new(expr.span, What::NoSetting { expected: ty.to_string(), written, help }).into()
    }

    /// Returns that a name which nothing has stands where text is asked for.
    pub(super) fn unquoted(&self, ty: &SettingType, expr: &Expr) -> Findings {
        let written = shorten(self.text(expr.span));
        let help = format!("names of columns and of files, and other text, stand in double quotes: `\"{written}\"`");
        Finding::new(expr.span, What::NoSetting { expected: ty.to_string(), written, help }).into()
    }

    /// Returns that a number stands where a list of texts is asked for.
    pub(super) fn number_for_texts(&self, ty: &SettingType, expr: &Expr) -> Findings {
        let written = shorten(self.text(expr.span));
        let help = format!("write a list of names in double quotes: `[\"{written}\"]`");
        Finding::new(expr.span, What::NoSetting { expected: ty.to_string(), written, help }).into()
    }

    /// Returns that an element stands where a list is asked for.
    pub(super) fn one_of_a_list(&self, ty: &SettingType, expr: &Expr) -> Findings {
        let written = shorten(self.text(expr.span));
        let help = format!("write a list in square brackets: `[{written}]`");
        Finding::new(expr.span, What::NoSetting { expected: ty.to_string(), written, help }).into()
    }

    /// Returns that the fields of a constructor stand without its name: `sampler: { passes: 100 }`. `None` if they are of none of the type's.
    pub(super) fn fields_alone(&self, ty: &SettingType, entries: &[(ast::Ident, Expr)], expr: &Expr) -> Option<Findings> {
        let mut words = Vec::new();
        self.words_of(ty, &mut words);
        let constructors = self.program.variants.values().flat_map(|v| &v.constructors);
        let has = |c: &&ast::Constructor| {
            words.contains(&c.name.name.as_str())
                && !entries.is_empty()
                && entries.iter().all(|(key, _)| c.params.iter().any(|p| p.name.name == key.name))
        };
        let constructor = constructors.into_iter().find(has)?;
        let fields: Vec<String> =
            entries.iter().map(|(key, value)| format!("{}: {}", key.name, shorten(self.text(value.span)))).collect();
        let written = shorten(self.text(expr.span));
        let help =
            format!("say which it is, with its settings in round brackets: `{}({})`", constructor.name.name, fields.join(", "));
        Some(Finding::new(expr.span, What::NoSetting { expected: ty.to_string(), written, help }).into())
    }

    /// Returns that a comparison stands for the bound of a constructor which names what is compared by itself: `when(accuracy > 0.9)`.
    pub(super) fn bound_alone(&self, constructor: &ast::Constructor, ty: &SettingType, expr: &Expr) -> Option<Findings> {
        let ExprKind::Binary(op, left, right) = &expr.kind else { return None };
        let (ExprKind::Name(column), SettingType::Real) = (&left.kind, ty) else { return None };
        let compares = matches!(op, ast::BinaryOp::Lt | ast::BinaryOp::Le | ast::BinaryOp::Gt | ast::BinaryOp::Ge);
        let param = constructor.params.iter().find(|p| p.name.name == "column")?;
        if !compares {
            return None;
        }
        let usual = matches!(param.default.as_ref().map(|d| &d.kind), Some(ExprKind::Name(n)) if n == column);
        let (name, bound) = (&constructor.name.name, self.text(right.span));
        let help = match usual {
            true => format!("write the bound alone: `{name}({bound})`; `column:` names another column than `{column}`"),
            false => format!("write the bound alone, and name the column: `{name}({bound}, column: {column})`"),
        };
        let written = shorten(self.text(expr.span));
        Some(Finding::new(expr.span, What::NoSetting { expected: ty.to_string(), written, help }).into())
    }

    /// Returns the parameter, `let` or axis of the script that a misspelt setting most likely names.
    fn near_setting(&self, module: usize, word: &str) -> Option<&str> {
        let names = &self.program.modules.get(module)?.names;
        let is_setting = |kind: &ItemKind| {
            matches!(kind, ItemKind::Param(_) | ItemKind::Bind { keyword: ast::Keyword::Let | ast::Keyword::Axis, .. })
        };
        let all: Vec<&str> =
            names.iter().filter(|(_, def)| is_setting(&self.program.item(**def).kind)).map(|(n, _)| n.as_str()).collect();
        nearest(word, &all)
    }

    /// Returns the calls of a type's constructors that need no more than one number, with this number.
    fn made_of(&self, ty: &SettingType, number: &str) -> Vec<String> {
        let SettingType::Variant(variant) = ty else { return Vec::new() };
        let constructors = self.program.variants.get(variant).into_iter().flat_map(|v| &v.constructors);
        let of_number = |c: &&ast::Constructor| {
            c.params.first().is_some_and(|p| p.default.is_none()) && c.params[1..].iter().all(|p| p.default.is_some())
        };
        constructors.filter(of_number).map(|c| format!("`{}({number})`", c.name.name)).collect()
    }

    /// Returns whether a name is that of a network, declared here or in the standard library.
    fn is_network(&self, module: usize, name: &str) -> bool {
        match self.program.find(module, name) {
            Some(def) => matches!(self.program.item(def).kind, ItemKind::Network { keyword: ast::Keyword::Network, .. }),
            None => self.program.topic_of(name) == Some("networks"),
        }
    }

    /// Returns whether a name is that of an axis whose coordinates are words and stand for nothing.
    fn stands_for_words(&self, module: usize, name: &str) -> bool {
        let axis = self.program.find(module, name).and_then(|def| self.declared_axes.get(&def));
        axis.is_some_and(|a| {
            let first = self.axes.get(*a).coordinates.as_ref().and_then(|c| c.first());
            !self.coordinate_values.contains_key(a)
                && first.is_some_and(|c| matches!(c.value, Some(Static::Word(_) | Static::Text(_))))
        })
    }

    /// Returns what to do where something else stands for a network.
    pub(super) fn network_help(&self, declared: Option<DefId>, head: Option<&str>) -> String {
        let name = head.unwrap_or("m");
        match declared.map(|d| &self.program.item(d).kind) {
            Some(ItemKind::Bind { keyword: ast::Keyword::Model, value, .. }) => {
                let network = match &value.kind {
                    ExprKind::Call { args, .. } => args.first().map(|a| shorten(self.text(a.value.span))),
                    _ => None,
                };
                let network = network.unwrap_or_else(|| "network".to_string());
                format!(
                    "`{name}` is a trained model; give its network, and to start from its weights also the model: \
                     `train({network}, data, from: {name})`"
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

/// Returns whether a number may stand for a type.
fn takes_number(ty: &SettingType) -> bool {
    match ty {
        SettingType::Int | SettingType::Signed | SettingType::Real | SettingType::Sized => true,
        SettingType::Either(types) => types.iter().any(takes_number),
        _ => false,
    }
}
