"""From text to nodes: `lexing` (tokens) → `layout` (blocks) → `machine` (LALR, by the tables of `flow.lark`) → `tree`.

From outside import `parser`. `characters`, `numerals` and `brackets` help the lexer; `continuation` says where a line
ends that its author did not end. `tree`, `steps` and `expressions` build the nodes, `templates` reads what stands in
texts. Where the machine stops, there is a `fault`: `errors` says what is wrong there (`beginnings`, where it is a
line's first word), `phrases` how things are called, and `stand_ins` what takes the place of the line.
"""
