"""Random boxes on and beside the objects of a picture: the training proposals of a network that takes proposals.

They stand for selective search (Girshick 2015, 1504.08083, section 2), which proposes boxes that cover objects more or
less exactly, and many elsewhere. They depend on the seed alone.
"""

import tensorflow as tf

EACH, ELSEWHERE = 8, 64  # boxes around an object, and anywhere
SHIFT, GROWTH = 0.3, 0.4  # of the boxes around: parts of a side, and the logarithm of a side's growth
SHORTEST, LONGEST = 0.05, 0.6  # sides of the boxes anywhere, as parts of the picture's


def proposed(boxes: tf.Tensor, count: tf.Tensor | int, size: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """(boxes [R, 4], bool [R]: False for padding). The annotated boxes are not among them.

    Args:
      boxes: float32 [M, 4], of which the first `count` are used.
      size: (height, width) of the picture in pixels.
      seed: int [2]; the same seed draws the same boxes.
    """
    most = boxes.shape[0]
    near = tf.repeat(boxes, EACH, axis=0)
    u = tf.random.stateless_uniform([most * EACH, 4], seed, -1.0, 1.0, alg="philox")
    sides = near[:, 2:] - near[:, :2]
    centre = (near[:, :2] + near[:, 2:]) / 2 + SHIFT * u[:, :2] * sides
    near = tf.concat([centre, centre], 1) + tf.concat([-sides, sides], 1) / 2 * tf.exp(
        GROWTH * tf.tile(u[:, 2:], [1, 2])
    )
    used = tf.repeat(tf.range(most) < count, EACH)
    frame = tf.cast(tf.stack([size[1], size[0]]), tf.float32)
    u = tf.random.stateless_uniform([ELSEWHERE, 4], seed + 1, alg="philox")
    sides = frame * SHORTEST * (LONGEST / SHORTEST) ** u[:, 2:]
    corner = u[:, :2] * (frame - sides)
    far = tf.concat([corner, corner + sides], 1)
    drawn = tf.clip_by_value(tf.concat([near, far], 0), 0.0, tf.concat([frame, frame], 0))
    return drawn, tf.concat([used, tf.ones([ELSEWHERE], tf.bool)], 0)
