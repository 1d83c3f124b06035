//! Settings: expressions evaluated before the run, at one coordinate of each axis, as the signature's types ask.

use super::axes::{Axes, AxisId, Coordinate};
use super::bind::{bind_args, bind_args_except};
use super::eval::{self, Outcome};
use super::finding::{Finding, Findings, What};
use super::lets::Lets;
use super::scope::{DefId, Program, declared};
use super::signature::{SettingType, Signature, Takes, setting_type, takes};
use super::static_value::{LARGEST_WHOLE, Settings, Static};
use super::suggest::nearest_or_list;
use super::typed::{Call, Script, Written};
use crate::base::Span;
use crate::syntax::ast::{self, Expr, ExprKind, ItemKind};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The most declared names that a misspelt one is compared with.
const MOST_COMPARED: usize = 2000;

/// The coordinates at which a setting is evaluated.
pub type Env = BTreeMap<AxisId, Rc<Coordinate>>;

/// What settings are evaluated against.
#[derive(Clone, Copy)]
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
    /// Values of `let`s that depend on no axis.
    pub lets: &'a Lets,
    /// Where axes are noted whose coordinates are looked at: what is evaluated depends on no others.
    pub read: Option<&'a RefCell<BTreeSet<AxisId>>>,
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

/// Evaluates expressions of a module at some coordinates.
struct Evaluation<'s, 'a> {
    statics: &'s Statics<'a>,
    env: &'s Env,
    /// Values of the `let`s and axes met on the way.
    memo: RefCell<BTreeMap<DefId, Outcome>>,
}

/// The names that an expression of a module sees.
struct Scope<'e, 's, 'a> {
    evaluation: &'e Evaluation<'s, 'a>,
    module: usize,
}

impl eval::Scope for Scope<'_, '_, '_> {
    fn value(&self, name: &str, span: Span) -> Option<Outcome> {
        self.evaluation.named(self.module, name, span)
    }

    fn called(&self, name: &str, span: Span) -> Option<Box<Finding>> {
        let statics = self.evaluation.statics;
        let program = statics.program;
        let known = program.find(self.module, name).is_some()
            || program.operations.contains_key(name)
            || program.layers.contains_key(name)
            || program.variants.values().any(|v| v.constructors.iter().any(|c| c.name.name == name));
        (!known).then(|| Box::new(statics.unknown_name(self.module, name, span)))
    }

    fn here(&self, name: &str) -> Option<eval::Here> {
        let statics = self.evaluation.statics;
        let def = statics.program.find(self.module, name)?;
        let (axis, coordinate) = statics.coordinate(def, self.evaluation.env)?;
        let all = statics.axes.names(axis)?;
        Some(eval::Here { name: coordinate.text.clone(), all })
    }
}

impl Evaluation<'_, '_> {
    fn value(&self, module: usize, expr: &Expr) -> Outcome {
        eval::eval(expr, &Scope { evaluation: self, module })
    }

    /// Returns what a name stands for: a parameter, a `let`, or an axis's coordinate here; nothing where it may be a word.
    fn named(&self, module: usize, name: &str, span: Span) -> Option<Outcome> {
        if name == "none" {
            return Some(Ok(Static::None));
        }
        let found = |what| Some(Err(Box::new(Finding::new(span, what))));
        let program = self.statics.program;
        let Some(def) = program.find(module, name) else {
            return match name {
                eval::DIM => None,
                _ => Some(Err(Box::new(self.statics.unknown_name(module, name, span)))),
            };
        };
        match &program.item(def).kind {
            ItemKind::Param(_) => match self.statics.params.get(&def) {
                Some(value) => Some(Ok(value.clone())),
                None => found(What::Consequence),
            },
            ItemKind::Bind { keyword: ast::Keyword::Let, .. } => Some(self.declared(def)),
            ItemKind::Bind { keyword: ast::Keyword::Axis, .. } => {
                let Some(declared) = self.statics.declared_axes.get(&def) else { return found(What::Consequence) };
                match self.statics.coordinate(def, self.env) {
                    None => found(What::Waiting { axis: name.to_string() }),
                    Some((axis, coordinate)) if self.statics.behind(axis, coordinate).is_some() => {
                        Some(match self.declared(def) {
                            // A network, recipe or result behind the coordinate has no value of its own.
                            Err(finding)
                                if matches!(
                                    finding.what,
                                    What::Computed { .. } | What::NotBefore { .. } | What::Result { .. }
                                ) =>
                            {
                                let example =
                                    self.statics.axes.names(*declared).and_then(|n| n.into_iter().next()).unwrap_or_default();
                                Err(Box::new(Finding::new(span, What::NoValue { axis: name.to_string(), example })))
                            }
                            other => other,
                        })
                    }
                    Some((_, coordinate)) => match &coordinate.value {
                        Some(value) => Some(Ok(value.clone())),
                        None => found(What::NotBefore { name: name.to_string() }),
                    },
                }
            }
            ItemKind::Bind { .. } => found(What::Result { name: name.to_string() }),
            _ => found(What::NotBefore { name: name.to_string() }),
        }
    }

    /// Returns the value of a `let` or of an axis whose coordinates stand for something, evaluated once however often it is named, those it
    /// is made from first.
    fn declared(&self, def: DefId) -> Outcome {
        if let Some(known) = self.memo.borrow().get(&def).cloned().or_else(|| self.statics.lets.known(def)) {
            return known;
        }
        let program = self.statics.program;
        let evaluated = |d: DefId| {
            matches!(program.item(d).kind, ItemKind::Bind { keyword: ast::Keyword::Let | ast::Keyword::Axis, .. })
                && self.statics.lets.known(d).is_none()
        };
        for below in program.order().below(def, evaluated) {
            if self.memo.borrow().contains_key(&below) || !evaluated(below) {
                continue;
            }
            let span = self.statics.place(below);
            // What leads back to itself has no value, which is said where it is declared.
            self.memo.borrow_mut().insert(below, Err(Box::new(Finding::consequence(span))));
            if program.leads_back(below) {
                continue;
            }
            let value = match &program.item(below).kind {
                ItemKind::Bind { keyword: ast::Keyword::Let, value, .. } => self.value(below.module, value),
                _ => match self.statics.coordinate(below, self.env).and_then(|(a, c)| self.statics.behind(a, c)) {
                    Some(written) => self.value(written.0, &written.1),
                    None => continue,
                },
            };
            if !self.statics.varies(below) {
                self.statics.lets.keep(below, value.clone());
            }
            self.memo.borrow_mut().insert(below, value);
        }
        let known = self.memo.borrow().get(&def).cloned();
        known
            .or_else(|| self.statics.lets.known(def))
            .unwrap_or_else(|| Err(Box::new(Finding::consequence(self.statics.place(def)))))
    }
}

impl<'a> Statics<'a> {
    /// Returns a view on a checked script.
    pub fn of(program: &'a Program, script: &'a Script) -> Self {
        Statics {
            program,
            axes: &script.axes,
            declared_axes: &script.declared_axes,
            coordinate_values: &script.coordinate_values,
            params: &script.params,
            lets: &script.lets,
            read: None,
        }
    }

    /// Returns the same view, which notes the axes whose coordinates are looked at.
    pub fn noting(self, read: &'a RefCell<BTreeSet<AxisId>>) -> Self {
        Statics { read: Some(read), ..self }
    }

    fn note(&self, axis: AxisId) {
        if let Some(read) = self.read {
            read.borrow_mut().insert(axis);
        }
    }

    /// Returns a plain value: a number, truth value, text, list or word.
    pub fn value(&self, module: usize, expr: &Expr, env: &Env) -> Result<Static, Findings> {
        let evaluation = Evaluation { statics: self, env, memo: RefCell::default() };
        evaluation.value(module, expr).map_err(Findings::from)
    }

    /// Returns the place of a declaration's name.
    fn place(&self, def: DefId) -> Span {
        let item = self.program.item(def);
        declared(&item.kind).map_or(item.span, |n| n.span)
    }

    /// Returns whether the value of a `let` depends on an axis, be it through other `let`s.
    fn varies(&self, def: DefId) -> bool {
        if let Some(known) = self.lets.varies(def) {
            return known;
        }
        let is = |d: DefId, wanted: ast::Keyword| matches!(&self.program.item(d).kind, ItemKind::Bind { keyword, .. } if *keyword == wanted);
        for below in self.program.order().below(def, |d| is(d, ast::Keyword::Let) && self.lets.varies(d).is_none()) {
            let through =
                |d: &DefId| is(*d, ast::Keyword::Axis) || is(*d, ast::Keyword::Let) && self.lets.varies(*d) == Some(true);
            let varies = is(below, ast::Keyword::Axis) || self.program.order().mentions(below).iter().any(through);
            self.lets.note(below, varies);
        }
        self.lets.varies(def).unwrap_or(true)
    }

    /// Returns the coordinate here of an axis declaration.
    fn coordinate<'e>(&self, def: DefId, env: &'e Env) -> Option<(AxisId, &'e Coordinate)> {
        let axis = *self.declared_axes.get(&def)?;
        let (own, here) = env.iter().find(|(a, _)| self.axes.whole(**a) == axis)?;
        self.note(*own);
        Some((axis, here))
    }

    /// Returns the expression behind a named coordinate.
    fn behind(&self, axis: AxisId, coordinate: &Coordinate) -> Option<&'a Written> {
        let values = self.coordinate_values.get(&axis)?;
        let at = self.axes.get(axis).coordinates.as_ref()?.iter().position(|c| c.text == coordinate.text)?;
        values.get(at)
    }

    /// Follows names (`let`, axis coordinates), brackets, choices and maps over coordinates to the expression meant here.
    fn meant(&self, module: usize, expr: &'a Expr, env: &Env) -> Result<(usize, &'a Expr), Findings> {
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
                    (SettingType::Int, Static::Number(x)) => x.fract() == 0.0 && (0.0..=LARGEST_WHOLE).contains(x),
                    (SettingType::Signed, Static::Number(x)) => x.fract() == 0.0 && x.abs() <= LARGEST_WHOLE,
                    (SettingType::Real, Static::Number(_)) => true,
                    (SettingType::Sized, Static::Affine { .. }) => true,
                    (SettingType::Bool, Static::Bool(_)) => true,
                    (SettingType::Text | SettingType::Word, Static::Text(_)) => true,
                    _ => false,
                };
                if fits { Ok(value) } else { Err(self.wrong_value(ty, expr, &value)) }
            }
        }
    }

    /// Returns the setting that a parameter is given, at the coordinates given. `none` is one where the signature says so; of a list it is
    /// the empty one.
    fn given(
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
    fn word(
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

    /// Returns the entry of a map over coordinates that belongs to the coordinates here.
    fn map_entry(&self, entries: &'a [(ast::Ident, Expr)], expr: &Expr, env: &Env) -> Result<&'a Expr, Findings> {
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

    fn constructor(&self, variant: &str, name: &str) -> Option<&'a ast::Constructor> {
        self.program.variants.get(variant)?.constructors.iter().find(|c| c.name.name == name)
    }

    /// Returns the constructor that an expression names or calls, with all its fields.
    fn make(
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
    fn construct(
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
                    _ => self.given(param, module, &takes.setting.unwrap_or(SettingType::Any), given, env, inside)?,
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

    /// Returns that an expression is none of a type.
    fn wrong(&self, ty: &SettingType, expr: &Expr) -> Findings {
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
    fn wrong_value(&self, ty: &SettingType, expr: &Expr, value: &Static) -> Findings {
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
    fn network_help(&self, declared: Option<DefId>, head: Option<&str>) -> String {
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

    /// Returns that nothing declares a name; a consequence where its declaration could not be read, which has been said.
    pub fn unknown_name(&self, module: usize, name: &str, span: Span) -> Finding {
        if self.program.is_lost(name) {
            return Finding::consequence(span);
        }
        let help = if let Some(topic) = self.program.topic_of(name) {
            format!("take it from the standard library: `use std.{topic} {{ {name} }}`")
        } else {
            let mut all: Vec<&str> =
                self.program.modules.get(module).map(|m| m.names.keys().map(String::as_str).collect()).unwrap_or_default();
            // Spellings are compared with every name: in a script of thousands only with the built-ins.
            if all.len() > MOST_COMPARED {
                all.clear();
            }
            all.extend(self.program.operations.keys().map(String::as_str));
            match (foreign_value(name), super::suggest::nearest(name, &all), self.program.near_in_topics(name)) {
                (Some(help), _, _) => help.to_string(),
                (None, Some(near), _) => format!("did you mean `{near}`?"),
                (None, None, Some((near, topic))) => format!("did you mean `{near}`? `use std.{topic} {{ {near} }}`"),
                (None, None, None) => format!("declare `{name}`, or take it from another file with `use`"),
            }
        };
        Finding::new(span, What::UnknownName { name: name.to_string(), help })
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

    /// Returns one setting of an operation at the coordinates given, with its place; nothing where there is none.
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

/// Returns the fields of a recipe, those of its bases where it has none of that name, with their modules.
///
/// Errors: nothing where a declaration is no recipe; a message where a base is unknown or leads back.
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

/// Returns what to write for a value known from other languages.
pub fn foreign_value(name: &str) -> Option<&'static str> {
    Some(match name {
        "True" | "TRUE" => "it is written `true`",
        "False" | "FALSE" => "it is written `false`",
        "None" | "null" | "NULL" | "nil" | "nothing" | "undefined" | "Null" => {
            "nothing is written `none`, in an argument that may be left out"
        }
        "NaN" | "nan" | "NA" | "inf" | "Inf" | "infinity" | "missing" => {
            "there is no such number: what cannot be computed is absent by itself"
        }
        "pi" | "math" | "np" | "torch" | "plt" | "pd" | "sklearn" | "nn" | "tf" => {
            "there are no modules to compute with: operations are built in (`cfx doc` lists them), and numbers are written out"
        }
        _ => return None,
    })
}

/// Returns whether a signature allows `none` for a parameter: as its default, or among its types.
fn may_be_none(param: &ast::Param, ty: &SettingType) -> bool {
    let default = matches!(param.default.as_ref().map(|d| &d.kind), Some(ExprKind::Name(n)) if n == "none");
    let alternatives = param.ty.iter().flat_map(|t| &t.alternatives);
    let named = alternatives.into_iter().any(|a| matches!(a, ast::TypeAtom::Name(n) if n.name == "none"));
    let word = matches!(ty, SettingType::Option(words) if words.iter().any(|w| w == "none"));
    default || named || word || matches!(ty, SettingType::Any | SettingType::Network | SettingType::Recipe | SettingType::Layer)
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

/// Returns a text cut to one line of a readable length.
pub fn shorten(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > 40 { format!("{}…", line.chars().take(40).collect::<String>()) } else { line }
}

/// Wraps an expression as written in a module.
pub fn written(module: usize, expr: &Expr) -> Written {
    Rc::new((module, expr.clone()))
}
