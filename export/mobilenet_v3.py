"""MobileNetV3 on a phone: int8 that is faster than float32, which the stock converter's is not.

Its hard-swish becomes an operator that XNNPACK does not run in int8: the stock int8 file took 1.8 to 2.5 times as long
as the float32 one. Written as (x * 1/6) * relu6(x + 3), as here, all of it stays inside XNNPACK; `int8_float_islands`
leaves it in floats instead. Both are made, to compare.
Every file is run and compared with the checkpoint on held-out pictures before it gets its name; the model takes
pixels from 0 to 255, so that an int8 file eats a camera's bytes.

    python recipes/mobilenet_v3_imagenet.py
    python export/mobilenet_v3.py --qat-epochs 1

Android (Kotlin, com.google.ai.edge.litert:litert):

    val file = FileUtil.loadMappedFile(context, "mobilenet_v3_large_int8.tflite")
    val net = Interpreter(file, Interpreter.Options().setNumThreads(2))
    val pixels = ByteBuffer.allocateDirect(224 * 224 * 3)  // bytes R, G, B, row by row
    val scores = Array(1) { FloatArray(1000) }
    net.run(pixels, scores)

iOS (Swift, TensorFlowLiteSwift):

    var options = Interpreter.Options(); options.threadCount = 2
    let path = Bundle.main.path(forResource: "mobilenet_v3_large_int8", ofType: "tflite")!
    let net = try Interpreter(modelPath: path, options: options)
    try net.allocateTensors()
    try net.copy(Data(pixels), toInputAt: 0)  // [UInt8] of 224 * 224 * 3
    try net.invoke()
    let scores = try net.output(at: 0).data.withUnsafeBytes { Array($0.bindMemory(to: Float32.self)) }
"""

from keras_cnns.tflite.page import Shipment, run

SHIPMENT = Shipment(
    checkpoint="runs/mobilenet_v3_imagenet/model.keras",
    out="runs/mobilenet_v3_imagenet/tflite",
    dataset="imagenet2012",
    crop_fraction=0.875,
    limit=2000,
    schemes=("float32", "weight_only_int8", "int8", "int8_float_islands"),
)

if __name__ == "__main__":
    raise SystemExit(run(SHIPMENT))
