[
  (block)
  (table)
  (group)
] @indent.begin
["}" ")"] @indent.branch
