"""How the ways from images to a result of a study were compared: patients and blocks of slices, then whole series."""
