(function_definition name: (word) @name body: (_) @body) @definition.function
(program (variable_assignment name: (variable_name) @name) @definition.variable)
(program (declaration_command (variable_assignment name: (variable_name) @name)) @definition.variable)

(command name: (command_name (word) @reference.call))
(command
  name: (command_name) @_source
  . argument: (word) @reference.import
  (#any-of? @_source "source" "."))
(simple_expansion (variable_name) @reference.attribute)
(expansion (variable_name) @reference.attribute)

(ERROR) @error
