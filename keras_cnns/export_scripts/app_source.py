"""The lines of Kotlin and Swift that feed a finished file: its own sizes, types and names in one template."""

from pathlib import Path

import numpy as np

from keras_cnns.export_scripts import drawing_source
from keras_cnns.support.atomic_files import write_text
from keras_cnns.tflite.check.describe import describe
from keras_cnns.tflite.targets.litert_interpreter import CLASS_MAP

PAGE = """# {name}: {file}

{said}.

Android (Kotlin, `com.google.ai.edge.litert:litert`), the file in `assets/`:

```kotlin
val file = FileUtil.loadMappedFile(context, "{file}")
val net = Interpreter(file, Interpreter.Options().setNumThreads(2))
val pixels = ByteBuffer.allocateDirect({bytes}).order(ByteOrder.nativeOrder())  // {layout}
{kotlin}
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
{swift}
```
"""

KOTLIN_SCORES = """val scores = Array(1) {{ {array}({classes}) }}
{run}
val best = scores[0].indices.maxBy {{ {score} }}{label}{map}"""
SWIFT_SCORES = """let scores = try net.output(at: 0).data.withUnsafeBytes {{ Array($0.bindMemory(to: {swift}.self)) }}
let best = scores.indices.max {{ scores[$0] < scores[$1] }}!{label}{map}"""

# Where the answer is seen, drawn over the picture; a value above 0 speaks for the class.
KOTLIN_MAP = """
val seen = map[0].map {{ row -> row.map {{ maxOf({value}, 0f) }} }}
val most = maxOf(seen.maxOf {{ it.max() }}, 1e-6f)
val heat = Bitmap.createBitmap({width}, {height}, Bitmap.Config.ARGB_8888)
for (y in 0 until {height}) for (x in 0 until {width})
    heat.setPixel(x, y, Color.argb((176 * seen[y][x] / most).toInt(), 255, 224, 32))
canvas.drawBitmap(heat, null, frame, Paint(Paint.FILTER_BITMAP_FLAG))  // frame: where the picture stands"""
SWIFT_MAP = """
let map = try net.output(at: 1).data.withUnsafeBytes {{ Array($0.bindMemory(to: {swift}.self)) }}
let seen = stride(from: best, to: map.count, by: {classes}).map {{ max(0, Float(map[$0]){less}) }}
let heat = Data(seen.map {{ UInt8(255 * $0 / max(seen.max()!, 1e-6)) }})  // {height} rows of {width}
let grey = CGColorSpaceCreateDeviceGray(), source = CGDataProvider(data: heat as CFData)!
let shades = CGImage(width: {width}, height: {height}, bitsPerComponent: 8, bitsPerPixel: 8, bytesPerRow: {width},
                     space: grey, bitmapInfo: [], provider: source, decode: nil, shouldInterpolate: true,
                     intent: .defaultIntent)!
UIImage(cgImage: shades).draw(in: frame, blendMode: .screen, alpha: 0.7)  // frame: where the picture stands"""

# TFLite's type: bytes, what a pixel is written as, Kotlin's array, an entry as it compares, Swift's type
TYPES = {
    "float32": (4, "floats", "FloatArray", "{}", "Float32"),
    "uint8": (1, "bytes", "ByteArray", "{}.toUByte()", "UInt8"),
    "int8": (1, "signed bytes", "ByteArray", "{}", "Int8"),
}


def lines(path):
    """A Markdown page for the file at `path`; None where it does not take one picture and give a score for each class,
    for each class at each pixel, or boxes.

    Boxes, colours of pixels' classes and the class map (`export(..., explain="cam")`) are drawn over the picture.

    Raises:
      UserError: there is no such file.
    """
    known = describe(path)
    given, scores = known["inputs"], [tensor for tensor in known["outputs"] if tensor["name"] != CLASS_MAP]
    if len(given) != 1 or len(given[0]["shape"]) != 4:
        return None
    if (found := drawing_source.drawing(known)) is not None:
        said, kotlin, swift = found
        return PAGE.format(**_fed(known, path, said), kotlin=kotlin, swift=swift)
    if len(scores) != 1 or len(scores[0]["shape"]) != 2:
        return None
    maps = [tensor for tensor in known["outputs"] if tensor["name"] == CLASS_MAP]
    (scores,) = scores
    classes = scores["shape"][1]
    _, _, array, entry, swift = TYPES[scores["type"]]
    label, drawn = _label(known["labels"]), _map_lines(*maps)
    kotlin = {"array": array, "classes": classes, "score": entry.format("scores[0][it]"), "label": label}
    return PAGE.format(
        **_fed(known, path, f"gives {classes} scores"),
        kotlin=KOTLIN_SCORES.format(**kotlin, run=drawn["kotlin_run"], map=drawn["kotlin_map"]),
        swift=SWIFT_SCORES.format(swift=swift, label=label, map=drawn["swift_map"]),
    )


def write(path):
    """Writes the page of the file at `path` beside it, as NAME.md, where there is one to write."""
    page = lines(path)
    if page:
        write_text(Path(path).with_suffix(".md"), page)


def _fed(known, path, gives):
    """What a page says of the file and of its input."""
    (given,) = known["inputs"]
    _, height, width, channels = given["shape"]
    size, written, _, _, _ = TYPES[given["type"]]
    colours = {1: "grey", 3: "R, G, B"}.get(channels, f"{channels} channels")
    return {
        "name": known["name"] or Path(path).stem,
        "file": Path(path).name,
        "stem": Path(path).stem,
        "said": _said(given, height, width, channels, gives),
        "bytes": size * int(np.prod([height, width, channels])),
        "layout": f"{written} {colours}, row by row",
    }


def _map_lines(tensor=None):
    """What runs the file, and reads and draws the class map where there is one."""
    if tensor is None:
        return {"kotlin_run": "net.run(pixels, scores)", "kotlin_map": "", "swift_map": ""}
    _, height, width, classes = tensor["shape"]
    _, _, kotlin, entry, swift = TYPES[tensor["type"]]
    value = entry.format("it[best]") + ("" if swift == "Float32" else ".toFloat()")
    less = f" - {tensor['zero_point']}" if tensor["zero_point"] else ""
    made = f"val map = Array(1) {{ Array({height}) {{ Array({width}) {{ {kotlin}({classes}) }} }} }}"
    sizes = {"height": height, "width": width, "classes": classes, "swift": swift, "less": less}
    return {
        "kotlin_run": f"{made}\nnet.runForMultipleInputsOutputs(arrayOf(pixels), mapOf(0 to scores, 1 to map))",
        "kotlin_map": KOTLIN_MAP.format(value=f"{value}{less}", **sizes),
        "swift_map": SWIFT_MAP.format(**sizes),
    }


def _said(given, height, width, channels, gives):
    takes = f"It takes a picture of {height} x {width} x {channels} ({given['type']}) and {gives}"
    if not given["scale"]:
        return f"{takes}; the floats stand on the scale that the model was trained on"
    scale, zero = given["scale"], given["zero_point"]
    if (round(scale, 6), zero) == (1, 0):
        return f"{takes}; a camera's bytes go in as they are"
    return f"{takes}; a value v of the model's scale is written as v / {scale:.6g} + {zero}"


def _label(labels):
    return f"  // labels.txt in the file: {', '.join(labels[:3])}, ..." if labels else ""
