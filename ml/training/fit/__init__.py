"""From a plan to the best weights: networks, loss, the run and its folder. Imports Keras."""
