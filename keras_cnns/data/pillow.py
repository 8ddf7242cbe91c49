"""Decodes pictures with Pillow, if TensorFlow decodes them differently from viewers; what is wrong with a file."""

import io
import threading

import numpy as np
from PIL import Image, UnidentifiedImageError

# Pillow's names of the formats that are read; AVIF where this Pillow supports it
FORMATS = ("JPEG", "PNG", "BMP", "DIB", "GIF", "WEBP", "TIFF", "PPM", "JPEG2000", "AVIF")
STARTS = (
    b"\xff\xd8\xff",
    b"\x89PNG",
    b"BM",
    b"GIF8",
    b"RIFF",
    b"II*\0",
    b"MM\0*",
)  # the first bytes of pictures
WITHOUT_INIT = STARTS[:4]  # of the formats whose readers Pillow loads first; loading all readers takes longer
ADVICE = ": remove it, or let training skip it (skip_broken)."  # about a picture that cannot be used
LARGEST = 2**29  # pixels: half a billion
ORIENTATION = 0x0112  # EXIF's tag; 1: upright
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class _OfAnySize:
    """Switches off Pillow's limit on the size of pictures. The limit is a module variable, so threads are counted."""

    def __init__(self) -> None:
        self.lock, self.inside, self.limit = threading.Lock(), 0, None

    def __enter__(self) -> None:
        with self.lock:
            if not self.inside:
                self.limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            self.inside += 1

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.inside -= 1
            if not self.inside:
                Image.MAX_IMAGE_PIXELS = self.limit


_OF_ANY_SIZE = _OfAnySize()


class Unreadable(ValueError):
    """The file is intact, but cannot be read unambiguously. The message is the end of a sentence about it."""


def decoded(data: bytes, channels: int, ratio: int = 1) -> np.ndarray:
    """The first frame of a picture file with its EXIF orientation applied, transparent parts white.

    Samples of 16 bits are scaled to 8.

    Args:
      data: the file. channels: 1 (the luma) or 3. ratio: 1, 2, 4 or 8; a JPEG is decoded at this fraction of its size.

    Returns:
      uint8 [h, w, channels].

    Raises:
      Unreadable: it is not known which sample value is white.
      Other errors of Pillow: the file is damaged.
    """
    image = opened(data)
    if ratio > 1:
        image.draft(None, (image.width // ratio, image.height // ratio))
    with _OF_ANY_SIZE:
        image.load()  # for a TIFF, Pillow checks the size once more
    if image.format == "PNG" and image.mode in ("1", "L") and isinstance(image.info.get("transparency"), int):
        image.info["transparency"] *= 255 // (
            2 ** data[24] - 1
        )  # Pillow scales samples of few bits, but not the transparent value
    image = _transposed(_eight_bits(image), orientation(image))
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    if image.mode not in ("L", "RGB"):
        image = image.convert("RGB")
    pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    return pixels.reshape(*pixels.shape[:2], channels)


def opened(data: bytes) -> Image.Image:
    """The Pillow image of a file's bytes, not decoded yet. Raises Unreadable if it has more than LARGEST pixels."""
    if not data.startswith(WITHOUT_INIT):
        Image.init()
    Image.preinit()
    with _OF_ANY_SIZE:
        image = Image.open(io.BytesIO(data), formats=[f for f in FORMATS if f in Image.OPEN])
    if image.width * image.height > LARGEST:
        raise Unreadable(f"has {image.width} x {image.height} pixels, more than {LARGEST:,}")
    return image


def orientation(image: Image.Image) -> int:
    """The EXIF orientation: a key of UPRIGHT, or 1. Damaged EXIF data are ignored, as viewers do."""
    try:
        return image.getexif().get(ORIENTATION, 1)
    except Exception:  # Pillow raises many kinds
        return 1


def refusal(what: str) -> str:
    """The message about a picture that cannot be used, the same from every command."""
    return what + ADVICE


def fault(data: bytes) -> str:
    """What is wrong with the bytes of a file that cannot be decoded, as the end of a sentence about it."""
    if not data:
        return "is an empty file"
    try:
        decoded(data, 3)
    except Unreadable as error:
        return str(error)
    except UnidentifiedImageError:
        if not data.startswith(STARTS):
            return "is not a picture that can be read (JPEG, PNG, BMP, GIF, WebP, TIFF)"
    except Exception:  # Pillow's readers raise many kinds
        pass
    return "is a damaged picture"


def _eight_bits(image: Image.Image) -> Image.Image:
    """The image with 8 bits a sample."""
    sixteen = image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM"))
    if not sixteen and image.mode in ("I", "F", "LAB"):
        what = "is in CIE Lab" if image.mode == "LAB" else "has samples of 32 bits"
        raise Unreadable(f"{what}, so it is not known which value is white (save it with 8 or 16 bits)")
    key = image.info.get("transparency")
    if sixteen:
        samples = np.asarray(image)
        grey = Image.fromarray(((samples.astype(np.uint32) + 128) // 257).astype(np.uint8))
        if isinstance(key, int):  # the transparent value
            grey.putalpha(Image.fromarray(np.where(samples == key, 0, 255).astype(np.uint8)))
        return grey
    if isinstance(key, tuple) and max(key) > 255:  # of 16 bits, while Pillow reduced the samples to 8
        image.info["transparency"] = tuple(value >> 8 for value in key)
    return image


def _transposed(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else image
