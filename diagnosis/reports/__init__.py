"""What a signed report contains, and how it is printed."""
