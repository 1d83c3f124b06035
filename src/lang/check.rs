//! Declarations: from parsed files to a typed script, or messages.

use super::axes::{Axes, Axis, AxisId, Coordinate, Origin, Role};
use super::kind::Kind;
use super::net;
use super::scope::{DefId, Program, declared};
use super::static_value::Static;
use super::statics::{Env, Statics, one, written};
use super::typed::{Node, Script, Typed, ValueDecl, ValueId, Written};
use crate::base::{Diag, Diags, Span};
use crate::syntax::ast::{self, Expr, ExprKind, ItemKind, Keyword};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Most coordinates that an axis may have.
const LONGEST_AXIS: usize = 1_000_000;

/// Names of axes that no declaration makes: examples and their classes, the taps of networks, the epochs of training.
const RESERVED: [&str; 5] = ["example", "class", "stage", "epoch", "snapshot"];

/// Checks a script. `set` are values for its parameters, as `--set` gives them.
///
/// Returns the typed script, in which whatever is wrong is left out, and all messages.
pub fn check(program: &Program, set: &[(String, String)]) -> (Script, Diags) {
    let checker = Checker {
        program,
        axes: Axes::default(),
        diags: Diags::default(),
        values: Vec::new(),
        value_of: BTreeMap::new(),
        visiting: Vec::new(),
        declared_axes: BTreeMap::new(),
        axis_state: BTreeMap::new(),
        coordinate_values: BTreeMap::new(),
        params: BTreeMap::new(),
        used: BTreeSet::new(),
    };
    checker.run(set)
}

/// What is known of an axis declaration.
#[derive(Clone)]
pub(super) enum AxisState {
    Visiting,
    /// An axis whose coordinates are words, numbers, networks, recipes.
    Plain(AxisId),
    /// An axis with one result for each coordinate.
    Results(AxisId, Rc<Typed>),
    Failed,
}

pub(super) struct Checker<'a> {
    pub program: &'a Program,
    pub axes: Axes,
    pub diags: Diags,
    pub values: Vec<Option<ValueDecl>>,
    pub value_of: BTreeMap<DefId, Option<ValueId>>,
    pub visiting: Vec<DefId>,
    pub declared_axes: BTreeMap<DefId, AxisId>,
    pub axis_state: BTreeMap<DefId, AxisState>,
    pub coordinate_values: BTreeMap<AxisId, Vec<Written>>,
    pub params: BTreeMap<DefId, Static>,
    pub used: BTreeSet<DefId>,
}

/// Returns the messages without those about names whose declarations could not be read, which has been said.
pub fn without_consequences(program: &Program, diags: Diags) -> Diags {
    let lost: BTreeSet<&str> = program.modules.iter().flat_map(|m| &m.file.lost).map(String::as_str).collect();
    let follows = |d: &Diag| match d.code {
        "cfx::name::unknown" | "cfx::static::unknown" | "cfx::network::unknown_layer" => {
            lost.contains(program.sources.text(d.span()))
        }
        "cfx::axis::no_taps" => !lost.is_empty(),
        _ => false,
    };
    Diags(diags.0.into_iter().filter(|d| !follows(d)).collect())
}

impl<'a> Checker<'a> {
    fn run(mut self, set: &[(String, String)]) -> (Script, Diags) {
        let main = self.program.main;
        let (mut title, mut seed) = (String::new(), 0u64);
        let mut experiment: Option<Span> = None;
        let overrides = self.parameters(set);
        let items = &self.program.modules[main].file.items;
        let mut order = Vec::new();
        for (i, item) in items.iter().enumerate() {
            let def = DefId { module: main, item: i };
            match &item.kind {
                ItemKind::Experiment { title: text, settings } => {
                    if let Some(before) = experiment {
                        self.diags.push(
                            Diag::error("cfx::name::doubled", item.span, "a script has one `experiment`")
                                .here("a second one")
                                .label(before, "the first one")
                                .help("keep one of them"),
                        );
                    }
                    experiment = Some(item.span);
                    title = text.value.clone();
                    seed = self.experiment(settings);
                }
                ItemKind::Bind { keyword: Keyword::Axis, .. } => {
                    self.axis(def);
                }
                ItemKind::Bind { keyword: Keyword::Let, .. } | ItemKind::Use { .. } | ItemKind::Param(_) => {}
                ItemKind::Bind { .. } => {
                    if let Some(v) = self.value(def) {
                        order.push(v);
                    }
                }
                ItemKind::Titled { keyword, title, value } => {
                    let typed = self.titled(*keyword, title, value);
                    self.values.push(Some(ValueDecl {
                        def,
                        keyword: *keyword,
                        name: title.value.clone(),
                        typed,
                        doc: item.doc.clone(),
                        span: item.span,
                    }));
                    order.push(self.values.len() - 1);
                }
                ItemKind::Recipe { .. } => self.recipe(def),
                ItemKind::Network { .. } => {
                    let library = super::library::Names { program: self.program, statics: self.statics() };
                    if let Some(declared) = net::Declared::of(item) {
                        let found = net::check_body(&library, declared);
                        self.diags.extend(found);
                    }
                }
                ItemKind::Extern { .. } | ItemKind::Variant { .. } => {}
            }
        }
        for (i, item) in items.iter().enumerate() {
            if let ItemKind::Bind { keyword: Keyword::Let, value, .. } = &item.kind {
                let def = DefId { module: main, item: i };
                self.plain_let(def, value);
            }
        }
        self.drop_consequences();
        self.same_titles(&order);
        self.unused();
        let values = self.values.into_iter().flatten().collect();
        let script = Script {
            title,
            seed,
            axes: self.axes,
            values,
            order,
            declared_axes: self.declared_axes,
            coordinate_values: self.coordinate_values,
            params: self.params,
            overrides,
        };
        (script, self.diags)
    }

    /// Returns what settings are evaluated against so far.
    pub(super) fn statics(&self) -> Statics<'_> {
        Statics {
            program: self.program,
            axes: &self.axes,
            declared_axes: &self.declared_axes,
            coordinate_values: &self.coordinate_values,
            params: &self.params,
            memo: Default::default(),
        }
    }

    fn experiment(&mut self, settings: &[ast::Arg]) -> u64 {
        let mut seed = 0;
        for arg in settings {
            match &arg.name {
                Some(name) if name.name == "seed" => match self.statics().value(self.program.main, &arg.value, &Env::new()) {
                    Ok(Static::Number(x)) if x >= 0.0 && x.fract() == 0.0 && x < 9e15 => seed = x as u64,
                    Ok(_) => self.diags.push(
                        Diag::error("cfx::type::setting", arg.value.span, "a seed is a whole number, zero or more")
                            .help("write, say, `seed: 7`"),
                    ),
                    Err(e) => self.diags.extend(e),
                },
                Some(name) => self.diags.push(
                    Diag::error("cfx::call::unknown_argument", name.span, format!("`experiment` has no setting `{}`", name.name))
                        .help("its only setting is `seed`"),
                ),
                None => self.diags.push(
                    Diag::error("cfx::call::positional", arg.value.span, "a setting of `experiment` needs a name")
                        .help("write `seed: 7`"),
                ),
            }
        }
        seed
    }

    /// Evaluates parameters: what `--set` gives, or their defaults. `--set` reaches the parameters that the script can name: its own, and
    /// those that it takes from other files. Returns what was set: name, value and default as written.
    fn parameters(&mut self, set: &[(String, String)]) -> Vec<(String, String, String)> {
        let program = self.program;
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
                self.diags.push(Diag::error("cfx::param::unknown", span, message).help(help));
                continue;
            };
            let ItemKind::Param(param) = &program.item(*def).kind else { continue };
            if let Some((_, before)) = given.insert(*def, (name, text)) {
                let message = format!("`{name}` is set twice, to `{before}` and to `{text}`");
                self.diags.push(Diag::error("cfx::param::value", param.name.span, message).help("give `--set` once for each parameter"));
                continue;
            }
            let default = param.default.as_ref().map_or("", |d| program.sources.text(d.span));
            overrides.push((name.clone(), text.clone(), default.to_string()));
        }
        for (m, module) in program.modules.iter().enumerate().filter(|(_, m)| m.topic.is_none()) {
            for (i, item) in module.file.items.iter().enumerate() {
                if let ItemKind::Param(param) = &item.kind {
                    let def = DefId { module: m, item: i };
                    self.parameter(def, param, given.get(&def).copied());
                }
            }
        }
        overrides
    }

    /// Evaluates one parameter.
    fn parameter(&mut self, def: DefId, param: &'a ast::Param, given: Option<(&str, &str)>) {
        let ty = param.ty.as_ref().map_or(super::signature::SettingType::Any, super::signature::setting_type);
        let default = |c: &Self| param.default.as_ref().map(|d| c.statics().setting(def.module, &ty, d, &Env::new(), &[]));
        let value = match given {
            Some((name, text)) => self.set_value(&ty, text).ok_or_else(|| {
                let message = format!("`--set {name}={text}` does not fit the parameter");
                one(Diag::error("cfx::param::value", param.name.span, message).help(format!("give it {ty}")))
            }),
            None => default(self).unwrap_or_else(|| {
                let name = &param.name.name;
                let message = format!("the parameter `{name}` has no value");
                let help = format!("give it one with `--set {name}=…`, or write a default");
                Err(one(Diag::error("cfx::param::missing", param.name.span, message).help(help)))
            }),
        };
        match value {
            Ok(v) => {
                self.params.insert(def, v);
            }
            Err(e) => {
                self.diags.extend(e);
                // What depends on it is no further mistake.
                if let Some(Ok(v)) = default(self) {
                    self.params.insert(def, v);
                }
            }
        }
    }

    /// Returns the value of a text given from outside, where it fits a type.
    fn set_value(&self, ty: &super::signature::SettingType, text: &str) -> Option<Static> {
        // Strings need no quotes on the command line.
        if *ty == super::signature::SettingType::Text && !text.starts_with('"') {
            return Some(Static::Text(text.to_string()));
        }
        let mut sources = crate::base::SourceMap::new();
        let source = sources.add("--set", format!("let value = {text}\n"));
        let (file, errors) = crate::syntax::parse(&source);
        let [item] = file.items.as_slice() else { return None };
        match &item.kind {
            ItemKind::Bind { value, .. } if !errors.has_errors() => {
                // The text is no part of the program: whatever it names must be a word of the type.
                let value: &Expr = value;
                self.statics().setting(self.program.main, ty, value, &Env::new(), &[]).ok()
            }
            _ => None,
        }
    }

    /// Checks that a `let` has a value: it does not lead back to itself, and where no axis enters a sum or the like, that can be evaluated.
    fn plain_let(&mut self, def: DefId, value: &'a Expr) {
        if self.leads_back(def) {
            let item = self.program.item(def);
            let name = declared(&item.kind).map_or("", |n| &n.name);
            let message = format!("`{name}` is made from itself");
            self.diags.push(
                Diag::error("cfx::name::cycle", value.span, message)
                    .help("break the circle: something in it must not depend on the others"),
            );
            return;
        }
        let mut axes = Vec::new();
        self.axes_of_static(def.module, value, &mut axes);
        if axes.is_empty()
            && matches!(value.kind, ExprKind::Number { .. } | ExprKind::Binary(..) | ExprKind::Unary(..) | ExprKind::Range(..))
            && let Err(e) = self.statics().value(def.module, value, &Env::new())
        {
            self.diags.extend(e);
        }
    }

    /// Takes out the messages that are about the value of a parameter or `let` which is wrong itself.
    fn drop_consequences(&mut self) {
        let mut wrong: Vec<DefId> = Vec::new();
        for (m, module) in self.program.modules.iter().enumerate().filter(|(_, m)| m.topic.is_none()) {
            for (i, item) in module.file.items.iter().enumerate() {
                let def = DefId { module: m, item: i };
                let failed = match &item.kind {
                    ItemKind::Param(_) => !self.params.contains_key(&def),
                    ItemKind::Bind { keyword: Keyword::Let, value, .. } => {
                        self.diags.0.iter().any(|d| value.span.start <= d.span().start && d.span().end <= value.span.end)
                    }
                    _ => false,
                };
                if failed {
                    wrong.push(def);
                }
            }
        }
        let program = self.program;
        let consequence = |d: &Diag| {
            let named = program.find(program.module_at(d.span()), program.sources.text(d.span()));
            d.code == "cfx::static::unknown" && named.is_some_and(|def| wrong.contains(&def))
        };
        self.diags.0.retain(|d| !consequence(d));
    }

    /// Returns whether a `let` names itself, be it through others.
    fn leads_back(&self, def: DefId) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![def];
        while let Some(next) = open.pop() {
            let ItemKind::Bind { keyword: Keyword::Let, value, .. } = &self.program.item(next).kind else { continue };
            let mut names = Vec::new();
            super::expr::names_of(value, &mut names);
            for d in names.iter().filter_map(|n| self.program.find(next.module, n)) {
                if d == def {
                    return true;
                }
                if seen.insert(d) {
                    open.push(d);
                }
            }
        }
        false
    }

    /// Returns the value of a declaration of a result, checked now where it was not yet.
    pub(super) fn value(&mut self, def: DefId) -> Option<ValueId> {
        if let Some(done) = self.value_of.get(&def) {
            return *done;
        }
        let item = self.program.item(def);
        let ItemKind::Bind { keyword, name, value } = &item.kind else { return None };
        if let Some(at) = self.visiting.iter().position(|d| *d == def) {
            let mut diag =
                Diag::error("cfx::name::cycle", name.span, format!("`{}` is made from itself", name.name)).here("starts here");
            for d in self.visiting[at + 1..].iter().copied() {
                if let Some(n) = declared(&self.program.item(d).kind) {
                    diag = diag.label(n.span, format!("through `{}`", n.name));
                }
            }
            self.diags.push(diag.help("break the circle: something in it must not depend on the others"));
            return None;
        }
        self.visiting.push(def);
        let typed = self.expr(def.module, value);
        self.visiting.pop();
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
            let keyword_for = match typed.kind {
                Kind::Dataset => "dataset",
                Kind::Model => "model",
                Kind::Stages => "stages",
                Kind::Density => "density",
                Kind::Figure => "figure",
                Kind::Setting | Kind::Network | Kind::Recipe => "let",
                _ => "analysis",
            };
            self.diags.push(
                Diag::error(
                    "cfx::type::keyword",
                    value.span,
                    format!("this is a {}, but `{}` is declared as {}", typed.kind, name.name, article(keyword.word())),
                )
                .here(format!("{}", typed.kind))
                .label(name.span, "declared here")
                .help(format!("declare it with `{keyword_for}`")),
            );
        }
        let decl = ValueDecl { def, keyword: *keyword, name: name.name.clone(), typed, doc: item.doc.clone(), span: item.span };
        self.values.push(Some(decl));
        let id = self.values.len() - 1;
        self.value_of.insert(def, Some(id));
        Some(id)
    }

    /// Checks a figure or a claim.
    fn titled(&mut self, keyword: Keyword, title: &ast::Text, value: &'a Expr) -> Rc<Typed> {
        let typed = self.expr_titled(self.program.main, value, &title.value);
        if typed.is_error() {
            return typed;
        }
        match keyword {
            Keyword::Figure if typed.kind != Kind::Figure => self.diags.push(
                Diag::error("cfx::type::keyword", value.span, format!("a figure draws something, and this is a {}", typed.kind))
                    .help("wrap it in `curves`, `scatter`, `profile`, `bars`, `bands` or `heatmap`"),
            ),
            Keyword::Claim if typed.kind != (Kind::Truth { per_example: false }) => self.diags.push(
                Diag::error("cfx::type::keyword", value.span, format!("a claim holds or fails, and this is a {}", typed.kind))
                    .help("compare two numbers, as in `a > b`"),
            ),
            Keyword::Claim if !typed.axes.is_empty() => {
                let names: Vec<&str> = typed.axes.iter().map(|a| self.axes.name(*a)).collect();
                self.diags.push(
                    Diag::error(
                        "cfx::axis::claim",
                        value.span,
                        format!("a claim is one cell, and this has axes {}", names.join(" × ")),
                    )
                    .help("write `all(…)`, `any(…)` or `share(…) > 90%`, or select coordinates"),
                );
            }
            Keyword::Figure if !typed.axes.is_empty() => {
                let names: Vec<&str> = typed.axes.iter().map(|a| self.axes.name(*a)).collect();
                self.diags.push(
                    Diag::error(
                        "cfx::axis::figure",
                        value.span,
                        format!("a figure is one picture, and this has axes {}", names.join(" × ")),
                    )
                    .help("its settings must not depend on an axis"),
                );
            }
            _ => {}
        }
        typed
    }

    /// Checks an axis declaration.
    pub(super) fn axis(&mut self, def: DefId) -> AxisState {
        if let Some(state) = self.axis_state.get(&def) {
            let state = state.clone();
            if matches!(state, AxisState::Visiting) {
                let item = self.program.item(def);
                self.diags
                    .push(Diag::error("cfx::name::cycle", item.span, "this axis is made from itself").help("break the circle"));
                return AxisState::Failed;
            }
            return state;
        }
        self.axis_state.insert(def, AxisState::Visiting);
        let item = self.program.item(def);
        let ItemKind::Bind { name, value, .. } = &item.kind else { return AxisState::Failed };
        if RESERVED.contains(&name.name.as_str()) {
            let message = format!("`{}` is the name of an axis that values have by themselves", name.name);
            let help = format!("give this axis a name of its own, such as `my_{}`", name.name);
            self.diags.push(Diag::error("cfx::axis::reserved", name.span, message).help(help));
            self.axis_state.insert(def, AxisState::Failed);
            return AxisState::Failed;
        }
        let state = self.axis_of(def, name, value).unwrap_or(AxisState::Failed);
        self.axis_state.insert(def, state.clone());
        state
    }

    fn axis_of(&mut self, def: DefId, name: &ast::Ident, value: &'a Expr) -> Option<AxisState> {
        let make = |coordinates| Axis {
            name: name.name.clone(),
            role: Role::Declared,
            origin: Origin::Declaration(name.span),
            coordinates: Some(coordinates),
            span: name.span,
        };
        if let Some(entries) = self.named_coordinates(def.module, value) {
            let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
            for (key, _) in &entries {
                if let Some(before) = seen.insert(&key.name, key.span) {
                    self.diags.push(self.doubled_coordinate(&key.name, key.span, before));
                    return None;
                }
            }
            // Results at the coordinates make a value over the axis; settings, networks and recipes do not.
            let results: Vec<bool> = entries.iter().map(|(_, e)| self.is_result(def.module, e)).collect();
            if results.iter().any(|r| *r) {
                let parts: Vec<Rc<Typed>> = entries.iter().map(|(_, e)| self.expr(def.module, e)).collect();
                let id = self.axes.intern(make(entries.iter().map(|(k, _)| Coordinate::named(&k.name)).collect()));
                self.declared_axes.insert(def, id);
                let typed = self.stack(id, parts, value.span)?;
                // Groups of examples that are made anew at each place of other axes nest in these, as bins do.
                if typed.kind == Kind::Dataset {
                    let outer: Vec<AxisId> = typed.axes.iter().copied().filter(|a| *a != id).collect();
                    self.axes.nest(id, &outer);
                }
                return Some(AxisState::Results(id, typed));
            }
            let mut coordinates = Vec::new();
            let mut behind = Vec::new();
            for (key, e) in entries {
                let value = self.statics().value(def.module, e, &Env::new()).ok();
                // The coordinate's name enters streams; what it stands for is what settings see.
                coordinates
                    .push(Coordinate { value: value.or(Some(Static::Word(key.name.clone()))), ..Coordinate::named(&key.name) });
                behind.push(written(def.module, e));
                self.use_names(def.module, e);
            }
            let id = self.axes.intern(make(coordinates));
            self.coordinate_values.insert(id, behind);
            self.declared_axes.insert(def, id);
            return Some(AxisState::Plain(id));
        }
        match &value.kind {
            ExprKind::Call { .. } => {
                let typed = self.expr(def.module, value);
                if typed.is_error() {
                    return None;
                }
                let added = match &typed.node {
                    Node::Call(call) => call.transfer.added.as_ref().map(|f| f.axis),
                    _ => None,
                };
                let Some(added) = added else {
                    self.diags.push(
                        Diag::error("cfx::axis::no_coordinates", value.span, "this adds no axis")
                            .help("an axis is a range `0..10`, a list, a map of named values, or bins such as `quantile_bins(…, count: 50)`"),
                    );
                    return None;
                };
                self.axes.rename(added, &name.name);
                self.declared_axes.insert(def, added);
                let hidden = ValueDecl {
                    def,
                    keyword: Keyword::Axis,
                    name: name.name.clone(),
                    typed: typed.clone(),
                    doc: None,
                    span: value.span,
                };
                self.values.push(Some(hidden));
                let reference = Typed { node: Node::Value(self.values.len() - 1), ..(*typed).clone() };
                Some(AxisState::Results(added, Rc::new(reference)))
            }
            _ => {
                let list = match self.coordinates(def.module, value) {
                    Ok(list) => list,
                    Err(e) => {
                        self.diags.extend(e);
                        return None;
                    }
                };
                let mut seen: BTreeMap<String, Span> = BTreeMap::new();
                for (c, span) in &list {
                    if let Some(before) = seen.insert(c.canonical.clone(), *span) {
                        self.diags.push(self.doubled_coordinate(&c.text, *span, before));
                        return None;
                    }
                }
                if list.is_empty() {
                    self.diags.push(
                        Diag::error("cfx::axis::empty", value.span, format!("the axis `{}` has no coordinates", name.name))
                            .help("the end of a range is excluded: `0..10` has ten coordinates"),
                    );
                    return None;
                }
                let id = self.axes.intern(make(list.into_iter().map(|(c, _)| c).collect()));
                self.declared_axes.insert(def, id);
                Some(AxisState::Plain(id))
            }
        }
    }

    /// Returns coordinates that stand for something, with what they stand for: a map, or a list of names of networks, recipes, results.
    fn named_coordinates(&self, module: usize, value: &'a Expr) -> Option<Vec<(ast::Ident, &'a Expr)>> {
        match &value.kind {
            ExprKind::Map(entries) => Some(entries.iter().map(|(k, e)| (k.clone(), e)).collect()),
            ExprKind::List(items) => items
                .iter()
                .map(|item| {
                    let ExprKind::Name(name) = &item.kind else { return None };
                    let def = self.program.find(module, name)?;
                    let plain = matches!(
                        self.program.item(def).kind,
                        ItemKind::Param(_)
                            | ItemKind::Extern { .. }
                            | ItemKind::Bind { keyword: Keyword::Let | Keyword::Axis, .. }
                    );
                    (!plain).then(|| (ast::Ident { name: name.clone(), span: item.span }, item))
                })
                .collect(),
            _ => None,
        }
    }

    fn doubled_coordinate(&self, text: &str, span: Span, before: Span) -> Diag {
        Diag::error("cfx::axis::doubled", span, format!("the coordinate `{text}` is there twice"))
            .here("again here")
            .label(before, "first here")
            .help("coordinates are compared by value: `20%` and `0.2` are the same")
    }

    /// Returns the coordinates of a list or range, each with its place.
    fn coordinates(&self, module: usize, value: &Expr) -> Result<Vec<(Coordinate, Span)>, Diags> {
        let statics = self.statics();
        let whole = |e: &Expr| match statics.value(module, e, &Env::new())? {
            Static::Number(x) if x.fract() == 0.0 && x.abs() < 9e15 => Ok(x as i64),
            _ => Err(one(
                Diag::error("cfx::type::setting", e.span, "an end of a range is a whole number").help("write, say, `0..10`")
            )),
        };
        match &value.kind {
            ExprKind::Range(from, to) => {
                let (from, to) = (whole(from)?, whole(to)?);
                if to.saturating_sub(from) > LONGEST_AXIS as i64 {
                    return Err(one(Diag::error("cfx::axis::too_long", value.span, "this axis has over a million coordinates")
                        .help("split the experiment")));
                }
                Ok((from..to).map(|i| (Coordinate::number(i as f64, i.to_string()), value.span)).collect())
            }
            ExprKind::List(items) => items
                .iter()
                .map(|item| match &item.kind {
                    ExprKind::Name(n) if self.program.find(module, n).is_none() => Ok((Coordinate::named(n), item.span)),
                    ExprKind::Text(t) => Ok((Coordinate::named(t), item.span)),
                    _ => match statics.value(module, item, &Env::new())? {
                        Static::Number(x) => {
                            Ok((Coordinate::number(x, self.program.sources.text(item.span).trim().to_string()), item.span))
                        }
                        Static::Word(w) | Static::Text(w) => Ok((Coordinate::named(w), item.span)),
                        _ => Err(one(Diag::error("cfx::axis::coordinate", item.span, "a coordinate is a number or a word")
                            .help("name other values: `{ a: …, b: … }`"))),
                    },
                })
                .collect(),
            ExprKind::Name(_) | ExprKind::Paren(_) => match statics.value(module, value, &Env::new())? {
                Static::List(items) => Ok(items
                    .into_iter()
                    .map(|s| match s {
                        Static::Number(x) => (Coordinate::number(x, format!("{x}")), value.span),
                        other => (Coordinate::named(other.word().unwrap_or("?")), value.span),
                    })
                    .collect()),
                _ => Err(one(Diag::error("cfx::axis::no_coordinates", value.span, "this is no list of coordinates")
                    .help("write a range or a list"))),
            },
            _ => Err(one(Diag::error("cfx::axis::no_coordinates", value.span, "this is no list of coordinates")
                .help("an axis is a range `0..10`, a list `[0%, 20%]`, or a map `{ a: …, b: … }`"))),
        }
    }

    /// Checks that a recipe's fields are settings of training.
    fn recipe(&mut self, def: DefId) {
        let ItemKind::Recipe { fields, .. } = &self.program.item(def).kind else { return };
        let span = declared(&self.program.item(def).kind).map(|n| n.span).unwrap_or_default();
        if let Err(Some(diag)) = super::statics::recipe_fields(self.program, def, span) {
            self.diags.push(diag);
        }
        let Some(train) = self.program.operations.get("train") else { return };
        let names: Vec<&str> = train
            .params
            .iter()
            .zip(&train.takes)
            .filter(|(_, t)| super::statics::is_setting(t))
            .map(|(p, _)| p.name.name.as_str())
            .collect();
        for field in fields {
            match &field.name {
                Some(name) => match train
                    .params
                    .iter()
                    .position(|p| p.name.name == name.name && names.contains(&name.name.as_str()))
                {
                    Some(i) => {
                        let ty = train.takes[i].setting.clone().unwrap_or(super::signature::SettingType::Any);
                        self.use_names(def.module, &field.value);
                        let mut axes = Vec::new();
                        self.axes_of_static(def.module, &field.value, &mut axes);
                        if axes.is_empty()
                            && !self.has_inputs(&ty)
                            && let Err(e) = self.statics().setting(def.module, &ty, &field.value, &Env::new(), &[])
                        {
                            // A map is over the axes of the training that takes the recipe.
                            let own = e.0.into_iter().filter(|d| d.code != "cfx::axis::no_entry");
                            own.for_each(|d| self.diags.push(d));
                        }
                    }
                    None => self.diags.push(
                        Diag::error("cfx::call::unknown_argument", name.span, format!("training has no setting `{}`", name.name))
                            .help(super::suggest::nearest_or_list(&name.name, &names)),
                    ),
                },
                None => self.diags.push(
                    Diag::error("cfx::call::positional", field.value.span, "a field of a recipe needs a name")
                        .help("write `name: value`"),
                ),
            }
        }
    }

    fn same_titles(&mut self, order: &[ValueId]) {
        let mut seen: BTreeMap<(&str, String), Span> = BTreeMap::new();
        let mut found = Vec::new();
        for v in order.iter().filter_map(|i| self.values[*i].as_ref()) {
            if matches!(v.keyword, Keyword::Figure | Keyword::Claim)
                && let Some(before) = seen.insert((v.keyword.word(), v.name.clone()), v.span)
            {
                found.push(
                    Diag::error("cfx::name::doubled", v.span, format!("two {}s have the title \"{}\"", v.keyword.word(), v.name))
                        .here("again here")
                        .label(before, "first here")
                        .help("titles name files and sections; make them differ"),
                );
            }
        }
        found.into_iter().for_each(|d| self.diags.push(d));
    }

    /// Warns about declarations that nothing uses and that produce nothing by themselves.
    fn unused(&mut self) {
        if self.diags.has_errors() {
            return;
        }
        let main = &self.program.modules[self.program.main];
        for (i, item) in main.file.items.iter().enumerate() {
            let def = DefId { module: self.program.main, item: i };
            let idle = matches!(
                item.kind,
                ItemKind::Bind { keyword: Keyword::Dataset | Keyword::Axis | Keyword::Let, .. }
                    | ItemKind::Recipe { .. }
                    | ItemKind::Param(_)
                    | ItemKind::Network { .. }
            );
            if let Some(name) = declared(&item.kind).filter(|_| idle && !self.used.contains(&def)) {
                self.diags.push(
                    Diag::warning("cfx::name::unused", name.span, format!("nothing uses `{}`", name.name))
                        .help("use it, or take it out"),
                );
            }
        }
        for (name, def) in &main.taken {
            let builtin = matches!(self.program.item(*def).kind, ItemKind::Extern { .. });
            if !self.used.contains(def) && !builtin {
                self.diags.push(
                    Diag::warning("cfx::name::unused", name.span, format!("nothing uses `{}`", name.name))
                        .help("take it out of the `use` line"),
                );
            }
        }
    }
}

/// Returns the word with its article.
pub(super) fn article(word: &str) -> String {
    let an = word.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} `{word}`", if an { "an" } else { "a" })
}
