(namespace_declaration name: (_) @name body: (_) @body) @definition.module
(class_declaration name: (identifier) @name body: (_) @body) @definition.class
(struct_declaration name: (identifier) @name body: (_) @body) @definition.class
(record_declaration name: (identifier) @name) @definition.class
(record_declaration body: (_) @body)
(interface_declaration name: (identifier) @name body: (_) @body) @definition.interface
(enum_declaration name: (identifier) @name body: (_) @body) @definition.type
(enum_member_declaration name: (identifier) @name) @definition.constant
(delegate_declaration name: (identifier) @name) @definition.type
(method_declaration name: (identifier) @name) @definition.method
(method_declaration body: (_) @body)
(constructor_declaration name: (identifier) @name body: (_) @body) @definition.method
(destructor_declaration name: (identifier) @name body: (_) @body) @definition.method
(local_function_statement name: (identifier) @name) @definition.function
(local_function_statement body: (_) @body)
(property_declaration name: (identifier) @name) @definition.field
(property_declaration [(accessor_list) (arrow_expression_clause)] @body)
(event_field_declaration (variable_declaration (variable_declarator name: (identifier) @name))) @definition.field
(field_declaration (variable_declaration (variable_declarator name: (identifier) @name))) @definition.field

(attribute_list) @attribute

(invocation_expression function: (identifier) @reference.call)
(invocation_expression function: (generic_name (identifier) @reference.call))
(member_access_expression name: (identifier) @reference.attribute)
(member_access_expression name: (generic_name (identifier) @reference.attribute))
(object_creation_expression type: (identifier) @reference.type)
(variable_declaration type: (identifier) @reference.type)
(parameter type: (identifier) @reference.type)
(method_declaration returns: (identifier) @reference.type)
(property_declaration type: (identifier) @reference.type)
(base_list (identifier) @reference.type)
(type_argument_list (identifier) @reference.type)
(generic_name (identifier) @reference.type)
(attribute name: (identifier) @reference.type)
(using_directive (_) @reference.import)

(ERROR) @error
