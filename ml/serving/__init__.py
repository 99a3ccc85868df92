"""Classify images with trained bundles. Never imports TensorFlow or Keras; OpenVINO only when a classifier loads."""

from ml.serving.bundle import BundleRefused
from ml.serving.catalogue import catalogue
from ml.serving.classification import Classification
from ml.serving.classifier import Classifier
from ml.serving.loading import load

__all__ = ["BundleRefused", "Classification", "Classifier", "catalogue", "load"]
