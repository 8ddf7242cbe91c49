"""Pictures of 180 million pixels are what they show, at once and in a training set, within bounds of memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
WIDTH, HEIGHT = 15000, 12000
GRID = np.random.default_rng(0).integers(0, 256, (4, 5, 3)).astype(np.uint8)
LOOK = """
import json, resource, sys
from keras_cnns.data import load, load_arrays, read_picture
import numpy as np
file, folder = sys.argv[1:]
read_picture(folder + "/test/a/small.png", (40, 50, 3))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
seen = read_picture(file, (40, 50, 3))
alone = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
batch = load("folder:" + folder, size=(40, 50), batch_size=2).dataset
image, label = next(batch.as_numpy_iterator())
held, _, _ = load_arrays("folder:" + folder, "test", size=(40, 50))
same = [bool((x == seen).all()) for x in [*np.round(image), *held[:1].astype("float32")]]
print(json.dumps({"seen": seen[5::10, 5::10].tolist(), "same": same, "alone": alone / 1e6}))
"""


def picture(kind):
    """Twenty fields of a colour, which any decoder keeps in their middles."""
    if kind == "1 bit":
        return Image.fromarray(GRID[..., 0] > 127).resize((WIDTH, HEIGHT), Image.Resampling.NEAREST), "png", {}
    large = Image.fromarray(GRID).resize((WIDTH, HEIGHT), Image.Resampling.NEAREST)
    if kind == "palette":
        return large.quantize(32), "png", {"compress_level": 1}
    return large, kind, {"quality": 90} if kind == "jpg" else {"compress_level": 1} if kind == "png" else {}


@pytest.mark.parametrize(
    ("kind", "most"),
    [pytest.param(k, m, marks=pytest.mark.slow) for k, m in (("jpg", 0.3), ("png", 2.5), ("tif", 4.5), ("1 bit", 2.5))],
)
def test_it_is_predicted_as_it_is_trained_on(kind, most, tmp_path):
    """most: gigabytes for one. Its samples alone are 0.54, and so is the TIFF; a JPEG is decoded at an eighth."""
    image, ending, options = picture(kind)
    file = tmp_path / f"large.{ending}"
    image.save(file, **options)
    for split in ("train", "test"):
        for name in "ab":
            (tmp_path / "set" / split / name).mkdir(parents=True)
            (tmp_path / "set" / split / name / f"large.{ending}").symlink_to(file)
    small = Image.fromarray(GRID).resize((50, 40), Image.Resampling.NEAREST)
    small.save(tmp_path / "set" / "test" / "a" / "small.png")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", LOOK, str(file), str(tmp_path / "set")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-2000:]
    values = json.loads(done.stdout)
    shown = np.repeat((GRID[..., :1] > 127) * 255, 3, -1) if kind == "1 bit" else GRID
    np.testing.assert_allclose(values["seen"], shown, atol=4)
    assert all(values["same"]) and values["alone"] < most, values
