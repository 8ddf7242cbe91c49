"""Pictures for `check` where none are given: flat areas, edges, fine texture, and the spectrum of photographs.

Flat areas show wrong colours and scales, and hide a result that is shifted by a pixel; the other kinds show the shift.
"""

from collections.abc import Callable

import numpy as np

COUNT = 8  # pictures, as many of each kind
TILES = 6  # flat patches along each side
SHAPES = 40  # half-planes and bars on top of each other in a picture of edges
WIDEST_BAR = 4  # pixels; half of the shapes are bars, the others rectangles
CELLS = (1, 2, 3, 5)  # pixels along a side of the cells of a texture, one for each quarter of the picture
DEVIATIONS = 2.0  # between which values of a natural spectrum keep their contrast


def synthetic_pictures(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Whole numbers from 0 to 255 (8, *shape), the same for the same seed; noise if `shape` is not that of a picture.

    shape: (rows, columns, channels) of a picture.

    >>> synthetic_pictures((32, 32, 3)).shape
    (8, 32, 32, 3)
    """
    rng = np.random.default_rng(seed)
    if len(shape) != 3:
        return np.rint(rng.uniform(0, 255, (COUNT, *shape)))
    pictures = [KINDS[i % len(KINDS)](shape, rng) for i in range(COUNT)]
    return np.rint(255 * np.stack(pictures))


def _flat(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Patches of random colours."""
    patches = rng.uniform(0, 1, (TILES, TILES, shape[2]))
    rows, columns = (np.arange(size) * TILES // size for size in shape[:2])
    return patches[rows][:, columns]


def _edges(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Rectangles and thin bars of random colours and directions, the later ones on top."""
    picture = np.broadcast_to(rng.uniform(0, 1, shape[2]), shape).copy()
    rows, columns = np.indices(shape[:2])
    for number in range(SHAPES):
        angle = rng.uniform(0, np.pi)
        row, column = rng.uniform(0, shape[:2])
        across = (rows - row) * np.sin(angle) + (columns - column) * np.cos(angle)
        along = (rows - row) * np.cos(angle) - (columns - column) * np.sin(angle)
        length = rng.uniform(0.1, 0.5) * max(shape[:2])
        width = rng.uniform(1, WIDEST_BAR) if number % 2 else length / 2
        picture[(2 * abs(across) < width) & (2 * abs(along) < length)] = rng.uniform(0, 1, shape[2])
    return picture


def _texture(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Square cells of random colours, of another size in each quarter."""
    picture = np.empty(shape)
    upper, left = shape[0] // 2, shape[1] // 2
    quarters = [(r, c) for r in (slice(upper), slice(upper, None)) for c in (slice(left), slice(left, None))]
    for quarter, cell in zip(quarters, CELLS, strict=True):
        rows, columns = picture[quarter].shape[:2]
        cells = rng.uniform(0, 1, (-(-rows // cell), -(-columns // cell), shape[2]))
        picture[quarter] = np.kron(cells, np.ones((cell, cell, 1)))[:rows, :columns]
    return picture


def _natural(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Random phases with amplitudes of 1 / frequency, as photographs have them (Field 1987), in grey and in colour."""
    rows, columns = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None]
    frequency = np.hypot(rows, columns)
    frequency[0, 0] = np.inf  # no constant part
    noise = rng.normal(size=shape) + 2 * rng.normal(size=(*shape[:2], 1))
    spectrum = np.fft.rfft2(noise, axes=(0, 1)) / frequency[..., None]
    waves = np.fft.irfft2(spectrum, s=shape[:2], axes=(0, 1))
    return np.clip(0.5 + waves / (2 * DEVIATIONS * (waves.std() or 1.0)), 0, 1)


KINDS: tuple[Callable[[tuple[int, ...], np.random.Generator], np.ndarray], ...] = (_flat, _edges, _texture, _natural)
