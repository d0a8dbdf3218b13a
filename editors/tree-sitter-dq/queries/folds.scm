[
  (block)
  (table)
  (group)
  (string)
] @fold
