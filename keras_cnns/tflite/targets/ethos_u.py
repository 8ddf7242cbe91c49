"""Arm's Ethos-U NPUs. Vela compiles a file for them and says what stays on the CPU and what a run costs."""

import csv
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from keras_cnns.support.messages import listed
from keras_cnns.tflite.file.contents import Operator, TFLiteFile
from keras_cnns.tflite.targets import rules
from keras_cnns.tflite.targets.capture import captured
from keras_cnns.tflite.targets.process import Runtime, run_child
from keras_cnns.tflite.targets.target import CannotRun, Finding, Outputs, Placement, Rewrites, ScaledInput

INTEGERS = ("INT8", "INT16", "UINT8", "INT32", "INT64")  # types of results that the NPU computes
ENDS = "export with input_type and output_type int8"
MOST_EXAMPLES = 3
# Operators that run on the NPU in integers, by the report of Vela 5.2.0 (vela --supported-ops-report).
SUPPORTED_NAMES = """
ABS ADD ARG_MAX AVERAGE_POOL_2D BATCH_MATMUL CONCATENATION CONV_2D DEPTHWISE_CONV_2D ELU EXP EXPAND_DIMS
FULLY_CONNECTED GELU HARD_SWISH LEAKY_RELU LOG LOGISTIC MAXIMUM MAX_POOL_2D MEAN MINIMUM MIRROR_PAD MUL NEG PACK PAD
PADV2 PRELU QUANTIZE REDUCE_MAX REDUCE_MIN RELU RELU6 RELU_0_TO_1 RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR
RESIZE_NEAREST_NEIGHBOR REVERSE_V2 RSQRT SLICE SOFTMAX SPLIT SPLIT_V SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM
TANH TILE TRANSPOSE TRANSPOSE_CONV UNIDIRECTIONAL_SEQUENCE_LSTM UNPACK
"""
SUPPORTED = frozenset(SUPPORTED_NAMES.split())
ONLY_U85_NAMES = """
ASSIGN_VARIABLE CAST DIV EQUAL GATHER GREATER GREATER_EQUAL LESS LESS_EQUAL LOGICAL_AND LOGICAL_NOT LOGICAL_OR
NOT_EQUAL READ_VARIABLE REDUCE_ALL REDUCE_ANY SCATTER_ND SELECT SELECT_V2
"""
ONLY_U85 = frozenset(ONLY_U85_NAMES.split())
RUNTIME = Runtime("Vela", "ethos_u", 'pip install "keras_cnns[ethos-u]"')


class EthosU:
    """An Ethos-U of some size, such as "ethos-u55-128" (128 multiply-accumulates in a cycle)."""

    install = RUNTIME.install

    def __init__(self, accelerator: str):
        self.name = accelerator
        series, macs = accelerator.removeprefix("ethos-").upper().rsplit("-", 1)
        self.title = f"Arm Ethos-{series} ({macs} MACs)"

    def rewrites(self) -> Rewrites:
        # by Vela's estimate a depthwise convolution of the picture is slower than a product, but for the smallest NPU,
        # and slower than a sum with a number for each channel on the largest
        forms: dict[str, ScaledInput] = {"u55": "convolution", "u65": "product", "u85": "sum"}
        series = self.name.split("-")[1]
        copied = series == "u85"
        return Rewrites(scaled_input=forms[series], copied_inputs=copied, input_type="int8", output_type="int8")

    def findings(self, file: TFLiteFile) -> list[Finding]:
        graph = file.main
        ends_reason = "the conversion to integers runs on the CPU"
        findings = [
            *rules.dynamic_shapes(file, "Vela compiles fixed shapes only"),
            *self._ends(file, ends_reason),
            *rules.types(file, ("INT4",), "Vela 5.2.0 crashes on int4 weights", "export as int8"),
        ]
        floats = [o for o in graph.operators if _computes_floats(file, o)]
        hard_swish = next((o for o in floats if o.name == "HARD_SWISH"), None)
        if hard_swish:
            message = f"{graph.label(hard_swish)} computes in float, for which Vela stops compiling"
            findings.append(Finding("float-hard-swish", "error", message, "quantize it to int8", operator="HARD_SWISH"))
        floats = [o for o in floats if o.name not in ("QUANTIZE", "DEQUANTIZE")]
        macs = sum(rules.multiply_accumulates(graph, o) for o in graph.operators)
        if floats and sum(rules.multiply_accumulates(graph, o) for o in floats) == macs:
            message = "no operator with weights computes in integers: everything would run on the CPU"
            findings.append(
                Finding("no-integers", "error", message, "export as int8 or int16x8", operator=floats[0].name)
            )
        elif floats:
            message = f"computed in float, on the CPU: {listed(map(graph.label, floats), MOST_EXAMPLES)}"
            findings.append(Finding("float-operator", "warning", message, ENDS, operator=floats[0].name))
        return findings + self._left_on_the_cpu(file)

    def _ends(self, file: TFLiteFile, reason: str) -> list[Finding]:
        """Float inputs and outputs; behind a conversion they can be made integers without a change."""
        findings = rules.ends(file, INTEGERS, "warning", reason, ENDS)
        near = [(file.main.readers.get(t.index, []), "QUANTIZE") for t in file.inputs.values() if t.type == "FLOAT32"]
        near += [([file.main.producers[i]], "DEQUANTIZE") for i in _float_outputs(file)]
        if findings and any([operator.name for operator in operators] == [name] for operators, name in near):
            fix = f"keras-cnns check --fix --target {self.name} leaves the conversion out"
            return [replace(findings[0], fix=fix, fixable=True)]
        return findings

    def _left_on_the_cpu(self, file: TFLiteFile) -> list[Finding]:
        supported = SUPPORTED | ONLY_U85 if "u85" in self.name else SUPPORTED
        left = [
            o for o in file.main.operators if o.name not in (*supported, "DEQUANTIZE") and not _computes_floats(file, o)
        ]
        if not left:
            return []
        names = ", ".join(sorted({o.name for o in left}))
        message = f"Vela leaves {len(left)} of {len(file.main.operators)} operators to the CPU: {names}"
        return [Finding("cpu-operator", "warning", message, "replace it in the network", operator=left[0].name)]

    def run(self, file: TFLiteFile, inputs: dict[str, Any]) -> Outputs:
        """Vela compiles; nothing here executes its code.

        Raises:
          CannotRun: always.
        """
        raise CannotRun(f"{self.title} is not here: Vela compiles {file.path.name} and estimates what it costs.")

    def placement(self, file: TFLiteFile) -> Placement:
        job = {"file": str(file.path.resolve()), "accelerator": self.name}
        result, _ = run_child(RUNTIME, "compile", job)
        reasons = {row["operator"]: row["reason"] for row in reversed(result["outside"])}
        counts: dict[str, int] = {}
        for row in result["outside"]:
            counts[row["operator"]] = counts.get(row["operator"], 0) + 1
        graph = file.main
        results = {row["result"] for row in result["outside"]}
        macs = {o.index: rules.multiply_accumulates(graph, o) for o in graph.operators}
        outside = [o.index for o in graph.operators if any(t.name in results for t in graph.made_by(o))]
        total = sum(macs.values())
        return Placement(
            operators=len(graph.operators),
            outside=counts,
            reasons=reasons,
            accelerated_macs=1 - sum(macs[i] for i in outside) / total if total else None,
            sram_bytes=result["sram_bytes"],
            flash_bytes=result["flash_bytes"],
            cycles=result["cycles"],
            milliseconds=result["milliseconds"],
        )


def _float_outputs(file: TFLiteFile) -> list[int]:
    """Float outputs that an operator computes and no other reads."""
    graph = file.main
    floats = [t.index for t in file.outputs.values() if t.type == "FLOAT32" and t.index not in graph.readers]
    return [index for index in floats if index in graph.producers]


def _computes_floats(file: TFLiteFile, operator: Operator) -> bool:
    tensors = [*file.main.read_by(operator), *file.main.made_by(operator)]
    return any(tensor.type in ("FLOAT32", "FLOAT16") for tensor in tensors)


# --- in the child process ---------------------------------------------------------------------------------------------


def _compile(job: Mapping[str, Any], inputs: Mapping[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    from ethosu.vela import vela

    words = [job["file"], "--accelerator-config", job["accelerator"], "--output-dir", ".", "--show-cpu-operations"]
    failure, status = "", 0
    with captured(1, 2) as printed:
        try:
            status = vela.main(words)
        except Exception as error:  # the compiler's own, and those of its C++ half
            failure = str(error).replace("Compilation failed: Error: ", "")
    if failure or status:
        raise RuntimeError(failure or _reason(printed.text))
    (summary,) = Path(".").glob("*_summary_*.csv")
    with open(summary, newline="") as file:
        (row,) = list(csv.DictReader(file))
    kib = {name: float(row[f"{name}_memory_used"]) for name in ("sram", "dram", "on_chip_flash", "off_chip_flash")}
    return {
        "outside": _outside(printed.text),
        "sram_bytes": round(1024 * kib["sram"]),
        "flash_bytes": round(1024 * (kib["dram"] + kib["on_chip_flash"] + kib["off_chip_flash"])),
        "cycles": round(float(row["cycles_total"])),
        "milliseconds": 1e3 * float(row["inference_time"]),
    }, {}


def _outside(text: str) -> list[dict[str, str]]:
    """The operators that Vela leaves to the CPU, with its reasons."""
    pattern = r"Warning \(supported operators\) operator: (\S+), ofm: '(.*)'\nReason: (.*)"
    return [
        {"operator": operator, "result": result, "reason": re.sub(r" \(.*\)$", "", reason)}
        for operator, result, reason in re.findall(pattern, text)
    ]


def _reason(text: str) -> str:
    lines = [line for line in text.splitlines() if "rror" in line] or text.strip().splitlines()[-1:]
    return lines[0] if lines else "Vela printed no reason"


JOBS = {"compile": _compile}
