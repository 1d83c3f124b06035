"""A Pygments lexer: highlighting of scripts in documents, notebooks and slides."""

from __future__ import annotations

from typing import Any, ClassVar, Dict, List

from pygments.lexer import RegexLexer, bygroups, words
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String, Whitespace

from .words import BUILTINS, CONSTANTS, CONTROL, KEYWORDS, OPERATORS, OTHERS, TYPES

__all__ = ["CfxLexer"]

_DECLARING = "|".join(w for w in KEYWORDS if w not in ("as", "cfx"))
_LIBRARY = tuple(sorted({name for names in BUILTINS.values() for name in names}))


class CfxLexer(RegexLexer):  # type: ignore[misc]
    """Scripts of cfx, in files that end in ``.cfx``."""

    name = "cfx"
    aliases: ClassVar[List[str]] = ["cfx"]
    filenames: ClassVar[List[str]] = ["*.cfx"]
    mimetypes: ClassVar[List[str]] = ["text/x-cfx"]

    tokens: ClassVar[Dict[str, List[Any]]] = {
        "root": [
            # At the beginning of a line a keyword declares.
            (r"^([ \t]*)(cfx)([ \t]+)([0-9]+)\b", bygroups(Whitespace, Keyword, Whitespace, Number)),
            (
                rf"^([ \t]*)({_DECLARING})([ \t]+)(?=\")",
                bygroups(Whitespace, Keyword.Declaration, Whitespace),
            ),
            (
                rf"^([ \t]*)({_DECLARING})([ \t]+)([A-Za-z_]\w*)",
                bygroups(Whitespace, Keyword.Declaration, Whitespace, Name.Variable),
            ),
            (r"[ \t\r\n]+", Whitespace),
            (r"##[^\n]*", Comment.Special),
            (r"#[^\n]*", Comment.Single),
            (r'"(?:\\.|[^"\\\n])*"', String.Double),
            (r"[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?[%kM]?(?!\w)", Number),
            (words(tuple(CONTROL), prefix=r"\b", suffix=r"\b"), Keyword),
            (words((*OPERATORS, "as"), prefix=r"\b", suffix=r"\b"), Operator.Word),
            (words(tuple(CONSTANTS), prefix=r"\b", suffix=r"\b"), Keyword.Constant),
            (r"([A-Za-z_]\w*)([ \t]*)(:)(?!=)", bygroups(Name.Attribute, Whitespace, Punctuation)),
            (r"(\.)([A-Za-z_]\w*)", bygroups(Punctuation, Name.Attribute)),
            (words(_LIBRARY, prefix=r"\b", suffix=r"\b"), Name.Builtin),
            (words(tuple(TYPES), prefix=r"\b", suffix=r"\b"), Keyword.Type),
            (words(tuple(OTHERS), prefix=r"\b", suffix=r"\b"), Name.Constant),
            (r"[A-Za-z_]\w*", Name),
            (r"->|\.\.|==|!=|<=|>=|[-+*/<>=|]", Operator),
            (r"[()\[\]{},.:]", Punctuation),
        ],
    }
