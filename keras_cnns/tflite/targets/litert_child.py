"""What LiteRT does in a process of its own (`process.Child`). Imports numpy and ai_edge_litert, no more."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_cnns.tflite.targets.litert_interpreter import File, dequantized, quantized

_kept: dict[tuple, File] = {}  # files that stay open for later jobs


def _opened(job: Mapping[str, Any]) -> File:
    """The job's file; with `keep` it stays open, and later jobs with the same settings use it again."""
    key = (job["file"], job.get("threads", 1), job.get("reference_kernels", False))
    if key in _kept:
        return _kept[key]
    file = File(key[0], threads=key[1], reference=key[2])
    if job.get("keep"):
        _kept[key] = file
    return file


def _start(job: Mapping[str, Any], inputs: Mapping[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Imports LiteRT and no more."""
    import ai_edge_litert.interpreter  # noqa: F401

    return {}, {}


def _signature(
    job: Mapping[str, Any], inputs: Mapping[str, np.ndarray]
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Names, shapes and types of inputs and outputs; nothing is run."""
    return _ends(_opened(job)), {}


def _ends(file: File) -> dict[str, Any]:
    return {
        "inputs": {name: [int(n) for n in detail["shape_signature"]] for name, detail in file.inputs.items()},
        "input_details": [_tensor(name, detail) for name, detail in file.inputs.items()],
        "output_details": [_tensor(name, detail) for name, detail in file.outputs.items()],
    }


def _predict(job: Mapping[str, Any], inputs: Mapping[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The answers to `inputs` as floats by output name; "*" stands for the only input."""
    file = _opened(job)
    if set(inputs) == {"*"} and len(file.inputs) == 1:
        inputs = {name: inputs["*"] for name in file.inputs}
    if set(inputs) != set(file.inputs):
        raise ValueError(f"its inputs are {', '.join(file.inputs)}, not {', '.join(inputs)}")
    for name, detail in file.inputs.items():
        shape = tuple(int(n) for n in detail["shape_signature"][1:])
        if inputs[name].shape[1:] != shape:
            raise ValueError(f"input {name} takes (N, {', '.join(map(str, shape))}), not {inputs[name].shape}")
    count = len(next(iter(inputs.values())))
    batch = job.get("batch") or file.batch or 1
    if file.batch is None and file.resized != batch:
        file.resize(batch)
    parts: dict[str, list[np.ndarray]] = {name: [] for name in file.outputs}
    for start in range(0, count, batch):
        index = np.minimum(np.arange(start, start + batch), count - 1)  # the last entry fills up the last batch
        file.set({name: array[index] for name, array in inputs.items()})
        file.interpreter.invoke()
        for name, values in file.get().items():
            parts[name].append(values[: count - start])
    return {"scales": {name: file.step(detail) for name, detail in file.outputs.items()}}, {
        name: np.concatenate(values) for name, values in parts.items()
    }


def _time(job: Mapping[str, Any], inputs: Mapping[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Milliseconds of each run. The files take turns, so that a busy machine slows all of them alike."""
    import time

    files = [File(path, threads=job["threads"], xnnpack=job["xnnpack"]) for path in job["files"]]
    for file in files:
        if file.batch is None:
            file.resize(1)
        noise = np.random.default_rng(0)
        for name, detail in file.inputs.items():
            shape = file.shape(detail)
            values = inputs[name][:1] if name in inputs else noise.random(shape, np.float32)
            file.interpreter.set_tensor(detail["index"], quantized(np.broadcast_to(values, shape), detail))
    times: list[list[float]] = [[] for _ in files]
    started = time.perf_counter()
    for run in range(-job["warmup"], job["runs"]):
        for file, milliseconds in zip(files, times, strict=True):
            start = time.perf_counter()
            file.interpreter.invoke()
            if run >= 0:
                milliseconds.append(1e3 * (time.perf_counter() - start))
        if run >= 4 and time.perf_counter() - started > job["seconds"]:
            break
    return {"times_ms": times}, {}


def _describe(job: Mapping[str, Any], inputs: Mapping[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Every operator, which of them XNNPACK leaves to the slower kernels, and the memory of one run."""
    _start(job, inputs)
    before = _peak()
    file = File(job["file"])
    if file.batch is None:
        file.resize(1)
    for detail in file.inputs.values():
        file.interpreter.set_tensor(detail["index"], np.zeros(file.shape(detail), detail["dtype"]))
    file.interpreter.invoke()
    peak_bytes = _peak() - before
    nodes = file.interpreter._get_ops_details()
    producers = {int(t): node for node in nodes if node["op_name"] != "DELEGATE" for t in node["outputs"]}
    delegates = [node for node in nodes if node["op_name"] == "DELEGATE"]
    delegated = set()
    for delegate in delegates:  # everything between its inputs and its outputs runs inside it
        known, open_ends = set(map(int, delegate["inputs"])), list(map(int, delegate["outputs"]))
        while open_ends:
            tensor = open_ends.pop()
            if tensor in known or tensor not in producers:
                continue
            known.add(tensor)
            delegated.add(producers[tensor]["index"])
            open_ends += map(int, producers[tensor]["inputs"])
    left = [n["op_name"] for n in nodes if n["op_name"] != "DELEGATE" and n["index"] not in delegated]
    return {
        **_ends(file),
        "operators": file.operators,
        "partitions": len(delegates),
        "arena_bytes": _arena(file, [node for node in nodes if node["op_name"] != "DELEGATE"]),
        "peak_bytes": peak_bytes,
        "undelegated": {name: left.count(name) for name in sorted(set(left))},
    }, {}


def _peak() -> int:
    """The most memory this process has held, in bytes. (On Linux getrusage answers for the parent before the exec.)"""
    status = Path("/proc/self/status")
    if status.exists():
        return 1024 * int(status.read_text().split("VmHWM:")[1].split()[0])
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _tensor(name: str, detail: Mapping[str, Any]) -> dict[str, Any]:
    scale, zero = detail["quantization"]
    shape = [int(n) for n in detail["shape_signature"]]
    kind = np.dtype(detail["dtype"]).name
    return {"name": name, "shape": shape, "type": kind, "scale": float(scale), "zero_point": int(zero)}


def _arena(file: File, nodes: Sequence[Mapping[str, Any]]) -> int:
    """The most that inputs and intermediate results take at once, if each is freed after its last reader."""
    produced = {int(detail["index"]): -1 for detail in file.inputs.values()}
    produced |= {int(tensor): step for step, node in enumerate(nodes) for tensor in node["outputs"] if tensor >= 0}
    last = dict(produced) | {int(detail["index"]): len(nodes) for detail in file.outputs.values()}
    for step, node in enumerate(nodes):
        last.update({int(t): max(step, last[int(t)]) for t in node["inputs"] if int(t) in produced})
    sizes = {}
    for tensor in produced:
        detail = file.interpreter._get_tensor_details(tensor, 0)
        sizes[tensor] = int(np.prod(detail["shape"])) * np.dtype(detail["dtype"]).itemsize
    return max(sum(sizes[t] for t in produced if produced[t] <= step <= last[t]) for step in range(len(nodes)))


def _examine(job: Mapping[str, Any], inputs: Mapping[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """All that an export needs to know about its file: answers, operators, and its time beside `reference`."""
    result, answers = _predict(job, inputs)
    result |= _describe(job, inputs)[0]
    timing = {"threads": 1, "xnnpack": True, "warmup": 3, "runs": 50, "seconds": 2.0}
    result |= _time({"files": [job["reference"], job["file"]], **timing}, inputs)[0]
    return result, answers


def _layers(job: Mapping[str, Any], inputs: Mapping[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Signal-to-noise ratio of every tensor that `file` and the float `reference` share, in order of execution."""
    file, reference = (File(job[key], keep_tensors=True) for key in ("file", "reference"))
    originals = {detail["name"]: detail for detail in reference.interpreter.get_tensor_details()}
    steps = []
    for node in file.interpreter._get_ops_details():
        for tensor in (int(t) for t in node["outputs"] if t >= 0):  # -1: a result that nobody reads
            detail = file.interpreter._get_tensor_details(tensor, 0)
            original = originals.get(detail["name"])
            if original is not None and original["dtype"] == np.float32:
                steps.append((node["op_name"], detail, original, [0.0, 0.0]))
    count = len(next(iter(inputs.values())))
    for start in range(0, count, file.batch or 1):
        index = np.minimum(np.arange(start, start + (file.batch or 1)), count - 1)
        for opened in (file, reference):
            opened.set({name: array[index] for name, array in inputs.items()})
            opened.interpreter.invoke()
        for _, detail, original, sums in steps:
            expected = reference.interpreter.get_tensor(original["index"]).astype(np.float64)
            actual = dequantized(file.interpreter.get_tensor(detail["index"]), detail)
            if expected.shape == actual.shape:
                sums[0] += float(np.sum(expected**2))
                sums[1] += float(np.sum((expected - actual) ** 2))
    rows = [
        {"operator": operator, "tensor": detail["name"], "snr_db": 10 * float(np.log10(energy / noise))}
        for operator, detail, _, (energy, noise) in steps
        if energy and noise
    ]
    return {"layers": rows}, {}


def _saturation(
    job: Mapping[str, Any], inputs: Mapping[str, np.ndarray]
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Share of the values of each tensor in `ends` that equal one of the integers named there."""
    file = File(job["file"], keep_tensors=True)
    batch, count = file.batch or 1, len(next(iter(inputs.values())))
    if file.batch is None:
        file.resize(batch)
    shares = dict.fromkeys(job["ends"], 0.0)
    starts = range(0, count, batch)
    for start in starts:
        index = np.minimum(np.arange(start, start + batch), count - 1)
        file.set({name: array[index] for name, array in inputs.items()})
        file.interpreter.invoke()
        for number, ends in job["ends"].items():
            shares[number] += float(np.isin(file.interpreter.get_tensor(int(number)), ends).mean()) / len(starts)
    return {"shares": shares}, {}


JOBS = {
    "start": _start,
    "signature": _signature,
    "saturation": _saturation,
    "layers": _layers,
    "examine": _examine,
    "predict": _predict,
    "time": _time,
    "describe": _describe,
}
