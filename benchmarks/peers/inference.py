"""An exported file of this package in a runtime: `python inference.py litert|openvino FILE.tflite`."""

import sys
from importlib.metadata import version

import numpy as np
from worker import serve

RUNTIME, FILE = sys.argv[1:]


def litert():
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(FILE, num_threads=1)
    interpreter.allocate_tensors()
    (picture,) = interpreter.get_input_details()
    interpreter.set_tensor(picture["index"], np.zeros(picture["shape"], picture["dtype"]))
    return lambda: [interpreter.invoke() for _ in range(20)]


def openvino():
    import openvino

    config = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(FILE, "CPU", config)
    request, picture = compiled.create_infer_request(), compiled.input(0)
    zeros = np.zeros(list(picture.shape), picture.element_type.to_dtype())
    return lambda: [request.infer([zeros]) for _ in range(20)]


tasks = {"litert": litert, "openvino": openvino}
package = {"litert": "ai-edge-litert", "openvino": "openvino"}[RUNTIME]
serve(RUNTIME, version(package), {"inference": tasks[RUNTIME]})
