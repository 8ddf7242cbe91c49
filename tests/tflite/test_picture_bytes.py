"""A file for a runtime that takes bytes only is compared on pictures of bytes."""

import numpy as np
import pytest

from keras_cnns.support.errors import UserError
from keras_cnns.tflite.file.metadata import Normalization
from keras_cnns.tflite.file.metadata_reader import TensorMetadata
from keras_cnns.tflite.inputs.gather import Pictures
from keras_cnns.tflite.picture_bytes import as_bytes
from keras_cnns.tflite.targets import mediapipe, table

IMAGES = np.random.default_rng(0).uniform(0, 255, (4, 8, 8, 3)).astype("f4")
MEDIAPIPE = table.find("mediapipe")


def pictures(images, **options):
    return Pictures(None, None, {"image": images}, **options)


@pytest.mark.parametrize(
    ("images", "stated"),
    [
        (IMAGES, None),
        (IMAGES / 255, None),
        (IMAGES / 127.5 - 1, None),
        ((IMAGES - 120) / np.float32(60), Normalization((120.0,), (60.0,))),
        ((IMAGES - [120, 110, 100]).astype("f4"), Normalization((120.0, 110.0, 100.0), (1.0,))),
    ],
)
def test_images_become_bytes_for_mediapipe(images, stated):
    rounded = as_bytes(pictures(images), stated, [MEDIAPIPE])
    new, scale = rounded.images["image"], np.ptp(IMAGES) / np.ptp(images, axis=(0, 1, 2))
    assert new.dtype == images.dtype and 0 < np.abs(new - images).max() <= 0.51 / scale.min()
    assert rounded.notes == ("compared on pictures of bytes, since MediaPipe Tasks takes no others",)
    metadata = TensorMetadata(mean=stated.mean, std=stated.std) if stated else TensorMetadata(mean=(0.0,), std=(1.0,))
    if stated or images is IMAGES:
        np.testing.assert_array_equal(mediapipe._bytes(new, metadata), np.rint(IMAGES))
        with pytest.raises(UserError, match="pictures of whole numbers from 0 to 255"):
            mediapipe._bytes(images, metadata)


@pytest.mark.parametrize(
    ("given", "targets"),
    [
        (pictures(IMAGES), [table.find("openvino")]),
        (pictures(np.rint(IMAGES)), [MEDIAPIPE]),
        (pictures(IMAGES, are_noise=True), [MEDIAPIPE]),
        (pictures(IMAGES * 3), [MEDIAPIPE]),  # no customary range
    ],
)
def test_other_images_stay(given, targets):
    assert as_bytes(given, None, targets) is given


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        (TensorMetadata(mean=(0.0, 0.0), std=(1.0, 1.0)), "2 means and 2 deviations for 3 channels"),
        (TensorMetadata(mean=(0.0,), std=(float("nan"),)), "pictures of bytes"),
    ],
)
def test_a_normalization_that_cannot_be_is_refused(stated, message):
    with pytest.raises(UserError, match=message):
        mediapipe._bytes(IMAGES.round(), stated)
