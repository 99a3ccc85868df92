"""The network: a U-Net with residual steps that starts at half the resolution of its input.

Ronneberger, Fischer and Brox, U-Net, MICCAI 2015.
"""

import keras
from keras import layers

# Of the levels, from half to a sixteenth of the input's side
WIDTHS = (16, 32, 48, 64)


def build(side: int, channels: int) -> keras.Model:
    """Input float32 (n, side, side, 1) as ml.preprocessing.equalise leaves it, output logits (n, side, side, channels).

    `side` is a multiple of 16.
    """
    inputs = keras.Input((side, side, 1))
    levels = [_refined(_step(inputs, WIDTHS[0], kernel=5, strides=2))]
    for width in WIDTHS[1:]:
        levels.append(_refined(_step(levels[-1], width, strides=2)))
    # What the deepest level sees spans the whole image.
    features = layers.SpatialDropout2D(0.1)(_refined(_refined(levels[-1], dilation=2), dilation=2))
    for skipped in reversed(levels[:-1]):
        enlarged = layers.UpSampling2D(interpolation="bilinear")(features)
        features = _refined(_step(layers.Concatenate()([enlarged, skipped]), skipped.shape[-1]))
    logits = layers.Conv2DTranspose(channels, 4, 2, padding="same", name="logits")(features)
    return keras.Model(inputs, logits, name="lungs")


def _step(tensor: keras.KerasTensor, width: int, *, kernel: int = 3, strides: int = 1) -> keras.KerasTensor:
    tensor = layers.Conv2D(width, kernel, strides, padding="same", use_bias=False)(tensor)
    return layers.ReLU()(layers.BatchNormalization()(tensor))


def _refined(tensor: keras.KerasTensor, *, dilation: int = 1) -> keras.KerasTensor:
    change = layers.Conv2D(tensor.shape[-1], 3, padding="same", use_bias=False, dilation_rate=dilation)(tensor)
    return layers.ReLU()(layers.Add()([tensor, layers.BatchNormalization()(change)]))
