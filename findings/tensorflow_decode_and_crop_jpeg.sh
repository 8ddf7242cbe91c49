#!/usr/bin/env bash
# tf.io.decode_and_crop_jpeg gives other colours at the edges of the crop than decoding and cropping, by up to 94 of 255.
#
# A good guess: what its documentation says, "It is equivalent to a combination of decode and crop": the same bytes.
# What happens (tensorflow 2.21.0): in a JPEG with half the resolution for colours (4:2:0, as most photographs have), the last
# column of the crop has other colours wherever left + width is even, and the first column where left is a multiple of 16.
# The decoder gets only the blocks of the crop, and enlarges the colours at their edge without the neighbours that the whole
# picture has (jpeg_crop_scanline of libjpeg-turbo). Everything between them is the same, and so is all of a 4:4:4 JPEG. A
# test that compares the two ways of reading by equality fails for half of the crops, and tiles of a large picture have seams.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check tensorflow==2.21.0 pillow==13.0.0 > "$folder/log" 2>&1
cat > "$folder/show.py" <<'PYTHON'
import io

import numpy as np
import tensorflow as tf
from PIL import Image

HEIGHT, WIDTH, TOP, CROP = 64, 96, 8, 32
COLOURS = np.array([(255, 0, 0), (0, 0, 255), (0, 255, 0), (255, 255, 0)], np.uint8)
rows, columns = np.meshgrid(np.arange(HEIGHT) // 8, np.arange(WIDTH) // 8, indexing="ij")
picture = COLOURS[(columns + 3 * rows) % 4]  # squares of 8 x 8


def difference(subsampling, left, width):
    """(largest difference from decoding and cropping, the columns of the crop that differ)."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=95, subsampling=subsampling)
    whole = tf.io.decode_jpeg(buffer.getvalue()).numpy().astype(int)
    crop = tf.io.decode_and_crop_jpeg(buffer.getvalue(), [TOP, left, CROP, width]).numpy().astype(int)
    off = np.abs(crop - whole[TOP : TOP + CROP, left : left + width]).max((0, 2))
    return int(off.max()), np.flatnonzero(off).tolist()


print("tensorflow", tf.__version__, "| crops of a JPEG of", WIDTH, "x", HEIGHT)
inside, even, odd, full_colours = [], [], [], []
for left in range(10):
    for width in (40, 41):
        most, where = difference("4:2:0", left, width)
        inside += [column for column in where if column not in (0, width - 1)]
        (odd if (left + width) % 2 else even).append(most)
        full_colours.append(difference("4:4:4", left, width)[0])
        if left in (0, 7, 8):
            print(f"4:2:0, columns {left} to {left + width - 1}: largest difference {most}, in the crop's columns {where}")
start = difference("4:2:0", 16, 41)
print(f"4:2:0, columns 16 to 56: largest difference {start[0]}, in the crop's columns {start[1]}")
print(f"largest difference at an even end {max(even)}, at an odd end {max(odd)}, in 4:4:4 {max(full_colours)}")
assert min(even) > 0 and max(even) > 50 and not inside, "crops have the colours of the whole picture now"
assert start[1] == [0], "the first column is otherwise now"
assert max(odd) == 0 and max(full_colours) == 0, "other crops differ now"
PYTHON
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" -W ignore "$folder/show.py" 2>> "$folder/log" || { tail -5 "$folder/log"; exit 1; }
