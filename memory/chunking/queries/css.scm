(rule_set (selectors) @name (block) @body) @definition.selector
(keyframes_statement (keyframes_name) @name (keyframe_block_list) @body) @definition.selector
((declaration (property_name) @name) @definition.variable
  (#match? @name "^--"))

(call_expression (function_name) @reference.call)
(call_expression (arguments (plain_value) @reference.attribute))
(import_statement (string_value) @reference.import)

(ERROR) @error
