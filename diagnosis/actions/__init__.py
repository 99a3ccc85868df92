"""What people do: one verb a function, keyword-only, saying `by=`. These change rows and enqueue on commit."""
