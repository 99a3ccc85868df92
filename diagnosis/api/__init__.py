"""JSON over the same actions and permissions as the pages."""
