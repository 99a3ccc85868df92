"""Classify images with trained bundles. Never imports TensorFlow or Keras; OpenVINO only when a classifier loads."""

from ml.serving.bundle import BundleRefused
from ml.serving.catalogue import catalogue
from ml.serving.classifier import Classifier, predict_all
from ml.serving.loading import load
from ml.serving.prediction import Prediction

__all__ = ["BundleRefused", "Classifier", "Prediction", "catalogue", "load", "predict_all"]
