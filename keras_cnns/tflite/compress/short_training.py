"""A short training of a copy of a model, for `prune` and `cluster`."""

from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from keras_cnns.graph.hold_statistics import hold_statistics
from keras_cnns.graph.keras_internals import producer
from keras_cnns.support.devices import compile_with_xla
from keras_cnns.support.errors import BadArgument, UnsupportedModel, first_line
from keras_cnns.support.validation import short, whole
from keras_cnns.tflite.compress.kernels import large_kernels


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of a short training.

    Attributes:
      epochs: passes over the pictures.
      learning_rate: of Adam.
      batch_size: pictures in a step, where the data is not batched yet.
      loss: as `compile` takes it; by default the cross-entropy of integer labels.
    """

    epochs: int = 3
    learning_rate: float = 1e-3
    batch_size: int = 64
    loss: Any = None

    @classmethod
    def of(cls, **options: Any) -> "TrainingSettings":
        """The settings by their names.

        Raises:
          UserError: there is no such setting, or epochs or batch_size is no whole number from 1.
        """
        unknown = sorted(set(options) - set(cls.__dataclass_fields__))
        if unknown:
            raise BadArgument(f"there is no argument {unknown[0]}: choose from {', '.join(cls.__dataclass_fields__)}.")
        settings = cls(**options)
        for name in ("epochs", "batch_size"):
            if not whole(getattr(settings, name), 1):
                raise BadArgument(f"{name} is {short(getattr(settings, name))}: give a whole number from 1.")
        return settings


def trained_copy(
    model: keras.Model, data: Any, callback: keras.callbacks.Callback, settings: TrainingSettings, smallest: int
) -> keras.Model:
    """A copy of the model, trained with a callback; batch normalization keeps its statistics.

    Raises:
      UserError: the model cannot be copied or has no kernel of `smallest` weights, or the data cannot be used.
    """
    batches = _batches(data, settings.batch_size)
    large_kernels(model, smallest)
    trained = hold_statistics(_copy(model))
    probabilities = getattr(producer(model.outputs[0]), "activation", None) is keras.activations.softmax
    loss = settings.loss or keras.losses.SparseCategoricalCrossentropy(from_logits=not probabilities)
    trained.compile(keras.optimizers.Adam(settings.learning_rate), loss, jit_compile=compile_with_xla())
    trained.fit(batches, epochs=settings.epochs, callbacks=[callback], shuffle=False, verbose=0)
    plain = _copy(model)
    plain.set_weights(trained.get_weights())
    return plain


def _copy(model: keras.Model) -> keras.Model:
    """The same layers with the same weights, as variables of their own."""
    try:
        copy = keras.models.clone_model(model)
    except (ValueError, TypeError, NotImplementedError) as error:
        raise UnsupportedModel(
            f"{getattr(model, 'name', 'the model')} cannot be copied: {first_line(error)} Train it with the callback "
            "instead: fit(callbacks=[Pruning(...)])."
        ) from error
    copy.set_weights(model.get_weights())
    return copy


def _batches(data: Any, batch_size: int) -> tf.data.Dataset:
    if isinstance(data, tf.data.Dataset):
        if int(data.cardinality()) <= 0:
            raise BadArgument("the data set does not say how many batches it has: use tf.data's assert_cardinality.")
        return data
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise BadArgument("data must be (pictures, labels) or a batched tf.data.Dataset of them.")
    pictures, labels = data
    if len(pictures) != len(labels) or not len(labels):
        raise BadArgument(
            f"there are {len(pictures)} pictures and {len(labels)} labels: give a label for each picture."
        )
    return tf.data.Dataset.from_tensor_slices((pictures, labels)).shuffle(len(labels), seed=0).batch(batch_size)
