; Shared by C and C++. The name sits deep inside a declarator; the innermost open definition takes it.
(function_definition body: (_) @body) @definition.function
(function_declarator declarator: [(identifier) (field_identifier)] @name)
(translation_unit (declaration declarator: (function_declarator)) @definition.function)
(translation_unit (declaration
  declarator: (pointer_declarator declarator: (function_declarator))) @definition.function)
(preproc_ifdef (declaration declarator: (function_declarator)) @definition.function)
(preproc_ifdef (declaration
  declarator: (pointer_declarator declarator: (function_declarator))) @definition.function)
(declaration_list (declaration declarator: (function_declarator)) @definition.function)
(translation_unit (declaration
  declarator: (init_declarator declarator: (identifier) @name)) @definition.variable)
(translation_unit (declaration declarator: (init_declarator
  declarator: [(array_declarator declarator: (identifier) @name)
               (pointer_declarator declarator: (identifier) @name)])) @definition.variable)
(struct_specifier name: (type_identifier) @name body: (_) @body) @definition.class
(union_specifier name: (type_identifier) @name body: (_) @body) @definition.class
(enum_specifier name: (type_identifier) @name body: (_) @body) @definition.type
(enumerator name: (identifier) @name) @definition.constant
(type_definition declarator: (type_identifier) @name) @definition.type
(field_declaration declarator: (field_identifier) @name) @definition.field
(field_declaration declarator: (pointer_declarator declarator: (field_identifier) @name)) @definition.field
(field_declaration declarator: (array_declarator declarator: (field_identifier) @name)) @definition.field
(preproc_def name: (identifier) @name) @definition.macro
(preproc_function_def name: (identifier) @name value: (_) @body) @definition.macro

(call_expression function: (identifier) @reference.call)
(field_expression field: (field_identifier) @reference.attribute)
(type_identifier) @reference.type
(preproc_include path: (_) @reference.import)

(ERROR) @error
