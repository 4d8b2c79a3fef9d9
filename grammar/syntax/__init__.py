"""From text to nodes: `lexing` (tokens) → `layout` (blocks) → `machine` (LALR, by the tables of `flow.lark`) → `tree`.

From outside import `parser`. `tree`, `steps` and `expressions` build the nodes; `errors` says what is wrong where the
machine stops, and `phrases` how things are called there.
"""
