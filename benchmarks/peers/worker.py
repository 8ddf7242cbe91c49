"""What every worker does: reads the name of a task on each line of its input, does it, and answers with its CPU time.

CPU time of the process, all threads together, is what can be compared on a machine that others use too. The first run
of a task, which compiles, is not answered.
"""

import json
import sys
import time
from collections.abc import Callable


def serve(name: str, version: str, tasks: dict[str, Callable[[], object]]) -> None:
    """Answers until the input ends. tasks: {name: a function that prepares the task and returns what is timed}."""
    out, sys.stdout = sys.stdout, sys.stderr  # a library that prints must not disturb the answers
    print(json.dumps({"name": name, "version": version, "tasks": sorted(tasks)}), file=out, flush=True)
    prepared: dict[str, Callable[[], object]] = {}
    for line in sys.stdin:
        task = line.strip()
        if task not in prepared:
            prepared[task] = tasks[task]()
            prepared[task]()
        began = time.process_time()
        prepared[task]()
        print(json.dumps({"seconds": time.process_time() - began}), file=out, flush=True)
