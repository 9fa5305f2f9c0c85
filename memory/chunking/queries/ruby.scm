(class name: (_) @name) @definition.class
(class body: (_) @body)
(module name: (_) @name) @definition.module
(module body: (_) @body)
(method name: (_) @name) @definition.function
(method body: (_) @body)
(singleton_method name: (_) @name) @definition.method
(singleton_method body: (_) @body)
(program (assignment left: (constant) @name) @definition.constant)
(body_statement (assignment left: (constant) @name) @definition.constant)

(call method: (identifier) @reference.call)
(constant) @reference.type
(call
  method: (identifier) @_require
  arguments: (argument_list (string (string_content) @reference.import))
  (#any-of? @_require "require" "require_relative" "load"))

(ERROR) @error
