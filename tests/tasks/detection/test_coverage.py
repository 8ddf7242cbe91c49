"""The findings about a detector's data before a run."""

import numpy as np

from keras_cnns.tasks.detection.coverage import survey


def test_boxes_are_counted_over_the_pictures_that_have_some():
    boxes = np.zeros((2, 3, 4), np.float32)
    boxes[0] = [[0, 0, 20, 20], [10, 10, 30, 30], [0, 0, 0, 0]]
    target = {
        "boxes": boxes,
        "classes": np.zeros((2, 3), int),
        "ignored": np.zeros((2, 3), bool),
        "count": np.array([2, 0]),
    }
    (subject, finding, fine), *_ = survey([target], ["bolt"], None, (64, 64, 3), None)
    assert subject == "pictures without boxes" and fine
    assert finding == "50% of 2 examined pictures; the others have 2.0 boxes each"
