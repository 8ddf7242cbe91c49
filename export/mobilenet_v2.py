"""MobileNetV2 on a phone: int8, which XNNPACK runs whole, and a quarter of the size.

    python recipes/mobilenet_v2_digits.py
    python export/mobilenet_v2.py --checkpoint runs/mobilenet_v2_digits/model.keras --qat-epochs 3

Every file is run and compared with the checkpoint on the held-out pictures before it gets its name. Depthwise kernels
lose the most to eight bits, which is what the epochs of quantization-aware training win back.

Android (Kotlin, com.google.ai.edge.litert:litert), with HEIGHT, WIDTH and CLASSES of the checkpoint:

    val file = FileUtil.loadMappedFile(context, "mobilenet_v2_int8.tflite")
    val net = Interpreter(file, Interpreter.Options().setNumThreads(2))
    val pixels = ByteBuffer.allocateDirect(HEIGHT * WIDTH * 3)  // bytes R, G, B, row by row
    val scores = Array(1) { FloatArray(CLASSES) }
    net.run(pixels, scores)

iOS (Swift, TensorFlowLiteSwift):

    var options = Interpreter.Options(); options.threadCount = 2
    let path = Bundle.main.path(forResource: "mobilenet_v2_int8", ofType: "tflite")!
    let net = try Interpreter(modelPath: path, options: options)
    try net.allocateTensors()
    try net.copy(Data(pixels), toInputAt: 0)  // [UInt8]: R, G, B, row by row
    try net.invoke()
    let scores = try net.output(at: 0).data.withUnsafeBytes { Array($0.bindMemory(to: Float32.self)) }
"""

from keras_cnns.tflite.page import Shipment, run

SHIPMENT = Shipment(
    checkpoint="runs/mobilenet_v2_digits/model.keras",
    out="runs/mobilenet_v2_digits/tflite",
    dataset="digits",
    qat_epochs=3,
)

if __name__ == "__main__":
    raise SystemExit(run(SHIPMENT))
