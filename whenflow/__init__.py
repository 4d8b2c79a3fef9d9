"""The composition root: settings, the command line, the parts put together, and the demo.

Nothing imports this package; it imports all the others.
"""
