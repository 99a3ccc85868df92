"""One noun a file; each view does what an action or a queryset says."""
