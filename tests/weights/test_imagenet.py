"""ImageNet's names come with published weights, and `decode_predictions` answers as Keras's does."""

from pathlib import Path

import numpy as np
import pytest

import keras_cnns
from keras_cnns.support.errors import UserError
from keras_cnns.weights import imagenet


def test_a_thousand_names_that_differ():
    assert len(imagenet.classes()) == 1000
    assert len({name for *_, name in imagenet.classes()}) == 1000
    assert len({number for number, *_ in imagenet.classes()}) == 1000
    assert [imagenet.classes()[i][2] for i in (0, 207, 652, 985)] == [
        "tench",
        "golden retriever",
        "military uniform",
        "daisy",
    ]


def test_decoded_as_keras_does():
    scores = np.zeros((2, 1000), "float32")
    scores[0, [207, 208, 0]], scores[1, 2] = (0.7, 0.2, 0.1), 1.0
    decoded = keras_cnns.decode_predictions(scores, top=2)
    assert decoded[0] == [
        ("n02099601", "golden_retriever", np.float32(0.7)),
        ("n02099712", "Labrador_retriever", np.float32(0.2)),
    ]
    assert decoded[1][0] == ("n01484850", "great_white_shark", 1.0)
    assert len(keras_cnns.decode_predictions(scores)[0]) == 5


@pytest.mark.parametrize("scores", [np.zeros(1000), np.zeros((2, 999)), "scores", None])
def test_scores_of_another_shape(scores):
    with pytest.raises(UserError, match="scores are of shape"):
        keras_cnns.decode_predictions(scores)


@pytest.mark.parametrize("top", [0, -1, 1.5, "five", True])
def test_a_wrong_number_of_them(top):
    with pytest.raises(UserError, match="top is"):
        keras_cnns.decode_predictions(np.zeros((1, 1000)), top=top)


@pytest.mark.parametrize(
    ("file", "known"),
    [
        ("mobilenet_v3_small-047dcff4.pth", True),
        ("mobilenet_v3_small-00000000.pth", False),
        ("1234abcd-mobilenet_v3_small-047dcff4.pth", True),
        ("1234abcd-model.safetensors", True),
        ("model.safetensors", False),
        ("efficientnet-lite0-57934424.pth", True),
        ("mine.pth", False),
    ],
)
def test_published_files_are_known_by_their_names(file, known):
    assert len(imagenet.labels(Path(file))) == (1000 if known else 0)
