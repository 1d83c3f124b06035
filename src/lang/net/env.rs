//! What the names in a body are bound to while it is laid out: values, and layers handed in as arguments.

use super::library::{Declared, Found, Library, NetworkCall};
use crate::base::{Diag, Diags, Span};
use crate::lang::Static;
use crate::lang::bind::bind_args_except;
use crate::lang::eval::{eval, eval_as, fit};
use crate::lang::mentions::names;
use crate::syntax::ast::{Arg, Expr, ExprKind, Param, TypeAtom, TypeExpr};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The parameter of a network that the data set fills.
pub(crate) const CLASSES: &str = "classes";

/// What a name is bound to.
#[derive(Clone)]
pub(crate) enum Bound<'a> {
    /// A value.
    Value(Static),
    /// Layers as written, with the names they were written under; nothing for `none`.
    Layers(Option<(&'a Expr, Rc<Env<'a>>)>),
}

/// The names of one body.
#[derive(Clone, Default)]
pub(crate) struct Env<'a> {
    pub values: BTreeMap<String, Bound<'a>>,
    /// Whether labels written here are taps.
    pub taps: bool,
    /// What `repeat` and `each` append to labels: the number of the turn, from 1; nested ones joined by `_`.
    pub turns: String,
}

impl<'a> Env<'a> {
    /// Returns the names inside the given turn (from 0) of a loop.
    pub fn turn(&self, turn: usize) -> Env<'a> {
        let turns = if self.turns.is_empty() { format!("{}", turn + 1) } else { format!("{}_{}", self.turns, turn + 1) };
        Env { turns, ..self.clone() }
    }

    /// Returns the label as this turn names it.
    pub fn label(&self, label: &str) -> String {
        format!("{label}{}", self.turns)
    }

    /// Returns an expression's value under these names.
    pub fn value(&self, library: &dyn Library, expr: &Expr, ty: Option<&TypeExpr>) -> Result<Static, Diags> {
        let lookup = |name: &str| match self.values.get(name) {
            Some(Bound::Value(value)) => Some(value.clone()),
            Some(Bound::Layers(_)) => None,
            None => match library.find(expr.span, name) {
                Some(Found::Static(value)) => Some(value),
                _ => None,
            },
        };
        let outcome = match ty {
            Some(ty) => eval_as(expr, ty, &lookup),
            None => eval(expr, &lookup),
        };
        outcome.map_err(Diags::from)
    }

    /// Returns the count in `repeat(count)`.
    pub fn count(&self, library: &dyn Library, expr: &Expr) -> Result<usize, Diags> {
        match self.value(library, expr, None)? {
            Static::Number(x) if x >= 0.0 && x.fract() == 0.0 && x <= 1e5 => Ok(x as usize),
            Static::Number(x) if x > 1e5 => {
                let text = format!(
                    "`repeat` takes at most 100,000 repetitions, found {}",
                    crate::lang::eval::describe(&Static::Number(x))
                );
                let help = "a network has at most 20,000 layers";
                Err(one(Diag::error("cfx::static::type", expr.span, text).help(help)))
            }
            other => {
                let text = format!("`repeat` takes a whole number, found {}", crate::lang::eval::describe(&other));
                Err(one(Diag::error("cfx::static::type", expr.span, text)))
            }
        }
    }

    /// Returns the elements of `each(name: elements)` and the name.
    pub fn elements(&self, library: &dyn Library, args: &'a [Arg], span: Span) -> Result<(&'a str, Vec<Static>), Diags> {
        let (name, list) = each_parts(args, span).map_err(one)?;
        match self.value(library, list, None)? {
            Static::List(items) => Ok((name, items)),
            other => {
                let text = format!("`each` goes over a list, found {}", crate::lang::eval::describe(&other));
                Err(one(Diag::error("cfx::static::type", list.span, text)))
            }
        }
    }
}

/// Returns name and list of `each(name: list)`.
pub(crate) fn each_parts(args: &[Arg], span: Span) -> Result<(&str, &Expr), Diag> {
    match args {
        [Arg { name: Some(name), value }] => Ok((&name.name, value)),
        _ => Err(Diag::error("cfx::call::each", span, "`each` takes one named list")
            .help("name what stands for each element: `each(width: [64, 32]) { linear(width) -> relu }`")),
    }
}

/// Returns one message as a list.
pub(crate) fn one(diag: Diag) -> Diags {
    Diags::from(diag)
}

/// Returns whether parameters of this type take layers.
pub(crate) fn takes_layers(ty: Option<&TypeExpr>) -> bool {
    ty.is_some_and(|ty| ty.alternatives.iter().any(|a| matches!(a, TypeAtom::Name(n) if n.name == "layers")))
}

/// Returns the names of a network's body at its call from a script.
pub(crate) fn enter<'a>(library: &dyn Library, call: &NetworkCall<'a>, classes: Static) -> Result<Env<'a>, Diags> {
    let mut given = BTreeMap::new();
    for (name, value) in &call.args {
        let Some(param) = call.network.params.iter().find(|p| p.name.name == *name) else {
            let text = format!("`{}` has no argument `{name}`", call.network.name.name);
            return Err(one(Diag::error("cfx::call::unknown_argument", call.span, text)));
        };
        let value = match &param.ty {
            Some(ty) => fit(value.clone(), ty, call.span)?,
            None => value.clone(),
        };
        given.insert(name.clone(), Bound::Value(value));
    }
    let values = complete(library, call.network, given, call.span, classes)?;
    Ok(Env { values, taps: true, turns: String::new() })
}

/// Returns the names of a layer's or network's body at a step that calls it.
pub(crate) fn step_into<'a>(
    library: &dyn Library,
    callee: Declared<'a>,
    args: &'a [Arg],
    span: Span,
    env: &Rc<Env<'a>>,
    classes: Static,
) -> Result<Env<'a>, Diags> {
    let filled: &[&str] = if callee.is_network() { &[CLASSES] } else { &[] };
    let args: Vec<_> = args.iter().collect();
    let slots = bind_args_except(callee.params, &args, &callee.name.name, span, filled)?;
    let given = given(library, callee.params, slots, env)?;
    let values = complete(library, callee, given, span, classes)?;
    Ok(Env { values, taps: env.taps && callee.is_network(), turns: String::new() })
}

/// Returns the values of arguments as given, without defaults.
pub(crate) fn given<'a>(
    library: &dyn Library,
    params: &[Param],
    slots: Vec<Option<&'a Expr>>,
    env: &Rc<Env<'a>>,
) -> Result<BTreeMap<String, Bound<'a>>, Diags> {
    let mut out = BTreeMap::new();
    for (param, expr) in params.iter().zip(slots) {
        let Some(expr) = expr else { continue };
        let bound = if takes_layers(param.ty.as_ref()) {
            layers(expr, env)
        } else {
            Bound::Value(env.value(library, expr, param.ty.as_ref())?)
        };
        out.insert(param.name.name.clone(), bound);
    }
    Ok(out)
}

/// Returns layers written as an argument; labels in them are no taps.
fn layers<'a>(expr: &'a Expr, env: &Rc<Env<'a>>) -> Bound<'a> {
    match &expr.kind {
        ExprKind::Name(name) if name == "none" => Bound::Layers(None),
        _ => Bound::Layers(Some((expr, Rc::new(Env { taps: false, ..(**env).clone() })))),
    }
}

fn complete<'a>(
    library: &dyn Library,
    callee: Declared<'a>,
    mut values: BTreeMap<String, Bound<'a>>,
    span: Span,
    classes: Static,
) -> Result<BTreeMap<String, Bound<'a>>, Diags> {
    // Known in every network's body, whether or not it is a parameter.
    if callee.is_network() {
        values.entry(CLASSES.to_string()).or_insert(Bound::Value(classes));
    }
    defaults(library, callee.params, &mut values)?;
    match callee.params.iter().find(|p| !values.contains_key(&p.name.name)) {
        Some(param) => {
            let text = format!("`{}` needs the argument `{}`", callee.name.name, param.name.name);
            Err(one(Diag::error("cfx::call::missing", span, text)))
        }
        None => Ok(values),
    }
}

/// Fills in defaults. A default may use any other parameter, whatever the order, as long as they do not go in circles.
pub(crate) fn defaults<'a>(
    library: &dyn Library,
    params: &'a [Param],
    values: &mut BTreeMap<String, Bound<'a>>,
) -> Result<(), Diags> {
    let mut open: Vec<(&'a Param, &'a Expr)> =
        params.iter().filter(|p| !values.contains_key(&p.name.name)).filter_map(|p| p.default.as_ref().map(|d| (p, d))).collect();
    while !open.is_empty() {
        let waiting: Vec<_> = open.iter().map(|(p, _)| p.name.name.as_str()).collect();
        let Some(at) = open.iter().position(|(_, default)| !names(default).iter().any(|(n, _)| waiting.contains(n))) else {
            let text = format!("the defaults of {} need each other", waiting.join(" and "));
            return Err(one(Diag::error("cfx::network::cycle", open[0].1.span, text)));
        };
        let (param, default) = open.remove(at);
        let env = Rc::new(Env { values: values.clone(), ..Env::default() });
        let bound = if takes_layers(param.ty.as_ref()) {
            layers(default, &env)
        } else {
            // Only words need the type here: whether a number suits is for the layer to say (`pad` of an even kernel).
            let ty = param.ty.as_ref().filter(|ty| crate::lang::eval::options(ty).is_some());
            Bound::Value(env.value(library, default, ty)?)
        };
        values.insert(param.name.name.clone(), bound);
    }
    Ok(())
}
