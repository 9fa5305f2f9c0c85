(namespace_definition name: (_) @name body: (_) @body) @definition.module
(class_declaration name: (name) @name body: (_) @body) @definition.class
(interface_declaration name: (name) @name body: (_) @body) @definition.interface
(trait_declaration name: (name) @name body: (_) @body) @definition.class
(enum_declaration name: (name) @name body: (_) @body) @definition.type
(enum_case name: (name) @name) @definition.constant
(function_definition name: (name) @name body: (_) @body) @definition.function
(method_declaration name: (name) @name) @definition.method
(method_declaration body: (_) @body)
(const_declaration (const_element (name) @name)) @definition.constant
(property_declaration (property_element (variable_name (name) @name))) @definition.field

(attribute_list) @attribute

(function_call_expression function: [(name) @reference.call (qualified_name (name) @reference.call)])
(member_call_expression name: (name) @reference.call)
(nullsafe_member_call_expression name: (name) @reference.call)
(scoped_call_expression name: (name) @reference.call)
(scoped_call_expression scope: (name) @reference.type)
(class_constant_access_expression . (name) @reference.type)
(member_access_expression name: (name) @reference.attribute)
(object_creation_expression [(name) @reference.type (qualified_name (name) @reference.type)])
(named_type [(name) @reference.type (qualified_name (name) @reference.type)])
(base_clause (name) @reference.type)
(class_interface_clause (name) @reference.type)
(namespace_use_clause [(name) (qualified_name)] @reference.import)

(ERROR) @error
