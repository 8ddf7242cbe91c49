"""MobileNet v1 on a phone: int8, a quarter of the size.

Depthwise kernels have ranges that differ by channel, which eight bits for each channel keep; what is still lost,
epochs of quantization-aware training win back (`--qat-epochs`).
Every file is run and compared with the checkpoint on held-out pictures before it gets its name; the model takes
pixels from 0 to 255, so that an int8 file eats a camera's bytes.

    python recipes/mobilenet_v2_imagenet.py --model mobilenet_v1 --out runs/mobilenet_v1_imagenet
    python export/mobilenet_v1.py --qat-epochs 1

Android (Kotlin, com.google.ai.edge.litert:litert):

    val file = FileUtil.loadMappedFile(context, "mobilenet_v1_int8.tflite")
    val net = Interpreter(file, Interpreter.Options().setNumThreads(2))
    val pixels = ByteBuffer.allocateDirect(224 * 224 * 3)  // bytes R, G, B, row by row
    val scores = Array(1) { FloatArray(1000) }
    net.run(pixels, scores)

iOS (Swift, TensorFlowLiteSwift):

    var options = Interpreter.Options(); options.threadCount = 2
    let path = Bundle.main.path(forResource: "mobilenet_v1_int8", ofType: "tflite")!
    let net = try Interpreter(modelPath: path, options: options)
    try net.allocateTensors()
    try net.copy(Data(pixels), toInputAt: 0)  // [UInt8] of 224 * 224 * 3
    try net.invoke()
    let scores = try net.output(at: 0).data.withUnsafeBytes { Array($0.bindMemory(to: Float32.self)) }
"""

from keras_cnns.tflite.page import Shipment, run

SHIPMENT = Shipment(
    checkpoint="runs/mobilenet_v1_imagenet/model.keras",
    out="runs/mobilenet_v1_imagenet/tflite",
    dataset="imagenet2012",
    crop_fraction=0.875,
    limit=2000,
)

if __name__ == "__main__":
    raise SystemExit(run(SHIPMENT))
