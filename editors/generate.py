"""Writes the lists of words that editors and highlighters know, from the grammar and the standard library.

Run from the repository: python editors/generate.py (docs/builtins.py does so too). `--check` writes nothing and exits with 1 where a file
is not what would be written.
"""

import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).parent.parent
#: Words that expressions are made of, by what they do.
CONTROL, OPERATORS, CONSTANTS = ["if", "then", "else"], ["and", "or", "not", "except"], ["true", "false"]
TYPES = ["int", "real", "bool", "text", "option"]
OTHERS = ["none", "all", "first", "last", "classes", "dim"]


def keywords():
    """The words that begin declarations, and `as`, in the order of the grammar."""
    text = (ROOT / "grammar" / "cfx.pest").read_text(encoding="utf-8")
    found = re.findall(r'^kw_\w+\s*= @\{ "(\w+)"', text, re.M)
    return [w for w in found if w not in CONTROL + ["option"]]


def makers(text):
    """The names between bars at the beginning of a text, up to the line in which no bracket is open and no bar follows."""
    plain, depth = "", 0
    for i, c in enumerate(text):
        depth += (c in "({[") - (c in ")}]")
        if depth == 0 and c == "\n" and plain.strip(" \n|") and not re.match(r"\s*\|", text[i:]):
            break
        plain += c if depth == 0 and c not in ")}]" else ""
    return re.findall(r"\w+", plain)


def builtins():
    """The names of the standard library, by topic: what its files declare, and the makers of its variants."""
    out = {}
    for path in sorted((ROOT / "stdlib").glob("*.cfx")):
        text = re.sub(r"^\s*#.*$", "", path.read_text(encoding="utf-8"), flags=re.M)
        names = re.findall(r"^(?:extern|network|layer|recipe) (\w+)", text, re.M)
        for start in re.finditer(r"^variant \w+\s*=", text, re.M):
            names += makers(text[start.end() :])
        if names:
            out[path.stem] = sorted(set(names))
    return out


def textmate(words, names):
    def any_of(some):
        return "\\b(?:" + "|".join(some) + ")\\b"

    library = [
        {"name": f"support.function.{topic}.cfx", "match": f"(?<![.\\w]){any_of(some)}(?!\\s*:(?!=))"} for topic, some in names.items()
    ]
    grammar = {
        "$schema": "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
        "name": "cfx",
        "scopeName": "source.cfx",
        "fileTypes": ["cfx"],
        "patterns": [
            {"include": "#comments"},
            {"include": "#strings"},
            {"name": "meta.edition.cfx", "match": "^\\s*(cfx)\\s+([0-9]+)\\b", "captures": {"1": {"name": "keyword.other.cfx"}, "2": {"name": "constant.numeric.cfx"}}},
            {"match": f"^\\s*({'|'.join(w for w in words if w not in ('cfx', 'as'))})\\b(?=\\s+[A-Za-z_\"])(?:\\s+([A-Za-z_]\\w*))?", "captures": {"1": {"name": "keyword.declaration.cfx"}, "2": {"name": "entity.name.cfx"}}},
            {"name": "keyword.control.cfx", "match": any_of(CONTROL)},
            {"name": "keyword.operator.word.cfx", "match": any_of(OPERATORS + ["as"])},
            {"name": "constant.language.cfx", "match": any_of(CONSTANTS + OTHERS) + "(?!\\s*:(?!=))"},
            {"name": "support.type.cfx", "match": f"(?<=:)\\s*{any_of(TYPES)}"},
            {"name": "constant.numeric.cfx", "match": "(?<![.\\w])[0-9]+(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?[%kM]?(?![\\w])"},
            {"name": "variable.parameter.cfx", "match": "\\b[A-Za-z_]\\w*(?=\\s*:(?!=))"},
            *library,
            {"name": "keyword.operator.cfx", "match": "->|\\.\\.|==|!=|<=|>=|[-+*/<>=|]"},
        ],
        "repository": {
            "comments": {
                "patterns": [
                    {"name": "comment.line.documentation.cfx", "match": "##.*$"},
                    {"name": "comment.line.number-sign.cfx", "match": "#.*$"},
                ]
            },
            "strings": {
                "patterns": [
                    {
                        "name": "string.quoted.double.cfx",
                        "begin": '"',
                        "end": '"|$',
                        "patterns": [{"name": "constant.character.escape.cfx", "match": "\\\\."}],
                    }
                ]
            },
        },
    }
    return json.dumps(grammar, indent=2) + "\n"


def vim(words, names):
    bar = "\\|"
    lines = [
        '" Vim syntax file. Language: cfx. Written by editors/generate.py.',
        "if exists('b:current_syntax')",
        "  finish",
        "endif",
        "",
        "syn case match",
        f"syn match cfxKeyword /^\\s*\\zs\\%({bar.join(w for w in words if w != 'as')}\\)\\ze\\s\\+[A-Za-z0-9_\"]/",
        f"syn keyword cfxConditional {' '.join(CONTROL)}",
        f"syn keyword cfxOperatorWord {' '.join(OPERATORS + ['as'])}",
        f"syn keyword cfxBoolean {' '.join(CONSTANTS)}",
        f"syn keyword cfxConstant {' '.join(OTHERS)}",
        f"syn keyword cfxType {' '.join(TYPES)}",
    ]
    for topic, some in names.items():
        lines.append('" ' + topic)
        lines.append(f"syn match cfxBuiltin /\\%(\\.\\)\\@1<!\\<\\%({bar.join(some)}\\)\\>\\%(\\s*:\\)\\@!/")
    lines += [
        "syn match cfxParameter /\\<[A-Za-z_]\\w*\\ze\\s*:/",
        "syn match cfxNumber /\\%(\\.\\|\\w\\)\\@1<!\\d\\+\\%(\\.\\d\\+\\)\\?\\%([eE][+-]\\?\\d\\+\\)\\?[%kM]\\?\\%(\\w\\)\\@!/",
        "syn match cfxOperator /->\\|\\.\\.\\|==\\|!=\\|<=\\|>=/",
        "syn region cfxString start=/\"/ skip=/\\\\./ end=/\"/ oneline contains=cfxEscape",
        "syn match cfxEscape /\\\\./ contained",
        "syn match cfxComment /#.*$/ contains=@Spell",
        "syn match cfxDocComment /##.*$/ contains=@Spell",
        "",
        "hi def link cfxKeyword Keyword",
        "hi def link cfxConditional Conditional",
        "hi def link cfxOperatorWord Operator",
        "hi def link cfxBoolean Boolean",
        "hi def link cfxConstant Constant",
        "hi def link cfxType Type",
        "hi def link cfxBuiltin Function",
        "hi def link cfxParameter Identifier",
        "hi def link cfxNumber Number",
        "hi def link cfxOperator Operator",
        "hi def link cfxString String",
        "hi def link cfxEscape SpecialChar",
        "hi def link cfxComment Comment",
        "hi def link cfxDocComment SpecialComment",
        "",
        "let b:current_syntax = 'cfx'",
    ]
    return "\n".join(lines) + "\n"


def emacs(words, names):
    def quoted(some, indent):
        return ("\n" + " " * indent).join(f'"{w}"' for w in some)

    topics = "\n".join(f"    ;; {topic}\n    {quoted(some, 4)}" for topic, some in names.items())
    return f''';;; cfx-mode.el --- Major mode for cfx scripts -*- lexical-binding: t; -*-

;; Version: 0.2.0
;; Package-Requires: ((emacs "26.1"))
;; Keywords: languages
;; Written by editors/generate.py.

;;; Commentary:

;; Highlighting, comments and indentation for cfx scripts.  `cfx-check' checks the buffer with the command.

;;; Code:

(defgroup cfx nil "Editing cfx scripts." :group 'languages)

(defcustom cfx-command "cfx" "The command." :type 'string :group 'cfx)

(defconst cfx-keywords
  '({quoted([w for w in words if w != "as"], 4)})
  "Words that begin declarations.")

(defconst cfx-words
  '({quoted(CONTROL + OPERATORS + ["as"], 4)})
  "Words of expressions.")

(defconst cfx-constants
  '({quoted(CONSTANTS + OTHERS, 4)})
  "Words that stand for a value.")

(defconst cfx-types
  '({quoted(TYPES, 4)})
  "Types of parameters.")

(defconst cfx-builtins
  '({topics.strip()})
  "Names of the standard library, by topic.")

(defvar cfx-mode-syntax-table
  (let ((table (make-syntax-table)))
    (modify-syntax-entry ?# "<" table)
    (modify-syntax-entry ?\\n ">" table)
    (modify-syntax-entry ?_ "w" table)
    (modify-syntax-entry ?% "w" table)
    table)
  "Syntax table of `cfx-mode'.")

(defvar cfx-font-lock-keywords
  (list
   (cons (concat "^\\\\s-*" (regexp-opt cfx-keywords 'words) "\\\\s-+[A-Za-z0-9_\\"]") '(1 font-lock-keyword-face))
   (cons (regexp-opt cfx-words 'words) 'font-lock-keyword-face)
   (cons "\\\\<\\\\([A-Za-z_][A-Za-z0-9_]*\\\\)\\\\s-*:" '(1 font-lock-variable-name-face))
   ;; A part of a value, as `train' in `data.train', is no built-in.
   (cons (concat "\\\\(?:^\\\\|[^.[:word:]]\\\\)" (regexp-opt cfx-builtins t) "\\\\>") '(1 font-lock-function-name-face))
   (cons (regexp-opt cfx-types 'words) 'font-lock-type-face)
   (cons (regexp-opt cfx-constants 'words) 'font-lock-constant-face)
   (cons "\\\\<[0-9]+\\\\(?:\\\\.[0-9]+\\\\)?\\\\(?:[eE][+-]?[0-9]+\\\\)?[%kM]?" 'font-lock-constant-face))
  "What `cfx-mode' highlights.")

(defun cfx-indent-line ()
  "Indent the line by two spaces for each open bracket."
  (interactive)
  (let* ((depth (save-excursion (beginning-of-line) (car (syntax-ppss))))
         (closes (save-excursion (back-to-indentation) (looking-at "[])}}]")))
         (column (* 2 (max 0 (- depth (if closes 1 0))))))
    (if (<= (current-column) (current-indentation))
        (indent-line-to column)
      (save-excursion (indent-line-to column)))))

(defun cfx-check ()
  "Check the buffer with the command and show its messages."
  (interactive)
  (let ((name (or buffer-file-name "buffer.cfx")))
    (shell-command-on-region
     (point-min) (point-max)
     (format "%s check - --name %s" (shell-quote-argument cfx-command) (shell-quote-argument name))
     "*cfx check*")))

;;;###autoload
(define-derived-mode cfx-mode prog-mode "cfx"
  "Major mode for cfx scripts."
  :syntax-table cfx-mode-syntax-table
  (setq-local comment-start "# ")
  (setq-local comment-end "")
  (setq-local font-lock-defaults '(cfx-font-lock-keywords))
  (setq-local indent-line-function #'cfx-indent-line))

;;;###autoload
(add-to-list 'auto-mode-alist '("\\\\.cfx\\\\'" . cfx-mode))

(provide 'cfx-mode)
;;; cfx-mode.el ends here
'''


def python(words, names):
    def listed(some):
        return "[" + ", ".join(f'"{w}"' for w in some) + "]"

    topics = "\n".join(f'    "{topic}": {listed(some)},' for topic, some in names.items())
    return f'''"""The words of the language, by what they do. Written by editors/generate.py."""

# fmt: off
#: Words that begin declarations, and `as`.
KEYWORDS = {listed(words)}
#: Words of expressions.
CONTROL = {listed(CONTROL)}
OPERATORS = {listed(OPERATORS)}
CONSTANTS = {listed(CONSTANTS)}
#: Types of parameters.
TYPES = {listed(TYPES)}
#: Words that stand for a value.
OTHERS = {listed(OTHERS)}
#: Names of the standard library, by topic.
BUILTINS = {{
{topics}
}}
'''


def highlightjs(words, names):
    def spaced(some):
        return " ".join(some)

    declaring = "|".join(w for w in words if w not in ("cfx", "as"))
    topics = "\n".join(f"      // {topic}\n      '{spaced(some)} ' +" for topic, some in names.items())
    return f"""// cfx for highlight.js, in pages that have loaded it: the book does (book.toml). Written by editors/generate.py.
(function () {{
  'use strict';

  function cfx(hljs) {{
    const words = {{
      keyword: '{spaced(CONTROL + OPERATORS + ["as"])}',
      literal: '{spaced(CONSTANTS + OTHERS)}',
      type: '{spaced(TYPES)}',
      built_in:
{topics}
      '',
    }};
    return {{
      name: 'cfx',
      keywords: words,
      contains: [
        hljs.COMMENT(/#/, /$/),
        {{ className: 'string', begin: '"', end: /"|$/, contains: [{{ begin: /\\\\./ }}] }},
        {{ className: 'keyword', begin: /^\\s*(?:{declaring})\\b(?=\\s+[A-Za-z_"])/, keywords: {{}} }},
        {{ className: 'keyword', begin: /^\\s*cfx(?=\\s+[0-9])/, keywords: {{}} }},
        {{ className: 'attr', begin: /\\b[A-Za-z_]\\w*(?=\\s*:(?!=))/, keywords: {{}} }},
        {{ begin: /\\.[A-Za-z_]\\w*/, keywords: {{}} }},
        {{ className: 'number', begin: /\\b[0-9]+(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?[%kM]?/, relevance: 0 }},
      ],
    }};
  }}

  if (typeof module !== 'undefined' && module.exports) {{
    module.exports = cfx;
  }} else if (typeof hljs !== 'undefined') {{
    hljs.registerLanguage('cfx', cfx);
    document.querySelectorAll('code.language-cfx').forEach(function (block) {{
      block.textContent = block.textContent;
      (hljs.highlightElement || hljs.highlightBlock)(block);
    }});
  }}
}})();
"""


def main():
    words, names = keywords(), builtins()
    files = {
        "editors/vscode/syntaxes/cfx.tmLanguage.json": textmate(words, names),
        "editors/vim/syntax/cfx.vim": vim(words, names),
        "editors/emacs/cfx-mode.el": emacs(words, names),
        "editors/highlightjs/cfx.js": highlightjs(words, names),
        "python/src/cfx/words.py": python(words, names),
    }
    behind = []
    for path, text in files.items():
        file = ROOT / path
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            behind.append(path)
            if "--check" not in sys.argv:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
    if "--check" in sys.argv and behind:
        sys.exit(f"run `python editors/generate.py`: {', '.join(behind)} are not up to date")


if __name__ == "__main__":
    main()
