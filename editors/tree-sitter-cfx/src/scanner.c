// Newlines that end something. Where the grammar allows an end, a newline is one, unless what follows goes on with the line: `->`,
// `then`, `else`, `|` or a comma. Everywhere else newlines are blanks, which the grammar's extras skip.

#include "tree_sitter/parser.h"

enum TokenType { NEWLINE };

void *tree_sitter_cfx_external_scanner_create(void) { return NULL; }
void tree_sitter_cfx_external_scanner_destroy(void *payload) { (void)payload; }
unsigned tree_sitter_cfx_external_scanner_serialize(void *payload, char *buffer) {
  (void)payload;
  (void)buffer;
  return 0;
}
void tree_sitter_cfx_external_scanner_deserialize(void *payload, const char *buffer, unsigned length) {
  (void)payload;
  (void)buffer;
  (void)length;
}

static bool is_blank(int32_t c) { return c == ' ' || c == '\t' || c == '\r'; }
static bool is_word(int32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Returns whether the next word is this one.
static bool at_word(TSLexer *lexer, const char *word) {
  for (; *word; word++) {
    if (lexer->lookahead != *word) return false;
    lexer->advance(lexer, false);
  }
  return !is_word(lexer->lookahead);
}

bool tree_sitter_cfx_external_scanner_scan(void *payload, TSLexer *lexer, const bool *valid_symbols) {
  (void)payload;
  if (!valid_symbols[NEWLINE]) return false;
  while (is_blank(lexer->lookahead)) lexer->advance(lexer, true);
  if (lexer->lookahead != '\n') return false;
  lexer->advance(lexer, false);
  lexer->mark_end(lexer);
  lexer->result_symbol = NEWLINE;
  // Blank lines and comments do not count.
  for (;;) {
    if (is_blank(lexer->lookahead) || lexer->lookahead == '\n') {
      lexer->advance(lexer, false);
    } else if (lexer->lookahead == '#') {
      while (lexer->lookahead != '\n' && !lexer->eof(lexer)) lexer->advance(lexer, false);
    } else {
      break;
    }
  }
  switch (lexer->lookahead) {
    case ',':
    case '|':
      return false;
    case '-':
      lexer->advance(lexer, false);
      return lexer->lookahead != '>';
    case 't':
      return !at_word(lexer, "then");
    case 'e':
      return !at_word(lexer, "else");
    default:
      return true;
  }
}
