"""The benchmarks: `python -m bench` measures what DESIGN.md section 7 sets goals for, side by side in one run.

Each module of this package with a `rows` function is one of them; the others are what they share. Nothing here is
imported from outside, and no test asserts a speed: a bench prints.
"""
