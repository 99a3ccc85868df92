"""Where the lungs are in an image, and the crop to them that classifiers read."""
