"""LiteRT.js (WebAssembly, with XNNPACK) in a headless Chromium: what a web page computes on a CPU."""

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from keras_cnns.support.errors import NotInstalled
from keras_cnns.support.messages import listed
from keras_cnns.tflite.file.contents import Operator, TFLiteFile
from keras_cnns.tflite.targets import litert_js, rules
from keras_cnns.tflite.targets.chromium import NAMES, PROGRAM, Browser, find_chromium
from keras_cnns.tflite.targets.litert import LITERT_REWRITES
from keras_cnns.tflite.targets.process import Runtime, run_child
from keras_cnns.tflite.targets.target import Finding, Outputs, Placement, Rewrites
from keras_cnns.tflite.targets.tensors import float_outputs, output_scale, stored_inputs

ENDS = ("FLOAT32", "INT32", "UINT8")  # types that a tensor of LiteRT.js has
BIAS = {"CONV_2D": 2, "DEPTHWISE_CONV_2D": 2, "FULLY_CONNECTED": 2, "TRANSPOSE_CONV": 3}  # place among the inputs
WARM_UP, TIMED_RUNS = 5, 30
SECONDS = 300.0  # for one file in the browser
RUNNER = Path(__file__).with_name("browser_runner.js")
RUNTIME = Runtime("LiteRT.js", "browser", f"{litert_js.INSTALL}, and install chromium")


class BrowserTarget:
    """LiteRT.js 2 on its accelerator "wasm". It has the operators that LiteRT 2.3 has."""

    name = "browser"
    title = "LiteRT.js in Chromium"
    install = RUNTIME.install

    def rewrites(self) -> Rewrites:
        # a canvas holds bytes
        return replace(LITERT_REWRITES, input_type="uint8", output_type="float32", float16_biases=True)

    def findings(self, file: TFLiteFile) -> list[Finding]:
        return [
            *rules.ends(
                file,
                ENDS,
                "error",
                "LiteRT.js takes float32, int32 and uint8 only",
                "export with input_type and output_type uint8 or float32",
            ),
            *rules.dynamic_shapes(file, "LiteRT.js loads the file and takes no tensor for it"),
            *rules.custom_operators(file, "warning"),
            *_float32_biases(file),
        ]

    def run(self, file: TFLiteFile, inputs: dict[str, Any]) -> Outputs:
        stored, count = stored_inputs(file, inputs)
        _, arrays = self._child(file, stored)
        scales = {name: output_scale(file, tensor) for name, tensor in file.outputs.items()}
        return Outputs(float_outputs(file, arrays, count), scales)

    def placement(self, file: TFLiteFile) -> Placement:
        """Milliseconds of one run, the median of several on zeros."""
        batch = file.batch or 1
        zeros = {name: np.zeros((batch, *tensor.shape[1:]), np.float32) for name, tensor in file.inputs.items()}
        stored, _ = stored_inputs(file, zeros)
        steps = {place: np.repeat(values, WARM_UP + TIMED_RUNS, 0) for place, values in stored.items()}
        result, _ = self._child(file, steps)
        return Placement(
            operators=len(file.main.operators),
            milliseconds=float(np.median(result["milliseconds"][WARM_UP:])),
            runtime=f"LiteRT.js {result['version']} in {result['browser']}",
        )

    def _child(self, file: TFLiteFile, stored: dict[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        package, chromium = litert_js.find_litert_js(), find_chromium()
        if chromium is None:
            raise NotInstalled(f"no Chromium was found: install {NAMES[0]}, or name it in {PROGRAM}")
        job = {
            "file": str(file.path.resolve()),
            "chromium": chromium,
            "version": package.version,
            "package_files": {name: str(source.resolve()) for name, source in package.files.items()},
            "inputs": [_description(name, tensor.shape, tensor.type) for name, tensor in file.inputs.items()],
            "outputs": list(file.outputs),
        }
        return run_child(RUNTIME, "run", job, stored)


def _description(name: str, shape: tuple[int, ...], kind: str) -> dict[str, Any]:
    return {"name": name, "shape": list(shape), "type": kind.lower()}


def _float32_biases(file: TFLiteFile) -> list[Finding]:
    """Operators with float16 weights and a float32 bias, for which the weights are expanded in every run."""
    slow = [operator for operator in file.main.operators if _has_float32_bias(file, operator)]
    if not slow:
        return []
    labels = listed(map(file.main.label, slow), 1)
    message = f"float16 weights with float32 biases, which are slow there: {labels}"
    fix = "export as float16, which stores the biases in float16 too"
    return [Finding("float32-bias", "warning", message, fix, operator=slow[0].name)]


def _has_float32_bias(file: TFLiteFile, operator: Operator) -> bool:
    place = BIAS.get(operator.name)
    if place is None or len(operator.inputs) <= place:
        return False
    weights, bias = (file.main.tensor(operator.inputs[i]) for i in (1, place))
    if weights is None or bias is None:
        return False
    source = file.main.producers.get(weights.index)
    if source is None or source.name != "DEQUANTIZE":
        return False
    return file.main.tensors[source.inputs[0]].type == "FLOAT16" and bias.constant and bias.type == "FLOAT32"


# --- in the child process ---------------------------------------------------------------------------------------------


def _run(job: Mapping[str, Any], inputs: Mapping[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The file's answers to every step of the inputs, and how long each step took."""
    files: dict[str, Path | bytes] = {f"/{name}": Path(path) for name, path in job["package_files"].items()}
    files |= {"/": _page(), "/runner.js": RUNNER, "/model.tflite": Path(job["file"])}
    files |= {f"/input{place}.bin": values.tobytes() for place, values in inputs.items()}
    request = {"inputs": job["inputs"], "steps": len(inputs["0"])}
    with Browser(job["chromium"], files, seconds=SECONDS) as browser:
        browser.open("/")
        answer = browser.evaluate(f"runFile({json.dumps(request)})")
        version = browser.version
    outputs = {}
    for place, name in enumerate(job["outputs"]):
        output = answer["outputs"][name]
        steps = [np.frombuffer(base64.b64decode(step), output["type"]) for step in output["steps"]]
        outputs[str(place)] = np.stack(steps).reshape(len(steps), *output["shape"])
    return {"milliseconds": answer["milliseconds"], "version": job["version"], "browser": version}, outputs


def _page() -> bytes:
    return (
        '<!doctype html><meta charset="utf-8"><title>runner</title><link rel="icon" href="data:,">'
        f'<script type="importmap">{litert_js.import_map("/")}</script>'
        '<script type="module" src="/runner.js"></script>'
    ).encode()


JOBS = {"run": _run}
