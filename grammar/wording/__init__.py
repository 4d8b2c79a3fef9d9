"""All that the language says to its authors. Call sites hold no prose: they say `wording.unknown_variable(…)`.

One small function for each code, in a module for each family: `text` and `syntax` (E1xx), `names` (E2xx), `types`
(E3xx), `flows` (E4xx), `lint` (W5xx), `flow_tests` (E6xx). A code never changes its meaning. No text names a token of
the grammar or an exception of Python.

Beside them, from outside imported by name: `forms` (how a thing is written), `habits` (what authors bring from other
languages). `sentences` is what all of these are made of.
"""

# ruff: noqa: F403 - the families are one vocabulary, divided only so that each can be read in one go

from grammar.wording.flow_tests import *
from grammar.wording.flows import *
from grammar.wording.lint import *
from grammar.wording.names import *
from grammar.wording.sentences import *
from grammar.wording.syntax import *
from grammar.wording.text import *
from grammar.wording.types import *
