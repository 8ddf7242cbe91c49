"""Encoded pictures become pixels, as PIL sees them."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from keras_cnns.data.augment import crops
from keras_cnns.data.pictures import decode, picture, read_picture
from keras_cnns.support.errors import UserError


def smooth(height, width, channels=3, seed=0):
    """A picture without sharp edges, which JPEG keeps."""
    coarse = np.random.default_rng(seed).uniform(30, 225, (4, 5, channels))
    return tf.image.resize(coarse, (height, width), method="bicubic").numpy().clip(0, 255).astype(np.uint8)


def encoded(pixels, mode, form="PNG", **options):
    file = io.BytesIO()
    Image.fromarray(pixels.squeeze()).convert(mode).save(file, form, **options)
    return tf.constant(file.getvalue())


def whole(data, size, channels):
    return decode(data, size, channels, crops.whole).numpy().astype(int)


@pytest.mark.parametrize(("mode", "form"), [("RGB", "PNG"), ("L", "PNG"), ("P", "PNG"), ("RGB", "BMP"), ("P", "GIF")])
def test_lossless_pictures_have_the_pixels_pil_reads(mode, form):
    pixels = smooth(31, 45, 1 if mode == "L" else 3)
    data = encoded(pixels, mode, form)
    opened = Image.open(io.BytesIO(data.numpy())).convert("RGB")
    np.testing.assert_array_equal(whole(data, (9, 9), 3), np.array(opened))
    grey = np.array(opened.convert("L"), int)
    assert np.abs(whole(data, (9, 9), 1)[..., 0] - grey).max() <= (0 if mode == "L" else 1)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_jpegs_look_as_pil_shows_them(mode):
    data = encoded(smooth(50, 70, 1 if mode == "L" else 3), mode, "JPEG", quality=95)
    opened = Image.open(io.BytesIO(data.numpy()))
    for channels, shown in ((3, "RGB"), (1, "L")):
        expected = np.array(opened.convert("RGB").convert(shown), int).reshape(50, 70, channels)
        assert np.abs(whole(data, (50, 70), channels) - expected).mean() < 1.5


def test_transparency_shows_white():
    pixels = np.dstack([smooth(20, 30), np.tile(np.linspace(0, 255, 30), (20, 1)).astype(np.uint8)])
    data = encoded(pixels, "RGBA")
    drawn = Image.alpha_composite(Image.new("RGBA", (30, 20), "white"), Image.fromarray(pixels))
    assert np.abs(whole(data, (20, 30), 3) - np.array(drawn.convert("RGB"), int)).max() <= 1
    assert (whole(data, (20, 30), 3)[:, 0] == 255).all()


def turned_by(orientation, **options):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(smooth(40, 60), options.pop("mode", "RGB"), "JPEG", quality=95, exif=exif, **options)


@pytest.mark.parametrize("options", [{}, {"mode": "CMYK"}, {"mode": "L"}, {"dpi": (72, 72)}], ids=str)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_turned_as_its_camera_was_held(orientation, options):
    data = turned_by(orientation, **options)
    shown = ImageOps.exif_transpose(Image.open(io.BytesIO(data.numpy()))).convert("RGB")
    seen = whole(data, (40, 60), 3)
    assert seen.shape == ((40, 60, 3) if orientation < 5 else (60, 40, 3))
    assert np.abs(seen - np.array(shown, int)).mean() < 1.5


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_webp(mode):
    pixels = smooth(20, 30, len(mode))
    shown = Image.open(io.BytesIO(encoded(pixels, mode, "WEBP", lossless=True, exact=True).numpy()))
    if mode == "RGBA":
        shown = Image.alpha_composite(Image.new("RGBA", (30, 20), "white"), shown)
    seen = whole(encoded(pixels, mode, "WEBP", lossless=True, exact=True), (20, 30), 3)
    assert np.abs(seen - np.array(shown.convert("RGB"), int)).max() <= 1


def test_sixteen_bits_a_channel_become_eight():
    pixels = (np.arange(12 * 15).reshape(12, 15) * 360).astype(np.uint16)
    data = tf.io.encode_png(pixels[..., None])
    assert np.abs(whole(data, (12, 15), 1)[..., 0] - pixels / 257).max() <= 1


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
@pytest.mark.parametrize("cut", [(0, 0, 61, 83), (7, 9, 40, 35), (60, 82, 1, 1)])
def test_a_window_is_that_part_of_the_whole_picture(form, cut):
    data = encoded(smooth(61, 83), "RGB", form)
    top, left, height, width = cut
    part = decode(data, (99, 99), 3, lambda shape: tf.constant(cut)).numpy().astype(int)
    expected = whole(data, (99, 99), 3)[top : top + height, left : left + width]
    assert part.shape == (height, width, 3)
    # JPEG's colours are stored coarser than its pixels: along the window's edge they have other neighbours
    assert np.abs(part - expected).max() <= (0 if form == "PNG" else 6)


@pytest.mark.parametrize(("size", "ratio"), [(60, 4), (101, 2), (201, 1), (13, 8)])
def test_a_large_photograph_is_decoded_at_a_part_of_its_size(size, ratio):
    pixels = smooth(403, 506)
    data = encoded(pixels, "RGB", "JPEG", quality=95)
    cut = (2, 4, 400, 500)
    part = decode(data, (size, size), 3, lambda shape: tf.constant(cut)).numpy()
    assert part.shape == (400 // ratio, 500 // ratio, 3)
    expected = Image.fromarray(pixels).crop((4, 2, 504, 402)).resize((500 // ratio, 400 // ratio), Image.BOX)
    assert np.abs(part.astype(int) - np.array(expected, int)).mean() < 4  # the window's corner falls between pixels


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_picture_resized_is_what_pil_makes_of_it(form):
    pixels = smooth(300, 420)
    data = encoded(pixels, "RGB", form)
    for size in ((40, 52), (299, 333), (400, 500)):  # shrunk by 6, a little resized, enlarged
        result = picture(data, size, 3, lambda shape: tf.constant([10, 20, 256, 310])).numpy()
        expected = Image.fromarray(pixels).crop((20, 10, 330, 266)).resize(size[::-1], Image.BILINEAR)
        assert result.shape == (*size, 3)
        assert np.abs(result - np.array(expected, float)).mean() < 2.5


def test_shrinking_does_not_alias():
    stripes = np.tile(np.array([[0, 255]], np.uint8).repeat(3).reshape(1, 2, 3), (64, 32, 1))
    result = picture(encoded(stripes, "RGB"), (16, 16), 3, crops.whole).numpy()
    np.testing.assert_allclose(result, 127.5, atol=1)


def test_a_folder_is_no_picture(tmp_path):
    with pytest.raises(UserError, match="is a folder: give the pictures in it"):
        read_picture(tmp_path, (8, 8, 3))
