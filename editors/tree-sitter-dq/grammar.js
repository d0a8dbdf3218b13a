/**
 * The grammar of dq for editors: items, blocks, entries and what stands in them, so that a text can be coloured, folded
 * and walked through while it is being written. What is right and wrong is decided by `grammar/dq.pest` alone.
 */

const ITEM_WORDS = ["contract", "promote", "test", "type", "fn", "extern", "rules", "use", "calendar"];
const BLOCK_WORDS = ["columns", "sla", "with", "history", "rows"];
const JOINING_WORDS = ["to", "for", "of"];

const name = /[\p{L}_][\p{L}\p{N}\p{M}_]*/;

module.exports = grammar({
  name: "dq",

  word: ($) => $.identifier,

  extras: ($) => [/[\s\u00A0\uFEFF\u200B\u202F\u3000]/, $.comment, $.doc_comment],

  rules: {
    source_file: ($) => repeat($._item),

    _item: ($) =>
      choice($.contract, $.promotion, $.test, $.type_declaration, $.function_declaration, $.rule_set, $.use, $.calendar),

    contract: ($) =>
      seq("contract", field("name", $.path), optional(seq("@", field("version", $.number))), field("body", $.block)),
    promotion: ($) => seq("promote", field("from", $.path), "to", field("to", $.path), field("body", $.block)),
    test: ($) => seq("test", field("title", $.string), "for", field("of", $.path), field("body", $.block)),
    type_declaration: ($) => seq("type", field("name", $._word), "=", repeat1($._top)),
    function_declaration: ($) =>
      seq(optional("extern"), "fn", field("name", $.path), field("parameters", $.group), ":", repeat1($._top)),
    rule_set: ($) => seq("rules", field("name", $._word), field("parameters", $.group), field("body", $.block)),
    use: ($) => seq("use", $._any_word, repeat(seq(".", $._any_word)), optional(seq(".", $.names))),
    names: ($) => seq("{", repeat(choice($._word, ",")), "}"),
    calendar: ($) => seq("calendar", field("name", $._word), "=", repeat1($._top)),

    block: ($) => seq("{", repeat(choice($.section, $.table_section, $.entry, $._inner)), "}"),
    section: ($) => seq(field("kind", choice("columns", "rules", "sla", "with")), field("body", $.block)),
    table_section: ($) =>
      prec(1, seq(field("kind", choice("rows", "history")), optional(seq("of", $.path)), field("body", $.table))),
    table: ($) => seq("{", repeat(choice("|", $._inner, $.head, $.json)), "}"),
    json: ($) => seq("{", repeat(choice($._inner, $.head, $.json, ":")), "}"),

    // A name before a colon starts an entry; in brackets it names a parameter, a field, or the elements of an array.
    entry: ($) => prec.right(seq(field("name", $.head), repeat($._inner))),
    head: ($) => token(seq(choice(name, /`([^`\n]|``)+`/), /[ \t]*:/)),

    path: ($) => prec.right(seq($._any_word, repeat(seq(".", $._any_word)))),

    // Where no brace ends an item, the first word of the next one does.
    _top: ($) => choice($._word, alias(choice(...JOINING_WORDS, ...BLOCK_WORDS), $.identifier), $._other),
    _inner: ($) => choice($._any_word, $._other, ";"),
    _any_word: ($) =>
      choice($._word, alias(choice(...ITEM_WORDS, ...BLOCK_WORDS, ...JOINING_WORDS), $.identifier)),
    _word: ($) => choice($.identifier, $.quoted_name),
    _other: ($) => choice($.string, $.number, $.operator, $.cast, $.nested_type, $.group, $.index, ".", ",", "@", "=", "?"),

    group: ($) => seq("(", repeat(choice($._inner, $.head, ":", "*")), ")"),
    index: ($) => seq("[", repeat(choice($._inner, $.head)), "]"),
    nested_type: ($) =>
      seq(alias(token(/([aA][rR][rR][aA][yY]|[mM][aA][pP]|[sS][tT][rR][uU][cC][tT])[ \t]*</), $.type_name), repeat($._in_type), ">"),
    _in_type: ($) => choice($.head, $._any_word, $.nested_type, $.group, ".", ",", "?"),
    // `x::int`
    cast: ($) => token(seq(choice(name, /`([^`\n]|``)+`/), /[ \t]*::/)),

    identifier: ($) => name,
    quoted_name: ($) => token(/`([^`\n]|``)+`/),

    string: ($) =>
      token(
        choice(
          /r?"""([^"]|"[^"]|""[^"])*"""/,
          /"(\\[^\n]|""|[^"\\\n])*"/,
          /'(\\[^\n]|''|[^'\\\n])*'/,
          /r"[^"\n]*"/,
          /r'[^'\n]*'/,
        ),
      ),
    number: ($) =>
      token(choice(/[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?/, /[0-9][0-9_]*(\.[0-9][0-9_]*)*([eE][+-]?[0-9]+)?(-[A-Za-z][A-Za-z0-9.-]*)?/)),
    operator: ($) => token(choice("<=", ">=", "<>", "!=", "==", "||", "::", "&&", "=<", "=>", "<", ">", "≤", "≥", "≠", "+", "-", "*", "/", "%")),

    doc_comment: ($) => token(prec(1, /\/\/\/[^\n]*/)),
    comment: ($) => token(choice(/\/\/[^\n]*/, /--[^\n]*/, /\/\*([^*]|\*+[^*/])*\*+\//)),
  },
});
