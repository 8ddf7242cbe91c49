"""LeNet-5 on a phone: 74 kB, a camera's bytes in, ten scores out.

    python recipes/lenet5_digits.py
    python export/lenet5.py --checkpoint runs/lenet5_digits/model.keras

Every file is run and compared with the checkpoint on the held-out digits before it gets its name.

Android (Kotlin, com.google.ai.edge.litert:litert):

    val lenet = Interpreter(FileUtil.loadMappedFile(context, "lenet5_int8.tflite"))
    val pixels = ByteBuffer.allocateDirect(32 * 32)  // one byte a pixel, the digit bright on black
    val scores = Array(1) { FloatArray(10) }
    lenet.run(pixels, scores)
    val digit = scores[0].indices.maxBy { scores[0][it] }

iOS (Swift, TensorFlowLiteSwift):

    let lenet = try Interpreter(modelPath: Bundle.main.path(forResource: "lenet5_int8", ofType: "tflite")!)
    try lenet.allocateTensors()
    try lenet.copy(Data(pixels), toInputAt: 0)  // [UInt8] of 32 * 32
    try lenet.invoke()
    let scores = try lenet.output(at: 0).data.withUnsafeBytes { Array($0.bindMemory(to: Float32.self)) }
"""

from keras_cnns.tflite.page import Shipment, run

SHIPMENT = Shipment(checkpoint="runs/lenet5_digits/model.keras", out="runs/lenet5_digits/tflite", dataset="digits")

if __name__ == "__main__":
    raise SystemExit(run(SHIPMENT))
