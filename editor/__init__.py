"""What an editor asks about a program: what may stand here, what stands here, where is it declared, what is wrong.

Pure functions from a text and a place in it to an answer, and the thin language server around them (`server`, the only
module that knows the protocol's library). Knows only `grammar`. From outside import `editor.server`.
"""
