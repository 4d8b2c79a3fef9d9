"""The flow language: source text in, checked nodes and diagnostics out.

Knows no Redis, no HTTP and no clock. From outside import `grammar.nodes`, `grammar.parser`,
`grammar.checker`, `grammar.types` and `grammar.diagnostics`.
"""
