"""Masks in picture files: the values or colours of their pixels, and the classes that they stand for."""

import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from keras_cnns.data.sources.class_names import BACKGROUNDS, ClassList
from keras_cnns.data.sources.files import contents
from keras_cnns.data.sources.sample import VOID
from keras_cnns.support import messages
from keras_cnns.support.errors import UnreadableFile, UserError

FORMATS = ("PNG", "BMP", "DIB", "GIF", "TIFF", "WEBP", "PPM", "JPEG2000", "JPEG")  # a JPEG is refused by its name
ONE_CHANNEL = ("1", "L", "I", "I;16", "I;16B", "I;16L")  # modes of Pillow without a palette
VOID_COLOUR = (224, 224, 192)  # PASCAL VOC's
LOOKED_AT = 200  # largest number of masks that are read to find out what 255 stands for


@dataclass(frozen=True)
class MaskCodes:
    """What the pixels of a folder's mask files stand for.

    Attributes:
      path: the file that defines the codes, for messages.
      values: {stored value: label}; None if the stored value is the label.
      colours: {(red, green, blue): label}; None if masks have one channel. A mask with one channel, whose values are
        not grey colours of this table, contains the numbers of the classes in the order of the file.
      order: {number in the file: label}, for such a mask.
      numbers: whether all masks with one channel contain such numbers, even if the values are also colours.
    """

    path: Path
    values: Mapping[int, int] | None = None
    colours: Mapping[tuple[int, int, int], int] | None = None
    order: Mapping[int, int] | None = None
    numbers: bool = False


@dataclass(frozen=True, eq=False)
class CodedMask:
    """A mask file whose pixels are codes of classes."""

    data: bytes
    codes: MaskCodes

    def labels(self, size: tuple[int, int], where: str) -> np.ndarray:
        """The label of each pixel, uint8 [H, W]. Raises UserError if a value or colour stands for no class."""
        if self.codes.colours is None:
            return _assigned(mask_values(self.data, where), self.codes.values or {}, where, self.codes.path)
        return self._by_colour(where)

    def _by_colour(self, where: str) -> np.ndarray:
        image = _opened(self.data, where)
        _check_lossless(image, where)
        colours = {_packed(*colour): label for colour, label in (self.codes.colours or {}).items()}
        colours.setdefault(_packed(*VOID_COLOUR), VOID)
        _check_opaque(image, where)
        single = image.mode in (*ONE_CHANNEL, "P")
        pixels = np.asarray(image.convert("RGB")).astype(np.int64)
        packed = _packed(pixels[..., 0], pixels[..., 1], pixels[..., 2])
        unknown = [int(value) for value in np.unique(packed) if int(value) not in colours]
        if (single and unknown) or (image.mode in ONE_CHANNEL and self.codes.numbers):
            return _assigned(np.asarray(image), dict(self.codes.order or {}) | {VOID: VOID}, where, self.codes.path)
        if unknown:
            colour = (unknown[0] >> 16, unknown[0] >> 8 & 255, unknown[0] & 255)
            raise UnreadableFile(
                f"{where} has the colour {colour}, which is not in {self.codes.path}: add its class there."
            )
        return _assigned(packed, colours, where, self.codes.path)


def _packed(red: Any, green: Any, blue: Any) -> Any:
    return (red << 16) + (green << 8) + blue


def _assigned(values: np.ndarray, label_of: Mapping[int, int], where: str, path: Path) -> np.ndarray:
    distinct, inverse = np.unique(values, return_inverse=True)
    unknown = [int(value) for value in distinct if int(value) not in label_of]
    if unknown:
        raise UnreadableFile(f"{where} has the value {unknown[0]}, which stands for no class of {path}.")
    return np.array([label_of[int(v)] for v in distinct], np.uint8)[inverse.reshape(values.shape)]


def codes_by_colour(listed: ClassList, files: Sequence[Path]) -> tuple[tuple[str, ...], MaskCodes]:
    """(names, codes) of a list with colours. The background becomes class 0, wherever it is in the list.

    files: the masks of the folder.
    """
    order = sorted(range(len(listed.names)), key=lambda n: (listed.names[n].lower() not in BACKGROUNDS, n))
    label_of = {number: label for label, number in enumerate(order)}
    colours = {colour: label_of[number] for number, colour in enumerate(listed.colours or ())}
    names = tuple(listed.names[n] for n in order)
    if (255, 255, 255) not in colours and all(_mode(path) in ONE_CHANNEL for path in _looked_at(files)):
        white = codes_of_white(names, files, listed.path)
        if white is not None:
            return names, white
    greys = {colour[0]: label for colour, label in colours.items() if len(set(colour)) == 1}
    unclear = any(label_of.get(value, label) != label for value, label in greys.items())
    numbers = unclear and any(_has_others(path, greys) for path in _looked_at(files))
    return names, MaskCodes(listed.path, colours=colours, order=label_of, numbers=numbers)


def _looked_at(files: Sequence[Path]) -> Sequence[Path]:
    return files[:: max(1, len(files) // LOOKED_AT)]


def _mode(path: Path) -> str:
    """Pillow's mode of a mask file; "" if it cannot be read."""
    try:
        return Image.open(io.BytesIO(contents(path)), formats=FORMATS).mode
    except Exception:  # reported where this mask is read
        return ""


def _has_others(path: Path, greys: Mapping[int, int]) -> bool:
    """Whether a mask file has one channel, and values that are neither void nor in `greys`."""
    try:
        image = _opened(contents(path), path)
    except UserError:  # reported where this mask is read
        return False
    return image.mode in ONE_CHANNEL and bool({int(v) for v in np.unique(np.asarray(image))} - {*greys, VOID})


def codes_of_white(names: Sequence[str], files: Sequence[Path], path: Path) -> MaskCodes | None:
    """The codes of masks that contain only 0 and 255, if there are two classes: 255 is the second. Else None.

    Raises:
      UserError: the masks contain only 0 and 255, and there are more than two classes.
    """
    seen: set[int] = set()
    for path_of_mask in _looked_at(files):
        try:
            seen |= {int(v) for v in np.unique(mask_values(contents(path_of_mask), path_of_mask))}
        except UserError:  # reported where this mask is read
            continue
        if seen - {0, VOID}:
            return None
    if VOID not in seen:
        return None
    if len(names) > 2:
        raise UnreadableFile(
            f"{files[0]} and the other masks hold 0 and {VOID} only, {VOID} is void, and {path} lists {len(names)} "
            "classes: save masks whose values are the numbers of the classes."
        )
    messages.once(
        f"{files[0]} and the other masks hold 0 and {VOID} only: {VOID} is read as {names[1]!r}, not as void. Write "
        f"1 for {names[1]!r} into the masks if {VOID} is void."
    )
    return MaskCodes(path, values={0: 0, VOID: 1})


def mask_values(data: bytes, where: str | Path) -> np.ndarray:
    """The values of an encoded mask, whole numbers [H, W]; for a mask with a palette, the indices of the colours.

    Raises:
      UserError: the mask cannot be decoded, has several channels or fractional values, or is a JPEG.
    """
    image = _opened(data, where)
    values = np.asarray(image)
    _check_opaque(image, where)
    if values.ndim == 3 and values.shape[-1] == 2:  # grey with an alpha channel
        values = values[..., 0]
    if values.ndim == 3 and (values[..., 0] == values[..., 1]).all() and (values[..., 0] == values[..., 2]).all():
        values = values[..., 0]
    _check_lossless(image, where)
    if values.ndim != 2:
        raise UnreadableFile(
            f"{where} is a coloured picture, and a mask's values are its labels: save it with one channel, or list the "
            "colours in labelmap.txt (name:red,green,blue::, a class a line)."
        )
    if values.dtype.kind not in "bui":
        raise UnreadableFile(f"{where} has fractional samples, and a mask's values are its labels: save a PNG.")
    return values


def _opened(data: bytes, where: str | Path) -> Image.Image:
    """The decoded image. Raises UserError if it cannot be read."""
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
        image.load()
    except Exception:  # Pillow's readers raise many kinds
        raise UnreadableFile(f"{where} cannot be read as a mask: it is empty, damaged or not a picture.") from None
    if len(image.getbands()) > 1 and _bits(image, data) > 8:
        raise UnreadableFile(
            f"{where} has several channels of {_bits(image, data)} bits, of which 8 would be read: save it with one "
            "channel, or with 8 bits."
        )
    return _in_8_bits(image, where)


def _bits(image: Image.Image, data: bytes) -> int:
    """The bits of a sample in a PNG or TIFF file, of which Pillow keeps the upper 8 if there are several channels."""
    if image.format == "PNG":
        return data[24]  # in the header, which is always first
    return max(image.tag_v2.get(258, (8,))) if image.format == "TIFF" else 8  # type: ignore[attr-defined]


def _in_8_bits(image: Image.Image, where: str | Path) -> Image.Image:
    """The image with 8 bits, if it has values that need more and all of them are multiples of 257.

    This is how values from 0 to 255 are stored in 16 bits: white, 255, becomes 65535.
    """
    if image.mode not in ONE_CHANNEL:
        return image
    values = np.asarray(image)
    if values.dtype.itemsize < 2 or values.max(initial=0) <= 255 or (values % 257).any():
        return image
    messages.once(
        f"{os.path.dirname(where) or where} has masks of 16 bits whose values are multiples of 257: they are divided "
        "by 257, so that 65535 is 255."
    )
    return Image.fromarray((values // 257).astype(np.uint8))


def _check_opaque(image: Image.Image, where: str | Path) -> None:
    """Raises UserError if a mask has one colour, and shows its object by transparency alone."""
    if image.mode not in ("LA", "RGBA"):
        return
    values = np.asarray(image)
    colours, alpha = values[..., :-1], values[..., -1]
    if (alpha != alpha.flat[0]).any() and (colours == colours[0, 0]).all():
        raise UnreadableFile(
            f"{where} has one colour, and parts of it are transparent; a mask's values are its labels, and "
            "transparency is not read: save it without an alpha channel, with a value for each class."
        )


def _check_lossless(image: Image.Image, where: str | Path) -> None:
    if image.format == "JPEG":
        raise UnreadableFile(
            f"{where} is a JPEG, which changes the values, and a mask's values are its labels: save a PNG."
        )
