"""From a Keras network to the one that serves, and the proof that both predict the same."""
