"""The UCI handwritten digits that scikit-learn ships.

1,797 scanned digits, 8x8, 17 grey levels (Alpaydin & Kaynak 1998, doi.org/10.24432/C50P49).
"""

import numpy as np

NAME, CLASSES = "digits", 10
DESCRIPTION = "Handwritten digits, 8x8, 17 grey levels; the copy that scikit-learn ships, a fifth held out."
HOMEPAGE = "https://doi.org/10.24432/C50P49"
SEED, HELD_OUT = 0, 0.2


def arrays() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The digits as `{"train": (images, labels), "test": (images, labels)}`: uint8 [N, 8, 8, 1], int64 [N].

    A fifth is held out, stratified by class, with a fixed seed.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    images = np.round(images.reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8)
    labels = labels.astype(np.int64)
    train, test = train_test_split(np.arange(len(labels)), test_size=HELD_OUT, random_state=SEED, stratify=labels)
    return {"train": (images[train], labels[train]), "test": (images[test], labels[test])}
