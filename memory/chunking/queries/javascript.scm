; Shared by JavaScript, TypeScript and TSX, whose grammars extend one another.
(class_declaration name: (_) @name body: (_) @body) @definition.class
(class name: (_) @name body: (_) @body) @definition.class
(function_declaration name: (identifier) @name body: (_) @body) @definition.function
(generator_function_declaration name: (identifier) @name body: (_) @body) @definition.function
(method_definition name: (_) @name body: (_) @body) @definition.method
(variable_declarator
  name: (identifier) @name
  value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @definition.function
(pair
  key: (property_identifier) @name
  value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @definition.method
(assignment_expression
  left: (member_expression property: (property_identifier) @name)
  right: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @definition.function

; Plain values only at the top level: a local variable is no symbol.
(program (lexical_declaration (variable_declarator name: (identifier) @name) @definition.variable))
(program (variable_declaration (variable_declarator name: (identifier) @name) @definition.variable))
(program (export_statement
  (lexical_declaration (variable_declarator name: (identifier) @name) @definition.variable)))

(export_statement declaration: (_)) @outer
(program (lexical_declaration) @outer)
(program (variable_declaration) @outer)
(decorator) @attribute

(call_expression function: (identifier) @reference.call)
(new_expression constructor: (identifier) @reference.type)
(member_expression property: (property_identifier) @reference.attribute)
(import_statement source: (string) @reference.import)
(import_specifier name: (identifier) @reference.import)
(import_clause (identifier) @reference.import)
(export_statement source: (string) @reference.import)
(call_expression
  function: (identifier) @_require
  arguments: (arguments . (string) @reference.import)
  (#eq? @_require "require"))

(ERROR) @error
