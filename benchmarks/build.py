"""Times how long a network takes to build, compared with the network of the same name in keras.applications.

    python benchmarks/build.py ["resnet*"] [--rounds 3]

Both draw initial values. They take turns, and the medians are compared. The names are those that both libraries have,
`keras_cnns.weights.renaming.peers("keras")`.
"""

import argparse
import statistics
import sys
import time
from fnmatch import fnmatchcase
from functools import partial

import keras
from rich.console import Console
from rich.table import Table

import keras_cnns
from keras_cnns.weights.renaming import constructor, peers


def seconds(make):
    keras.backend.clear_session()
    began = time.perf_counter()
    make()
    return time.perf_counter() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pattern", nargs="?", default="*", help="of our names")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    table = Table("network", "ours, s", "keras.applications, s", "ratio")
    seconds(lambda: keras_cnns.build("lenet5"))  # the first network ever pays for what is loaded once
    for name, theirs in peers("keras").items():
        if not fnmatchcase(name, args.pattern):
            continue
        function, options = constructor(theirs)
        make = partial(getattr(keras.applications, function), weights=None, **options)
        candidates = (partial(keras_cnns.build, name), make)
        rounds = [[seconds(make) for make in candidates] for _ in range(args.rounds)]
        ours, their = (statistics.median(times) for times in zip(*rounds, strict=True))
        row = name, f"{ours:.2f}", f"{their:.2f}", f"{statistics.median(a / b for a, b in rounds):.2f}"
        table.add_row(*row)
        print(*row, file=sys.stderr)  # as it goes
    Console().print(table)


if __name__ == "__main__":
    main()
