"""What the predictions of an analysis mean, in words, colours and cards."""
