"""The reading room: the queue, one case at a time, and the choices of how to read."""
