"""The flow language: source text in, checked nodes and diagnostics out.

Knows no Redis, no HTTP and no clock. From outside import `grammar.source`, `grammar.nodes`,
`grammar.walk`, `grammar.parser`, `grammar.formatter`, `grammar.checker`, `grammar.names`, `grammar.types`,
`grammar.literals` (windows and days) and `grammar.diagnostics`.
The way of a text: lexing → layout → machine (with tree) → checker.
"""
