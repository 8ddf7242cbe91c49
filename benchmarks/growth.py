"""How the cost of an export grows with a network: memory, processor time and verification per parameter and per MAC.

    python benchmarks/growth.py [NAME ...] [--schemes float32 int8] [--doc docs/measurements/cost.md]

Each row is a process of its own: it builds the network at its own size with random weights and exports it, as
`benchmarks/memory.py` does. Memory is what the process grows by above the built network. Verification is the processor
time of the process in which LiteRT runs the finished file. A line fitted to all rows, with the least sum of relative
errors squared, says what an export takes in any case, for each million parameters and for each billion
multiply-adds.
"""

import argparse
import sys

import numpy as np
from memory import measured_apart
from rich.console import Console
from sections import write_section

NAMES = ["lenet5", "resnet8_cifar", "squeezenet1_1", "mobilenet_v3_small", "mobilenet_v2", "efficientnet_lite0"]
NAMES += ["googlenet", "densenet121", "resnet18", "resnet50", "resnet101"]
COLUMNS = ("network", "parameters, millions", "multiply-adds, billions", "built, GB", "growth, GB")
COLUMNS += ("bytes per parameter", "export, s", "µs per parameter", "ns per multiply-add", "verification, s")


def row_of(name, figures):
    """The cells of a network's row."""
    parameters, macs = figures["parameters"], figures["macs"]
    return (
        f"`{name}`",
        f"{parameters / 1e6:.2f}",
        f"{macs / 1e9:.3f}",
        f"{figures['built']:.2f}",
        f"{figures['growth']:.2f}",
        f"{figures['growth'] * 1e9 / parameters:.1f}",
        f"{figures['own']:.1f}",
        f"{figures['own'] * 1e6 / parameters:.2f}",
        f"{figures['own'] * 1e9 / macs:.1f}",
        f"{figures['verification']:.2f}",
    )


def fitted(rows, key):
    """(in any case, for each million parameters, for each billion multiply-adds) of the figure `key`, none below 0."""
    sizes = np.array([(1, row["parameters"] / 1e6, row["macs"] / 1e9) for row in rows])
    values = np.array([row[key] for row in rows])
    used = [0, 1, 2]
    while True:
        factors = np.zeros(3)
        factors[used] = np.linalg.lstsq(sizes[:, used] / values[:, None], np.ones(len(values)), rcond=None)[0]
        if (factors >= 0).all():
            return factors
        used.remove(int(factors.argmin()))


def table(rows):
    """The lines of a Markdown table, and those of the fitted line."""
    lines = [f"| {' | '.join(COLUMNS)} |", "| --- |" + " ---: |" * (len(COLUMNS) - 1)]
    lines += [f"| {' | '.join(row_of(name, figures))} |" for name, figures in rows.items()]
    lines += ["", "| fitted | in any case | per million parameters | per billion multiply-adds |"]
    lines += ["| --- | ---: | ---: | ---: |"]
    for key, title in (("growth", "growth, GB"), ("own", "export, s"), ("verification", "verification, s")):
        cells = (f"{factor:.2g}" for factor in fitted(list(rows.values()), key))
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return lines


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--schemes", nargs="+", default=["float32", "int8"])
    parser.add_argument("--doc", help="write the tables into this page, one section for each scheme")
    options = parser.parse_args(arguments)
    for scheme in options.schemes:
        rows = {}
        for name in options.names:
            figures = measured_apart(name, scheme, "ours")
            if "error" in figures:
                print(f"{name} {scheme}: {figures['error']}", file=sys.stderr)
                continue
            rows[name] = figures
            print(*row_of(name, figures), file=sys.stderr)
        rows = dict(sorted(rows.items(), key=lambda item: item[1]["parameters"]))
        text = "\n".join([f"### {scheme}", "", *table(rows)])
        if options.doc:
            write_section(options.doc, f"growth {scheme}", text)
        else:
            Console(width=200, markup=False).print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
