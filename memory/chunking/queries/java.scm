(class_declaration name: (identifier) @name body: (_) @body) @definition.class
(record_declaration name: (identifier) @name body: (_) @body) @definition.class
(interface_declaration name: (identifier) @name body: (_) @body) @definition.interface
(annotation_type_declaration name: (identifier) @name body: (_) @body) @definition.interface
(enum_declaration name: (identifier) @name body: (_) @body) @definition.type
(enum_constant name: (identifier) @name) @definition.constant
(method_declaration name: (identifier) @name) @definition.method
(method_declaration body: (_) @body)
(constructor_declaration name: (identifier) @name body: (_) @body) @definition.method
(field_declaration declarator: (variable_declarator name: (identifier) @name)) @definition.field
(constant_declaration declarator: (variable_declarator name: (identifier) @name)) @definition.constant

(modifiers [(annotation) (marker_annotation)] @attribute)

(method_invocation name: (identifier) @reference.call)
(field_access field: (identifier) @reference.attribute)
(annotation name: (identifier) @reference.type)
(marker_annotation name: (identifier) @reference.type)
(type_identifier) @reference.type
(import_declaration (scoped_identifier) @reference.import)

(ERROR) @error
