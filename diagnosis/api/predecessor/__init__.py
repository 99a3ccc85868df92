"""The two addresses of the system before this one, for programs that still call them: docs/manual/predecessor.md."""
