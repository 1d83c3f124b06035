//! Declarations: results, figures and claims, `let`s, recipes, networks, the experiment.

use super::checker::Checker;
use super::kind::Kind;
use super::library::Names;
use super::net;
use super::scope::{DefId, Program, declared};
use super::signature::{SettingType, Takes};
use super::static_value::{LARGEST_WHOLE, Static};
use super::statics::Env;
use super::typed::{Script, Typed, ValueDecl, ValueId};
use crate::base::text::{shorten, with_article};
use crate::base::{Diag, Diags, Span};
use crate::syntax::ast::{self, Expr, ExprKind, ItemKind, Keyword};
use std::rc::Rc;

/// Longest circle of results that is followed by what their calls mean; in a longer one mentions are taken for uses.
const LONGEST_CIRCLE: usize = 200;

/// Checks a script. `set` are values for its parameters, as `--set` gives them.
///
/// Returns the typed script, in which whatever is wrong is left out, all messages, and warnings about what nothing uses, for a script in
/// which nothing else is wrong.
pub fn check(program: &Program, set: &[(String, String)]) -> (Script, Diags, Diags) {
    Checker::new(program).run(set)
}

impl<'a> Checker<'a> {
    /// Checks one declaration; those that it mentions have been checked.
    pub(super) fn declaration(&mut self, def: DefId) {
        let program = self.program();
        let item = program.item(def);
        let main = def.module == program.main;
        match &item.kind {
            ItemKind::Experiment { title, settings } if main => self.experiment_declared(title, settings, item.span),
            ItemKind::Bind { keyword: Keyword::Axis, .. } => {
                self.axis(def);
            }
            ItemKind::Bind { keyword: Keyword::Let, name, value } => self.plain_let(def, name, value),
            ItemKind::Bind { .. } => {
                self.value(def);
            }
            ItemKind::Titled { keyword, title, value } if main => {
                let typed = self.titled(*keyword, title, value);
                let (name, doc) = (title.value.clone(), item.doc.clone());
                let id = self.add_value(ValueDecl { def, keyword: *keyword, name, typed, doc, span: item.span });
                self.set_value_of(def, Some(id));
            }
            ItemKind::Recipe { .. } => self.recipe(def),
            ItemKind::Network { .. } => {
                let library = Names { program, statics: self.statics() };
                if let Some(declared) = net::Declared::of(item) {
                    let found = net::check_body(&library, declared);
                    self.say_all(found);
                }
            }
            _ => {}
        }
    }

    fn experiment_declared(&mut self, title: &ast::Text, settings: &'a [ast::Arg], span: Span) {
        self.has_title(Keyword::Experiment, title);
        if let Some((_, _, before)) = self.experiment() {
            let before = *before;
            self.say(
                Diag::error("cfx::name::doubled", span, "a script has one `experiment`")
                    .here("a second one")
                    .label(before, "the first one")
                    .help("keep one of them"),
            );
        }
        let seed = self.experiment_seed(settings);
        self.set_experiment((title.value.clone(), seed, span));
    }

    /// Refuses settings that are given twice.
    fn given_once(&mut self, what: &str, settings: &'a [ast::Arg]) {
        for (i, name) in settings.iter().enumerate().filter_map(|(i, a)| Some((i, a.name.as_ref()?))) {
            let first = settings[..i].iter().filter_map(|a| a.name.as_ref()).find(|n| n.name == name.name);
            if let Some(first) = first {
                let diag = Diag::error("cfx::call::doubled", name.span, format!("{what} is given `{}` twice", name.name));
                self.say(diag.label(first.span, "first given here").help("keep one of them"));
            }
        }
    }

    fn experiment_seed(&mut self, settings: &'a [ast::Arg]) -> u64 {
        self.given_once("`experiment`", settings);
        let mut seed = 0;
        for arg in settings {
            match &arg.name {
                Some(name) if name.name == "seed" => match self.statics().value(self.program().main, &arg.value, &Env::new()) {
                    Ok(Static::Number(x)) if x.fract() == 0.0 && (0.0..=LARGEST_WHOLE).contains(&x) => seed = x as u64,
                    Ok(_) => self.say(
                        Diag::error("cfx::type::setting", arg.value.span, "a seed is a whole number, zero or more")
                            .help("write, say, `seed: 7`"),
                    ),
                    Err(e) => self.say_all(e),
                },
                Some(name) => self.say(
                    Diag::error("cfx::call::unknown_argument", name.span, format!("`experiment` has no setting `{}`", name.name))
                        .help("its only setting is `seed`"),
                ),
                None => self.say(
                    Diag::error("cfx::call::positional", arg.value.span, "a setting of `experiment` needs a name")
                        .help("write `seed: 7`"),
                ),
            }
        }
        seed
    }

    /// Checks that a `let` names something known before the run, and, where no axis enters a sum or the like, that it has a value.
    fn plain_let(&mut self, def: DefId, name: &ast::Ident, value: &'a Expr) {
        if self.circular(def) {
            return;
        }
        let inner = bare(value);
        let callee = match &inner.kind {
            ExprKind::Call { callee, .. } => match &callee.kind {
                ExprKind::Name(n) => Some(n.as_str()),
                _ => None,
            },
            _ => None,
        };
        // `accuracy(test)` is a metric as well as an operation.
        let constructs =
            callee.is_some_and(|n| self.program().variants.values().any(|v| v.constructors.iter().any(|c| c.name.name == n)));
        if !constructs && self.is_result(def.module, value) {
            let typed = self.expr(def.module, value);
            if !typed.is_error() {
                let message =
                    format!("this is a {}, known only after the run, and `let` names values known before it", typed.kind);
                let keyword = keyword_for(&typed.kind);
                let help = format!("declare it as `{keyword} {} = …`; settings cannot depend on results", name.name);
                self.say(Diag::error("cfx::type::keyword", value.span, message).help(help));
            }
            return self.failed_let(def, value.span);
        }
        match &inner.kind {
            ExprKind::Chain(_) => {
                let diag = Diag::error("cfx::static::layers", value.span, "layers are no value");
                self.say(diag.help(format!("declare them as `layer {}() {{ … }}`", name.name)));
                self.failed_let(def, value.span);
            }
            ExprKind::Name(n) if self.program().find(def.module, n).is_none() && super::statics::foreign_value(n).is_some() => {
                let found = self.statics().unknown_name(def.module, n, inner.span);
                self.say_all(found);
                self.failed_let(def, value.span);
            }
            ExprKind::Call { callee: at, args, .. } if callee.is_none_or(|n| !constructs && !self.makes(def.module, n)) => {
                self.call(def.module, at, args.iter().collect(), value, None);
                self.failed_let(def, value.span);
            }
            ExprKind::Number { .. }
            | ExprKind::Binary(..)
            | ExprKind::Unary(..)
            | ExprKind::Range(..)
            | ExprKind::Select(..)
            | ExprKind::Member(..) => {
                let mut axes = Vec::new();
                self.axes_of_static(def.module, value, &mut axes);
                if axes.is_empty()
                    && let Err(e) = self.statics().value(def.module, value, &Env::new())
                {
                    self.say_all(e);
                    self.failed_let(def, value.span);
                }
            }
            // What else is in a list may be known only where it is used: words, constructors.
            ExprKind::List(_) | ExprKind::Map(_) => {
                if let Err(found) = self.statics().value(def.module, value, &Env::new())
                    && found.only_too_large()
                {
                    self.say_all(found);
                    self.failed_let(def, value.span);
                }
            }
            _ => {}
        }
    }

    /// Returns whether a name calls a network or a layer.
    fn makes(&self, module: usize, name: &str) -> bool {
        let layer = self.program().layers.contains_key(name);
        layer
            || self.program().find(module, name).is_some_and(|d| matches!(self.program().item(d).kind, ItemKind::Network { .. }))
    }

    /// Returns the value of a declaration of a result, checked now where it was not yet.
    pub(super) fn value(&mut self, def: DefId) -> Option<ValueId> {
        if let Some(done) = self.value_of(def) {
            return done;
        }
        let item = self.program().item(def);
        let ItemKind::Bind { keyword, name, value } = &item.kind else { return None };
        let circle = self.program().order().circle(def);
        if circle.len() > LONGEST_CIRCLE {
            let message = format!("`{}` is made from itself, through {} others", name.name, circle.len() - 1);
            let diag = Diag::error("cfx::name::cycle", name.span, message);
            self.say(diag.help("break the circle: something in it must not depend on the others"));
            circle.iter().for_each(|d| {
                self.set_value_of(*d, None);
            });
            return None;
        }
        if let Some(at) = self.visiting().iter().position(|d| *d == def) {
            let mut diag =
                Diag::error("cfx::name::cycle", name.span, format!("`{}` is made from itself", name.name)).here("starts here");
            for d in self.visiting()[at + 1..].iter().copied() {
                if let Some(n) = declared(&self.program().item(d).kind) {
                    diag = diag.label(n.span, format!("through `{}`", n.name));
                }
            }
            self.say(diag.help("break the circle: something in it must not depend on the others"));
            return None;
        }
        self.enter(def);
        let typed = self.expr(def.module, value);
        self.leave();
        let wanted = match keyword {
            Keyword::Dataset => Some(Kind::Dataset),
            Keyword::Model => Some(Kind::Model),
            Keyword::Stages => Some(Kind::Stages),
            Keyword::Density => Some(Kind::Density),
            _ => None,
        };
        let misfit = match &wanted {
            Some(w) => !typed.kind.fits(w),
            // An analysis is any result but the kinds that have a keyword of their own.
            None => matches!(
                typed.kind,
                Kind::Dataset
                    | Kind::Model
                    | Kind::Stages
                    | Kind::Density
                    | Kind::Figure
                    | Kind::Setting
                    | Kind::Network
                    | Kind::Recipe
            ),
        };
        if misfit && !typed.is_error() {
            let text = matches!(&bare(value).kind, ExprKind::Text(_));
            let kind = if text { "text".to_string() } else { typed.kind.to_string() };
            let help = match (keyword, text) {
                (Keyword::Dataset, true) => {
                    "data sets are made by operations: `digits()`, or `arrays(\"x.npy\", …)` for files".to_string()
                }
                _ => format!("declare it with `{}`", keyword_for(&typed.kind)),
            };
            let declared = with_article(&format!("`{}`", keyword.word()));
            let message = format!("this is {}, but `{}` is declared as {declared}", with_article(&kind), name.name);
            let diag = Diag::error("cfx::type::keyword", value.span, message).here(kind);
            self.say(diag.label(name.span, "declared here").help(help));
        }
        if !misfit && !typed.is_error() {
            self.decided_comparisons(&typed);
        }
        let decl = ValueDecl { def, keyword: *keyword, name: name.name.clone(), typed, doc: item.doc.clone(), span: item.span };
        let id = self.add_value(decl);
        self.set_value_of(def, Some(id));
        Some(id)
    }

    /// Refuses an empty title.
    fn has_title(&mut self, keyword: Keyword, title: &ast::Text) {
        if title.value.trim().is_empty() {
            let word = keyword.word();
            let diag = Diag::error("cfx::syntax::missing-name", title.span, format!("the title of this {word} is empty"));
            self.say(diag.help(format!("say what it is about: `{word} \"…\"`; reports and messages name it by its title")));
        }
    }

    /// Checks a figure or a claim.
    fn titled(&mut self, keyword: Keyword, title: &ast::Text, value: &'a Expr) -> Rc<Typed> {
        self.has_title(keyword, title);
        let typed = self.expr_titled(self.program().main, value, &title.value);
        if typed.is_error() {
            return typed;
        }
        match keyword {
            Keyword::Figure if typed.kind != Kind::Figure => self.say(
                Diag::error(
                    "cfx::type::keyword",
                    value.span,
                    format!("a figure needs something to draw, and this is a {}", typed.kind),
                )
                .help(match &value.kind {
                    ExprKind::Call { callee, .. } if matches!(&callee.kind, ExprKind::Name(n) if n == "histogram") => {
                        "a histogram is drawn by `distribution(x)`; `histogram(x)` is the table of its counts"
                    }
                    _ => "wrap it in `curves`, `scatter`, `profile`, `bars`, `bands`, `distribution` or `heatmap`",
                }),
            ),
            Keyword::Claim if typed.kind != (Kind::Truth { per_example: false }) => {
                self.say(super::misfit::no_claim(&typed, &shorten(self.program().sources.text(value.span))))
            }
            Keyword::Claim if !typed.axes.is_empty() => {
                let names: Vec<&str> = typed.axes.iter().map(|a| self.axes().name(*a)).collect();
                self.say(
                    Diag::error(
                        "cfx::axis::claim",
                        value.span,
                        format!("a claim is one cell, and this has axes {}", names.join(" × ")),
                    )
                    .help(format!(
                        "write `all({0})`, `any({0})` or `share({0}) > 90%`, or select coordinates",
                        shorten(self.program().sources.text(value.span))
                    )),
                );
            }
            Keyword::Figure if !typed.axes.is_empty() => {
                let names: Vec<&str> = typed.axes.iter().map(|a| self.axes().name(*a)).collect();
                self.say(
                    Diag::error(
                        "cfx::axis::figure",
                        value.span,
                        format!("a figure is one picture, and this has axes {}", names.join(" × ")),
                    )
                    .help("its settings must not depend on an axis"),
                );
            }
            Keyword::Claim => self.decided_by_bounds(&typed, value.span),
            _ => self.decided_comparisons(&typed),
        }
        typed
    }

    /// Checks that a recipe's fields are settings of training.
    fn recipe(&mut self, def: DefId) {
        let ItemKind::Recipe { fields, .. } = &self.program().item(def).kind else { return };
        let span = declared(&self.program().item(def).kind).map(|n| n.span).unwrap_or_default();
        if self.circular(def) {
            return;
        }
        if let Err(Some(found)) = super::statics::recipe_fields(self.program(), def, span) {
            self.say_all(found);
        }
        self.given_once("a recipe", fields);
        let Some(train) = self.program().operations.get("train") else { return };
        // What is trained, and by which recipe, is said where it is trained.
        let held = |t: &Takes| !matches!(t.setting, None | Some(SettingType::Network | SettingType::Recipe));
        let names: Vec<&str> =
            train.params.iter().zip(&train.takes).filter(|(_, t)| held(t)).map(|(p, _)| p.name.name.as_str()).collect();
        for field in fields {
            // One without a name is told where it is read.
            let Some(name) = &field.name else { continue };
            let Some(i) = train.params.iter().position(|p| p.name.name == name.name && names.contains(&name.name.as_str()))
            else {
                let found = self.program().no_field(train, name, &names);
                self.say_all(found);
                continue;
            };
            let ty = train.takes[i].setting.clone().unwrap_or(SettingType::Any);
            self.use_names(def.module, &field.value);
            let mut axes = Vec::new();
            self.axes_of_static(def.module, &field.value, &mut axes);
            if axes.is_empty()
                && !self.has_inputs(&ty)
                && let Err(e) = self.statics().setting(def.module, &ty, &field.value, &Env::new(), &[])
            {
                // A map is over the axes of the training that takes the recipe.
                self.say_all(e.without_waiting());
            }
        }
    }
}

/// Returns the keyword that declares results of a kind.
fn keyword_for(kind: &Kind) -> &'static str {
    match kind {
        Kind::Dataset => "dataset",
        Kind::Model => "model",
        Kind::Stages => "stages",
        Kind::Density => "density",
        Kind::Figure => "figure",
        Kind::Setting | Kind::Network | Kind::Recipe => "let",
        _ => "analysis",
    }
}

/// Returns an expression without the brackets around it.
fn bare(e: &Expr) -> &Expr {
    let mut e = e;
    while let ExprKind::Paren(inner) = &e.kind {
        e = inner;
    }
    e
}
