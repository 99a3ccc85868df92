"""From images to what is said of an examination: many images in batches, then one result. Knows no rows and no files.

Never imports TensorFlow or Keras.
"""
