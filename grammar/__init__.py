"""The flow language: source text in, checked nodes and diagnostics out. It knows no Redis, no HTTP and no clock.

The way of a text (`grammar.program` walks it): `syntax` makes nodes of it, `checker` reports errors, `lint` warns of
what can hardly be meant. `formatter` writes a text in its canonical layout, `flowtest` reads `.flowtest` files.

The modules beside these rooms are shared by all of them: `source` (where something stands), `diagnostics` and `wording`
(what is said of it), `nodes` and `walk` (the tree), `names`, `types` and `scope` (what a name is), `literals` (what a
text means that stands for a window, a day or a duration), `built_in` (what the language declares of itself), `suggest`
(the nearest name). `types` is made of `kinds` and `inference`; `reference` has a line for each word, for readers.
"""
