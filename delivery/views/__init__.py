"""The administrators' pages of what goes out."""
