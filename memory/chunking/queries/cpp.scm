; Added to c.scm for C++.
(class_specifier name: (_) @name body: (_) @body) @definition.class
(struct_specifier name: (template_type name: (type_identifier) @name) body: (_) @body) @definition.class
(namespace_definition name: (_) @name body: (_) @body) @definition.module
(alias_declaration name: (type_identifier) @name) @definition.type
(concept_definition name: (identifier) @name) @definition.type
(field_declaration declarator: (function_declarator)) @definition.method
(field_declaration declarator: (reference_declarator (function_declarator))) @definition.method
(field_declaration declarator: (pointer_declarator declarator: (function_declarator))) @definition.method
(field_declaration_list (declaration declarator: (function_declarator)) @definition.method)
(function_declarator declarator: [(destructor_name) (operator_name)] @name)
(function_declarator declarator: (qualified_identifier
  scope: (_) @qualifier
  name: [(identifier) (destructor_name) (operator_name)] @name))
(function_declarator declarator: (qualified_identifier
  scope: (_) @qualifier
  name: (qualified_identifier
    scope: (_) @qualifier
    name: [(identifier) (destructor_name) (operator_name)] @name)))

(template_declaration) @outer

(call_expression function: (qualified_identifier name: (identifier) @reference.call))
(call_expression function: (template_function name: (identifier) @reference.call))
(using_declaration (_) @reference.import)
