"""TOSA: whether Arm's converter lowers a file to the operators that NPUs, GPUs and other compilers share."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_cnns.support.errors import UserError
from keras_cnns.tflite.file.contents import TFLiteFile
from keras_cnns.tflite.targets import rules
from keras_cnns.tflite.targets.process import Runtime, run_child
from keras_cnns.tflite.targets.target import CannotRun, Finding, Outputs, Placement, Rewrites

REASON = "stays an operator of TFLite"
TEXT = "net.tosa.mlir"
# An operator of TFLite in the converter's text; "pseudo" are its constants.
LEFT = re.compile(r'"tfl\.(?!pseudo)(\w+)"\(')
RUNTIME = Runtime("The TOSA converter", "tosa", 'pip install "keras_cnns[tosa]"')


class Tosa:
    """tosa-converter-for-tflite. It ends without an error where it leaves operators of TFLite in its result."""

    name = "tosa"
    title = "TOSA"
    install = RUNTIME.install

    def rewrites(self) -> Rewrites:
        return Rewrites()

    def findings(self, file: TFLiteFile) -> list[Finding]:
        return rules.custom_operators(file, "warning")

    def run(self, file: TFLiteFile, inputs: dict[str, Any]) -> Outputs:
        """The converter lowers; nothing here executes TOSA.

        Raises:
          CannotRun: every operator is lowered. UserError: some are not.
        """
        names = self.placement(file).outside
        if names:
            listed = ", ".join(f"{name} (used {count} times)" if count > 1 else name for name, count in names.items())
            raise UserError(f"TOSA has no form for {listed}: replace it in the network.")
        raise CannotRun(f"the converter lowers all of {file.path.name} to TOSA; nothing executes TOSA here.")

    def placement(self, file: TFLiteFile) -> Placement:
        result, _ = run_child(RUNTIME, "convert", {"file": str(file.path.resolve())})
        return Placement(
            operators=len(file.main.operators),
            outside=result["left"],
            reasons=dict.fromkeys(result["left"], REASON),
            runtime=f"tosa-converter-for-tflite {result['version']}",
        )


# --- in the child process ---------------------------------------------------------------------------------------------


def _convert(job: Mapping[str, Any], inputs: Mapping[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The operators that the converter leaves as they are, with their numbers."""
    import tosa_converter_for_tflite as converter

    converter.tflite_flatbuffer_to_tosa_mlir(job["file"], TEXT, converter.TosaConverterOutputFormat.Text)
    left: Counter[str] = Counter()
    with open(TEXT, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            left.update(name.upper() for name in LEFT.findall(line))
    return {"left": dict(left), "version": converter.__version__}, {}


JOBS = {"convert": _convert}
