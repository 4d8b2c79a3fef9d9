"""The one canonical layout of a file (`whenflow fmt`).

From outside import `format_source`. `files` has the blocks, blank lines and comments, and says what the layout is;
`lines` the breaks of one logical line, `pieces` the spaces in it, and `spelling` how a single token is written.
"""

from grammar.formatter.files import format_source

__all__ = ["format_source"]
