"""The devices of a run: `--strategy auto | one | mirrored | multi_worker | tpu`."""

import json
import os
from collections.abc import Sequence

import tensorflow as tf

from keras_cnns.support.errors import BadArgument, UserError, first_line
from keras_cnns.training import rendezvous

PATIENCE = 90.0  # seconds to wait for the other workers, unless $KERAS_CNNS_PATIENCE is set
_met = False  # whether the workers of this process's cluster have connected, and TensorFlow has the port


def strategy(name: str = "auto", *, replicas: int = 0) -> tf.distribute.Strategy:
    """The tf.distribute strategy called `name`.

    auto: multi_worker where TF_CONFIG names more than one worker, mirrored where there is more than one GPU (or
      `replicas` asks for several), otherwise one.
    replicas: number of logical CPU devices to create, which is possible only before TensorFlow has started.

    Raises:
      UserError: the devices are not available.
    """
    if name == "auto":
        if workers() > 1:
            name = "multi_worker"
        else:
            name = "mirrored" if replicas > 1 or len(tf.config.list_physical_devices("GPU")) > 1 else "one"
    if name == "one":
        return tf.distribute.get_strategy()
    if name == "multi_worker":
        return _multi_worker()
    if name == "tpu":
        return _tpu()
    devices = logical_cpus(replicas) if replicas > 1 else None
    # logical CPUs: the collective of MirroredStrategy cannot be used by a second strategy in the same process
    reduction = tf.distribute.ReductionToOneDevice() if devices else None
    return tf.distribute.MirroredStrategy(devices, cross_device_ops=reduction)


def workers() -> int:
    """The number of workers in TF_CONFIG; 1 if it is not set.

    Raises:
      UserError: TF_CONFIG is not valid JSON.
    """
    try:
        cluster = json.loads(os.environ.get("TF_CONFIG") or "{}").get("cluster", {})
        return max(1, len(cluster.get("worker", [])) + len(cluster.get("chief", [])))
    except (ValueError, AttributeError) as error:
        raise UserError(
            f"the environment variable TF_CONFIG does not describe a cluster in JSON ({error}): correct it, or give "
            "--workers host:port,host:port and --index."
        ) from error


def join(addresses: str | Sequence[str], index: int) -> None:
    """Sets TF_CONFIG: this process is worker `index` of those at `addresses` ("host:port", ...)."""
    addresses = (
        [a.strip() for a in addresses.split(",") if a.strip()] if isinstance(addresses, str) else list(addresses)
    )
    check_addresses(addresses, index)
    os.environ["TF_CONFIG"] = json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}})


def check_addresses(addresses: Sequence[str], index: int) -> None:
    """Raises UserError if an address is not host:port, two are equal, or the index is out of range."""
    if not isinstance(index, int) or not 0 <= index < len(addresses):
        raise UserError(f"the worker index is {index}: give 0 to {len(addresses) - 1}.")
    for address in map(str, addresses):
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 2**16:
            raise UserError(f"worker address {address!r} is not host:port.")
    twice = next((a for a in addresses if addresses.count(a) > 1), None)
    if twice:
        raise UserError(f"two workers have the address {twice}: each needs a port of its own.")


def logical_cpus(count: int) -> list[str]:
    """The names of `count` logical CPU devices, created at the first call in a process."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    if len(tf.config.get_logical_device_configuration(cpu) or [None]) < count:
        try:
            tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
        except (RuntimeError, ValueError) as error:
            raise UserError(
                f"{count} logical CPU devices cannot be created: TensorFlow is already running in this process. "
                "Ask for replicas in a fresh one."
            ) from error
    return [f"CPU:{i}" for i in range(count)]


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process is the one that writes files."""
    resolver = strategy.cluster_resolver
    if resolver is None or not resolver.task_type:
        return True
    chiefs = resolver.cluster_spec().as_dict().get("chief")
    return resolver.task_type == "chief" if chiefs else resolver.task_id == 0


def dynamic_shapes(strategy: tf.distribute.Strategy) -> bool:
    """Whether the devices support shapes that are unknown at compile time, as augmentation has.

    A TPU does not; there the CPUs augment.
    """
    return not isinstance(strategy, tf.distribute.TPUStrategy)


def _multi_worker() -> tf.distribute.Strategy:
    if workers() < 2:
        raise UserError(
            "strategy multi_worker needs a cluster: set TF_CONFIG, or give --workers host:port,host:port and --index."
        )
    _meet()
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except (RuntimeError, ValueError, tf.errors.OpError) as error:
        raise UserError(f"the workers of TF_CONFIG did not connect: {first_line(error)}") from error


def _meet() -> None:
    """Waits for the other workers, once in a process.

    Raises:
      UserError: they do not connect, see `rendezvous`; or $KERAS_CNNS_PATIENCE is not a number.
    """
    global _met
    config = json.loads(os.environ["TF_CONFIG"])
    chiefs, task = config["cluster"].get("chief", []), config.get("task") or {}
    if _met or task.get("type") not in ("chief", "worker"):
        return
    addresses = [*chiefs, *config["cluster"].get("worker", [])]
    index = task.get("index", 0) + (len(chiefs) if task["type"] == "worker" else 0)
    check_addresses(addresses, index)
    seconds = os.environ.get("KERAS_CNNS_PATIENCE") or PATIENCE
    try:
        patience = float(seconds)
    except ValueError:
        raise BadArgument(f"KERAS_CNNS_PATIENCE is {seconds!r}: give a number of seconds.") from None
    rendezvous.meet(addresses, index, patience)
    _met = True


def _tpu() -> tf.distribute.Strategy:
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect(os.environ.get("TPU_NAME", ""))
        return tf.distribute.TPUStrategy(resolver)
    except Exception as error:  # of many kinds: no TPU is available
        raise UserError(f"no TPU was found: {first_line(error)} Use --strategy auto.") from error
