"""Ablations: one part of a method changes, all else and the budget stay, tiny models are trained."""
