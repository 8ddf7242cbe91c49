"""The lines of Kotlin and Swift that feed a finished file: its own sizes, types and names in one template."""

from pathlib import Path

import numpy as np

from keras_cnns.files import write_text
from keras_cnns.tflite.file.describe import describe

PAGE = """# {name}: {file}

{said}.

Android (Kotlin, `com.google.ai.edge.litert:litert`), the file in `assets/`:

```kotlin
val file = FileUtil.loadMappedFile(context, "{file}")
val net = Interpreter(file, Interpreter.Options().setNumThreads(2))
val pixels = ByteBuffer.allocateDirect({bytes}).order(ByteOrder.nativeOrder())  // {layout}
val scores = Array(1) {{ {kotlin} }}
net.run(pixels, scores)
val best = scores[0].indices.maxBy {{ {kotlin_score} }}{kotlin_label}
```

iOS (Swift, `TensorFlowLiteSwift`), the file in the bundle:

```swift
var options = Interpreter.Options()
options.threadCount = 2
let path = Bundle.main.path(forResource: "{stem}", ofType: "tflite")!
let net = try Interpreter(modelPath: path, options: options)
try net.allocateTensors()
try net.copy(pixels, toInputAt: 0)  // Data of {bytes} bytes: {layout}
try net.invoke()
let scores = try net.output(at: 0).data.withUnsafeBytes {{ Array($0.bindMemory(to: {swift}.self)) }}
let best = scores.indices.max {{ scores[$0] < scores[$1] }}!{swift_label}
```
"""

# TFLite's type: bytes, what a pixel is written as, Kotlin's array, how its entries compare, Swift's type
TYPES = {
    "float32": (4, "floats", "FloatArray", "scores[0][it]", "Float32"),
    "uint8": (1, "bytes", "ByteArray", "scores[0][it].toUByte()", "UInt8"),
    "int8": (1, "signed bytes", "ByteArray", "scores[0][it]", "Int8"),
}


def lines(path):
    """A Markdown page for the file at `path`; None where it does not take one picture and give a score for each class.

    Raises:
      UserError: there is no such file.
    """
    known = describe(path)
    given, scores = known["inputs"], known["outputs"]
    if len(given) != 1 or len(scores) != 1 or len(given[0]["shape"]) != 4 or len(scores[0]["shape"]) != 2:
        return None
    (given,), (scores,) = given, scores
    (_, height, width, channels), (_, classes) = given["shape"], scores["shape"]
    size, written, _, _, _ = TYPES[given["type"]]
    _, _, kotlin, kotlin_score, swift = TYPES[scores["type"]]
    colours = {1: "grey", 3: "R, G, B"}.get(channels, f"{channels} channels")
    return PAGE.format(
        name=known["name"] or Path(path).stem,
        file=Path(path).name,
        stem=Path(path).stem,
        said=_said(given, height, width, channels, classes),
        bytes=size * int(np.prod([height, width, channels])),
        layout=f"{written} {colours}, row by row",
        kotlin=f"{kotlin}({classes})",
        kotlin_score=kotlin_score,
        kotlin_label=_label(known["labels"]),
        swift=swift,
        swift_label=_label(known["labels"]),
    )


def write(path):
    """Writes the page of the file at `path` beside it, as NAME.md, where there is one to write."""
    page = lines(path)
    if page:
        write_text(Path(path).with_suffix(".md"), page)


def _said(given, height, width, channels, classes):
    takes = f"It takes a picture of {height} x {width} x {channels} ({given['type']}) and gives {classes} scores"
    if not given["scale"]:
        return f"{takes}; the floats stand on the scale that the model was trained on"
    scale, zero = given["scale"], given["zero_point"]
    if (round(scale, 6), zero) == (1, 0):
        return f"{takes}; a camera's bytes go in as they are"
    return f"{takes}; a value v of the model's scale is written as v / {scale:.6g} + {zero}"


def _label(labels):
    return f"  // labels.txt in the file: {', '.join(labels[:3])}, ..." if labels else ""
