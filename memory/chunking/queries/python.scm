; Definitions. A function directly inside a class becomes a method in tags.py.
(class_definition name: (identifier) @name body: (block) @body) @definition.class
(function_definition name: (identifier) @name body: (block) @body) @definition.function
(type_alias_statement left: (type (identifier) @name)) @definition.type
(module (expression_statement (assignment left: (identifier) @name)) @definition.variable)
(class_definition
  body: (block (expression_statement (assignment left: (identifier) @name)) @definition.field))

(decorated_definition) @outer
(decorator) @attribute

; A docstring is the first statement of a body.
(class_definition body: (block . (expression_statement . (string) @doc)))
(function_definition body: (block . (expression_statement . (string) @doc)))

(call function: (identifier) @reference.call)
(attribute attribute: (identifier) @reference.attribute)
(type (identifier) @reference.type)
(class_definition superclasses: (argument_list (identifier) @reference.type))
(decorator (identifier) @reference.call)
(raise_statement (identifier) @reference.type)
(except_clause (identifier) @reference.type)
(import_statement name: (dotted_name) @reference.import)
(import_from_statement module_name: (dotted_name) @reference.import)
(import_from_statement name: (dotted_name) @reference.import)
(aliased_import name: (dotted_name) @reference.import)

(ERROR) @error
