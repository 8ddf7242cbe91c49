"""A runtime that computes every file as a softmax of one dense layer, in NumPy: what a new target has to write."""

import numpy as np

from keras_cnns.support.errors import UserError
from keras_cnns.tflite.targets.target import Finding, Outputs, Placement, Rewrites


class FakeTarget:
    name = "fake"
    title = "a runtime for dense networks"
    install = "pip install fake"

    def rewrites(self):
        return Rewrites(input_type="int8", output_type="int8")

    def findings(self, file):
        others = [o for o in file.main.operators if o.name not in ("FULLY_CONNECTED", "SOFTMAX")]
        return [Finding("operator", "error", f"{o.name} is not supported", operator=o.name) for o in others]

    def run(self, file, inputs):
        if self.findings(file):
            raise UserError(f"fake cannot run {file.path.name}.")
        graph = file.main
        _, weights, bias = (graph.tensors[i] for i in graph.operators[0].inputs)
        (x,) = inputs.values()
        logits = x @ file.values(weights).T + file.values(bias)
        scores = np.exp(logits - logits.max(-1, keepdims=True))
        scores /= scores.sum(-1, keepdims=True)
        return Outputs({name: scores for name in file.outputs})

    def placement(self, file):
        return Placement(operators=len(file.main.operators))
