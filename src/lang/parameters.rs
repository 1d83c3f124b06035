//! Parameters: their defaults, and the values that they are given from outside.

use super::checker::Checker;
use super::finding::{Finding, Findings, What};
use super::lets::Lets;
use super::scope::DefId;
use super::signature::{SettingType, setting_type};
use super::static_value::Static;
use super::statics::{Env, Statics};
use crate::base::{Diag, Diags};
use crate::syntax::ast::{self, Expr, ExprKind, ItemKind, Keyword};
use std::collections::BTreeMap;

impl<'a> Checker<'a> {
    /// Evaluates parameters: what `--set` gives, or their defaults. `--set` reaches the parameters that the script can name: its own, and
    /// those that it takes from other files. Returns what was set: name, value and default as written.
    pub(super) fn parameters(&mut self, set: &[(String, String)]) -> Vec<(String, String, String)> {
        let program = self.program();
        let mut known: BTreeMap<&str, DefId> = BTreeMap::new();
        for (name, def) in &program.modules[program.main].names {
            if matches!(program.item(*def).kind, ItemKind::Param(_)) {
                known.insert(name, *def);
            }
        }
        let mut given: BTreeMap<DefId, (&str, &str)> = BTreeMap::new();
        let mut overrides = Vec::new();
        for (name, text) in set {
            let Some(def) = known.get(name.as_str()) else {
                let names: Vec<&str> = known.keys().copied().collect();
                let span = program.modules[program.main].file.items.first().map(|i| i.span).unwrap_or_default();
                let message = format!("`--set {name}={text}`: the script has no parameter `{name}`");
                let help = match names.is_empty() {
                    true => format!("declare one: `param {name} = …`"),
                    false => super::suggest::nearest_or_list(name, &names),
                };
                self.say(Diag::error("cfx::param::unknown", span, message).help(help));
                continue;
            };
            let ItemKind::Param(param) = &program.item(*def).kind else { continue };
            if let Some((_, before)) = given.insert(*def, (name, text)) {
                let message = format!("`{name}` is set twice, to `{before}` and to `{text}`");
                self.say(Diag::error("cfx::param::value", param.name.span, message).help("give `--set` once for each parameter"));
                continue;
            }
            let default = param.default.as_ref().map_or("", |d| program.sources.text(d.span));
            overrides.push((name.clone(), text.clone(), default.to_string()));
        }
        for def in program.order().sorted.iter().filter(|d| program.modules[d.module].topic.is_none()) {
            if let ItemKind::Param(param) = &program.item(*def).kind
                && !self.circular(*def)
            {
                self.parameter(*def, param, given.get(def).copied());
            }
        }
        overrides
    }

    /// Evaluates one parameter.
    fn parameter(&mut self, def: DefId, param: &'a ast::Param, given: Option<(&str, &str)>) {
        let program = self.program();
        let others: Vec<&str> = program.variants.keys().map(String::as_str).collect();
        if let Some(diag) = param.ty.as_ref().and_then(|t| super::type_names::wrong(t, &others)) {
            self.say(diag);
            return;
        }
        let ty = param.ty.as_ref().map_or(SettingType::Any, setting_type);
        let default = |c: &Self| {
            let value = |d: &'a Expr| {
                let found = c.statics().setting(def.module, &ty, d, &Env::new(), &[]);
                found.map_err(|found| Diags::from(meant_by_word(found, &ty)))
            };
            param.default.as_ref().map(value)
        };
        let value = match given {
            Some((name, text)) => self.set_value(&ty, name, text).map_err(|why| {
                let message = format!("`--set {name}={text}` does not fit the parameter");
                let help = why.unwrap_or_else(|| format!("give it {ty}"));
                Diags::from(Diag::error("cfx::param::value", param.name.span, message).help(help))
            }),
            None => default(self).unwrap_or_else(|| {
                let name = &param.name.name;
                let message = format!("the parameter `{name}` has no value");
                let help = format!("give it one with `--set {name}=…`, or write a default");
                Err(Diags::from(Diag::error("cfx::param::missing", param.name.span, message).help(help)))
            }),
        };
        match value {
            Ok(v) => {
                self.set_param(def, v);
            }
            Err(e) => {
                let axis = |d: &DefId| matches!(program.item(*d).kind, ItemKind::Bind { keyword: Keyword::Axis, .. });
                if e.0.is_empty() && program.order().below(def, |_| true).iter().any(axis) {
                    let diag = Diag::error("cfx::static::unknown", param.name.span, "a parameter cannot depend on an axis");
                    self.say(diag.help("it has one value in the whole script; write the number, or use `let`"));
                }
                self.say_all(e);
                // What depends on it is no further mistake.
                if let Some(Ok(v)) = default(self) {
                    self.set_param(def, v);
                }
            }
        }
    }

    /// Returns the value of a text given from outside.
    ///
    /// Errors: it does not fit the type; what is more to be said than the type.
    fn set_value(&self, ty: &SettingType, name: &str, text: &str) -> Result<Static, Option<String>> {
        // Strings need no quotes on the command line.
        if *ty == SettingType::Text && !text.starts_with('"') {
            return Ok(Static::Text(text.to_string()));
        }
        // Behind the texts of the script, so that messages about it quote it and not what has the same place there.
        let mut sources = self.program().sources.clone();
        let source = sources.add("--set", format!("let value = {text}\n"));
        let (file, errors) = crate::syntax::parse(&source);
        let [item] = file.items.as_slice() else { return Err(None) };
        match &item.kind {
            ItemKind::Bind { value, .. } if !errors.has_errors() => {
                // What it names is looked up as it is now, and nothing of that is kept.
                let (value, lets): (&Expr, Lets) = (value, Lets::default());
                let statics = Statics { lets: &lets, outside: Some(&sources), ..self.statics() };
                let help = |found: Finding| match found.what {
                    What::NoSetting { help, .. } => Some(help),
                    What::TooLarge { help, .. } => help,
                    _ => None,
                };
                let several =
                    matches!(value.kind, ExprKind::List(_) | ExprKind::Range(..)) && !matches!(ty, SettingType::List(_));
                let found = statics.setting(self.program().main, ty, value, &Env::new(), &[]);
                found.map_err(|found| match several {
                    true => Some(format!(
                        "`--set` gives one value; several are an axis in the script: `axis {name} = {text}` in place of the parameter"
                    )),
                    false => found.0.into_iter().find_map(help),
                })
            }
            _ => Err(None),
        }
    }
}

/// Returns findings about a default with better help: a word that nothing declares may stand for a truth value or a text.
fn meant_by_word(mut findings: Findings, ty: &SettingType) -> Findings {
    for finding in &mut findings.0 {
        let What::UnknownName { name, help } = &mut finding.what else { continue };
        match (ty, name.to_lowercase().as_str()) {
            (SettingType::Bool, "yes" | "on" | "t" | "y") => *help = "it is written `true`".to_string(),
            (SettingType::Bool, "no" | "off" | "f" | "n") => *help = "it is written `false`".to_string(),
            (SettingType::Text, _) => *help = format!("write text in double quotes: `\"{name}\"`"),
            _ => {}
        }
    }
    findings
}
