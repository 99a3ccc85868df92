"""Oversight, the administrators' pages: one module a page, all behind the same door."""
