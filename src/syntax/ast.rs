//! The syntax tree: what was written, with spans; nothing is looked up yet.

use crate::base::{Decimal, Span};

/// A parsed source file.
#[derive(Clone, Debug, Default)]
pub struct File {
    /// The edition named in the first line (`cfx 1`), with its place.
    pub edition: Option<(u32, Span)>,
    /// Declarations in the order written; those that could not be parsed are missing (and reported).
    pub items: Vec<Item>,
    /// Names that declarations which could not be parsed would have bound, so that their uses are no mistakes of their own.
    pub lost: Vec<String>,
    /// Every comment, doc comments included, in the order written.
    pub comments: Vec<Comment>,
}

/// A comment with its `#`.
#[derive(Clone, Debug)]
pub struct Comment {
    /// The comment from `#` to the end of its line, without the newline.
    pub text: String,
    /// Where it stands.
    pub span: Span,
    /// Whether anything but white space stands before it on its line.
    pub trailing: bool,
}

/// A name with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ident {
    /// The name.
    pub name: String,
    /// Where it is written.
    pub span: Span,
}

/// A declaration.
#[derive(Clone, Debug)]
pub struct Item {
    /// What is declared.
    pub kind: ItemKind,
    /// Text of the `##` lines directly before it, joined by newlines, without the `##`.
    pub doc: Option<String>,
    /// The whole declaration, without its doc comment.
    pub span: Span,
}

/// The kinds of declaration.
#[derive(Clone, Debug)]
pub enum ItemKind {
    /// `experiment "Title" { seed: 7 }`
    Experiment { title: Text, settings: Vec<Arg> },
    /// `use std.data { digits, cifar10 as c10 }` or `use "lib/nets.cfx" { mine }`
    Use { path: UsePath, names: Vec<UseName> },
    /// `dataset d = …`, `model m = …`, `stages`, `density`, `analysis`, `axis`, `let`: a keyword, a name, a value.
    Bind { keyword: Keyword, name: Ident, value: Expr },
    /// `figure "Title" = …` or `claim "Title" = …`
    Titled { keyword: Keyword, title: Text, value: Expr },
    /// `recipe name { field: value … }` or `recipe name = other { field: value … }`
    Recipe { name: Ident, base: Option<Ident>, fields: Vec<Arg> },
    /// `param epochs: int = 12`
    Param(Param),
    /// `network name(params) { steps }` or `layer name(params) { steps }`
    Network { keyword: Keyword, name: Ident, params: Vec<Param>, body: Body },
    /// `extern name(params) -> type`: the signature of a built-in; standard library only.
    Extern { name: Ident, params: Vec<Param>, result: TypeExpr },
    /// `variant rate = constant(value: real) | triangular(peak: real, rise: real)`: a type of settings; standard library only.
    Variant { name: Ident, constructors: Vec<Constructor> },
}

/// Words that begin a declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Keyword {
    Experiment,
    Use,
    Axis,
    Param,
    Let,
    Dataset,
    Network,
    Layer,
    Recipe,
    Model,
    Stages,
    Density,
    Analysis,
    Figure,
    Claim,
    Extern,
    Variant,
}

impl Keyword {
    /// Every keyword, in the order of the reference.
    pub const ALL: [Keyword; 17] = [
        Keyword::Experiment,
        Keyword::Use,
        Keyword::Axis,
        Keyword::Param,
        Keyword::Let,
        Keyword::Dataset,
        Keyword::Network,
        Keyword::Layer,
        Keyword::Recipe,
        Keyword::Model,
        Keyword::Stages,
        Keyword::Density,
        Keyword::Analysis,
        Keyword::Figure,
        Keyword::Claim,
        Keyword::Extern,
        Keyword::Variant,
    ];

    /// Returns the keyword as written.
    pub fn word(self) -> &'static str {
        match self {
            Keyword::Experiment => "experiment",
            Keyword::Use => "use",
            Keyword::Axis => "axis",
            Keyword::Param => "param",
            Keyword::Let => "let",
            Keyword::Dataset => "dataset",
            Keyword::Network => "network",
            Keyword::Layer => "layer",
            Keyword::Recipe => "recipe",
            Keyword::Model => "model",
            Keyword::Stages => "stages",
            Keyword::Density => "density",
            Keyword::Analysis => "analysis",
            Keyword::Figure => "figure",
            Keyword::Claim => "claim",
            Keyword::Extern => "extern",
            Keyword::Variant => "variant",
        }
    }
}

/// A string literal, escapes resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The text meant.
    pub value: String,
    /// The literal with its quotes.
    pub span: Span,
}

/// Where names are taken from.
#[derive(Clone, Debug)]
pub enum UsePath {
    /// `std.data`: dotted names.
    Dotted(Vec<Ident>),
    /// `"lib/nets.cfx"`: a file below the script's folder.
    File(Text),
}

/// One name taken, perhaps under another.
#[derive(Clone, Debug)]
pub struct UseName {
    /// Name in the other file.
    pub name: Ident,
    /// Name here, where it differs (`name as alias`).
    pub alias: Option<Ident>,
}

/// A parameter of a network, a layer, a built-in, a constructor, or of the script itself.
#[derive(Clone, Debug)]
pub struct Param {
    /// Its name.
    pub name: Ident,
    /// Its type, where written.
    pub ty: Option<TypeExpr>,
    /// Its default, where written.
    pub default: Option<Expr>,
}

/// One alternative of a `variant`.
#[derive(Clone, Debug)]
pub struct Constructor {
    /// Its name.
    pub name: Ident,
    /// Its parameters.
    pub params: Vec<Param>,
}

/// A type in a signature: alternatives and axis effects, such as `density gathers(class) | none`.
#[derive(Clone, Debug)]
pub struct TypeExpr {
    /// Alternatives, at least one.
    pub alternatives: Vec<TypeAtom>,
    /// Words after them, such as `gathers(class)`, `adds(by)`, `random`.
    pub effects: Vec<Effect>,
    /// The whole type.
    pub span: Span,
}

/// One alternative of a type.
#[derive(Clone, Debug)]
pub enum TypeAtom {
    /// `stages`
    Name(Ident),
    /// `option(mean, max)`: one of these words.
    Option(Vec<Ident>),
    /// `[real]`
    List(Box<TypeExpr>),
    /// `{ f_score: number, accuracy: number }`
    Record(Vec<(Ident, TypeExpr)>),
}

/// A word after a type, perhaps with names.
#[derive(Clone, Debug)]
pub struct Effect {
    /// The word.
    pub word: Ident,
    /// The names in brackets after it.
    pub names: Vec<Ident>,
}

/// The steps of a network or layer.
#[derive(Clone, Debug, Default)]
pub struct Body {
    /// One a line.
    pub steps: Vec<Step>,
    /// The body with its braces.
    pub span: Span,
}

/// A step of a body: `stage1: conv(16, 3) -> relu`.
#[derive(Clone, Debug)]
pub struct Step {
    /// The tap it names.
    pub label: Option<Ident>,
    /// The layers: a name, a call, a chain of them, a choice between them.
    pub value: Expr,
}

/// An argument of a call or a field of a block.
#[derive(Clone, Debug)]
pub struct Arg {
    /// Its name, where given.
    pub name: Option<Ident>,
    /// Its value.
    pub value: Expr,
}

/// The name that stands for an expression which could not be read; no script can write it, and nothing more is said of it.
pub const UNREAD: &str = "";

/// An expression with its place.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it is written.
    pub span: Span,
}

/// The kinds of expression.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// `12`, `1e-4`, `20%`, `10k`: the value with its unit applied, and how it was written.
    Number { value: Decimal, unit: Unit, text: String },
    /// `"text"`
    Text(String),
    /// `true`, `false`
    Bool(bool),
    /// A name.
    Name(String),
    /// `( … )`; kept, because `(name)` is a declaration's name where an option's name would come first.
    Paren(Box<Expr>),
    /// `[a, b]`
    List(Vec<Expr>),
    /// `{ a: 1, "b c": 2 }` where no expression precedes it on the line.
    Map(Vec<(Ident, Expr)>),
    /// `0..10`, the end excluded.
    Range(Box<Expr>, Box<Expr>),
    /// `f(a, b: c) { d: e }`: positional and named arguments; the block's fields come after those in brackets.
    Call { callee: Box<Expr>, args: Vec<Arg>, block: Option<Block> },
    /// `a.b`
    Member(Box<Expr>, Ident),
    /// `a[x, axis: y]`
    Select(Box<Expr>, Vec<Arg>),
    /// `-a`, `not a`
    Unary(UnaryOp, Box<Expr>),
    /// `a + b`, `a == b`, `a and b`, `a except b`
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `if c then a else b`
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `a -> b -> c`, in a network's body.
    Chain(Vec<Expr>),
}

impl Expr {
    /// Returns the value of a call's argument of that name, in brackets or in its block.
    pub fn argument(&self, name: &str) -> Option<&Expr> {
        let of = |args: &'_ [Arg]| args.iter().position(|a| a.name.as_ref().is_some_and(|n| n.name == name));
        match &self.kind {
            ExprKind::Paren(inner) => inner.argument(name),
            ExprKind::Call { args, block, .. } => of(args).map(|i| &args[i].value).or_else(|| match block {
                Some(Block::Fields(fields)) => of(fields).map(|i| &fields[i].value),
                _ => None,
            }),
            _ => None,
        }
    }
}

/// What stands in braces after a call.
#[derive(Clone, Debug)]
pub enum Block {
    /// More named arguments.
    Fields(Vec<Arg>),
    /// Steps, in a network's body: `residual { … }`, `repeat(3) { … }`.
    Body(Body),
}

/// The unit behind a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// None.
    None,
    /// `%`: hundredths.
    Percent,
    /// `k`: thousands.
    Kilo,
    /// `M`: millions.
    Mega,
}

/// Operators with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-`
    Neg,
    /// `not`
    Not,
}

/// Operators with two operands, loosest first: or, and, comparisons, except, sums, products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOp {
    Or,
    And,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Except,
    Add,
    Sub,
    Mul,
    Div,
}

impl BinaryOp {
    /// Returns the operator as written.
    pub fn word(self) -> &'static str {
        match self {
            BinaryOp::Or => "or",
            BinaryOp::And => "and",
            BinaryOp::Eq => "==",
            BinaryOp::Ne => "!=",
            BinaryOp::Lt => "<",
            BinaryOp::Le => "<=",
            BinaryOp::Gt => ">",
            BinaryOp::Ge => ">=",
            BinaryOp::Except => "except",
            BinaryOp::Add => "+",
            BinaryOp::Sub => "-",
            BinaryOp::Mul => "*",
            BinaryOp::Div => "/",
        }
    }
}
