"""From nodes to running code, and from a logged item to a message.

`engine.compile` makes Python code of expressions, `engine.program` knows what each flow reads, `engine.step` is the
pure function of DESIGN.md section 2, and `engine.processor` is the loop that feeds it from the log.
"""
