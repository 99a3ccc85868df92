"""What goes in and out, one noun a file."""
