"""What happens to an uploaded file: checked, decoded, stored, and drawn for the screen."""
