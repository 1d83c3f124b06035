//! Words that name axes: `by:`, `over:`, `between:`, `at:`, read from a call for the algebra of shapes.

use super::axes::{Attached, Axis, AxisId, Coordinate, Origin, Pick, Role};
use super::checker::{AxisState, Checker};
use super::kind::Kind;
use super::parts::Parts;
use super::refusals::items;
use super::shape::{Declared, Fresh, Holds, Name, Reduces, Shape, Taps, Word};
use super::signature::{AxisWord, SettingType, Signature};
use super::static_value::Static;
use super::statics::Env;
use super::suggest::nearest_or_list;
use super::typed::{Node, Typed};
use crate::base::text::shorten;
use crate::base::{Diag, Diags, Span};
use crate::syntax::ast::{Expr, ExprKind, ItemKind, Keyword};
use std::rc::Rc;

/// The axis words of a call: what the algebra is given, and the data sets behind names, by parameter and place of the name.
#[derive(Default)]
pub(super) struct AxisWords {
    pub words: Vec<(usize, Word)>,
    pub sets: Vec<(usize, usize, Rc<Typed>)>,
}

/// Returns what the algebra of shapes knows of a value.
pub(super) fn shape_of(v: &Typed) -> Shape {
    let holds = match &v.kind {
        kind if kind.per_example() => Holds::PerExample,
        Kind::Dataset | Kind::Stages => Holds::Examples,
        Kind::Group => Holds::Group,
        _ => Holds::One,
    };
    Shape { axes: v.axes.clone(), holds, known: matches!(v.node, Node::Static(..)) }
}

impl<'a> Checker<'a> {
    /// Reads the axis words of a call, those that are left out as the signature says. Nothing: a message has been given, or the
    /// declaration of an axis has failed, which has been said.
    pub(super) fn axis_words(
        &mut self,
        signature: &'a Signature,
        parts: &Parts<'a>,
        values: &[Rc<Typed>],
        carries: &Attached,
        span: Span,
    ) -> Option<AxisWords> {
        let mut out = AxisWords::default();
        for (i, takes) in signature.takes.iter().enumerate() {
            let Some(kind) = takes.axis else { continue };
            let given = parts.axis_words.iter().find(|(j, _, _)| *j == i);
            let word = match (kind, given) {
                (AxisWord::Taps, Some((_, _, value))) => Word::Taps(self.taps(value, carries)?),
                (AxisWord::Taps, None) => match self.default_taps(signature, i, carries, span)? {
                    Some(taps) => Word::Taps(taps),
                    None => continue,
                },
                (AxisWord::Reduces, None) => match default_reduces(signature, i) {
                    Some(reduces) => Word::Reduces(reduces),
                    None => continue,
                },
                (_, None) => continue,
                (kind, Some((_, module, value))) => {
                    let names = self.axis_names(signature, i, *module, value, values, carries, &mut out.sets)?;
                    match kind {
                        AxisWord::Splits => Word::Splits { names, several: takes.several },
                        AxisWord::Reduces => Word::Reduces(Reduces::Named(names)),
                        AxisWord::Pairs => {
                            // The algebra finds the others of the axes that may be paired.
                            let first = values.first().map(|v| v.axes.clone()).unwrap_or_default();
                            first.into_iter().for_each(|a| {
                                self.axes_mut().other(a);
                            });
                            Word::Pairs(names)
                        }
                        AxisWord::Axis | AxisWord::Taps => {
                            Word::Names { names, columns: values.iter().any(|v| has_columns(&v.kind)) }
                        }
                    }
                }
            };
            out.words.push((i, word));
        }
        Some(out)
    }

    /// Reads the names of an axis word.
    fn axis_names(
        &mut self,
        signature: &'a Signature,
        param: usize,
        module: usize,
        value: &'a Expr,
        values: &[Rc<Typed>],
        carries: &Attached,
        sets: &mut Vec<(usize, usize, Rc<Typed>)>,
    ) -> Option<Vec<Name>> {
        let mut names = Vec::new();
        if items(value).is_empty() {
            let param = &signature.params[param].name.name;
            let diag = Diag::error("cfx::axis::empty", value.span, format!("`{param}:` names no axis"));
            self.say(diag.help(format!("name one or more, or leave `{param}:` out")));
            return None;
        }
        for (k, item) in items(value).into_iter().enumerate() {
            let ExprKind::Name(word) = &item.kind else {
                let text = shorten(self.program().sources.text(item.span));
                let param = &signature.params[param].name.name;
                let mut axes: Vec<AxisId> = values.iter().flat_map(|v| v.axes.iter().copied()).collect();
                axes.extend(carries.class);
                axes.sort();
                axes.dedup();
                let message = format!("`{param}:` takes the name of an axis, and `{text}` is not one");
                let help = match &item.kind {
                    ExprKind::Text(t) if axes.iter().any(|a| self.axes().name(*a) == t) => {
                        format!("names of axes have no quotes: `{param}: {t}`")
                    }
                    ExprKind::Text(t) if values.iter().any(|v| v.kind == Kind::Table) => {
                        format!("names of columns have no quotes: `{param}: {t}`")
                    }
                    _ if axes.is_empty() => "write the name of an axis".to_string(),
                    _ => format!("its axes are {}", self.listed(&axes)),
                };
                self.say(Diag::error("cfx::axis::word", item.span, message).help(help));
                return None;
            };
            let declared = match self.declared_axis(module, word) {
                None => None,
                Some(AxisState::Results(axis, typed)) if typed.kind == Kind::Dataset => {
                    let shape = shape_of(&typed);
                    sets.push((param, k, typed));
                    Some(Declared { axis, sets: Some(shape) })
                }
                Some(AxisState::Plain(axis) | AxisState::Results(axis, _)) => Some(Declared { axis, sets: None }),
                // What is wrong with it has been said.
                Some(AxisState::Visiting | AxisState::Failed) => return None,
            };
            names.push(Name { text: word.clone(), declared });
        }
        Some(names)
    }

    /// Returns what is known of the axis declared under a name, if one is.
    fn declared_axis(&mut self, module: usize, name: &str) -> Option<AxisState> {
        let def = self.program().find(module, name)?;
        if !matches!(self.program().item(def).kind, ItemKind::Bind { keyword: Keyword::Axis, .. }) {
            return None;
        }
        self.note_used(def);
        Some(self.axis(def))
    }

    /// Returns the taps that `at:` names: labels of the network, and texts with the paths of inner layers, which make an axis of their own.
    fn taps(&mut self, value: &'a Expr, carries: &Attached) -> Option<Taps> {
        let stage = self.known_taps(carries, value.span)?;
        let items = items(value);
        if matches!(items.as_slice(), [one] if matches!(&one.kind, ExprKind::Name(n) if n == "all")) {
            return Some(Taps { axis: stage, one: false });
        }
        let known: Vec<String> = self.axes().get(stage).coordinates.iter().flatten().map(|c| c.text.clone()).collect();
        let mut picks = Vec::new();
        let mut paths = false;
        for item in items {
            let name = match &item.kind {
                ExprKind::Name(n) => n.clone(),
                ExprKind::Text(t) => t.clone(),
                _ => shorten(self.program().sources.text(item.span)),
            };
            // The path of a layer inside a module, which the sizes of the data tell: that there is one is looked at when the call is planned.
            let path = matches!(&item.kind, ExprKind::Text(t) if t.contains('.')) && !known.contains(&name);
            paths |= path;
            let diag = if !known.contains(&name) && !path {
                let list: Vec<&str> = known.iter().map(String::as_str).collect();
                Diag::error("cfx::axis::no_tap", item.span, format!("the network has no tap `{name}`"))
                    .help(nearest_or_list(&name, &list))
            } else if picks.contains(&Pick::Named(name.clone())) {
                Diag::error("cfx::axis::doubled", item.span, format!("the tap `{name}` is given twice"))
                    .help("name each tap once")
            } else {
                picks.push(Pick::Named(name));
                continue;
            };
            self.say(diag);
            return None;
        }
        if picks.is_empty() {
            let diag = Diag::error("cfx::axis::empty", value.span, "this picks no tap");
            self.say(diag.help("write `at: all`, or name taps"));
            return None;
        }
        // One tap drops the axis, a list keeps it, as in every selection.
        let one = !matches!(value.kind, ExprKind::List(_));
        if !paths {
            return Some(Taps { axis: self.axes_mut().part(stage, picks), one });
        }
        let names: Vec<String> = picks.into_iter().filter_map(|p| if let Pick::Named(n) = p { Some(n) } else { None }).collect();
        let whole = self.axes().whole(stage);
        let axis = self.axes().get(whole).clone();
        let networks = if let Origin::Taps(networks, _) = axis.origin { networks } else { Vec::new() };
        let coordinates = Some(names.iter().map(Coordinate::named).collect());
        let axis = Axis { origin: Origin::Taps(networks, names), coordinates, ..axis };
        Some(Taps { axis: self.axes_mut().intern(axis), one })
    }

    /// Returns the axis of the taps of the call's model, where it has any; says so where not.
    fn known_taps(&mut self, carries: &Attached, span: Span) -> Option<AxisId> {
        let (message, help) = match carries.stage {
            Some(stage) if self.axes().get(stage).coordinates.as_ref().is_none_or(|c| !c.is_empty()) => return Some(stage),
            Some(_) => ("this network names no taps", "put a label before a step of the network: `stage1: …`"),
            None => ("the taps of this model are not known", "name the network where the model is made"),
        };
        self.say(Diag::error("cfx::axis::no_taps", span, message).help(help));
        None
    }

    /// Returns all taps, unless the signature asks for none where the call does not.
    fn default_taps(&mut self, signature: &Signature, param: usize, carries: &Attached, span: Span) -> Option<Option<Taps>> {
        if matches!(signature.params[param].default.as_ref().map(|d| &d.kind), Some(ExprKind::Name(n)) if n == "none") {
            return Some(None);
        }
        Some(Some(Taps { axis: self.known_taps(carries, span)?, one: false }))
    }

    /// Returns the axis that the operation makes: the files it reads, or as many coordinates as a setting says. Nothing: a message has
    /// been given.
    pub(super) fn fresh(&mut self, signature: &'a Signature, parts: &Parts, span: Span) -> Option<Option<Fresh>> {
        let made = |name: &str, axis: AxisId| Some(Some(Fresh { name: name.to_string(), axis }));
        for name in &signature.adds {
            if name == "files" {
                let axis = Axis { name: "stage".into(), role: Role::Stage, origin: Origin::Call(span), coordinates: None, span };
                return made("at", self.axes_mut().intern(axis));
            }
            let Some(i) = signature.params.iter().position(|p| p.name.name == *name) else { continue };
            if signature.takes[i].setting != Some(SettingType::Int) {
                continue;
            }
            let value = match (parts.written.get(name), &signature.params[i].default) {
                (Some(w), _) => self.statics().value(w.0, &w.1, &Env::new()),
                (None, Some(d)) => self.statics().value(self.program().module_at(d.span), d, &Env::new()),
                (None, None) => Ok(Static::None),
            };
            let found = match value {
                Ok(Static::Number(x)) if x >= 1.0 && x.fract() == 0.0 && x <= 1e6 => {
                    let coordinates = (0..x as usize).map(|k| Coordinate::number(k as f64, k.to_string())).collect();
                    let (role, origin) = (Role::Count, Origin::Call(span));
                    let axis = Axis { name: "bin".into(), role, origin, coordinates: Some(coordinates), span };
                    return made("at", self.axes_mut().intern(axis));
                }
                // That it is below 0, or not whole, is said of the setting.
                Ok(Static::Number(x)) if x < 0.0 || x.fract() != 0.0 => Diags::default(),
                Ok(_) => {
                    let place = parts.written.get(name).map_or(span, |w| w.1.span);
                    let message = format!("`{name}` is the length of an axis: a whole number from 1 to a million");
                    Diags::from(Diag::error("cfx::type::setting", place, message).help("write, say, `count: 50`"))
                }
                Err(found) => found.into(),
            };
            self.say_all(found);
            return None;
        }
        Some(None)
    }
}

/// Returns the axes that an operation takes in where the call does not say.
fn default_reduces(signature: &Signature, param: usize) -> Option<Reduces> {
    match signature.params[param].default.as_ref().map(|d| &d.kind) {
        Some(ExprKind::Name(n)) => match n.as_str() {
            "none" => None,
            "everything" => Some(Reduces::Everything),
            "rest" => Some(Reduces::Rest),
            role => Some(Reduces::Role(role.to_string())),
        },
        _ => Some(Reduces::Rest),
    }
}

/// Returns whether a figure may name a column of a value of this kind.
fn has_columns(kind: &Kind) -> bool {
    matches!(kind, Kind::Table | Kind::Record(_)) || kind.per_example()
}
