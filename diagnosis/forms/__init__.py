"""What people type and choose, as far as a form can judge it; the rest is the actions' to refuse."""
