; Words of the language; the last pattern that fits counts.
(identifier) @variable
(quoted_name) @variable
(head) @property
(cast) @variable

((identifier) @type.builtin
  (#any-of? @type.builtin
    "array" "bigint" "binary" "boolean" "date" "decimal" "double" "float" "int" "map" "smallint" "string"
    "struct" "timestamp" "timestamp_ntz" "tinyint"))
(type_name) @type.builtin

((identifier) @keyword
  (#any-of? @keyword
    "above" "after" "all" "among" "append" "arrives" "as" "at" "batch" "batches" "because" "before" "block"
    "breaks" "by" "calendar" "case" "cast" "columns" "contract" "day" "deadlines" "each" "else" "end"
    "evaluated" "every" "except" "expect" "extern" "extract" "fail" "file" "filter" "first" "fix" "fn"
    "folder" "for" "forbidden" "format" "from" "groups" "history" "holds" "if" "ignored" "include" "input"
    "keep" "kept" "key" "last" "merge" "missed" "most" "no" "notify" "nulls" "of" "on" "other" "over" "owner"
    "pass" "personal" "promote" "quarantine" "references" "replace" "row" "rows" "rule" "rules" "runs" "same"
    "secret" "settled" "sla" "sql" "stddev" "table" "tags" "test" "the" "then" "to" "try_cast" "type" "unique" "unknown"
    "use" "version" "warn" "was" "when" "where" "with" "write" "zone"
    "CASE" "CAST" "ELSE" "END" "EXTRACT" "FILTER" "FROM" "OVER" "THEN" "WHEN" "WHERE"))

((identifier) @keyword.operator
  (#any-of? @keyword.operator
    "AND" "BETWEEN" "DISTINCT" "ESCAPE" "ILIKE" "IN" "IS" "LIKE" "MATCHES" "NOT" "OR" "WITHIN" "and" "between"
    "distinct" "escape" "ilike" "in" "is" "like" "matches" "not" "or" "within"))

((identifier) @constant.builtin
  (#any-of? @constant.builtin
    "FALSE" "NULL" "TRUE" "false" "null" "true"))

((identifier) @function.call . (group)
  (#not-any-of? @function.call
    "AMONG" "AND" "BETWEEN" "CASE" "CAST" "ELSE" "END" "EXCEPT" "EXTRACT" "FILTER" "FROM" "ILIKE" "IN"
    "INCLUDE" "IS" "LIKE" "MATCHES" "NOT" "OR" "OVER" "REFERENCES" "THEN" "TRY_CAST" "UNIQUE" "WHEN" "WHERE"
    "WITHIN" "among" "and" "between" "case" "cast" "else" "end" "except" "extract" "filter" "from" "ilike"
    "in" "include" "is" "like" "matches" "not" "or" "over" "references" "then" "try_cast" "unique" "when"
    "where" "within"))

[
    "calendar" "columns" "contract" "extern" "fn" "for" "history" "of" "promote" "rows" "rules" "sla" "test"
    "to" "type" "use" "with"
] @keyword

(contract name: (path) @type)
(promotion from: (path) @type to: (path) @type)
(test of: (path) @type)
(type_declaration name: (_) @type.definition)
(function_declaration name: (path) @function)
(rule_set name: (_) @function)
(calendar name: (_) @type.definition)

(string) @string
(number) @number
(operator) @operator
["=" "?" "@"] @operator
["{" "}" "(" ")" "[" "]"] @punctuation.bracket
["." "," "|" ":"] @punctuation.delimiter
(comment) @comment
(doc_comment) @comment.documentation
