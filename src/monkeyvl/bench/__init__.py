"""The measurements behind docs/performance.md; each module is run with `python -m` and prints Markdown."""
