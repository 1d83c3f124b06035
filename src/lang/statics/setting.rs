//! Settings of a type: numbers, words, lists, as a signature asks for them.

use super::misfit::KNOWN;
use super::view::{Env, Statics};
use crate::base::Span;
use crate::lang::finding::{Findings, What};
use crate::lang::signature::SettingType;
use crate::lang::static_value::{LARGEST_WHOLE, Static};
use crate::syntax::ast::{self, Expr, ExprKind};

impl<'a> Statics<'a> {
    /// Returns a setting of a type, at the coordinates given. `inside` names the slots of inputs within settings.
    pub fn setting(
        &self,
        module: usize,
        ty: &SettingType,
        expr: &'a Expr,
        env: &Env,
        inside: &[(Span, String)],
    ) -> Result<Static, Findings> {
        // A word of the type comes before a declaration of that name; where any word is one, a declaration comes first.
        if let ExprKind::Name(name) = &expr.kind {
            if takes_any_word(ty)
                && (self.program.find(module, name).is_some() || self.own(name, env).is_some())
                && let Ok(Static::Word(held) | Static::Text(held)) = self.value(module, expr, env)
            {
                return Ok(Static::Word(held));
            }
            // `let word = low`: a word that nothing declares stands for itself.
            if takes_any_word(ty)
                && let Some(def) = self.program.find(module, name)
                && let ast::ItemKind::Bind { keyword: ast::Keyword::Let, value, .. } = &self.program.item(def).kind
                && let ExprKind::Name(held) = &value.kind
                && held != name
            {
                return self.setting(def.module, ty, value, env, inside);
            }
            if let Some(found) = self.word(ty, name, expr.span, env, inside)? {
                return Ok(found);
            }
            if name == "none" {
                return Ok(Static::None);
            }
        }
        let (module, expr) = self.meant(module, expr, env)?;
        if let ExprKind::Name(name) = &expr.kind {
            if let Some(found) = self.word(ty, name, expr.span, env, inside)? {
                return Ok(found);
            }
            // A coordinate or parameter may hold the word.
            if let Ok(Static::Word(held) | Static::Text(held)) = self.value(module, expr, env)
                && *ty != SettingType::Text
                && let Some(found) = self.word(ty, &held, expr.span, env, inside)?
            {
                return Ok(found);
            }
        }
        if let ExprKind::Map(entries) = &expr.kind
            && !matches!(ty, SettingType::Any)
        {
            let chosen = self.map_entry(entries, expr, env).map_err(|e| self.fields_alone(ty, entries, expr).unwrap_or(e))?;
            return self.setting(module, ty, chosen, env, inside);
        }
        match ty {
            SettingType::Either(types) => {
                // What is wrong inside a list or a constructor is said by the alternative that has this form; beyond that, what is more
                // than that the type does not fit.
                let mut inner = None;
                for t in types {
                    match self.setting(module, t, expr, env, inside) {
                        Ok(found) => return Ok(if types.contains(&SettingType::Real) { plain(found) } else { found }),
                        Err(e) => match (&expr.kind, t) {
                            (ExprKind::Call { callee, .. }, SettingType::Variant(v)) => {
                                if matches!(&callee.kind, ExprKind::Name(n) if self.constructor(v, n).is_some()) {
                                    return Err(e);
                                }
                            }
                            (ExprKind::List(_), SettingType::List(_)) => inner = Some(e),
                            (ExprKind::Call { .. } | ExprKind::List(_), _) => {}
                            _ if e.0.iter().all(|f| f.decides()) => inner = Some(e),
                            _ => {}
                        },
                    }
                }
                Err(inner.unwrap_or_else(|| self.wrong(ty, expr)))
            }
            SettingType::List(of) => match &expr.kind {
                ExprKind::List(items) => items
                    .iter()
                    .map(|i| match self.setting(module, of, i, env, inside)? {
                        Static::None => Err(self.wrong(of, i)),
                        value => Ok(value),
                    })
                    .collect::<Result<Vec<_>, _>>()
                    .map(Static::List),
                ExprKind::Range(..) => match self.value(module, expr, env)? {
                    Static::List(items) if !items.iter().all(|i| is_element(of, i)) => Err(self.wrong(ty, expr)),
                    value => Ok(value),
                },
                // A parameter, whose value is a list.
                ExprKind::Name(_) if let Ok(Static::List(items)) = self.value(module, expr, env) => {
                    match items.iter().all(|i| is_element(of, i)) {
                        true => Ok(Static::List(items)),
                        false => Err(self.wrong(ty, expr)),
                    }
                }
                _ if **of == SettingType::Text && self.program.sources.text(expr.span).parse::<f64>().is_ok() => {
                    Err(self.number_for_texts(ty, expr))
                }
                _ => match self.setting(module, of, expr, env, inside) {
                    Ok(Static::None) | Err(_) => Err(self.wrong(ty, expr)),
                    Ok(_) => Err(self.one_of_a_list(ty, expr)),
                },
            },
            SettingType::Variant(variant) => self.make(module, variant, expr, env, inside),
            SettingType::Option(_) => Err(self.wrong(ty, expr)),
            SettingType::Network | SettingType::Recipe | SettingType::Layer => Ok(Static::None),
            _ => {
                if *ty == SettingType::Text
                    && let ExprKind::Name(name) = &expr.kind
                    && self.program.find(module, name).is_none()
                    && self.own(name, env).is_none()
                {
                    return Err(self.unquoted(ty, expr));
                }
                let value = self.value(module, expr, env)?;
                let fits = match (ty, &value) {
                    (SettingType::Any, _) | (_, Static::None) => true,
                    (SettingType::Int, Static::Number(x)) => x.fract() == 0.0 && (0.0..=LARGEST_WHOLE).contains(x),
                    (SettingType::Signed, Static::Number(x)) => x.fract() == 0.0 && x.abs() <= LARGEST_WHOLE,
                    (SettingType::Real, Static::Number(_)) => true,
                    (SettingType::Sized, Static::Affine { .. }) => true,
                    (SettingType::Bool, Static::Bool(_)) => true,
                    (SettingType::Text | SettingType::Word, Static::Text(_)) => true,
                    _ => false,
                };
                if fits { Ok(value) } else { Err(held(self.wrong_value(ty, expr, &value), expr, &value)) }
            }
        }
    }

    /// Returns the setting that a parameter is given, at the coordinates given. `none` is one where the signature says so; of a list it is
    /// the empty one.
    pub(super) fn given(
        &self,
        param: &ast::Param,
        module: usize,
        ty: &SettingType,
        expr: &'a Expr,
        env: &Env,
        inside: &[(Span, String)],
    ) -> Result<Static, Findings> {
        match self.setting(module, ty, expr, env, inside)? {
            Static::None if may_be_none(param, ty) => Ok(Static::None),
            Static::None if is_list(ty) => Ok(Static::List(Vec::new())),
            Static::None => Err(self.wrong(ty, expr)),
            value => Ok(value),
        }
    }

    /// Returns the setting that a bare word means for a type, if any.
    pub(super) fn word(
        &self,
        ty: &SettingType,
        name: &str,
        span: Span,
        env: &Env,
        inside: &[(Span, String)],
    ) -> Result<Option<Static>, Findings> {
        match ty {
            SettingType::Option(words) if words.iter().any(|w| w == name) => Ok(Some(Static::Word(name.to_string()))),
            SettingType::Word if name != "none" => Ok(Some(Static::Word(name.to_string()))),
            SettingType::Variant(variant) if self.constructor(variant, name).is_some() => {
                self.construct(self.program.main, variant, (name, &[], span), env, inside).map(Some)
            }
            SettingType::Either(types) => {
                for t in types {
                    if let Some(found) = self.word(t, name, span, env, inside)? {
                        return Ok(Some(found));
                    }
                }
                Ok(None)
            }
            _ => Ok(None),
        }
    }
}

/// Returns what was found of a name with the value that it stands for here: at one of an axis's coordinates it is wrong, at others it may fit.
fn held(mut findings: Findings, expr: &Expr, value: &Static) -> Findings {
    let ExprKind::Name(name) = &expr.kind else { return findings };
    if !matches!(value, Static::Number(_) | Static::Text(_) | Static::Bool(_)) {
        return findings;
    }
    for finding in &mut findings.0 {
        if let What::NoSetting { expected, written, help } = &mut finding.what
            && *written == *name
        {
            *written = format!("{name} = {}", value.to_json());
            if help.starts_with(KNOWN) {
                *help = format!("give `{name}` a value here that is {expected}");
            }
        }
    }
    findings
}

/// Returns whether a signature allows `none` for a parameter: as its default, or among its types.
fn may_be_none(param: &ast::Param, ty: &SettingType) -> bool {
    let default = matches!(param.default.as_ref().map(|d| &d.kind), Some(ExprKind::Name(n)) if n == "none");
    let alternatives = param.ty.iter().flat_map(|t| &t.alternatives);
    let named = alternatives.into_iter().any(|a| matches!(a, ast::TypeAtom::Name(n) if n.name == "none"));
    let word = matches!(ty, SettingType::Option(words) if words.iter().any(|w| w == "none"));
    default || named || word || matches!(ty, SettingType::Any | SettingType::Network | SettingType::Recipe | SettingType::Layer)
}

/// Returns whether a number of a range may stand in a list of this type.
fn is_element(of: &SettingType, item: &Static) -> bool {
    match (of, item) {
        (SettingType::Either(types), _) => types.iter().any(|t| is_element(t, item)),
        (SettingType::Int, Static::Number(x)) => x.fract() == 0.0 && (0.0..=LARGEST_WHOLE).contains(x),
        (SettingType::Signed, Static::Number(x)) => x.fract() == 0.0 && x.abs() <= LARGEST_WHOLE,
        (SettingType::Real, Static::Number(_)) | (SettingType::Bool, Static::Bool(_)) => true,
        (SettingType::Text | SettingType::Word, Static::Text(_)) | (SettingType::Word, Static::Word(_)) => true,
        (SettingType::Option(words), Static::Word(word)) => words.contains(word),
        (SettingType::Any, _) => true,
        _ => false,
    }
}

fn is_list(ty: &SettingType) -> bool {
    match ty {
        SettingType::List(_) => true,
        SettingType::Either(types) => types.iter().any(is_list),
        _ => false,
    }
}

fn takes_any_word(ty: &SettingType) -> bool {
    match ty {
        SettingType::Word => true,
        SettingType::Either(types) => types.iter().any(takes_any_word),
        _ => false,
    }
}

/// Returns the number that a constructor with the single field `value` stands for, such as `constant(0.1)`: where a type takes a number as well,
/// both ways of writing it have one key.
fn plain(found: Static) -> Static {
    if let Static::Make(_, fields) = &found
        && let [(name, value @ Static::Number(_))] = &fields[..]
        && name == "value"
    {
        return value.clone();
    }
    found
}
