//! Expressions: names, arithmetic, choices, selection.

use super::axes::{Attached, AxisId};
use super::bind::all_args;
use super::checker::{AxisState, Checker};
use super::kind::Kind;
use super::static_value::Static;
use super::statics::Env;
use super::suggest::{nearest_or_list, operation_elsewhere};
use super::typed::{Node, Typed};
use crate::base::text::{shorten, with_article};
use crate::base::{Diag, Span};
use crate::syntax::ast::{self, BinaryOp, Expr, ExprKind, ItemKind, Keyword, UnaryOp};
use std::rc::Rc;

impl<'a> Checker<'a> {
    /// Checks an expression of the script.
    pub(super) fn expr(&mut self, module: usize, e: &'a Expr) -> Rc<Typed> {
        self.expr_as(module, e, None)
    }

    /// Checks the expression of a figure or claim, whose call may want its title.
    pub(super) fn expr_titled(&mut self, module: usize, e: &'a Expr, title: &str) -> Rc<Typed> {
        self.expr_as(module, e, Some(title))
    }

    fn expr_as(&mut self, module: usize, e: &'a Expr, title: Option<&str>) -> Rc<Typed> {
        match &e.kind {
            ExprKind::Paren(inner) => self.expr_as(module, inner, title),
            ExprKind::Number { .. } | ExprKind::Bool(_) | ExprKind::Text(_) => self.static_expr(module, e),
            ExprKind::Name(name) => self.name(module, name, e),
            ExprKind::Unary(op, inner) => {
                let inner_typed = self.expr(module, inner);
                if inner_typed.is_error() {
                    return inner_typed;
                }
                if matches!(inner_typed.node, Node::Static(..)) {
                    return self.static_expr(module, e);
                }
                let name = if *op == UnaryOp::Neg { "negate" } else { "negation" };
                self.operator(name, vec![inner_typed], e.span)
            }
            ExprKind::Binary(op, left, right) => self.binary(module, *op, left, right, e),
            ExprKind::If(c, yes, no) => self.choice(module, c, yes, no, e),
            ExprKind::Member(base, field) => self.member(module, base, field, e),
            ExprKind::Select(base, picks) => {
                let base = self.expr(module, base);
                self.select(module, base, picks, e.span)
            }
            ExprKind::Call { callee, args, block } => {
                if matches!(block, Some(ast::Block::Body(_))) {
                    self.say(
                        Diag::error("cfx::type::layers", e.span, "steps of a network stand only in a `network` or `layer`")
                            .help("move them there"),
                    );
                    return Typed::error(e.span);
                }
                let args = all_args(args, block);
                self.call(module, callee, args, e, title)
            }
            ExprKind::List(_) | ExprKind::Map(_) | ExprKind::Range(..) => {
                let help = match &e.kind {
                    ExprKind::List(all) if all.iter().any(|one| self.is_result(module, one)) => format!(
                        "several results are an axis, with a name for each: `axis value = {}`; name that here",
                        self.with_names(all)
                    ),
                    _ => format!(
                        "give it to an argument, or make it an axis and name that here: `axis value = {}`",
                        shorten(self.program().sources.text(e.span))
                    ),
                };
                let message = "a list, map or range is a setting, not a result";
                self.say(Diag::error("cfx::type::no_result", e.span, message).help(help));
                Typed::error(e.span)
            }
            ExprKind::Chain(_) => {
                self.say(
                    Diag::error("cfx::type::layers", e.span, "`->` composes layers, in a `network` or `layer` only")
                        .help("move it there"),
                );
                Typed::error(e.span)
            }
        }
    }

    fn name(&mut self, module: usize, name: &str, e: &'a Expr) -> Rc<Typed> {
        let Some(def) = self.program().find(module, name) else {
            let diag = if name == "none" {
                Diag::error("cfx::type::no_result", e.span, "`none` is no result")
                    .help("`none` leaves an argument out (`recipe: none`); a declaration always has a value")
            } else if self.program().operations.contains_key(name) {
                Diag::error("cfx::call::brackets", e.span, format!("`{name}` is a built-in and needs its arguments"))
                    .help(format!("write `{name}(…)`; `cfx doc {name}` says what it takes"))
            } else {
                let found = self.statics().unknown_name(module, name, e.span);
                self.say_all(found);
                return Typed::error(e.span);
            };
            self.say(diag);
            return Typed::error(e.span);
        };
        // What it is made from is used as well.
        self.use_names(module, e);
        let item = self.program().item(def);
        match &item.kind {
            ItemKind::Bind { keyword: Keyword::Axis, .. } => match self.axis(def) {
                AxisState::Plain(_) => self.static_expr(module, e),
                AxisState::Results(_, typed) => Rc::new(Typed { span: e.span, ..(*typed).clone() }),
                AxisState::Visiting | AxisState::Failed => Typed::error(e.span),
            },
            ItemKind::Bind { keyword: Keyword::Let, .. } | ItemKind::Param(_) => self.static_expr(module, e),
            ItemKind::Bind { .. } => match self.value(def) {
                Some(v) => {
                    let typed = &self.value_at(v).typed;
                    Rc::new(Typed { node: Node::Value(v), span: e.span, ..(**typed).clone() })
                }
                None => Typed::error(e.span),
            },
            ItemKind::Network { keyword, .. } => self.not_a_result(e, keyword.word(), "train it: `train(NETWORK, data)`"),
            ItemKind::Recipe { .. } => {
                self.not_a_result(e, "recipe", &format!("`train` takes it behind the data: `train(network, data, {name})`"))
            }
            ItemKind::Extern { .. } => self.not_a_result(e, "built-in", &format!("write `{name}(…)`")),
            _ => self.not_a_result(e, "declaration", "name a result"),
        }
    }

    fn not_a_result(&mut self, e: &Expr, what: &str, help: &str) -> Rc<Typed> {
        let text = self.program().sources.text(e.span).to_string();
        self.say(
            Diag::error("cfx::type::no_result", e.span, format!("`{text}` is a {what}, where a result is needed")).help(help),
        );
        Typed::error(e.span)
    }

    /// Checks an expression known before the run.
    fn static_expr(&mut self, module: usize, e: &'a Expr) -> Rc<Typed> {
        let mut axes = Vec::new();
        self.axes_of_static(module, e, &mut axes);
        self.use_names(module, e);
        // Its kind is that of its value at the first coordinates where it has one: at some it may be absent, by a division by zero.
        let known: Vec<_> = axes.iter().filter_map(|a| Some((*a, self.axes().get(*a).coordinates.clone()?))).collect();
        let at = |i: usize| -> Env {
            known.iter().filter_map(|(a, all)| Some((*a, Rc::new(all.get(i).or(all.last())?.clone())))).collect()
        };
        let longest = known.iter().map(|(_, all)| all.len()).max().unwrap_or(0);
        let mut value = self.statics().value(module, e, &at(0));
        if matches!(&value, Err(found) if found.only_divisions())
            && let Some(other) = (1..longest).map(|i| self.statics().value(module, e, &at(i))).find(Result::is_ok)
        {
            value = other;
        }
        let kind = match value {
            Ok(Static::Number(_)) => Kind::Number { per_example: false },
            Ok(Static::Bool(_)) => Kind::Truth { per_example: false },
            Ok(Static::Word(_) | Static::Text(_)) => Kind::Group,
            Ok(_) => Kind::Setting,
            // Networks and recipes behind an axis have no plain value; whoever takes them says what is wrong.
            Err(found) if found.only_consequences() => return Typed::error(e.span),
            Err(_) if matches!(e.kind, ExprKind::Name(_)) => Kind::Setting,
            // A division by zero at some coordinates leaves these absent.
            Err(found) if !axes.is_empty() && found.only_divisions() => Kind::Number { per_example: false },
            Err(found) => {
                self.say_all(found);
                return Typed::error(e.span);
            }
        };
        Rc::new(Typed {
            node: Node::Static(module, Rc::new(e.clone())),
            kind,
            axes,
            attached: Attached::default(),
            examples: None,
            span: e.span,
        })
    }

    fn binary(&mut self, module: usize, op: BinaryOp, left: &'a Expr, right: &'a Expr, e: &'a Expr) -> Rc<Typed> {
        if matches!(op, BinaryOp::Eq | BinaryOp::Ne)
            && (self.names_coordinate(module, left, right) || self.names_coordinate(module, right, left))
        {
            return self.static_expr(module, e);
        }
        let (a, b) = match (op, self.is_word(module, left), self.is_word(module, right)) {
            (BinaryOp::Eq | BinaryOp::Ne, false, true) => {
                let a = self.expr(module, left);
                (a.clone(), self.word_beside(&a, module, right))
            }
            (BinaryOp::Eq | BinaryOp::Ne, true, false) => {
                let b = self.expr(module, right);
                (self.word_beside(&b, module, left), b)
            }
            _ => (self.expr(module, left), self.expr(module, right)),
        };
        if a.is_error() || b.is_error() {
            return Typed::error(e.span);
        }
        if matches!((&a.node, &b.node), (Node::Static(..), Node::Static(..))) {
            return self.static_expr(module, e);
        }
        let name = match op {
            BinaryOp::Except => {
                return self.operator("without", vec![a, b], e.span);
            }
            BinaryOp::Or if a.kind == Kind::Dataset && b.kind == Kind::Dataset => "union",
            BinaryOp::And if a.kind == Kind::Dataset && b.kind == Kind::Dataset => {
                let (x, y) = (self.program().sources.text(left.span), self.program().sources.text(right.span));
                let help = format!(
                    "the examples of both together are `{x} or {y}`, those of one that are not in the other `{x} except {y}`; those for which two \
                     conditions hold are `where({x}, … and …)`"
                );
                self.say(
                    Diag::error("cfx::type::argument", e.span, "`and` joins conditions, and these are data sets").help(help),
                );
                return Typed::error(e.span);
            }
            BinaryOp::Or => "either",
            BinaryOp::And => "both",
            BinaryOp::Eq => "equal",
            BinaryOp::Ne => "not_equal",
            BinaryOp::Lt => "less",
            BinaryOp::Le => "less_equal",
            BinaryOp::Gt => "greater",
            BinaryOp::Ge => "greater_equal",
            BinaryOp::Add => "add",
            BinaryOp::Sub => "subtract",
            BinaryOp::Mul => "multiply",
            BinaryOp::Div => "divide",
        };
        self.operator(name, vec![a, b], e.span)
    }

    /// Returns whether the second of two bare names stands for a coordinate of the axis that the first one names.
    fn names_coordinate(&mut self, module: usize, axis: &Expr, word: &Expr) -> bool {
        let (ExprKind::Name(axis), ExprKind::Name(name)) = (&axis.kind, &word.kind) else { return false };
        let Some(def) = self.program().find(module, axis) else { return false };
        if !matches!(self.program().item(def).kind, ItemKind::Bind { keyword: Keyword::Axis, .. }) {
            return false;
        }
        let (AxisState::Plain(id) | AxisState::Results(id, _)) = self.axis(def) else { return false };
        match self.axes().names(id) {
            Some(all) => all.contains(name) || self.is_word(module, word),
            // Of numbers, no word is one: the message lists them.
            None => {
                let own = matches!(name.as_str(), "none" | "class" | "stage" | "epoch" | "snapshot" | "example");
                self.axes().get(id).coordinates.is_some() && self.is_word(module, word) && !own
            }
        }
    }

    /// Returns whether an expression is a bare word: a name that nothing declares.
    fn is_word(&self, module: usize, e: &Expr) -> bool {
        matches!(&e.kind, ExprKind::Name(n) if self.program().find(module, n).is_none())
    }

    /// Checks a bare word that a value is compared with: beside a group or a coordinate it is a word.
    fn word_beside(&mut self, other: &Typed, module: usize, e: &'a Expr) -> Rc<Typed> {
        if other.is_error() {
            return Typed::error(e.span);
        }
        let ExprKind::Name(word) = &e.kind else { return self.expr(module, e) };
        if other.kind != Kind::Group {
            return self.expr(module, e);
        }
        let text = Expr { kind: ExprKind::Text(word.clone()), span: e.span };
        let node = Node::Static(module, Rc::new(text));
        Rc::new(Typed { node, kind: Kind::Group, axes: Vec::new(), attached: Attached::default(), examples: None, span: e.span })
    }

    fn choice(&mut self, module: usize, c: &'a Expr, yes: &'a Expr, no: &'a Expr, e: &'a Expr) -> Rc<Typed> {
        let condition = self.expr(module, c);
        let (a, b) = (self.expr(module, yes), self.expr(module, no));
        if condition.is_error() || a.is_error() || b.is_error() {
            return Typed::error(e.span);
        }
        let mixed = |c: &mut Self| {
            c.say(
                Diag::error("cfx::type::branches", e.span, {
                    let [a, b] = [&a.kind, &b.kind].map(|k| with_article(&k.to_string()));
                    format!("one branch is {a}, the other {b}")
                })
                .label(yes.span, format!("{}", a.kind))
                .label(no.span, format!("{}", b.kind))
                .help("both branches must be of one kind"),
            );
            Typed::error(e.span)
        };
        if !matches!(condition.node, Node::Static(..)) {
            return self.operator("choose", vec![condition, a, b], e.span);
        }
        if condition.kind != (Kind::Truth { per_example: false }) {
            self.say(
                Diag::error("cfx::static::condition", c.span, "the condition is not a truth value")
                    .help("compare something, such as `labels == 0%`"),
            );
            return Typed::error(e.span);
        }
        if matches!((&a.node, &b.node), (Node::Static(..), Node::Static(..))) {
            return self.static_expr(module, e);
        }
        if !a.kind.fits(&b.kind) || !b.kind.fits(&a.kind) {
            return mixed(self);
        }
        // A condition that is the same everywhere chooses once and for all: what is not chosen brings no axes and no classes, and none of its files is looked for.
        if condition.axes.is_empty()
            && let Ok(Static::Bool(holds)) = self.statics().value(module, c, &Env::new())
        {
            let chosen = if holds { a } else { b };
            return Rc::new(Typed { span: e.span, ..(*chosen).clone() });
        }
        let [c_axes, a_axes, b_axes] = self.side_by_side([&condition, &a, &b]);
        let mut axes = Vec::new();
        for more in [c_axes, a_axes.clone(), b_axes.clone()] {
            if !self.unite(&mut axes, &more, e.span) {
                return Typed::error(e.span);
            }
        }
        let over = |t: Rc<Typed>, axes: Vec<AxisId>| if t.axes == axes { t } else { Rc::new(Typed { axes, ..(*t).clone() }) };
        let (a, b) = (over(a, a_axes), over(b, b_axes));
        let attached = self.carried_by_all(&[a.clone(), b.clone()], e.span);
        let (kind, examples) = (a.kind.clone(), a.examples.clone());
        let node = Node::If { module, condition: Rc::new(c.clone()), yes: a, no: b };
        Rc::new(Typed { node, kind, axes, attached, examples, span: e.span })
    }

    /// Returns the axes of values that stand side by side: what is known before the run takes the parts of axes that results have.
    fn side_by_side<const N: usize>(&self, values: [&Typed; N]) -> [Vec<AxisId>; N] {
        let results: Vec<AxisId> =
            values.iter().filter(|v| !matches!(v.node, Node::Static(..))).flat_map(|v| v.axes.clone()).collect();
        values.map(|v| if matches!(v.node, Node::Static(..)) { self.axes().narrowed(&v.axes, &results) } else { v.axes.clone() })
    }

    fn member(&mut self, module: usize, base: &'a Expr, field: &ast::Ident, e: &'a Expr) -> Rc<Typed> {
        let base = self.expr(module, base);
        if base.is_error() {
            return base;
        }
        match &base.kind {
            Kind::Dataset
                if matches!(field.name.as_str(), "shape" | "size" | "length" | "labels" | "classes" | "images" | "targets") =>
            {
                let message = format!("a data set has no part `{}`", field.name);
                let help = "after the point comes a split, as in `.train`";
                self.say(Diag::error("cfx::name::no_field", field.span, message).help(help));
                Typed::error(e.span)
            }
            Kind::Dataset => {
                self.builtin("split", vec![("data", base)], vec![("name".to_string(), Static::Text(field.name.clone()))], e.span)
            }
            Kind::Record(fields) => match fields.iter().find(|(n, _)| *n == field.name) {
                Some((_, kind)) => {
                    let kind = kind.clone();
                    let typed = self.builtin(
                        "field",
                        vec![("x", base)],
                        vec![("name".to_string(), Static::Text(field.name.clone()))],
                        e.span,
                    );
                    Rc::new(Typed { kind, ..(*typed).clone() })
                }
                None => {
                    let names: Vec<&str> = fields.iter().map(|(n, _)| n.as_str()).collect();
                    let help = nearest_or_list(&field.name, &names);
                    self.say(
                        Diag::error("cfx::name::no_field", field.span, format!("there is no field `{}` here", field.name))
                            .help(help),
                    );
                    Typed::error(e.span)
                }
            },
            Kind::Table => self.column(base, field, e.span),
            other => {
                let message = format!("{} has no members", with_article(&other.to_string()));
                let axis = base.axes.iter().any(|a| self.axes().name(*a) == field.name);
                let text = shorten(self.program().sources.text(base.span));
                let help = match other {
                    _ if axis => format!(
                        "`{0}` is an axis: select a coordinate, `{text}[{0}: first]`, or reduce it, `mean({text}, over: {0})`",
                        field.name
                    ),
                    _ if base.axes.iter().any(|a| self.axes().names(*a).is_some_and(|all| all.contains(&field.name))) => {
                        format!("`{0}` is a coordinate: select it in brackets, `{text}[{0}]`", field.name)
                    }
                    Kind::Model => {
                        "measure it, `accuracy(m, data)`, or take a column of its history, `history(m).accuracy`".to_string()
                    }
                    _ if self.program().operations.contains_key(&field.name) => {
                        format!("operations are written around the value: `{}({text})`", field.name)
                    }
                    _ if field.name == "shape" || field.name == "dims" => {
                        "`cfx check --types` shows the axes and the number of cells of each declaration".to_string()
                    }
                    _ => match operation_elsewhere(&field.name) {
                        Some(ours) => format!("write {}", ours.replacen("(x", &format!("({text}"), 1)),
                        None => "data sets have splits (`.train`), records have fields, and tables have columns".to_string(),
                    },
                };
                self.say(Diag::error("cfx::name::no_field", field.span, message).help(help));
                Typed::error(e.span)
            }
        }
    }

    /// Makes one value over a declared axis from a result at each coordinate.
    pub(super) fn stack(&mut self, axis: AxisId, parts: Vec<Rc<Typed>>, span: Span) -> Option<Rc<Typed>> {
        if parts.iter().any(|p| p.is_error()) {
            return None;
        }
        let first = parts.first()?.clone();
        if let Some(odd) = parts.iter().find(|p| !p.kind.fits(&first.kind) || !first.kind.fits(&p.kind)) {
            self.say(
                Diag::error(
                    "cfx::type::branches",
                    odd.span,
                    format!("this coordinate is a {}, the first one a {}", odd.kind, first.kind),
                )
                .label(first.span, format!("{}", first.kind))
                .help("all coordinates of an axis have values of one kind"),
            );
            return None;
        }
        let mut axes = vec![axis];
        for p in &parts {
            if !self.unite(&mut axes, &p.axes, p.span) {
                return None;
            }
        }
        let attached = self.carried_by_all(&parts, span);
        let kind = first.kind.clone();
        let examples = first.examples.clone();
        Some(Rc::new(Typed { node: Node::Stack { axis, parts }, kind, axes, attached, examples, span }))
    }

    /// Returns whether an expression stands for a result rather than a setting.
    pub(super) fn is_result(&mut self, module: usize, e: &'a Expr) -> bool {
        match &e.kind {
            ExprKind::Name(n) => match self.program().find(module, n) {
                Some(def) => match &self.program().item(def).kind {
                    ItemKind::Bind { keyword: Keyword::Let, .. } => false,
                    ItemKind::Bind { keyword: Keyword::Axis, .. } => matches!(self.axis(def), AxisState::Results(..)),
                    ItemKind::Bind { .. } => true,
                    _ => false,
                },
                None => false,
            },
            ExprKind::Call { callee, .. } => match &callee.kind {
                ExprKind::Name(n) => self.operation(module, n).is_some(),
                _ => false,
            },
            ExprKind::Paren(x) | ExprKind::Member(x, _) | ExprKind::Select(x, _) | ExprKind::Unary(_, x) => {
                self.is_result(module, x)
            }
            ExprKind::Binary(_, a, b) | ExprKind::If(_, a, b) => self.is_result(module, a) || self.is_result(module, b),
            _ => false,
        }
    }

    /// Returns the name of the built-in that a name calls, as seen from a module.
    pub(super) fn operation(&self, module: usize, name: &str) -> Option<String> {
        if let Some(def) = self.program().find(module, name)
            && let ItemKind::Extern { name, .. } = &self.program().item(def).kind
        {
            return Some(name.name.clone());
        }
        self.program().operations.contains_key(name).then(|| name.to_string())
    }
}
