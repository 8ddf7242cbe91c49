"""The reader that needs no TensorFlow sees what the training pipeline's reader sees."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_cnns import UserError
from keras_cnns.data import pictures as pipeline
from keras_cnns.data.augment import crops
from keras_cnns.inference.pictures import read_picture, resized, window

SIZES = [(37, 53), (300, 211), (64, 64), (900, 1200), (33, 500)]


def photograph(height, width, seed=0):
    """Smooth areas with some noise, as a camera makes them."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (5, 7, 3), "uint8")).resize((width, height), Image.Resampling.BICUBIC)
    return np.clip(np.asarray(coarse) + rng.normal(0, 4, (height, width, 3)), 0, 255).astype("uint8")


def encoded(pixels, format, **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format, **options)
    return file.getvalue()


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("crop, fraction", [("centre", 1.0), ("centre", 0.875), ("whole", 1.0)])
def test_the_window_is_the_pipelines(shape, crop, fraction):
    for size in ((32, 32), (224, 224), (96, 128)):
        expected = crops.fixed(crop, size, fraction)(tf.constant(shape)).numpy()
        assert window(shape, size, crop, fraction) == tuple(expected)


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_png_has_the_same_pixels_to_a_rounding(shape, channels):
    data = encoded(photograph(*shape), "PNG")
    ours, theirs = (read(data, (48, 40, channels), crop_fraction=0.9) for read in (read_picture, pipeline.read_picture))
    assert ours.dtype == theirs.dtype == np.float32
    assert np.abs(ours - theirs).max() <= 1 and np.mean(ours != theirs) < 0.01


@pytest.mark.parametrize("shape", SIZES)
def test_a_jpeg_differs_by_its_cosine_transform_alone(shape, monkeypatch):
    data = encoded(photograph(*shape), "JPEG", quality=90)
    ours, theirs = (read(data, (48, 48, 3)) for read in (read_picture, pipeline.read_picture))
    assert np.abs(ours - theirs).mean() < 1.5 and np.abs(ours - theirs).max() < 12
    decode = tf.io.decode_and_crop_jpeg
    monkeypatch.setattr(
        tf.io,
        "decode_and_crop_jpeg",
        lambda *args, **options: decode(*args, **options | {"dct_method": "INTEGER_ACCURATE"}),
    )
    exact = pipeline.read_picture(data, (48, 48, 3))
    assert np.abs(ours - exact).max() <= 4 and np.mean(ours != exact) < 0.05  # colours at the edge of a window


@pytest.mark.parametrize("old, new", [((50, 70), (224, 96)), ((100, 80), (40, 40)), ((97, 33), (10, 7))])
def test_resizing_is_tensorflows(old, new):
    pixels = photograph(*old)
    shrinks = all(o >= 2 * n for o, n in zip(old, new, strict=True))
    expected = tf.image.resize(pixels.astype("float32"), new, method="area" if shrinks else "bilinear").numpy()
    np.testing.assert_allclose(resized(pixels, new), expected, atol=2e-3)


@pytest.mark.parametrize(
    ("format", "loads_all"),
    [("JPEG", False), ("PNG", False), ("BMP", False), ("GIF", False), ("TIFF", True), ("WEBP", True), ("PPM", True)],
)
def test_pillow_loads_all_its_readers_only_for_rare_formats(format, loads_all, monkeypatch):
    """Loading them takes longer than decoding a picture."""
    data, calls = encoded(photograph(20, 30), format), []
    monkeypatch.setattr(Image, "init", lambda: calls.append(format))
    assert read_picture(data, (20, 30, 3)).shape == (20, 30, 3) and bool(calls) is loads_all


def test_four_channels_are_refused():
    with pytest.raises(UserError, match="pictures of 4 channels, and files have 1 or 3"):
        read_picture(encoded(photograph(9, 9), "PNG"), (8, 8, 4))
