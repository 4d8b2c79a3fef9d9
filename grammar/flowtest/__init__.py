"""The language of flow tests (LANGUAGE.md section 8): from a `.flowtest` file to its commands.

From outside import `read_flow_test` and `grammar.flowtest.nodes`. `lines` cuts a file into commands, `scanner` reads
the parts of one, `reader` puts these together. Running them is `engine.flowtest`'s.
"""

from grammar.flowtest.reader import read_flow_test

__all__ = ["read_flow_test"]
