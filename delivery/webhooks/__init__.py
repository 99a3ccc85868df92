"""Events for programs of a clinic: what happened, and the keys by which the API tells the rest."""
