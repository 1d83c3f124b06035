//! What evaluating and binding find: typed values that passes can tell apart, put in words at one place.

use super::suggest::nearest_or_list;
use crate::base::{Diag, Diags, Span};

/// Something found, at a place.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Where.
    pub span: Span,
    /// What.
    pub what: What,
}

/// What can be found.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// What follows from a declaration that is wrong, where that has been said: there is nothing to add.
    Consequence,
    /// A name that nothing declares, with what to do.
    UnknownName { name: String, help: String },
    /// A name of an axis where nothing is over that axis.
    Waiting { axis: String },
    /// A coordinate of that axis, which stands for a network, a recipe or a result, where a number or word is needed; an example is given.
    NoValue { axis: String, example: String },
    /// A name of a result.
    Result { name: String },
    /// A name that has no value before the run.
    NotBefore { name: String },
    /// A call, a member or a selection, as written.
    Computed { text: &'static str },
    /// `except`.
    Except,
    /// A value of another kind than the one that is needed here; perhaps because of another place, and with what to do.
    Mismatch { expected: String, found: String, because: Option<(Span, String)>, help: Option<String> },
    /// A division, with the place of the zero.
    Division { by: Span },
    /// A number beyond what can be kept, in a sentence, with what to do.
    TooLarge { words: String, help: Option<String> },
    /// A product or quotient with a size that is not known yet.
    Affine { name: String },
    /// `->` among values.
    Layers,
    /// A word that is none of an option set.
    NoOption { word: String, words: Vec<String> },
    /// A word that is no coordinate of an axis.
    NoCoordinate { axis: String, word: String, all: Vec<String> },
    /// A condition that is no truth value.
    NoCondition,
    /// A name that leads back to itself.
    Circle,
    /// A map that lacks entries for coordinates of the axis that it is over.
    NoEntry { axis: String, missing: Vec<String>, keys: Vec<String> },
    /// A map over coordinates where nothing depends on an axis, or none of the axes here has one of them.
    NoAxis { keys: Vec<String>, axes: Vec<String> },
    /// A map whose entries are coordinates of several axes here.
    SeveralAxes { axes: Vec<String> },
    /// A setting that is none of its type: the type in words, the setting as written, what to do.
    NoSetting { expected: String, written: String, help: String },
    /// A constructor that a variant does not have.
    NoConstructor { name: String, variant: String },
    /// An argument of a name that what is called does not have, with what to do.
    UnknownArgument { callee: String, name: String, help: String },
    /// A positional argument behind a named one.
    AfterNamed { callee: String, named: Span, help: String },
    /// One positional argument too many: how many there may be, and which.
    TooMany { callee: String, most: usize, parameters: String },
    /// An argument that was given before.
    Doubled { callee: String, name: String, first: Span },
    /// Arguments that are missing, and all that there are.
    Missing { callee: String, names: Vec<String>, parameters: String },
    /// A mistake that no pass tells from others, in its own words.
    Said(Box<Diag>),
}

impl Finding {
    /// Returns what was found at a place.
    pub fn new(span: Span, what: What) -> Self {
        Finding { span, what }
    }

    /// Returns what follows from a wrong declaration.
    pub fn consequence(span: Span) -> Self {
        Finding::new(span, What::Consequence)
    }

    /// Returns whether this says more than that something is of no type that is wanted.
    pub fn decides(&self) -> bool {
        !matches!(
            self.what,
            What::NoSetting { .. } | What::UnknownName { .. } | What::Computed { .. } | What::Mismatch { .. } | What::Said(_)
        )
    }

    /// Returns it in words; `None` if that has been said elsewhere.
    pub fn said(self) -> Option<Diag> {
        let span = self.span;
        let error = |code: &'static str, words: String| Diag::error(code, span, words);
        let unknown = |words: String| error("cfx::static::unknown", words);
        let listed = |names: &[String]| names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
        Some(match self.what {
            What::Consequence => return None,
            What::Said(diag) => *diag,
            What::UnknownName { name, help } => {
                error("cfx::name::unknown", format!("nothing here is called `{name}`")).help(help)
            }
            What::Waiting { axis } => unknown(format!("`{axis}` is an axis, and nothing here varies over it"))
                .help("its coordinate is known only in settings of values over it, such as a training; here write one value"),
            What::NoValue { axis, example } => unknown(format!("the coordinates of `{axis}` are neither numbers nor words"))
                .help(format!("choose by the coordinate's name: `if {axis} == {example} then 1 else 2`")),
            What::Result { name } => unknown(format!("`{name}` is a result, known only after the run"))
                .help("settings cannot depend on results: they are numbers, `param`s, `let`s and coordinates of axes"),
            What::NotBefore { name } => unknown(format!("the value of `{name}` is not known before the run"))
                .help("numbers, parameters and `let`s are known before the run; results are not"),
            What::Computed { text } => unknown(format!("{text} is not known before the run"))
                .help("settings cannot depend on results: declare a result as `analysis name = …`"),
            What::Except => unknown("`except` takes examples from a data set, which is not known before the run".to_string())
                .help("declare it: `dataset rest = all except some`"),
            What::Mismatch { expected, found, because, help } => {
                let mut diag = error("cfx::static::type", format!("expected {expected}, found {found}"));
                if let Some((place, words)) = because {
                    diag = diag.label(place, words);
                }
                Diag { help, ..diag }
            }
            What::Division { by } => error("cfx::static::division", "division by zero".to_string()).label(by, "this is 0"),
            What::TooLarge { words, help } => Diag { help, ..error("cfx::static::too_large", words) },
            What::Affine { name } => {
                error("cfx::static::affine", format!("`{name}` may only be added to, and multiplied by, plain numbers here"))
                    .help("write it as `number * dim + number`")
            }
            What::Layers => error("cfx::static::layers", "layers stand where a value is expected".to_string())
                .help("`->` joins layers of a network"),
            What::NoOption { word, words } => {
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                let help = super::suggest::suggestion(&word, &words, "one of");
                Diag { help, ..error("cfx::static::option", format!("`{word}` is not one of the words allowed here")) }
            }
            What::NoCoordinate { axis, word, all } => {
                let all: Vec<&str> = all.iter().map(String::as_str).collect();
                error("cfx::axis::no_coordinate", format!("the axis `{axis}` has no coordinate `{word}`"))
                    .help(nearest_or_list(&word, &all))
            }
            What::NoCondition => error("cfx::static::condition", "the condition is not a truth value".to_string())
                .help("compare something, such as `labels == 0%`"),
            What::Circle => error("cfx::name::cycle", "this name refers to itself".to_string())
                .help("break the circle: something in it must not depend on the others"),
            What::NoEntry { axis, missing, keys } => {
                let shown = missing.iter().take(8).map(|m| format!("`{m}`")).collect::<Vec<_>>().join(", ");
                let more = if missing.len() > 8 { format!(" and {} more", missing.len() - 8) } else { String::new() };
                let entry = if missing.len() == 1 { "entry" } else { "entries" };
                error("cfx::axis::no_entry", format!("the map has no {entry} for {shown}{more} of the axis `{axis}`"))
                    .help(format!("its entries are {}; give one for every coordinate of the axis", listed(&keys)))
            }
            What::NoAxis { axes, .. } if axes.is_empty() => {
                error("cfx::axis::no_entry", "this map is over coordinates, and nothing here depends on an axis".to_string())
                    .help("write one value, or give the call an argument over the axis that the map is over")
            }
            What::NoAxis { keys, axes } => {
                let none = format!("no axis here has the coordinates {}", listed(&keys));
                error("cfx::axis::no_entry", none).help(format!("the axes here are {}", listed(&axes)))
            }
            What::SeveralAxes { axes } => {
                error("cfx::axis::ambiguous", format!("the entries of this map are coordinates of {}", listed(&axes)))
                    .help("give the axes other coordinates, or write `if axis == coordinate then … else …`")
            }
            What::NoSetting { expected, written, help } => {
                error("cfx::type::setting", format!("expected {expected}, found `{written}`")).help(help)
            }
            What::NoConstructor { name, variant } => {
                error("cfx::type::setting", format!("`{name}` makes no {variant}")).help("see `cfx doc`")
            }
            What::UnknownArgument { callee, name, help } => {
                error("cfx::call::unknown_argument", format!("`{callee}` has no argument `{name}`")).help(help)
            }
            What::AfterNamed { callee, named, help } => {
                error("cfx::call::order", format!("a positional argument of `{callee}` follows a named one"))
                    .label(named, "named")
                    .help(help)
            }
            What::TooMany { callee, most, parameters } => {
                let takes = match most {
                    0 => "no arguments".to_string(),
                    1 => "one argument".to_string(),
                    n => format!("at most {n} arguments"),
                };
                let diag = error("cfx::call::too_many", format!("`{callee}` takes {takes}")).here("one too many");
                if most == 0 { diag } else { diag.help(parameters) }
            }
            What::Doubled { callee, name, first } => error(
                "cfx::call::doubled",
                match callee.as_str() {
                    "a map" => format!("the map has two entries for `{name}`"),
                    callee => format!("`{callee}` is given `{name}` twice"),
                },
            )
            .label(first, "first given here")
            .help("keep one of them"),
            What::Missing { callee, names, parameters } => {
                let what = if names.len() == 1 { "argument" } else { "arguments" };
                error("cfx::call::missing", format!("`{callee}` needs the {what} {}", listed(&names))).help(parameters)
            }
        })
    }
}

impl From<Diag> for Finding {
    fn from(diag: Diag) -> Self {
        Finding::new(diag.span(), What::Said(Box::new(diag)))
    }
}

/// Findings of one pass, in the order found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings(pub Vec<Finding>);

/// Names of axes that values have by themselves, of which only the call tells where it is on them.
const BY_THEMSELVES: [&str; 4] = ["class", "stage", "epoch", "snapshot"];

impl Findings {
    /// Adds a finding.
    pub fn push(&mut self, finding: Finding) {
        self.0.push(finding);
    }

    /// Adds all findings of another list.
    pub fn extend(&mut self, other: Findings) {
        self.0.extend(other.0);
    }

    /// Returns whether all that is wrong are divisions by zero.
    pub fn only_divisions(&self) -> bool {
        self.0.iter().all(|f| matches!(f.what, What::Division { .. }))
    }

    /// Returns whether all that is wrong are names of results, or what is made of them.
    pub fn only_results(&self) -> bool {
        self.0.iter().all(|f| matches!(f.what, What::Result { .. }))
    }

    /// Returns whether all that is wrong are sizes.
    pub fn only_too_large(&self) -> bool {
        self.0.iter().all(|f| matches!(f.what, What::TooLarge { .. }))
    }

    /// Returns whether all that is wrong follows from wrong declarations, where that has been said.
    pub fn only_consequences(&self) -> bool {
        self.0.iter().all(|f| f.what == What::Consequence)
    }

    /// Returns whether all that is wrong are arguments of unknown names.
    pub fn only_unknown_arguments(&self) -> bool {
        self.0.iter().all(|f| matches!(f.what, What::UnknownArgument { .. }))
    }

    /// Returns the findings without those that wait for coordinates not known yet: maps that lack an entry or an axis, and the names of
    /// these axes.
    pub fn without_waiting(self) -> Findings {
        let waits = |f: &Finding| match &f.what {
            What::NoEntry { .. } | What::NoAxis { .. } => true,
            What::UnknownName { name, .. } => BY_THEMSELVES.contains(&name.as_str()),
            _ => false,
        };
        Findings(self.0.into_iter().filter(|f| !waits(f)).collect())
    }
}

impl From<Finding> for Findings {
    fn from(finding: Finding) -> Self {
        Findings(vec![finding])
    }
}

impl From<Box<Finding>> for Findings {
    fn from(finding: Box<Finding>) -> Self {
        Findings(vec![*finding])
    }
}

impl From<Findings> for Diags {
    fn from(findings: Findings) -> Self {
        let mut out = Diags::default();
        findings.0.into_iter().filter_map(Finding::said).for_each(|d| out.push(d));
        out
    }
}

impl From<Finding> for Diags {
    fn from(finding: Finding) -> Self {
        Findings::from(finding).into()
    }
}

impl From<Box<Finding>> for Diags {
    fn from(finding: Box<Finding>) -> Self {
        Findings::from(finding).into()
    }
}
