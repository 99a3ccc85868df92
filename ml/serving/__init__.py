"""Classify images with trained bundles. Never imports TensorFlow or Keras; OpenVINO only when a classifier loads."""

from ml.serving.bundle import BundleRefused
from ml.serving.catalogue import catalogue
from ml.serving.classifier import Classifier, classify_all
from ml.serving.loading import load
from ml.serving.prediction import Classification

__all__ = ["BundleRefused", "Classification", "Classifier", "catalogue", "classify_all", "load"]
