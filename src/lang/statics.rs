//! Settings: expressions evaluated before the run, at one coordinate of each axis, as the signature's types ask.

use super::axes::{Axes, AxisId, Coordinate};
use super::bind::{bind_args, bind_args_except};
use super::eval;
use super::scope::{DefId, Program};
use super::signature::{SettingType, Signature, Takes, setting_type, takes};
use super::static_value::{Settings, Static};
use super::suggest::nearest_or_list;
use super::typed::{Call, Script, Written};
use crate::base::{Diag, Diags, Span};
use crate::syntax::ast::{self, Expr, ExprKind, ItemKind};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The coordinates at which a setting is evaluated.
pub type Env = BTreeMap<AxisId, Coordinate>;

/// What settings are evaluated against.
#[derive(Clone)]
pub struct Statics<'a> {
    /// Files and names.
    pub program: &'a Program,
    /// All axes.
    pub axes: &'a Axes,
    /// Axis declarations seen so far.
    pub declared_axes: &'a BTreeMap<DefId, AxisId>,
    /// Expressions behind named coordinates.
    pub coordinate_values: &'a BTreeMap<AxisId, Vec<Written>>,
    /// Values of parameters.
    pub params: &'a BTreeMap<DefId, Static>,
    /// Values of `let`s within one evaluation; nothing while one is being evaluated, or where it has none.
    pub memo: RefCell<BTreeMap<DefId, Option<Static>>>,
}

/// A network with the arguments it is given.
#[derive(Clone, Debug)]
pub struct NetworkRef {
    /// The declaration.
    pub def: DefId,
    /// The arguments given, by parameter.
    pub args: Vec<(String, Static)>,
    /// Where it is named.
    pub span: Span,
}

/// The names that an expression of a module sees at some coordinates.
struct Scope<'s, 'a> {
    statics: &'s Statics<'a>,
    module: usize,
    env: &'s Env,
    depth: usize,
}

impl eval::Scope for Scope<'_, '_> {
    fn value(&self, name: &str) -> Option<Static> {
        self.statics.named(self.module, name, self.env, self.depth)
    }

    fn here(&self, name: &str) -> Option<eval::Here> {
        let def = self.statics.program.find(self.module, name)?;
        let (axis, coordinate) = self.statics.coordinate(def, self.env)?;
        let all = self.statics.axes.names(axis)?;
        Some(eval::Here { name: coordinate.text.clone(), all })
    }
}

/// How many declarations a setting may pass through: far beyond any real script, and short of the stack's end.
const DEPTH: usize = 64;

impl<'a> Statics<'a> {
    /// Returns a view on a checked script.
    pub fn of(program: &'a Program, script: &'a Script) -> Self {
        Statics {
            program,
            axes: &script.axes,
            declared_axes: &script.declared_axes,
            coordinate_values: &script.coordinate_values,
            params: &script.params,
            memo: RefCell::default(),
        }
    }

    /// Returns a plain value: a number, truth value, text, list or word.
    pub fn value(&self, module: usize, expr: &Expr, env: &Env) -> Result<Static, Diags> {
        self.memo.borrow_mut().clear();
        self.value_at(module, expr, env, 0)
            .map_err(|found| Diags(found.0.into_iter().map(|d| self.explained(module, d)).collect()))
    }

    /// Returns a message about a name that has no value, or, where nothing declares the name, one that says so.
    fn explained(&self, module: usize, diag: Diag) -> Diag {
        let name = self.program.sources.text(diag.span());
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        let undeclared = is_name && self.program.find(self.program.module_at(diag.span()), name).is_none();
        if diag.code == "cfx::static::unknown" && undeclared { self.unknown_name(module, name, diag.span()) } else { diag }
    }

    fn value_at(&self, module: usize, expr: &Expr, env: &Env, depth: usize) -> Result<Static, Diags> {
        eval::eval(expr, &Scope { statics: self, module, env, depth })
    }

    /// Returns the value of a `let`, evaluated once however often it is named; nothing where it leads back to itself.
    fn let_value(&self, def: DefId, value: &Expr, env: &Env, depth: usize) -> Option<Static> {
        if let Some(known) = self.memo.borrow().get(&def) {
            return known.clone();
        }
        self.memo.borrow_mut().insert(def, None);
        let found = self.value_at(def.module, value, env, depth + 1).ok();
        self.memo.borrow_mut().insert(def, found.clone());
        found
    }

    /// Returns what a name stands for: a parameter, a `let`, or an axis's coordinate here.
    fn named(&self, module: usize, name: &str, env: &Env, depth: usize) -> Option<Static> {
        if name == "none" {
            return Some(Static::None);
        }
        if depth > DEPTH {
            return None;
        }
        let def = self.program.find(module, name)?;
        match &self.program.item(def).kind {
            ItemKind::Param(_) => self.params.get(&def).cloned(),
            ItemKind::Bind { keyword: ast::Keyword::Let, value, .. } => self.let_value(def, value, env, depth),
            ItemKind::Bind { keyword: ast::Keyword::Axis, .. } => {
                let (axis, coordinate) = self.coordinate(def, env)?;
                match self.behind(axis, coordinate) {
                    Some(written) => self.value_at(written.0, &written.1, env, depth + 1).ok(),
                    None => coordinate.value.clone(),
                }
            }
            _ => None,
        }
    }

    /// Returns the coordinate here of an axis declaration.
    fn coordinate<'e>(&self, def: DefId, env: &'e Env) -> Option<(AxisId, &'e Coordinate)> {
        let axis = *self.declared_axes.get(&def)?;
        env.iter().find(|(a, _)| self.axes.whole(**a) == axis).map(|(_, c)| (axis, c))
    }

    /// Returns the expression behind a named coordinate.
    fn behind(&self, axis: AxisId, coordinate: &Coordinate) -> Option<&'a Written> {
        let at = self.axes.get(axis).coordinates.as_ref()?.iter().position(|c| c.text == coordinate.text)?;
        self.coordinate_values.get(&axis)?.get(at)
    }

    /// Follows names (`let`, axis coordinates), brackets, choices and maps over coordinates to the expression meant here.
    fn meant(&self, module: usize, expr: &'a Expr, env: &Env) -> Result<(usize, &'a Expr), Diags> {
        let (mut module, mut expr) = (module, expr);
        for _ in 0..DEPTH {
            match &expr.kind {
                ExprKind::Paren(inner) => expr = inner,
                ExprKind::If(c, yes, no) => match self.value(module, c, env)? {
                    Static::Bool(b) => expr = if b { yes } else { no },
                    _ => {
                        return Err(one(Diag::error("cfx::static::condition", c.span, "the condition is no truth value")
                            .help("compare something, such as `labels == 0%`")));
                    }
                },
                ExprKind::Name(name) => {
                    let Some(def) = self.program.find(module, name) else { return Ok((module, expr)) };
                    match &self.program.item(def).kind {
                        ItemKind::Bind { keyword: ast::Keyword::Let, value, .. } => {
                            module = def.module;
                            expr = value;
                        }
                        ItemKind::Bind { keyword: ast::Keyword::Axis, .. } => {
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
        Err(one(Diag::error("cfx::name::cycle", expr.span, "this name leads back to itself").help("break the circle")))
    }

    /// Returns a setting of a type, at the coordinates given. `inside` names the slots of inputs within settings.
    pub fn setting(
        &self,
        module: usize,
        ty: &SettingType,
        expr: &'a Expr,
        env: &Env,
        inside: &[(Span, String)],
    ) -> Result<Static, Diags> {
        // A word of the type comes before a declaration of that name; where any word is one, a declaration comes first.
        if let ExprKind::Name(name) = &expr.kind {
            if takes_any_word(ty)
                && self.program.find(module, name).is_some()
                && let Ok(Static::Word(held) | Static::Text(held)) = self.value(module, expr, env)
            {
                return Ok(Static::Word(held));
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
            let chosen = self.map_entry(entries, expr, env)?;
            return self.setting(module, ty, chosen, env, inside);
        }
        match ty {
            SettingType::Either(types) => {
                // What is wrong inside a list or a constructor is said by the alternative that has this form.
                let mut inner = None;
                for t in types {
                    match self.setting(module, t, expr, env, inside) {
                        Ok(found) => return Ok(if types.contains(&SettingType::Real) { plain(found) } else { found }),
                        Err(e) => match (&expr.kind, t) {
                            (ExprKind::Call { .. }, _) => inner = Some(e),
                            (ExprKind::List(_), SettingType::List(_)) => inner = Some(e),
                            _ => {}
                        },
                    }
                }
                Err(inner.unwrap_or_else(|| self.wrong(ty, expr)))
            }
            SettingType::List(of) => match &expr.kind {
                ExprKind::List(items) => items
                    .iter()
                    .map(|i| self.setting(module, of, i, env, inside))
                    .collect::<Result<Vec<_>, _>>()
                    .map(Static::List),
                ExprKind::Range(..) => self.value(module, expr, env),
                _ => Err(self.wrong(ty, expr)),
            },
            SettingType::Variant(variant) => self.make(module, variant, expr, env, inside),
            SettingType::Option(_) => Err(self.wrong(ty, expr)),
            SettingType::Network | SettingType::Recipe | SettingType::Layer => Ok(Static::None),
            _ => {
                let value = self.value(module, expr, env)?;
                let fits = match (ty, &value) {
                    (SettingType::Any, _) | (_, Static::None) => true,
                    (SettingType::Int, Static::Number(x)) => x.fract() == 0.0 && *x >= 0.0,
                    (SettingType::Real, Static::Number(_) | Static::Affine { .. }) => true,
                    (SettingType::Bool, Static::Bool(_)) => true,
                    (SettingType::Text | SettingType::Word, Static::Text(_)) => true,
                    _ => false,
                };
                if fits { Ok(value) } else { Err(self.wrong(ty, expr)) }
            }
        }
    }

    /// Returns the setting that a bare word means for a type, if any.
    fn word(
        &self,
        ty: &SettingType,
        name: &str,
        span: Span,
        env: &Env,
        inside: &[(Span, String)],
    ) -> Result<Option<Static>, Diags> {
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

    /// Returns the entry of a map over coordinates that belongs to the coordinates here.
    fn map_entry(&self, entries: &'a [(ast::Ident, Expr)], expr: &Expr, env: &Env) -> Result<&'a Expr, Diags> {
        for coordinate in env.values() {
            if let Some((_, value)) = entries.iter().find(|(k, _)| k.name == coordinate.text) {
                return Ok(value);
            }
        }
        if env.is_empty() {
            let diag = Diag::error(
                "cfx::axis::no_entry",
                expr.span,
                "this map is over coordinates, and nothing here depends on an axis",
            );
            return Err(one(diag.help("write one value, or give the call an argument over the axis that the map is over")));
        }
        let keys: Vec<&str> = entries.iter().map(|(k, _)| k.name.as_str()).collect();
        let here: Vec<String> = env.iter().map(|(a, c)| format!("{}: {}", self.axes.name(*a), c.text)).collect();
        Err(one(Diag::error("cfx::axis::no_entry", expr.span, format!("the map has no entry for [{}]", here.join(", ")))
            .help(format!("its entries are {}; give one for every coordinate of the axis it is over", keys.join(", ")))))
    }

    fn constructor(&self, variant: &str, name: &str) -> Option<&'a ast::Constructor> {
        self.program.variants.get(variant)?.constructors.iter().find(|c| c.name.name == name)
    }

    /// Returns the constructor that an expression names or calls, with all its fields.
    fn make(&self, module: usize, variant: &str, expr: &'a Expr, env: &Env, inside: &[(Span, String)]) -> Result<Static, Diags> {
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
    fn construct(
        &self,
        module: usize,
        variant: &str,
        (name, args, span): (&str, &[&'a ast::Arg], Span),
        env: &Env,
        inside: &[(Span, String)],
    ) -> Result<Static, Diags> {
        let Some(constructor) = self.constructor(variant, name) else {
            return Err(one(
                Diag::error("cfx::type::setting", span, format!("`{name}` makes no {variant}")).help("see `cfx doc`")
            ));
        };
        let bound = bind_args(&constructor.params, args, name, span)?;
        let mut fields = Vec::new();
        for (param, given) in constructor.params.iter().zip(bound) {
            let takes = takes(param).map_err(one)?;
            let value = match given {
                Some(given) => match inside.iter().find(|(span, _)| *span == given.span) {
                    Some((_, slot)) if !takes.inputs.is_empty() => Static::Input(slot.clone()),
                    _ if !takes.inputs.is_empty() => Static::None,
                    _ => self.setting(module, &takes.setting.unwrap_or(SettingType::Any), given, env, inside)?,
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

    fn default_of(&self, variant: &str, constructor: &str, param: &str) -> Option<&'a Expr> {
        self.constructor(variant, constructor)?.params.iter().find(|p| p.name.name == param)?.default.as_ref()
    }

    fn wrong(&self, ty: &SettingType, expr: &Expr) -> Diags {
        let written = self.program.sources.text(expr.span);
        let mut diag = Diag::error("cfx::type::setting", expr.span, format!("expected {ty}, found `{}`", shorten(written)));
        let head = match &expr.kind {
            ExprKind::Name(n) => Some(n.as_str()),
            ExprKind::Call { callee, .. } => match &callee.kind {
                ExprKind::Name(n) => Some(n.as_str()),
                _ => None,
            },
            _ => None,
        };
        let mut words = Vec::new();
        self.words_of(ty, &mut words);
        diag = match (head, words.is_empty()) {
            (Some(head), false) => diag.help(nearest_or_list(head, &words)),
            (None, false) => {
                diag.help(format!("it can be {}", words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ")))
            }
            (Some(head), true) if self.program.find(self.program.module_at(expr.span), head).is_some() => {
                diag.help("a setting must be known before the run: a number, a `param`, a `let`, or an axis's coordinate")
            }
            _ if *ty == SettingType::Network => diag.help("declare one, `network net(classes: int) { … }`, and name it here"),
            _ if *ty == SettingType::Int && written.starts_with('-') => diag.help("write a whole number from 0 here"),
            _ => diag.help(format!("write {ty} here")),
        };
        one(diag)
    }

    fn words_of<'s>(&'s self, ty: &'s SettingType, out: &mut Vec<&'s str>) {
        match ty {
            SettingType::Option(words) => out.extend(words.iter().map(String::as_str)),
            SettingType::Variant(v) => out.extend(
                self.program.variants.get(v).into_iter().flat_map(|v| v.constructors.iter().map(|c| c.name.name.as_str())),
            ),
            SettingType::Either(types) => types.iter().for_each(|t| self.words_of(t, out)),
            _ => {}
        }
    }

    /// Returns the network that an expression means here.
    pub fn network(&self, module: usize, expr: &'a Expr, env: &Env) -> Result<NetworkRef, Diags> {
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
            return Err(one(self.unknown_name(module, name, expr.span)));
        };
        let ItemKind::Network { keyword: ast::Keyword::Network, params, .. } = &self.program.item(def).kind else {
            return Err(self.wrong(&SettingType::Network, expr));
        };
        let bound = bind_args_except(params, &args, name, expr.span, &["classes"])?;
        let mut values = Vec::new();
        for (param, given) in params.iter().zip(bound) {
            if let Some(given) = given {
                let ty = param.ty.as_ref().map_or(SettingType::Any, setting_type);
                values.push((param.name.name.clone(), self.setting(module, &ty, given, env, &[])?));
            }
        }
        Ok(NetworkRef { def, args: values, span: expr.span })
    }

    /// Returns the recipe that an expression means here: its fields, those of its base first overridden, with their modules.
    pub fn recipe(&self, module: usize, expr: &'a Expr, env: &Env) -> Result<BTreeMap<String, (usize, &'a Expr)>, Diags> {
        let def = self.recipe_named(module, expr, env)?;
        recipe_fields(self.program, def, expr.span).map_err(|d| match d {
            Some(diag) => one(diag),
            None => self.wrong(&SettingType::Recipe, expr),
        })
    }

    /// Returns the declaration of the recipe that an expression means here.
    pub fn recipe_named(&self, module: usize, expr: &'a Expr, env: &Env) -> Result<DefId, Diags> {
        let (module, expr) = self.meant(module, expr, env)?;
        let ExprKind::Name(name) = &expr.kind else { return Err(self.wrong(&SettingType::Recipe, expr)) };
        self.program.find(module, name).ok_or_else(|| one(self.unknown_name(module, name, expr.span)))
    }

    /// Returns the message for a name that nothing declares.
    pub fn unknown_name(&self, module: usize, name: &str, span: Span) -> Diag {
        let diag = Diag::error("cfx::name::unknown", span, format!("nothing here is called `{name}`"));
        if let Some(topic) = self.program.topic_of(name) {
            return diag.help(format!("take it from the standard library: `use std.{topic} {{ {name} }}`"));
        }
        let mut all: Vec<&str> =
            self.program.modules.get(module).map(|m| m.names.keys().map(String::as_str).collect()).unwrap_or_default();
        all.extend(self.program.operations.keys().map(String::as_str));
        match super::suggest::nearest(name, &all) {
            Some(near) => diag.help(format!("did you mean `{near}`?")),
            None => diag.help(format!("declare `{name}`, or take it from another file with `use`")),
        }
    }

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

    /// Returns one setting of an operation at the coordinates given; nothing where there is none, or something is wrong with it.
    pub fn single(&self, signature: &'a Signature, call: &'a Call, name: &str, env: &Env) -> Option<Static> {
        let at = signature.params.iter().position(|p| p.name.name == name)?;
        let recipe = match &call.recipe {
            Some(written) => self.recipe(written.0, &written.1, env).ok()?,
            None => BTreeMap::new(),
        };
        let (module, expr) = self.source(&signature.params[at], call, &recipe)?;
        self.setting(module, signature.takes[at].setting.as_ref()?, expr, env, &[]).ok()
    }

    /// Returns an operation's settings at the coordinates given: what is written, then the recipe's fields, then defaults.
    pub fn settings(&self, signature: &'a Signature, call: &'a Call, env: &Env) -> Result<(Settings, Option<NetworkRef>), Diags> {
        let mut out = Vec::new();
        let mut network = None;
        let mut diags = Diags::default();
        let inside: Vec<(Span, String)> = call.inside.iter().map(|(s, n, _)| (*s, n.clone())).collect();
        let recipe = match &call.recipe {
            Some(written) => self.recipe(written.0, &written.1, env)?,
            None => BTreeMap::new(),
        };
        for (param, takes) in signature.params.iter().zip(&signature.takes) {
            let name = &param.name.name;
            if name == "seed" || !is_setting(takes) {
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
                    Err(e) => diags.extend(e),
                }
                continue;
            }
            if ty == SettingType::Recipe {
                continue;
            }
            match self.setting(module, &ty, expr, env, &inside) {
                Ok(value) => out.push((name.clone(), value)),
                Err(e) => diags.extend(e),
            }
        }
        for (name, value) in &call.decided {
            if !out.iter().any(|(n, _)| n == name) {
                out.push((name.clone(), value.clone()));
            }
        }
        if diags.0.is_empty() { Ok((Settings(out), network)) } else { Err(diags) }
    }
}

/// Returns the fields of a recipe, those of its bases where it has none of that name, with their modules.
///
/// Errors: nothing where a declaration is no recipe; a message where a base is unknown or leads back.
pub fn recipe_fields(program: &Program, def: DefId, span: Span) -> Result<BTreeMap<String, (usize, &Expr)>, Option<Diag>> {
    let mut out = BTreeMap::new();
    let mut def = def;
    for _ in 0..DEPTH {
        let ItemKind::Recipe { base, fields, .. } = &program.item(def).kind else { return Err(None) };
        for field in fields {
            if let Some(n) = &field.name {
                out.entry(n.name.clone()).or_insert((def.module, &field.value));
            }
        }
        let Some(base) = base else { return Ok(out) };
        match program.find(def.module, &base.name) {
            Some(next) => def = next,
            None => {
                let diag = Diag::error("cfx::name::unknown", base.span, format!("nothing here is called `{}`", base.name));
                return Err(Some(diag.help("a recipe is made from another recipe, declared here or taken with `use`")));
            }
        }
    }
    Err(Some(Diag::error("cfx::name::cycle", span, "this recipe is made from itself").help("break the circle")))
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

/// Returns whether a parameter is a setting: neither an input nor an axis word alone.
pub fn is_setting(takes: &Takes) -> bool {
    takes.setting.is_some()
}

/// Returns the arguments of a call, those of its block last.
pub fn all_args<'e>(args: &'e [ast::Arg], block: &'e Option<ast::Block>) -> Vec<&'e ast::Arg> {
    let fields: &[ast::Arg] = match block {
        Some(ast::Block::Fields(fields)) => fields,
        _ => &[],
    };
    args.iter().chain(fields).collect()
}

/// Returns a list of one message.
pub fn one(diag: Diag) -> Diags {
    Diags(vec![diag])
}

/// Returns a text cut to one line of a readable length.
pub fn shorten(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > 40 { format!("{}…", line.chars().take(40).collect::<String>()) } else { line }
}

/// Wraps an expression as written in a module.
pub fn written(module: usize, expr: &Expr) -> Written {
    Rc::new((module, expr.clone()))
}
