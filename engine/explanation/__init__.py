"""Why a flow did or did not start or send: what a trace says, in plain words, by evaluating again.

`parts` takes a condition apart, `moments` tells what a recorded moment was to a flow, and `present` how the flow stands
now. All that people read is worded in `wording`.
"""
