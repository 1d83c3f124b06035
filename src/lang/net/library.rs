//! What names in a body mean: the window through which elaboration sees declarations, whatever file they are in.

use crate::base::Span;
use crate::lang::Static;
use crate::syntax::ast::{Body, Ident, Item, ItemKind, Keyword, Param};

/// Finds declarations by name, as seen from the file that refers to them.
pub trait Library {
    /// Returns what `name` means in the file that holds `from`: its own declarations, the names it takes with `use`, the layers of `std.layers`.
    fn find(&self, from: Span, name: &str) -> Option<Found<'_>>;

    /// Returns whether a name's declaration is wrong, and that has been said: nothing is to be said of its use.
    fn is_silent(&self, _from: Span, _name: &str) -> bool {
        false
    }

    /// Returns the layers and networks that can be written in the file that holds `from`, for suggestions.
    fn layers(&self, from: Span) -> Vec<String>;
}

/// The declaration of a network or a layer.
#[derive(Clone, Copy, Debug)]
pub struct Declared<'a> {
    /// `network` or `layer`.
    pub keyword: Keyword,
    /// Its name.
    pub name: &'a Ident,
    /// Its parameters.
    pub params: &'a [Param],
    /// Its steps.
    pub body: &'a Body,
}

impl<'a> Declared<'a> {
    /// Returns the network or layer that an item declares.
    pub fn of(item: &'a Item) -> Option<Self> {
        match &item.kind {
            ItemKind::Network { keyword, name, params, body } => Some(Declared { keyword: *keyword, name, params, body }),
            _ => None,
        }
    }

    /// Returns whether it is a network, whose labels are taps.
    pub fn is_network(&self) -> bool {
        self.keyword == Keyword::Network
    }
}

/// What a name in a body means.
#[derive(Clone, Debug)]
pub enum Found<'a> {
    /// A `layer` or `network` of some file.
    Declared(Declared<'a>),
    /// An `extern` of `std/layers.cfx`, by its own name there.
    BuiltIn(&'a Ident, &'a [Param]),
    /// A `param` or `let` with its value.
    Static(Static),
    /// Any other declaration: its keyword.
    Other(&'static str),
}

/// A network with the arguments it is given, types checked and values known; parameters left out take their defaults.
#[derive(Clone, Debug)]
pub struct NetworkCall<'a> {
    /// The network.
    pub network: Declared<'a>,
    /// Its arguments by name.
    pub args: Vec<(String, Static)>,
    /// Where it is called, for messages.
    pub span: Span,
}
