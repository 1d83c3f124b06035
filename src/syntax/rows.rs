//! From pest's pairs to expressions, with what the grammar alone does not settle: precedence, literals, blocks or bodies.

use super::ast::*;
use super::builder::{Builder, Node, is_mark};
use super::grammar::Rule;
use crate::base::text::one_line;
use crate::base::{Diag, Span};
use std::iter::Peekable;

/// How high an expression's tree may grow, so that no pass over it runs out of stack.
const MAX_HEIGHT: u32 = 200;
/// How many operands, operators and brackets may stand in a row within one expression.
const MAX_ROW: usize = 400;

/// Returns what stands for an expression that could not be read.
fn unread() -> ExprKind {
    ExprKind::Name(UNREAD.to_string())
}

/// An expression and the height of its tree.
pub(super) struct Tall {
    pub(super) expr: Expr,
    pub(super) height: u32,
}

/// A part of a row of operands and operators.
enum Piece {
    Prefix(UnaryOp, Span),
    Infix(Infix, Span),
    Operand(Tall),
}

/// An operator between two operands.
#[derive(Clone, Copy, PartialEq)]
enum Infix {
    Range,
    Op(BinaryOp),
}

/// Returns whether an operator tells whether two values are the same.
fn is_equality(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::Eq | BinaryOp::Ne)
}

impl Infix {
    /// Returns how tightly it binds, more for tighter, and whether it may stand beside its like.
    fn power(self) -> (u8, bool) {
        match self {
            Infix::Op(BinaryOp::Or) => (1, true),
            Infix::Op(BinaryOp::And) => (2, true),
            Infix::Op(BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge) => (4, false),
            Infix::Op(BinaryOp::Except) => (5, true),
            Infix::Range => (6, false),
            Infix::Op(BinaryOp::Add | BinaryOp::Sub) => (7, true),
            Infix::Op(BinaryOp::Mul | BinaryOp::Div) => (8, true),
        }
    }
}

/// Power of `not`: looser than comparisons, tighter than `and`.
const NOT: u8 = 3;
/// Power of `-` before an operand.
const NEG: u8 = 9;

impl Builder<'_> {
    /// Returns an expression with its height, or, where the tree grew too high, a placeholder and a message.
    fn tall(&mut self, kind: ExprKind, span: Span, below: u32) -> Tall {
        if below >= MAX_HEIGHT {
            self.too_long(span);
            return Tall { expr: Expr { kind: unread(), span }, height: 1 };
        }
        Tall { expr: Expr { kind, span }, height: below + 1 }
    }

    fn too_long(&mut self, span: Span) {
        let diag = Diag::error("cfx::syntax::depth", span, "this expression is too long");
        self.report(diag.help("name its parts by declarations of their own, such as `let part = …`"));
    }

    pub(super) fn chain(&mut self, pair: Node) -> Tall {
        let span = self.span(&pair);
        let mut links: Vec<Tall> = pair.into_inner().filter(|p| p.as_rule() == Rule::expr).map(|p| self.row(p)).collect();
        match links.len() {
            1 => links.remove(0),
            _ => {
                let height = links.iter().map(|l| l.height).max().unwrap_or(0);
                self.tall(ExprKind::Chain(links.into_iter().map(|l| l.expr).collect()), span, height)
            }
        }
    }

    /// Returns a row of operands and operators as a tree.
    fn row(&mut self, pair: Node) -> Tall {
        let span = self.span(&pair);
        let pairs: Vec<Node> = pair.into_inner().collect();
        if pairs.len() > MAX_ROW {
            self.too_long(span);
            return self.tall(unread(), span, 0);
        }
        let mut pieces = Vec::with_capacity(pairs.len());
        for part in pairs {
            let at = self.span(&part);
            pieces.push(match part.as_rule() {
                Rule::op_not => Piece::Prefix(UnaryOp::Not, at),
                Rule::op_neg => Piece::Prefix(UnaryOp::Neg, at),
                Rule::postfix => Piece::Operand(self.postfix(part)),
                rule => match infix(rule) {
                    Some(op) => Piece::Infix(op, at),
                    None => continue,
                },
            });
        }
        let mut pieces = pieces.into_iter().peekable();
        self.climb(&mut pieces, 0, span)
    }

    /// Returns the tree of the operands and operators that bind at least as tightly as `least`.
    fn climb(&mut self, pieces: &mut Peekable<std::vec::IntoIter<Piece>>, least: u8, all: Span) -> Tall {
        let mut left = match pieces.next() {
            Some(Piece::Operand(operand)) => operand,
            Some(Piece::Prefix(op, at)) => {
                let operand = self.climb(pieces, if op == UnaryOp::Not { NOT } else { NEG }, all);
                let span = at.to(operand.expr.span);
                self.tall(ExprKind::Unary(op, Box::new(operand.expr)), span, operand.height)
            }
            Some(Piece::Infix(_, at)) => return self.tall(unread(), at, 0),
            None => return self.tall(unread(), all, 0),
        };
        let mut before: Option<(u8, Span)> = None;
        while let Some(Piece::Infix(op, at)) = pieces.peek() {
            let (op, at) = (*op, *at);
            let (power, repeats) = op.power();
            if power < least {
                break;
            }
            let in_a_row = before.filter(|(p, _)| *p == power && !repeats);
            before = Some((power, at));
            pieces.next();
            let right = self.climb(pieces, power + 1, all);
            if let Some((_, first)) = in_a_row {
                self.not_in_a_row(op, (first, at), (&left.expr, &right.expr));
            }
            // `a > b == true` goes on as `a > b`: what is compared then is a truth value, which another mistake would be about.
            if let (Some(_), Infix::Range) = (in_a_row, op) {
                continue;
            }
            if let (Some(_), Infix::Op(second), ExprKind::Binary(first, ..)) = (in_a_row, op, &left.expr.kind)
                && is_equality(*first) != is_equality(second)
            {
                continue;
            }
            // `a < b < c` goes on as `a < b and b < c`, so that it is one mistake and no more.
            if let (Some(_), Infix::Op(op), ExprKind::Binary(_, _, middle)) = (in_a_row, op, &left.expr.kind) {
                let span = middle.span.to(right.expr.span);
                let height = left.height.max(right.height) + 1;
                let second = Expr { kind: ExprKind::Binary(op, middle.clone(), Box::new(right.expr)), span };
                let all = left.expr.span.to(span);
                left = self.tall(ExprKind::Binary(BinaryOp::And, Box::new(left.expr), Box::new(second)), all, height);
                before = None;
                continue;
            }
            let span = left.expr.span.to(right.expr.span);
            let height = left.height.max(right.height);
            let (a, b) = (Box::new(left.expr), Box::new(right.expr));
            let kind = match op {
                Infix::Range => ExprKind::Range(a, b),
                Infix::Op(op) => ExprKind::Binary(op, a, b),
            };
            left = self.tall(kind, span, height);
        }
        left
    }

    fn not_in_a_row(&mut self, op: Infix, (first, second): (Span, Span), (left, right): (&Expr, &Expr)) {
        let text =
            |span: Span| one_line(&self.file.text[span.start as usize - self.file.base..span.end as usize - self.file.base], 40);
        let (message, help) = match (op, &left.kind) {
            (Infix::Op(op), ExprKind::Binary(..)) if is_equality(op) && matches!(right.kind, ExprKind::Bool(_)) => {
                let holds = matches!(right.kind, ExprKind::Bool(true)) == (op == BinaryOp::Eq);
                let alone = if holds { text(left.span) } else { format!("not ({})", text(left.span)) };
                ("comparisons cannot follow one another", format!("a comparison is true or false by itself: write `{alone}`"))
            }
            (Infix::Op(op), ExprKind::Binary(_, _, middle)) => {
                let both = format!("{} and {} {} {}", text(left.span), text(middle.span), op.word(), text(right.span));
                ("comparisons cannot follow one another", format!("write `{both}`"))
            }
            (Infix::Op(_), _) => ("comparisons cannot follow one another", "write `a < b and b < c`".to_string()),
            (Infix::Range, _) => {
                ("ranges cannot follow one another", "a range is written `0..10`, the end excluded, in steps of one".to_string())
            }
        };
        self.report(Diag::error("cfx::syntax::comparison", second, message).label(first, "the first one").help(help));
    }

    fn postfix(&mut self, pair: Node) -> Tall {
        let whole = self.span(&pair);
        let mut parts = pair.into_inner();
        let Some(first) = parts.next() else { return self.tall(unread(), whole, 0) };
        let suffixes: Vec<Node> = parts.collect();
        if suffixes.len() > MAX_ROW {
            self.too_long(whole);
            return self.tall(unread(), whole, 0);
        }
        let mut value = self.primary(first);
        for suffix in suffixes {
            let span = value.expr.span.to(self.span(&suffix));
            value = self.suffix(value, suffix, span);
        }
        value
    }

    fn suffix(&mut self, value: Tall, suffix: Node, span: Span) -> Tall {
        match suffix.as_rule() {
            Rule::member => match suffix.into_inner().find(|p| p.as_rule() == Rule::ident) {
                Some(name) => {
                    let name = self.ident(name);
                    self.tall(ExprKind::Member(Box::new(value.expr), name), span, value.height)
                }
                None => value,
            },
            Rule::select => {
                let (args, height) = self.args(suffix);
                self.tall(ExprKind::Select(Box::new(value.expr), args), span, height.max(value.height))
            }
            Rule::args => {
                let (args, height) = self.args(suffix);
                self.tall(ExprKind::Call { callee: Box::new(value.expr), args, block: None }, span, height.max(value.height))
            }
            _ => {
                let (block, height) = if self.in_body {
                    let (body, height) = self.body(suffix);
                    (Block::Body(body), height)
                } else {
                    let (fields, height) = self.fields(suffix);
                    (Block::Fields(fields), height)
                };
                match value.expr.kind {
                    ExprKind::Call { callee, args, block: None } => {
                        let below = height.max(value.height.saturating_sub(1));
                        self.tall(ExprKind::Call { callee, args, block: Some(block) }, span, below)
                    }
                    kind => {
                        let callee = Box::new(Expr { kind, span: value.expr.span });
                        let height = height.max(value.height);
                        self.tall(ExprKind::Call { callee, args: Vec::new(), block: Some(block) }, span, height)
                    }
                }
            }
        }
    }

    fn primary(&mut self, pair: Node) -> Tall {
        let span = self.span(&pair);
        match pair.as_rule() {
            Rule::ident => self.tall(ExprKind::Name(pair.as_str().to_string()), span, 0),
            Rule::boolean => self.tall(ExprKind::Bool(pair.as_str() == "true"), span, 0),
            Rule::text => {
                let text = self.text(pair);
                self.tall(ExprKind::Text(text.value), span, 0)
            }
            Rule::number | Rule::bad_number => {
                let kind = self.number(pair.as_str(), span, pair.as_rule() == Rule::bad_number);
                self.tall(kind, span, 0)
            }
            Rule::round => {
                let inner = pair.into_inner().find(|p| p.as_rule() == Rule::chain).map(|p| self.chain(p));
                let (kind, height) = inner.map_or((unread(), 0), |i| (ExprKind::Paren(Box::new(i.expr)), i.height));
                self.tall(kind, span, height)
            }
            Rule::list => {
                let items: Vec<Tall> = pair.into_inner().filter(|p| p.as_rule() == Rule::chain).map(|p| self.chain(p)).collect();
                let height = items.iter().map(|i| i.height).max().unwrap_or(0);
                self.tall(ExprKind::List(items.into_iter().map(|i| i.expr).collect()), span, height)
            }
            Rule::map => {
                let (mut entries, mut height) = (Vec::new(), 0);
                for entry in pair.into_inner().filter(|p| p.as_rule() == Rule::pair) {
                    let mut parts = entry.into_inner().filter(|p| !is_mark(p.as_rule()));
                    let (Some(key), Some(value)) = (parts.next(), parts.next()) else { continue };
                    let key = match key.as_rule() {
                        Rule::text => {
                            let text = self.text(key);
                            Ident { name: text.value, span: text.span }
                        }
                        _ => self.ident(key),
                    };
                    let value = self.chain(value);
                    height = height.max(value.height);
                    entries.push((key, value.expr));
                }
                self.tall(ExprKind::Map(entries), span, height)
            }
            _ => {
                let mut parts: Vec<Tall> =
                    pair.into_inner().filter(|p| p.as_rule() == Rule::chain).map(|p| self.chain(p)).collect();
                let height = parts.iter().map(|p| p.height).max().unwrap_or(0);
                let (Some(c), Some(b), Some(a)) = (parts.pop(), parts.pop(), parts.pop()) else {
                    return self.tall(unread(), span, 0);
                };
                self.tall(ExprKind::If(Box::new(a.expr), Box::new(b.expr), Box::new(c.expr)), span, height)
            }
        }
    }
}

/// Returns the operator that a rule stands for.
fn infix(rule: Rule) -> Option<Infix> {
    Some(Infix::Op(match rule {
        Rule::op_range => return Some(Infix::Range),
        Rule::op_or => BinaryOp::Or,
        Rule::op_and => BinaryOp::And,
        Rule::op_except => BinaryOp::Except,
        Rule::op_eq => BinaryOp::Eq,
        Rule::op_ne => BinaryOp::Ne,
        Rule::op_le => BinaryOp::Le,
        Rule::op_ge => BinaryOp::Ge,
        Rule::op_lt => BinaryOp::Lt,
        Rule::op_gt => BinaryOp::Gt,
        Rule::op_add => BinaryOp::Add,
        Rule::op_sub => BinaryOp::Sub,
        Rule::op_mul => BinaryOp::Mul,
        Rule::op_div => BinaryOp::Div,
        _ => return None,
    }))
}
