"""Python's garbage collector, set so that it keeps out of the way of events.

Nearly all that an event makes is gone by its reference count before the collector looks. Left to its defaults, it looks
after every few events, and now and then at everything that was ever imported or compiled, for tens of milliseconds.
"""

import gc

YOUNG = 20_000
"""New objects, less those that are gone, after which the collector looks at the new ones."""


def settle() -> None:
    """Collects what is garbage now, and has the collector look at nothing of the rest again.

    To be called when something large has been made that stays: at the start, and with every program.
    """
    gc.set_threshold(YOUNG)
    gc.unfreeze()
    gc.collect()
    gc.freeze()
