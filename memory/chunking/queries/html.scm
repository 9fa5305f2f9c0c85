; An id belongs to its tag, a heading to its whole element.
((start_tag
  (attribute
    (attribute_name) @_id
    (quoted_attribute_value (attribute_value) @name))) @definition.key
  (#eq? @_id "id"))
((element (start_tag (tag_name) @_tag) (text) @name) @definition.heading
  (#any-of? @_tag "h1" "h2" "h3" "h4" "h5" "h6"))

((attribute
  (attribute_name) @_name
  (quoted_attribute_value (attribute_value) @reference.import))
  (#any-of? @_name "class" "src" "href"))

(ERROR) @error
