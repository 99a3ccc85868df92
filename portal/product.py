"""What the product is called, wherever it names itself."""

NAME = "Chest Imaging Portal"
