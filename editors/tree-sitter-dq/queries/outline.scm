(contract "contract" @context name: (path) @name) @item
(promotion "promote" @context to: (path) @name) @item
(test "test" @context title: (string) @name) @item
(type_declaration "type" @context name: (_) @name) @item
(function_declaration "fn" @context name: (path) @name) @item
(rule_set "rules" @context name: (_) @name) @item
(entry name: (head) @name) @item
