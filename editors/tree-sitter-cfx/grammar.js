/**
 * The grammar of cfx for tree-sitter. It follows grammar/cfx.pest; tests/editors.rs compares their keywords.
 *
 * A newline ends a declaration, a field or a step, except inside round and square brackets, after an operator, and before `->`, `then`,
 * `else`, `|` and a comma. src/scanner.c decides which newlines end something: where none may, they are blanks.
 */

/// <reference types="tree-sitter-cli/dsl" />
// @ts-check

const PRECEDENCE = { or: 1, and: 2, not: 3, compare: 4, except: 5, range: 6, add: 7, multiply: 8, negate: 9, suffix: 10 };

/** Elements between separators, with one at the end allowed. */
function separated(rule, separator) {
  return optional(seq(rule, repeat(seq(separator, rule)), optional(separator)));
}

module.exports = grammar({
  name: 'cfx',

  externals: $ => [$._newline],
  extras: $ => [/[ \t\r\n\uFEFF]/, $.comment],
  word: $ => $.identifier,
  supertypes: $ => [$._declaration, $._expression],

  rules: {
    source_file: $ => seq(
      optional(seq($.edition, $._newline)),
      repeat(seq($._declaration, $._newline)),
      optional(choice($._declaration, $.edition)),
    ),

    comment: _ => token(seq('#', /[^\n]*/)),
    edition: $ => seq('cfx', $.number),

    // ------------------------------------------------------------------------------------------------------ declarations

    _declaration: $ => choice(
      $.experiment, $.use, $.titled, $.recipe, $.param, $.network, $.extern, $.variant, $.binding,
    ),

    experiment: $ => seq('experiment', field('title', $.string), optional($.block)),

    use: $ => seq('use', field('module', choice($.string, $.module)), '{', separated($.used_name, $._separator), '}'),
    module: $ => seq($.identifier, repeat(seq('.', $.identifier))),
    used_name: $ => seq(field('name', $.identifier), optional(seq('as', field('alias', $.identifier)))),

    titled: $ => seq(field('keyword', choice('figure', 'claim')), field('title', $.string), '=', field('value', $._chain)),

    recipe: $ => seq('recipe', field('name', $.identifier), choice(
      seq('=', field('base', $.identifier), optional($.block)),
      $.block,
    )),

    param: $ => seq('param', $.parameter),

    network: $ => seq(
      field('keyword', choice('network', 'layer')), field('name', $.identifier), optional($.parameters), field('body', $.block),
    ),

    extern: $ => seq('extern', field('name', $.identifier), $.parameters, '->', field('result', $.type)),

    variant: $ => seq('variant', field('name', $.identifier), '=', optional('|'), $.constructor, repeat(seq('|', $.constructor))),
    constructor: $ => seq(field('name', $.identifier), optional($.parameters)),

    binding: $ => seq(
      field('keyword', choice('dataset', 'model', 'stages', 'density', 'analysis', 'axis', 'let')),
      field('name', $.identifier), '=', field('value', $._chain),
    ),

    parameters: $ => seq('(', separated($.parameter, $._separator), ')'),
    parameter: $ => seq(
      field('name', $.identifier),
      optional(seq(':', field('type', $.type))),
      optional(seq('=', field('default', $._chain))),
    ),

    type: $ => seq($._type_and_effects, repeat(seq('|', $._type_and_effects))),
    _type_and_effects: $ => seq($._type_atom, repeat($.effect)),
    _type_atom: $ => choice($.option_type, $.list_type, $.record_type, alias($.identifier, $.type_name)),
    option_type: $ => seq('option', $.names),
    list_type: $ => seq('[', $.type, ']'),
    record_type: $ => seq('{', separated($.type_field, $._separator), '}'),
    type_field: $ => seq(field('name', $.identifier), ':', field('type', $.type)),
    effect: $ => seq(field('name', $.identifier), optional($.names)),
    names: $ => seq('(', separated($.identifier, ','), ')'),

    _separator: $ => choice($._newline, ','),

    // ------------------------------------------------------------------------------------------------------- expressions

    _chain: $ => choice($._expression, $.chain),
    // After `else` a chain extends as far as it can.
    chain: $ => prec.right(1, seq($._expression, repeat1(seq('->', $._expression)))),

    _expression: $ => choice(
      $.binary, $.unary, $.if, $.parenthesized, $.list, $.map, $.call, $.selection, $.configured, $.member,
      $.number, $.string, $.boolean, $.identifier,
    ),

    binary: $ => {
      const left = (precedence, ...operators) => prec.left(precedence, seq(
        field('left', $._expression), field('operator', operators.length > 1 ? choice(...operators) : operators[0]), field('right', $._expression),
      ));
      return choice(
        left(PRECEDENCE.or, 'or'),
        left(PRECEDENCE.and, 'and'),
        left(PRECEDENCE.compare, '==', '!=', '<', '<=', '>', '>='),
        left(PRECEDENCE.except, 'except'),
        left(PRECEDENCE.range, '..'),
        left(PRECEDENCE.add, '+', '-'),
        left(PRECEDENCE.multiply, '*', '/'),
      );
    },
    unary: $ => choice(
      prec(PRECEDENCE.not, seq(field('operator', 'not'), $._expression)),
      prec(PRECEDENCE.negate, seq(field('operator', '-'), $._expression)),
    ),

    if: $ => prec.right(seq(
      'if', field('condition', $._chain), 'then', field('then', $._chain), 'else', field('else', $._chain),
    )),
    parenthesized: $ => seq('(', $._chain, ')'),
    list: $ => seq('[', separated($._chain, ','), ']'),
    map: $ => seq('{', separated($.pair, $._separator), '}'),
    pair: $ => seq(field('key', choice($.identifier, $.string)), ':', field('value', $._chain)),

    // What follows an expression on its line: arguments, a selection, a block of named arguments or steps, a member.
    call: $ => prec(PRECEDENCE.suffix, seq(field('function', $._expression), $.arguments)),
    selection: $ => prec(PRECEDENCE.suffix, seq(field('value', $._expression), '[', separated($._argument, ','), ']')),
    configured: $ => prec(PRECEDENCE.suffix, seq(field('value', $._expression), $.block)),
    member: $ => prec(PRECEDENCE.suffix, seq(field('value', $._expression), '.', field('name', $.identifier))),

    arguments: $ => seq('(', separated($._argument, ','), ')'),
    block: $ => seq('{', separated($._argument, $._separator), '}'),
    _argument: $ => choice($.named, $._chain),
    named: $ => seq(field('name', $.identifier), ':', field('value', $._chain)),

    // ------------------------------------------------------------------------------------------------------------ tokens

    identifier: _ => /[A-Za-z_][A-Za-z0-9_]*/,
    number: _ => /[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?[%kM]?/,
    string: _ => token(seq('"', /([^"\\\n]|\\[^\n])*/, '"')),
    boolean: _ => choice('true', 'false'),
  },
});
