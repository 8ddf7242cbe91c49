"""The page of runtimes and networks counts its cells right."""

from keras_cnns.maintenance import runs_there_page as page


def cell(status="pass", share=1.0, errors=(), **costs):
    return {
        "pixels": [64, 64],
        "status": status,
        "same_class": share,
        "errors": list(errors),
        "reasons": ["why"],
        **costs,
    }


ROWS = {
    "lenet5 float32 litert": cell(),
    "lenet5 float32 openvino": cell(share=0.95),
    "lenet5 int8 openvino": cell("fail", 0.1),
    "lenet5 int8 mediapipe": cell("fail", None, ["input-shape"]),
    "lenet5 int8 tflite-micro": cell("fail", None, ["type"]),
    "lenet5 int8 browser": cell("not run", None),
    "lenet5 int8 litert": cell(share=0.2),
    "lenet5 int8 ethos-u55-128": cell(share=None, cycles=12345, outside={"MEAN": 2}, sram_bytes=2048),
    "lenet5 stock ethos-u55-128": {"cycles": 23456, "outside": {}},
}


def test_every_cell_is_of_one_kind():
    kinds = [page.kind(ROWS[key]) for key in ROWS if "stock" not in key]
    assert kinds == ["green", "green", "fails", "not meant", "refused", "not run", "silently wrong", "green"]


def test_the_page():
    text = page.written(ROWS, ["lenet5", "vgg16"], 16)
    assert "Of 6 applicable cells 3 (50.0%) work" in text
    assert "1 are refused" in text and "1 have wrong outputs and are not refused" in text
    assert "| `lenet5` | 64x64 | float32 | 1.00 |  | 0.95 |" in text
    assert "| `lenet5` | 12,345 | 2 MEAN | 2 | 23,456 |" in text
    assert "- `lenet5`, int8, openvino: why" in text and "mediapipe: why" not in text
    assert text.rstrip().endswith("`vgg16`")
