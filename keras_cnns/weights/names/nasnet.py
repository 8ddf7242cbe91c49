"""Other libraries' layer names in models/nasnet.py's words."""

from typing import Any

from keras_cnns.weights.names.table import Names, Rules


def keras(net: Any) -> Rules:
    """Keras counts the cells after the stem together; the reduction cells have numbers of their own."""

    def cell(m: Any) -> str:
        if m["stem"]:
            return f"reduction_stem{m['stem']}"
        if m["reduce"]:
            return f"reduction{m['reduce']}"
        n = int(m["normal"])  # N is left out
        return f"normal{n if n < net.N else n - 1}"

    cells = r"_(?:stem_(?P<stem>\d)|reduce_(?P<reduce>\d+)|(?P<normal>\d+))$"
    side = r"_(?:normal|reduction)_(?P<side>left|right)(?P<i>\d)"

    def separable(m: Any) -> str:
        i = 5 if m["side"] == "left" and m["i"] == "4" else m["i"]  # Keras numbers the last block of a reduction 4
        return f"{cell(m)}_{m['side']}{i}_sepconv{m['conv']}_{'bn' if m['bn'] else 'conv'}"

    return [
        (r"^stem_(conv|bn)1$", r"stem_\1"),
        (rf"^separable_conv_(?P<conv>\d)(?P<bn>_bn)?{side}{cells}", separable),
        (rf"^(?:normal|reduction)_(?P<kind>conv|bn)_1{cells}", lambda m: f"{cell(m)}_1x1_{m['kind']}"),
        (rf"^adjust_conv_projection{cells}", lambda m: f"{cell(m)}_adjust_conv"),
        (rf"^adjust_bn{cells}", lambda m: f"{cell(m)}_adjust_bn"),
        (rf"^adjust_conv_(?P<half>[12]){cells}", lambda m: f"{cell(m)}_adjust_{m['half']}_conv"),
    ]


NAMES = Names({"keras": {"nasnet_mobile": "NASNetMobile", "nasnet_large": "NASNetLarge"}}, {"keras": keras})
