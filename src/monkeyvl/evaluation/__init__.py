"""Scores that can be trusted and repeated: metrics, and what is built on them."""
