"""Pictures that are nearly the same, such as one that was trained on and one that is held out."""

import numpy as np

from keras_cnns.data.pictures import LUMA

SIDE = 16


def near_duplicates(first, second, *, alike=0.995, most=50):
    """Pairs of pictures whose grey values, 16 by 16, correlate by `alike` or more; the most alike first.

    first, second: [n, h, w, c]. Each picture of `second` is in one pair at most. Pictures of one grey are left out.

    Returns:
      (index in first, index in second, correlation), at most `most` of them.
    """
    a, b = _signature(first), _signature(second)
    found = []
    for start in range(0, len(b), 1024):
        likeness = b[start : start + 1024] @ a.T
        best = likeness.argmax(1)
        for row, column in enumerate(best):
            if likeness[row, column] >= alike:
                found.append((int(column), start + row, float(min(likeness[row, column], 1))))
    return sorted(found, key=lambda pair: -pair[2])[:most]


def _signature(pictures):
    """[n, 256], mean 0 and length 1; zeros for a picture of one grey."""
    pictures = np.asarray(pictures)
    n, height, width, channels = pictures.shape
    rows, columns = (np.linspace(0, size, SIDE + 1).astype(int) for size in (height, width))
    weights = np.array(LUMA if channels == 3 else [1 / channels] * channels, "float32")
    small = np.empty((n, SIDE, SIDE), "float32")
    for start in range(0, n, 512):
        grey = pictures[start : start + 512].astype("float32") @ weights
        for i in range(SIDE):
            strip = grey[:, rows[i] : max(rows[i] + 1, rows[i + 1])].mean(1)
            for j in range(SIDE):
                small[start : start + 512, i, j] = strip[:, columns[j] : max(columns[j] + 1, columns[j + 1])].mean(1)
    flat = small.reshape(n, -1)
    flat -= flat.mean(1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.where(length > 1e-3, flat / np.maximum(length, 1e-3), 0)
