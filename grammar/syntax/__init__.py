"""From text to nodes: `lexing` (tokens) → `layout` (blocks) → `machine` (LALR, by the tables of `flow.lark`) → `tree`.

From outside import `parser`. `characters`, `numerals` and `brackets` help the lexer; `continuation` says where a line
ends that its author did not end. `tree`, `steps` and `expressions` build the nodes, `templates` reads what stands in
texts; `errors` says what is wrong where the machine stops, `phrases` how things are called there, and `stand_ins` what
takes the place of such a line.
"""
