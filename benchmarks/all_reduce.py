"""All-reduce in data-parallel training on 8 to 4,096 accelerators: bytes, time and overlap, computed, not measured.

    python benchmarks/all_reduce.py [--model resnet50] [--rate 150] [--between 50] ...

Prints the table of docs/guides/many_machines.md. The assumptions are the flags:

- The forward pass takes 2 operations for each multiply-accumulate at `--rate`; the backward pass takes twice as long.
- Gradients are float32. A machine has 8 accelerators, each of which sends at `--inside` in a ring within the machine.
  A machine sends at `--between` for all of them together, in a tree or a ring.
- Every hop has a latency: 2 log2(machines) hops in a tree, 2 (machines - 1) in a ring. No link is shared with other
  work, and no accelerator is slower than the others.
- With overlap, gradients are sent in packs of `--pack` as soon as the backward pass has computed them, one pack after
  the other. Without overlap, all are sent in one pack after the backward pass.
- Efficiency is the time to compute a step, divided by that time and the communication after it.
- Synchronized batch normalization, which is not in the efficiency, waits for 3 sums in the forward and 2 in the
  backward pass of each layer.
"""

import argparse
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

ACCELERATORS = (8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
BYTES = 4  # of a gradient
SUMS = 5  # all-reduces of a synchronized batch normalization, forward and backward


@dataclass(frozen=True)
class Cluster:
    """Machines with accelerators. Rates in bytes per second and one direction, latencies in seconds per hop.

    operations: what an accelerator sustains per second. inside: of each accelerator in its machine. between: of a
    machine, for all its accelerators together.
    """

    operations: float = 150e12
    per_machine: int = 8
    inside: float = 300e9
    between: float = 50e9
    latency_inside: float = 3e-6
    latency_between: float = 10e-6

    def all_reduce(self, size: float, accelerators: int, ring: bool = False) -> float:
        """Seconds in which `size` bytes on each accelerator become their sum on all."""
        own = min(self.per_machine, accelerators)
        machines = accelerators // own
        seconds = 2 * (own - 1) / own * size / self.inside + 2 * (own - 1) * self.latency_inside
        hops = 2 * (machines - 1) if ring else 2 * math.log2(machines)
        return seconds + 2 * (machines - 1) / machines * size / self.between + hops * self.latency_between


@dataclass(frozen=True)
class Layer:
    """Multiply-accumulates for one picture, trainable parameters, and whether it normalizes batches."""

    macs: int
    parameters: int
    normalizes: bool


def bytes_sent(size: float, accelerators: int) -> float:
    """Bytes that each accelerator sends, and receives, in an all-reduce; no algorithm needs fewer."""
    return 2 * (accelerators - 1) / accelerators * size


def exposed(layers: Sequence[Layer], backward: float, cluster: Cluster, accelerators: int, pack: float) -> float:
    """Seconds from the end of the backward pass to the end of the last all-reduce.

    pack: smallest number of bytes that are sent together; infinity for no overlap.
    """
    total = sum(layer.macs for layer in layers)
    now = sent = waiting = 0.0
    for number, layer in enumerate(reversed(layers)):
        now += backward * layer.macs / total
        waiting += BYTES * layer.parameters
        if waiting and (waiting >= pack or number == len(layers) - 1):
            sent = max(sent, now) + cluster.all_reduce(waiting, accelerators)
            waiting = 0.0
    return max(0.0, sent - now)


def layers_of(name: str) -> list[Layer]:
    """The layers of a network with weights, in the order of computation."""
    import keras_cnns

    rows = keras_cnns.profile(keras_cnns.build(name)).layers
    return [Layer(row.macs, row.trainable, row.kind == "BatchNormalization") for row in rows if row.macs or row.params]


def rows(layers: Sequence[Layer], cluster: Cluster, batch: int, most: int, pack: float) -> Iterator[list[str]]:
    """The cells of the table, one row for each number of accelerators."""
    size = BYTES * sum(layer.parameters for layer in layers)
    normalizations = sum(layer.normalizes for layer in layers)
    for count in ACCELERATORS:
        tree, ring = (1e3 * cluster.all_reduce(size, count, ring) for ring in (False, True))
        row = [f"{count:,}", f"{bytes_sent(size, count) / 1e6:.0f}", f"{tree:.1f}", f"{ring:.1f}"]
        for pictures in (batch, min(batch, most / count)):
            forward = 2 * sum(layer.macs for layer in layers) * pictures / cluster.operations
            late = [exposed(layers, 2 * forward, cluster, count, p) for p in (math.inf, pack)]
            row += [f"{3 * forward / (3 * forward + seconds):.2f}" for seconds in late]
        yield [*row, f"{1e3 * SUMS * normalizations * cluster.all_reduce(0, count):.1f}"]


HEADS = (
    "accelerators",
    "MB sent by each",
    "ms, tree",
    "ms, ring",
    "efficiency at {batch} pictures each",
    "with overlap",
    "at most {most:,} pictures in all",
    "with overlap",
    "ms, batch normalization",
)


def table(model: str, cluster: Cluster, *, batch: int = 128, most: int = 32768, pack: float = 25e6) -> str:
    """The table in Markdown. batch: largest number of pictures on an accelerator. most: the largest global batch."""
    heads = [head.format(batch=batch, most=most) for head in HEADS]
    lines = [heads, ["---"] * len(heads), *rows(layers_of(model), cluster, batch, most, pack)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="resnet50")
    parser.add_argument("--rate", type=float, default=150, help="10^12 operations per second that are sustained")
    parser.add_argument("--inside", type=float, default=300, help="GB/s of an accelerator within its machine")
    parser.add_argument("--between", type=float, default=50, help="GB/s of a machine to the others")
    parser.add_argument("--latency-inside", type=float, default=3, help="microseconds per hop")
    parser.add_argument("--latency-between", type=float, default=10, help="microseconds per hop")
    parser.add_argument("--batch", type=int, default=128, help="largest number of pictures on an accelerator")
    parser.add_argument("--most", type=int, default=32768, help="largest number of pictures in a step")
    parser.add_argument("--pack", type=float, default=25, help="MB that are sent together")
    flags = parser.parse_args()
    rates = flags.rate * 1e12, 8, flags.inside * 1e9, flags.between * 1e9
    cluster = Cluster(*rates, flags.latency_inside * 1e-6, flags.latency_between * 1e-6)
    print(table(flags.model, cluster, batch=flags.batch, most=flags.most, pack=flags.pack * 1e6))


if __name__ == "__main__":
    main()
