"""The command `keras-cnns web`: a folder with a page that runs a `.tflite` file in the browser. No TensorFlow."""

import shlex

from keras_cnns.support.console import Json, print_json


def web(file: str, /, *, out: str | None = None, as_json: Json = False) -> None:
    """Writes a web page that runs a .tflite file: drop a picture on it to see classes, boxes or a map of classes.

    It needs LiteRT.js: npm install --global @litertjs/core@2.5.3, or KERAS_CNNS_LITERT_JS=FOLDER/node_modules.

    Args:
        file: a .tflite file of a classifier, detector or segmenter
        out: the folder; by default NAME_web beside the file
    """
    from keras_cnns.export_scripts.web_page import write_page

    folder = write_page(file, out)
    if as_json:
        print_json({"folder": str(folder)})
        return
    print(folder)
    print(f"serve it: python -m http.server --bind 127.0.0.1 --directory {shlex.quote(str(folder))} 8000")
    print("and open: http://127.0.0.1:8000/")
