"""What goes out of the portal: to whom, what waits, and how it was answered."""
