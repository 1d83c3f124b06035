(comment) @comment
((comment) @comment.documentation (#match? @comment.documentation "^##"))
(edition "cfx" @keyword.directive)

[
  "experiment" "use" "as" "figure" "claim" "recipe" "param" "network" "layer" "extern" "variant"
  "dataset" "model" "stages" "density" "analysis" "axis" "let"
] @keyword
["if" "then" "else"] @keyword.conditional
["and" "or" "not" "except"] @keyword.operator

(string) @string
(number) @number
(boolean) @boolean

(experiment title: (string) @string.special)
(titled title: (string) @string.special)

(binding name: (identifier) @variable)
(recipe name: (identifier) @variable)
(network name: (identifier) @function)
(extern name: (identifier) @function.builtin)
(variant name: (identifier) @type)
(constructor name: (identifier) @constructor)
(used_name name: (identifier) @variable)
(module (identifier) @module)

(parameter name: (identifier) @variable.parameter)
(type_name) @type
(option_type "option" @type.builtin)
(effect name: (identifier) @attribute)

(call function: (identifier) @function.call)
(configured value: (identifier) @function.call)
(named name: (identifier) @property)
(pair key: (identifier) @property)
(member name: (identifier) @property)

((identifier) @constant.builtin (#any-of? @constant.builtin "none" "all" "first" "last" "classes" "dim"))

["(" ")" "[" "]" "{" "}"] @punctuation.bracket
["," ":" "."] @punctuation.delimiter
["=" "->" "|" ".." "==" "!=" "<" "<=" ">" ">=" "+" "-" "*" "/"] @operator
