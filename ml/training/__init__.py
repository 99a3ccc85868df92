"""Training, evaluation and export of classifiers. Needs TensorFlow, JAX or torch; never imported by a server."""
