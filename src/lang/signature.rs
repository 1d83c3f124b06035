//! Signatures of built-ins, read from the standard library's `extern` and `variant` declarations: the one registry.

use super::kind::Kind;
use super::meaning::Meaning;
use crate::base::{Diag, Span};
use crate::syntax::ast::{self, TypeAtom, TypeExpr};

/// A built-in operation.
#[derive(Clone, Debug)]
pub struct Signature {
    /// Its name.
    pub name: String,
    /// The topic of the standard library it stands in.
    pub topic: String,
    /// Its documentation.
    pub doc: String,
    /// Its parameters as written, for binding arguments.
    pub params: Vec<ast::Param>,
    /// What each parameter takes.
    pub takes: Vec<Takes>,
    /// What it gives.
    pub gives: Kind,
    /// Axes that the result gains: names of parameters, or `files`, or a role's name (`epoch`).
    pub adds: Vec<String>,
    /// Parameters whose reduced axes reappear on the result.
    pub keeps: Vec<String>,
    /// Units of the result's numbers: the part of a record (empty for the value itself), and the unit, or the parameters whose unit it is.
    pub units: Vec<(String, Vec<String>)>,
    /// Between which numbers the result lies: the part of a record (empty for the value itself), and words for limits (`zero`, `one`, `minus_one`; a single
    /// one is the lower), or the parameters whose bounds it has.
    pub bounds: Vec<(String, Vec<String>)>,
    /// What the result's numbers stand for: the part of a record (empty for the value itself), and the word of a [`Meaning`], or a parameter: an input whose
    /// meaning it has, or a setting that names one.
    pub means: Vec<(String, Vec<String>)>,
    /// Whether it draws random numbers.
    pub random: bool,
    /// Whether pairs need computing once only.
    pub symmetric: bool,
    /// Whether the model carries the epochs of its training.
    pub carries: bool,
    /// Columns of the table that it gives.
    pub columns: Vec<String>,
    /// Those of them that hold words.
    pub texts: Vec<String>,
    /// Whether that table may have other columns as well.
    pub open: bool,
    /// Role of the axis whose coordinates the table's rows are.
    pub rows: Option<String>,
    /// Parameters whose inputs are of one kind, of which the result is one, or for each example that of one.
    pub one_of: Vec<String>,
    /// The setting that says whether examples of its inputs meet; where it is `false`, they are set beside each other.
    pub meets: Option<String>,
    /// Its declaration.
    pub span: Span,
}

/// What a parameter takes. More than one of these may be allowed.
#[derive(Clone, Debug, Default)]
pub struct Takes {
    /// Kinds of results, as inputs of the operation.
    pub inputs: Vec<Kind>,
    /// Whether a list of inputs may be given.
    pub list: bool,
    /// Axes of the input that are taken in whole.
    pub gathers: Gathers,
    /// An operation that a model given here goes through first, cell by cell, so that no more than one is in memory.
    pub through: Option<String>,
    /// What the numbers given here have to stand for.
    pub means: Option<Meaning>,
    /// What the operation is told of the numbers given here, where they stand for that: a setting of this word is then true.
    pub tells: Option<String>,
    /// The input, a table, of which the text given here names a column of numbers.
    pub column: Option<String>,
    /// A setting.
    pub setting: Option<SettingType>,
    /// An axis word.
    pub axis: Option<AxisWord>,
    /// Whether it may name several axes to split by.
    pub several: bool,
}

impl Takes {
    /// Returns whether it may be a setting, rather than an input or an axis word alone.
    pub fn is_setting(&self) -> bool {
        self.setting.is_some()
    }
}

/// Axes taken in whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Gathers {
    /// None: the operation maps over all of them.
    #[default]
    None,
    /// All of them.
    All,
    /// Those of the roles or names given.
    Some(Vec<String>),
}

/// Words that name axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AxisWord {
    /// `by:`
    Splits,
    /// `over:`
    Reduces,
    /// `between:`
    Pairs,
    /// `at:`
    Taps,
    /// Just names one.
    Axis,
}

/// Types of settings.
#[derive(Clone, Debug, PartialEq)]
pub enum SettingType {
    /// A whole number.
    Int,
    /// A whole number, below 0 too.
    Signed,
    /// A number.
    Real,
    /// A number that depends on the number of units, such as `dim + 2`.
    Sized,
    /// `true` or `false`.
    Bool,
    /// A string.
    Text,
    /// Any word, such as a group's.
    Word,
    /// One of these words.
    Option(Vec<String>),
    /// A constructor of the variant of that name.
    Variant(String),
    /// A list.
    List(Box<SettingType>),
    /// An architecture.
    Network,
    /// Named training settings.
    Recipe,
    /// Layers, in a network's body.
    Layer,
    /// Anything known before the run.
    Any,
    /// One of several types.
    Either(Vec<SettingType>),
}

impl std::fmt::Display for SettingType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SettingType::Int => f.write_str("a whole number"),
            SettingType::Signed => f.write_str("a whole number"),
            SettingType::Real => f.write_str("a number"),
            SettingType::Sized => f.write_str("a number by `dim`"),
            SettingType::Bool => f.write_str("`true` or `false`"),
            SettingType::Text => f.write_str("a string"),
            SettingType::Word => f.write_str("a word"),
            SettingType::Option(words) => {
                write!(f, "one of {}", words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", "))
            }
            SettingType::Variant(name) => {
                write!(f, "{} {name}", if name.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" })
            }
            SettingType::List(of) => write!(f, "a list, each element {of}"),
            SettingType::Network => f.write_str("a network"),
            SettingType::Recipe => f.write_str("a recipe"),
            SettingType::Layer => f.write_str("layers"),
            SettingType::Any => f.write_str("a setting"),
            SettingType::Either(types) => f.write_str(&types.iter().map(|t| t.to_string()).collect::<Vec<_>>().join(" or ")),
        }
    }
}

/// A type of settings with alternatives.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Its name.
    pub name: String,
    /// Its documentation.
    pub doc: String,
    /// Its alternatives.
    pub constructors: Vec<ast::Constructor>,
}

/// Reads one signature.
pub fn signature(topic: &str, item: &ast::Item) -> Option<Result<Signature, Diag>> {
    let ast::ItemKind::Extern { name, params, result } = &item.kind else { return None };
    let build = || {
        let takes = params.iter().map(takes).collect::<Result<Vec<_>, _>>()?;
        let gives = match result.alternatives.first() {
            Some(TypeAtom::Name(n)) => {
                Kind::named(&n.name).ok_or_else(|| wrong(n.span, &format!("`{}` is not a kind of result", n.name)))?
            }
            Some(TypeAtom::Record(fields)) => Kind::Record(record(fields)?),
            _ => return Err(wrong(result.span, "a result is a kind or a record")),
        };
        let named = |word: &str| -> Vec<String> {
            result.effects.iter().filter(|e| e.word.name == word).flat_map(|e| e.names.iter().map(|n| n.name.clone())).collect()
        };
        let has = |word: &str| result.effects.iter().any(|e| e.word.name == word);
        Ok(Signature {
            name: name.name.clone(),
            topic: topic.to_string(),
            doc: item.doc.clone().unwrap_or_default(),
            params: params.clone(),
            takes,
            gives,
            adds: named("adds"),
            keeps: named("keeps"),
            units: of_parts(result, "in"),
            bounds: of_parts(result, "bounds"),
            means: of_parts(result, "means"),
            random: has("random"),
            symmetric: has("symmetric"),
            carries: has("carries"),
            columns: named("columns"),
            texts: named("texts"),
            open: has("open"),
            rows: named("rows").into_iter().next(),
            one_of: named("one_of"),
            meets: named("meets").into_iter().next(),
            span: name.span,
        })
    };
    // Layers are primitives of network bodies, not operations.
    let layer = matches!(result.alternatives.first(), Some(TypeAtom::Name(n)) if n.name == "layer");
    (!layer).then(build)
}

/// Reads an effect of a result and of its parts: `number in(nats)`, `{ radius: number in(input_units) }`.
fn of_parts(result: &TypeExpr, word: &str) -> Vec<(String, Vec<String>)> {
    let parts = result.alternatives.iter().flat_map(|a| match a {
        TypeAtom::Record(fields) => fields.as_slice(),
        _ => &[],
    });
    let all = parts.map(|(name, ty)| (name.name.as_str(), ty)).chain([("", result)]);
    all.flat_map(|(part, ty)| ty.effects.iter().filter(|e| e.word.name == word).map(move |e| (part, &e.names)))
        .map(|(part, names)| (part.to_string(), names.iter().map(|n| n.name.clone()).collect()))
        .collect()
}

fn record(fields: &[(ast::Ident, TypeExpr)]) -> Result<Vec<(String, Kind)>, Diag> {
    fields
        .iter()
        .map(|(name, ty)| match ty.alternatives.first() {
            Some(TypeAtom::Name(n)) => Kind::named(&n.name)
                .map(|k| (name.name.clone(), k))
                .ok_or_else(|| wrong(n.span, &format!("`{}` is not a kind of result", n.name))),
            _ => Err(wrong(ty.span, "a field of a result is a kind")),
        })
        .collect()
}

fn wrong(span: Span, message: &str) -> Diag {
    Diag::error("cfx::signature::type", span, message).help("the standard library has examples of signatures")
}

/// Reads what a parameter takes.
pub fn takes(param: &ast::Param) -> Result<Takes, Diag> {
    let mut out = Takes::default();
    let Some(ty) = &param.ty else {
        return Ok(Takes { setting: Some(SettingType::Any), ..out });
    };
    let mut settings = Vec::new();
    for atom in &ty.alternatives {
        match atom {
            TypeAtom::Name(n) => match n.name.as_str() {
                "splits" => out.axis = Some(AxisWord::Splits),
                "reduces" => out.axis = Some(AxisWord::Reduces),
                "pairs" => out.axis = Some(AxisWord::Pairs),
                "taps" => out.axis = Some(AxisWord::Taps),
                "axis" => out.axis = Some(AxisWord::Axis),
                "none" => {}
                name => match Kind::named(name) {
                    Some(kind) => out.inputs.push(kind),
                    None => settings.push(setting_name(name)),
                },
            },
            TypeAtom::Option(words) => settings.push(SettingType::Option(words.iter().map(|w| w.name.clone()).collect())),
            TypeAtom::List(inner) if names_splits(inner) => (out.axis, out.several) = (Some(AxisWord::Splits), true),
            TypeAtom::List(inner) => match list_of_inputs(inner) {
                Some(kinds) => {
                    out.list = true;
                    out.inputs.extend(kinds);
                }
                None => settings.push(SettingType::List(Box::new(setting_type(inner)))),
            },
            TypeAtom::Record(_) => out.inputs.push(Kind::Record(Vec::new())),
        }
    }
    for effect in &ty.effects {
        if effect.word.name == "gathers" {
            let names: Vec<String> = effect.names.iter().map(|n| n.name.clone()).collect();
            out.gathers = if names.iter().any(|n| n == "all") { Gathers::All } else { Gathers::Some(names) };
        } else if effect.word.name == "through" {
            out.through = effect.names.first().map(|n| n.name.clone());
        } else if effect.word.name == "means" {
            out.means = effect.names.first().and_then(|n| Meaning::named(&n.name));
        } else if effect.word.name == "tells" {
            out.tells = effect.names.first().map(|n| n.name.clone());
        } else if effect.word.name == "column" {
            out.column = effect.names.first().map(|n| n.name.clone());
        } else {
            return Err(wrong(effect.word.span, &format!("`{}` is not an effect of a parameter", effect.word.name)));
        }
    }
    out.setting = match settings.len() {
        0 => None,
        1 => settings.pop(),
        _ => Some(SettingType::Either(settings)),
    };
    Ok(out)
}

fn names_splits(inner: &TypeExpr) -> bool {
    matches!(inner.alternatives.as_slice(), [TypeAtom::Name(n)] if n.name == "splits")
}

fn list_of_inputs(inner: &TypeExpr) -> Option<Vec<Kind>> {
    inner
        .alternatives
        .iter()
        .map(|a| match a {
            TypeAtom::Name(n) => Kind::named(&n.name),
            _ => None,
        })
        .collect()
}

fn setting_name(name: &str) -> SettingType {
    match name {
        "int" => SettingType::Int,
        "integer" => SettingType::Signed,
        "real" => SettingType::Real,
        "dim" => SettingType::Sized,
        "bool" => SettingType::Bool,
        "text" => SettingType::Text,
        "word" => SettingType::Word,
        "network" => SettingType::Network,
        "recipe" => SettingType::Recipe,
        "layer" => SettingType::Layer,
        "any" => SettingType::Any,
        other => SettingType::Variant(other.to_string()),
    }
}

/// Returns the setting type that a type expression stands for.
pub fn setting_type(ty: &TypeExpr) -> SettingType {
    let mut types: Vec<SettingType> = ty
        .alternatives
        .iter()
        .filter_map(|a| match a {
            TypeAtom::Name(n) if n.name == "none" => None,
            TypeAtom::Name(n) => Some(setting_name(&n.name)),
            TypeAtom::Option(words) => Some(SettingType::Option(words.iter().map(|w| w.name.clone()).collect())),
            TypeAtom::List(inner) => Some(SettingType::List(Box::new(setting_type(inner)))),
            TypeAtom::Record(_) => Some(SettingType::Any),
        })
        .collect();
    if types.len() == 1 { types.remove(0) } else { SettingType::Either(types) }
}
