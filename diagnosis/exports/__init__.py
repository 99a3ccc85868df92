"""What leaves the portal as a whole: everything about one patient."""
