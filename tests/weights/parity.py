"""How far our logits are from a peer's, for weights that came through the peer's own file.

`python -m tests.weights.parity docs/measurements/parity.md [PATTERN]` measures every network that keras.applications,
torchvision or timm also has and writes the table. Rows that are there stay: a row is measured again once its line, or
the file, is deleted.
"""

import json
import sys
import tempfile
from fnmatch import fnmatchcase
from pathlib import Path

import keras
import numpy as np

from keras_cnns import build
from keras_cnns.blocks.dense_heads import trained_part
from keras_cnns.family.head import GLOBAL_POOLING
from keras_cnns.models.fast_rcnn import parts
from keras_cnns.registry.registry import entry
from keras_cnns.support.atomic_files import write_text
from keras_cnns.support.errors import UserError
from keras_cnns.testing import pictures, randomize
from keras_cnns.tflite.rewrite.raw_boxes import is_one_stage
from keras_cnns.weights import beside
from keras_cnns.weights.renaming import ORIGINS, constructor, peer, peers
from tests.weights.statistics import near

TOLERANCE = 1e-4  # of the largest logit
EVERY = [(origin, name, theirs) for origin in ORIGINS for name, theirs in peers(origin).items()]
ROWS = [row for row in EVERY if entry(row[1]).task == "classification"]
TASKS = [row for row in EVERY if row not in ROWS]  # what stands on a classifier: not in the table
# timm's other networks of the same tensors, which its config.json distinguishes; pooled otherwise, they are refused
ALIKE = [
    ("timm", name, theirs)
    for theirs, ours in beside.timm()["architectures"].items()
    for name in ours
    if theirs.startswith(("tf_", "efficientnet_lite")) and theirs != peer(name, "timm")
]


def shapes(name):
    """The published size, and an odd one, where padding rules part: small, no multiple of anything, and not square."""
    net = entry(name).variant
    side = max(64, net.min_size)
    return net.input_shape, (side + 11, side + 33, net.input_shape[-1])


def difference(origin, name, theirs, shape, folder, **columns):
    """The largest difference of logits, as a fraction of the largest logit, for two pictures.

    Of a detector: of its proposals' scores and deltas, and of class scores and deltas of given boxes, each so. Of a
    detector in one stage: of its logits and deltas, and of the boxes and scores of its detections.

    columns: further arguments of `build`.
    """
    return differences(origin, name, theirs, [shape], folder, **columns)[0]


def differences(origin, name, theirs, sizes, folder, **columns):
    """`difference` for each of `sizes`. If there are several, our network is built once, for pictures of any size."""
    images = [pictures(2, size, seed=1) for size in sizes]
    if origin == "keras":
        path, answer = keras_peer(theirs, sizes[0], images[0], folder)
        expected = [answer]
    else:
        from tests.weights import torch_peers

        peer, options = constructor(theirs)
        network = torch_peers.randomize(torch_peers.create(origin, peer, **options), images[-1])
        path = torch_peers.save(network, origin, folder)
        expected = [
            torch_peers.logits(network, batch, regions(size)) for batch, size in zip(images, sizes, strict=True)
        ]
        if (origin, name, theirs) in ALIKE:
            (folder / "config.json").write_text(json.dumps({"architecture": theirs}))
        del network
    shape = sizes[0] if len(sizes) == 1 else (None, None, sizes[0][-1])
    ours = build(name, weights=path, input_shape=shape, classifier_activation=None, **columns)
    return [
        largest_difference(answer, logits(ours, batch, regions(size)))
        for answer, batch, size in zip(expected, images, sizes, strict=True)
    ]


def largest_difference(expected, actual):
    """Of the arrays in two lists, as a fraction of the largest number in each expected one."""
    expected, largest = expected if isinstance(expected, list) else [expected], 0.0
    for there, here in zip(expected, actual, strict=True):
        assert np.abs(there[0] - there[1]).max() > 10 * TOLERANCE * np.abs(there).max(), "the pictures must matter"
        largest = max(largest, float(np.abs(there - here).max() / np.abs(there).max()))
    return largest


def logits(ours, images, boxes):
    """A list of arrays: a network's answer, or a detector's parts, the second one of the boxes [B, R, 4]."""
    if is_one_stage(ours):
        scores, deltas, _ = trained_part(ours)([images], training=False)
        detected = ours(images, training=False)
        boxes = keras.ops.sort(detected["boxes"], axis=1)  # each coordinate: two equal scores may change places
        return [keras.ops.convert_to_numpy(y) for y in (scores, deltas, boxes, detected["scores"])]
    if "roi_pooling" not in [layer.name for layer in ours.layers]:
        return [keras.ops.convert_to_numpy(keras.tree.flatten(ours(images, training=False))[0])]
    first, heads = parts(ours)
    level, *proposed = first(images, training=False)
    result = [*proposed, *heads([level, keras.ops.convert_to_tensor(boxes)], training=False)]
    return [keras.ops.convert_to_numpy(y) for y in keras.tree.flatten(result)]


def regions(shape):
    """Boxes of many sizes in two pictures, float32 [2, 9, 4]."""
    height, width, _ = shape
    corners = np.sort(np.random.default_rng(2).uniform(0, 1, (2, 9, 2, 2)), 2).reshape(2, 9, 4)
    corners[:, 0], corners[:, 1] = (0, 0, 1, 1), (0.5, 0.5, 0.52, 0.51)
    return (corners * [width, height, width, height]).astype("float32")


def keras_peer(theirs, shape, images, folder):
    """The path of the peer's weights and its logits.

    A peer that preprocesses gets the pixels that its preprocessing turns into `images`.
    """
    function, options = constructor(theirs)
    peer = getattr(keras.applications, function)(weights=None, input_shape=shape, classifier_activation=None, **options)
    randomize(peer)
    first = [layer for layer in peer.layers if type(layer).__name__ in ("Rescaling", "Normalization")]
    for layer in reversed(first):
        if isinstance(layer, keras.layers.Rescaling):
            images = (images - layer.offset) / layer.scale
        else:
            images = images * np.sqrt(layer.variance) + np.asarray(layer.mean)
    images = np.asarray(images, "float32")
    settle(peer, images)
    path = folder / "peer.weights.h5"
    peer.save_weights(path)
    return path, keras.ops.convert_to_numpy(peer(images, training=False))


def settle(peer, images, seed=0):
    """Sets batch-norm statistics near those of `images`; with arbitrary ones deep sums would grow without bound."""
    rng = np.random.default_rng(seed)
    norms = [layer for layer in peer.layers if isinstance(layer, keras.layers.BatchNormalization)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    peer(images, training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        batch = [keras.ops.convert_to_numpy(v) for v in (norm.moving_mean, norm.moving_variance)]
        for variable, value in zip((norm.moving_mean, norm.moving_variance), near(*batch, rng), strict=True):
            variable.assign(value)


HEAD = f"""# Parity

A *peer* is the same network in another library. It gets random weights, with batch-norm gains, offsets and statistics
that differ from their defaults. It is saved in its library's own format (keras.applications `.weights.h5`, torchvision
`.pth`, timm `.safetensors`) and loaded by `build(name, weights=file)`. The figures are the largest difference of logits
for two pictures, as a fraction of the largest logit, at the published size and at an odd one. The tests fail above
{TOLERANCE:.0e}.

Keras's VGG flattens its last level, so that its dense layers fit one size of picture: at the odd size both networks
were built for it. torchvision's pools to 7x7 first, and so does ours with weights from torch. timm's does so below 224
pixels. Above, it slides its dense layers over the picture and averages the scores, which ours does not do.

Inception v4's difference comes from the rounding of its sums, not from another architecture: timm's own logits in
float32 differ by 3.1e-05 from its logits in float64.

A dash is a figure that was not measured. In each family, at least one network was measured with each library that has
it. The other networks of the family follow the same rules; the tests that are marked slow, and those of `tox -e torch`,
measure them.

timm's `tf_` networks have the same tensors as its other networks, and Keras's numerics; the `config.json` beside their
tensors says so. The Lite and minimalistic ones are rows here, and `tests/weights/test_parity_with_torch.py` compares
the others.

Written by `python -m tests.weights.parity docs/measurements/parity.md` with torch, torchvision and timm beside
TensorFlow. `tox -e torch` installs them, and its tests measure the same.

| name | peer | published size | difference | odd size | difference |
| --- | --- | --- | --- | --- | --- |
"""


def main(path, pattern="*"):
    """Measures the rows that match ("timm resnet*") and are not in the table yet, and writes each into it at once."""
    path = Path(path)
    old = path.read_text().splitlines() if path.exists() else []
    lines = {tuple(line.strip("| ").split(" | ")[:2]): line for line in old if line.startswith("| ")}
    for origin, name, theirs in ROWS:
        cells = [name, f"{origin} {theirs}"]
        if fnmatchcase(f"{origin} {name}", pattern) and tuple(cells) not in lines:
            lines[tuple(cells)] = row(origin, name, theirs, cells)
            print(lines[tuple(cells)], flush=True)
            known = [lines[n, f"{o} {t}"] for o, n, t in ROWS if (n, f"{o} {t}") in lines]
            write_text(path, HEAD + "\n".join(known) + "\n")


def row(origin, name, theirs, cells):
    """One line of the table."""
    both = origin != "keras" and entry(name).head is GLOBAL_POOLING
    for sizes in [shapes(name)] if both else [[shape] for shape in shapes(name)]:
        try:
            with tempfile.TemporaryDirectory() as folder:
                errors = differences(origin, name, theirs, sizes, Path(folder))
            figures = [f"{error:.1e}" + ("" if error < TOLERANCE else " **fails**") for error in errors]
        except UserError as error:
            figures = [f"**fails**: {error}"] * len(sizes)
        for shape, figure in zip(sizes, figures, strict=True):
            cells = [*cells, "x".join(map(str, shape[:2])), figure]
        keras.backend.clear_session()
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main(*sys.argv[1:])
