"""The optimizers of the papers. The trainer sets their learning rate at every step."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from keras_cnns.support.errors import UserError
from keras_cnns.training.recipe import Recipe


@keras.saving.register_keras_serializable("keras_cnns")
class RMSpropTF(keras.optimizers.RMSprop):
    """RMSProp with epsilon under the root and the mean square starting at 1.

    This is TensorFlow 1's RMSProp, which the Inception v3, MobileNet and EfficientNet papers used. With their epsilon
    of 1.0 or 0.001, Keras's placement of epsilon would be a different optimizer.
    """

    def build(self, variables: Sequence[keras.Variable]) -> None:
        if not self.built:
            super().build(variables)
            for velocity in self._velocities:
                velocity.assign(tf.ones_like(velocity.value))

    def update_step(self, gradient: tf.Tensor, variable: keras.Variable, learning_rate: tf.Tensor) -> None:
        index = self._get_variable_index(variable)
        velocity = self._velocities[index]
        rate, gradient = tf.cast(learning_rate, variable.dtype), tf.cast(gradient, variable.dtype)
        mean = self.rho * velocity + (1.0 - self.rho) * gradient**2
        self.assign(velocity, mean)
        step = rate * gradient * tf.math.rsqrt(mean + self.epsilon)
        if self.momentum:
            step = self.momentum * self._momentums[index] + step
            self.assign(self._momentums[index], step)
        self.assign_sub(variable, step)


def decays(variable: keras.Variable, everything: bool = False) -> bool:
    """Whether weight decay applies to a variable: to kernels, but not to biases and the parameters of normalization."""
    return everything or len(variable.shape) > 1


def make(recipe: Recipe) -> keras.optimizers.Optimizer:
    """One optimizer for `recipe`; its learning rate is set later."""
    momentum, rate = recipe.momentum, recipe.peak_rate
    if recipe.optimizer in ("sgd", "nesterov"):
        return keras.optimizers.SGD(rate, momentum=momentum, nesterov=recipe.optimizer == "nesterov")
    if recipe.optimizer == "rmsprop":
        return RMSpropTF(rate, rho=0.9, momentum=momentum, epsilon=recipe.epsilon or 1e-3)
    if recipe.optimizer == "adam":
        return keras.optimizers.Adam(rate, epsilon=recipe.epsilon or 1e-7)
    return keras.optimizers.AdamW(rate, epsilon=recipe.epsilon or 1e-7, weight_decay=recipe.weight_decay)


def groups(recipe: Recipe, variables: Sequence[keras.Variable]) -> list[tuple[float, list[keras.Variable]]]:
    """[(factor, variables)]: the trainable variables, grouped by their factor on the learning rate (`layer_rates`)."""
    by_factor: dict[float, list[keras.Variable]] = {}
    used: set[str] = set()
    for variable in variables:
        starts = [s for s in recipe.layer_rates if variable.path.startswith(s)]
        used.update(starts)
        factor = recipe.layer_rates[max(starts, key=len)] if starts else 1.0
        by_factor.setdefault(float(factor), []).append(variable)
    unused = sorted(set(recipe.layer_rates) - used)
    if unused:
        raise UserError(f"layer_rates: no trainable layer's name starts with {', '.join(unused)}.")
    return sorted(by_factor.items(), key=lambda item: item[0])


class Optimizer:
    """One Keras optimizer for each factor on the learning rate. Create it inside `strategy.scope()`.

    Every replica calls `apply` with its part of the gradient.
    """

    def __init__(self, recipe: Recipe, variables: Sequence[keras.Variable]) -> None:
        self.recipe = recipe
        self.variables_of = groups(recipe, variables)
        self.order = [v for _, group in self.variables_of for v in group]
        self.parts = [make(recipe) for _ in self.variables_of]
        if recipe.precision == "mixed_float16":
            if len(self.parts) > 1:
                raise UserError(
                    "layer_rates with mixed_float16 would scale the loss of each group differently: use mixed_bfloat16."
                )
            self.parts = [keras.optimizers.LossScaleOptimizer(part) for part in self.parts]
        for part, (_, group) in zip(self.parts, self.variables_of, strict=True):
            if recipe.optimizer == "adamw":
                kept = [v for v in group if not decays(v, recipe.decay_norms_and_biases)]
                if kept:
                    getattr(part, "inner_optimizer", part).exclude_from_weight_decay(var_list=kept)
            part.build(group)

    @property
    def variables(self) -> list[keras.Variable]:
        """The variables that a checkpoint has to contain."""
        return [v for part in self.parts for v in part.variables]

    def set_rate(self, rate: tf.Tensor | float) -> None:
        """Called outside the replicas, before each step."""
        for part, (factor, _) in zip(self.parts, self.variables_of, strict=True):
            getattr(part, "inner_optimizer", part).learning_rate.assign(factor * rate)

    def scale_loss(self, loss: tf.Tensor) -> tf.Tensor:
        """The loss to differentiate: scaled up in float16, so that small gradients do not underflow."""
        return self.parts[0].scale_loss(loss) if self.recipe.precision == "mixed_float16" else loss

    def penalties(self, replicas: int) -> list[tf.Tensor | None]:
        """This replica's part of the gradient of L2 weight decay, for each variable in `order`; None if it has none."""
        decay = 0.0 if self.recipe.optimizer == "adamw" else self.recipe.weight_decay / replicas
        everything = self.recipe.decay_norms_and_biases
        return [decay * v.value if decay and decays(v, everything) else None for v in self.order]

    def apply(self, gradients: Sequence[tf.Tensor]) -> None:
        """Adds L2 weight decay, sums the gradients of the replicas, clips the sum, and updates the weights.

        gradients: this replica's part, one for each variable in `order`.
        """
        replicas = tf.distribute.get_replica_context().num_replicas_in_sync
        scale = 1.0
        if self.recipe.precision == "mixed_float16":
            scale = tf.cast(self.parts[0].dynamic_scale.value, tf.float32)
        gradients = [
            g if p is None else g + scale * p for g, p in zip(gradients, self.penalties(replicas), strict=True)
        ]
        if self.recipe.clip_norm:
            # Keras clips each replica's part before the sum; the papers clip the norm of the full gradient. The
            # optimizer sums over the replicas once more, hence the division.
            context = tf.distribute.get_replica_context()
            if replicas > 1:
                gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
            gradients, _ = tf.clip_by_global_norm(gradients, self.recipe.clip_norm * scale)
            gradients = [g / replicas for g in gradients]
        start = 0
        for part, (_, group) in zip(self.parts, self.variables_of, strict=True):
            part.apply(gradients[start : start + len(group)], group)
            start += len(group)
