"""Batch-norm statistics for networks with random weights, the same way for every library."""


def near(mean, variance, rng):
    """A batch's statistics as a trained net might have them: not quite its own, and no channel all but constant.

    Dividing by next to nothing would make the last bit of a sum decide the logits.
    """
    variance = (variance + 0.1 * mean**2 + 0.1 * variance.mean()) * rng.uniform(0.8, 1.25, variance.shape)
    return (mean + 0.2 * variance**0.5 * rng.normal(size=mean.shape)).astype("float32"), variance.astype("float32")
