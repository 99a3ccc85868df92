"""What was asked for: orders of examinations, from the systems that place them, and the images that answer them."""
