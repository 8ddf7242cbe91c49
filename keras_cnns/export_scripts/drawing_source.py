"""The lines of Kotlin and Swift that draw what a file finds: boxes with their classes, or a colour for each pixel's."""

import json

LEAST = 0.5  # of the scores: boxes below it are not drawn

KOTLIN_BOXES = """// x1, y1, x2, y2 in the file's {width} x {height} pixels
val boxes = Array(1) {{ Array({count}) {{ FloatArray(4) }} }}
val classes = Array(1) {{ {classes_kotlin}({count}) }}
val scores = Array(1) {{ FloatArray({count}) }}  // best first; 0 where less is found
net.runForMultipleInputsOutputs(arrayOf(pixels), mapOf({boxes} to boxes, {classes} to classes, {scores} to scores))
val names = listOf({kotlin_names})
val edge = Paint().apply {{ style = Paint.Style.STROKE; strokeWidth = 4f; color = Color.YELLOW }}
val words = Paint().apply {{ textSize = 36f; color = Color.YELLOW }}
val across = frame.width() / {width}f
val down = frame.height() / {height}f  // frame: a RectF, where the picture stands on the canvas
for (i in 0 until {count}) {{
    if (scores[0][i] < {least}f) break
    val (x1, y1, x2, y2) = boxes[0][i]
    val place = RectF(frame.left + x1 * across, frame.top + y1 * down, frame.left + x2 * across, frame.top + y2 * down)
    canvas.drawRect(place, edge)
    val said = "${{names[classes[0][i]{to_int}]}} ${{"%.2f".format(scores[0][i])}}"
    canvas.drawText(said, place.left, place.top - 6f, words)
}}"""

SWIFT_BOXES = """func read<T>(_ number: Int, _ kind: T.Type) throws -> [T] {{
    try net.output(at: number).data.withUnsafeBytes {{ Array($0.bindMemory(to: kind)) }}
}}
let boxes = try read({boxes}, Float32.self)  // x1, y1, x2, y2 in the file's {width} x {height} pixels
let classes = try read({classes}, {classes_swift}.self)
let scores = try read({scores}, Float32.self)  // best first; 0 where less is found
let names = [{names}]
let across = frame.width / {width}, down = frame.height / {height}  // frame: a CGRect, where the picture stands
UIColor.yellow.setStroke()
for i in scores.indices where scores[i] >= {least} {{
    let corner = boxes[(4 * i)..<(4 * i + 4)].map {{ CGFloat($0) }}
    let place = CGRect(x: frame.minX + corner[0] * across, y: frame.minY + corner[1] * down,
                       width: (corner[2] - corner[0]) * across, height: (corner[3] - corner[1]) * down)
    UIBezierPath(rect: place).stroke()
    let said = "\\(names[Int(classes[i])]) \\(String(format: "%.2f", scores[i]))"
    (said as NSString).draw(at: place.origin, withAttributes: [.foregroundColor: UIColor.yellow])
}}"""

KOTLIN_MASK = """val scores = ByteBuffer.allocateDirect({bytes}).order(ByteOrder.nativeOrder())
net.run(pixels, scores)
scores.rewind()
val answers = scores{view}
val names = listOf({kotlin_names})
val colours = IntArray({classes}) {{ Color.HSVToColor(144, floatArrayOf(360f * it / {classes}, 1f, 1f)) }}
colours[0] = 0  // {first} stays as it is
val mask = Bitmap.createBitmap({width}, {height}, Bitmap.Config.ARGB_8888)
val seen = {array}({classes})
for (y in 0 until {height}) for (x in 0 until {width}) {{
    answers.get(seen)
    mask.setPixel(x, y, colours[seen.indices.maxBy {{ {entry} }}])
}}
canvas.drawBitmap(mask, null, frame, Paint(Paint.FILTER_BITMAP_FLAG))  // frame: where the picture stands"""

SWIFT_MASK = """let scores = try net.output(at: 0).data.withUnsafeBytes {{ Array($0.bindMemory(to: {swift}.self)) }}
let names = [{names}]
var mask = Data(count: 4 * {width} * {height})  // red, green, blue and how much of them
for pixel in 0..<({width} * {height}) {{
    let own = (pixel * {classes})..<((pixel + 1) * {classes})
    let best = own.max {{ scores[$0] < scores[$1] }}! - own.lowerBound
    guard best > 0 else {{ continue }}  // {first} stays as it is
    var (red, green, blue) = (CGFloat(0), CGFloat(0), CGFloat(0))
    UIColor(hue: CGFloat(best) / {classes}, saturation: 1, brightness: 0.56, alpha: 1)
        .getRed(&red, green: &green, blue: &blue, alpha: nil)
    let colour = [UInt8(255 * red), UInt8(255 * green), UInt8(255 * blue), 144]
    mask.replaceSubrange((4 * pixel)..<(4 * pixel + 4), with: colour)
}}
let source = CGDataProvider(data: mask as CFData)!
let drawn = CGImage(width: {width}, height: {height}, bitsPerComponent: 8, bitsPerPixel: 32, bytesPerRow: {row},
                    space: CGColorSpaceCreateDeviceRGB(),
                    bitmapInfo: CGBitmapInfo(rawValue: CGImageAlphaInfo.premultipliedLast.rawValue), provider: source,
                    decode: nil, shouldInterpolate: false, intent: .defaultIntent)!
UIImage(cgImage: drawn).draw(in: frame)  // frame: where the picture stands"""

# TFLite's type: bytes, Kotlin's array, how a ByteBuffer gives it, an entry as it compares, Swift's type
SCORES = {
    "float32": (4, "FloatArray", ".asFloatBuffer()", "seen[it]", "Float32"),
    "uint8": (1, "ByteArray", "", "seen[it].toUByte()", "UInt8"),
    "int8": (1, "ByteArray", "", "seen[it]", "Int8"),
}
NUMBERS = {"int32": ("IntArray", "", "Int32"), "int64": ("LongArray", ".toInt()", "Int64")}


def drawing(known):
    """(what the file gives, in words; lines of Kotlin; lines of Swift) for what `describe` says of it; None where it
    finds neither boxes nor a named class for each pixel."""
    (given,), outputs = known["inputs"], known["outputs"]
    _, height, width, _ = given["shape"]
    size = {"height": height, "width": width}
    numbers = {tensor["name"]: i for i, tensor in enumerate(outputs)}
    if set(numbers) == {"boxes", "classes", "scores"}:
        return _boxes(outputs, numbers, known["labels"], size)
    if len(outputs) == 1 and len(outputs[0]["shape"]) == 4 and outputs[0]["type"] in SCORES:
        classes = outputs[0]["shape"][-1]
        if outputs[0]["shape"][1:3] == [height, width] and len(known["labels"]) == classes > 1:
            return _mask(outputs[0], classes, known["labels"], size)
    return None


def _boxes(outputs, numbers, labels, size):
    count = outputs[numbers["scores"]]["shape"][1]
    array, to_int, swift = NUMBERS[outputs[numbers["classes"]]["type"]]
    values = {**size, **numbers, **_names(labels), "count": count, "least": LEAST}
    values |= {"classes_kotlin": array, "to_int": to_int, "classes_swift": swift}
    return f"gives at most {count} boxes", KOTLIN_BOXES.format(**values), SWIFT_BOXES.format(**values)


def _mask(scores, classes, labels, size):
    bytes_each, array, view, entry, swift = SCORES[scores["type"]]
    values = {**size, **_names(labels), "classes": classes, "first": labels[0], "row": 4 * size["width"]}
    values |= {"bytes": bytes_each * classes * size["height"] * size["width"], "array": array, "entry": entry}
    kotlin = KOTLIN_MASK.format(view=view, **values)
    return f"gives {classes} scores for each pixel", kotlin, SWIFT_MASK.format(swift=swift, **values)


def _names(labels):
    """The labels as both languages write lists of texts."""
    names = ", ".join(json.dumps(name, ensure_ascii=False) for name in labels)
    return {"names": names, "kotlin_names": names.replace("$", "\\$")}
