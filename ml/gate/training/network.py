"""The gate's network: six convolutions, small enough for a few milliseconds."""

import keras
from keras import layers


def build(side: int, kinds: int) -> keras.Model:
    """Input float32 (n, side, side, 1) as of ml.gate.gate.prepare, output `kinds` logits.

    Its layers are named as those of the classifiers, so that it converts as they do.
    """
    inputs = keras.Input((side, side, 1))
    features = _block(inputs, 16, kernel=5, strides=2)
    features = layers.MaxPooling2D()(features)
    features = _block(features, 32)
    features = _block(features, 48)
    features = layers.MaxPooling2D()(features)
    features = _block(features, 64)
    features = _block(features, 80)
    features = layers.MaxPooling2D()(features)
    features = _block(features, 96)
    pooled = layers.GlobalAveragePooling2D(name="pool")(features)
    return keras.Model(inputs, layers.Dense(kinds, name="logits")(layers.Dropout(0.2)(pooled)), name="gate")


def _block(tensor: keras.KerasTensor, width: int, *, kernel: int = 3, strides: int = 1) -> keras.KerasTensor:
    tensor = layers.Conv2D(width, kernel, strides, padding="same", use_bias=False)(tensor)
    return layers.ReLU()(layers.BatchNormalization()(tensor))
