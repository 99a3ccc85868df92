"""One run of the classifiers over one scan: claimed, predicted, stored."""
