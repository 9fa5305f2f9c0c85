; Only in the JavaScript grammar: TypeScript names these two otherwise.
(class_heritage (identifier) @reference.type)
(class_body (field_definition property: (property_identifier) @name) @definition.field)
