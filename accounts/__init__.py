"""Staff: who works here, in which clinic, in which role. Knows nothing of scans."""
