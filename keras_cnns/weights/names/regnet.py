"""Other libraries' layer names in models/regnet.py's words."""

from typing import Any

from keras_cnns.weights.names.table import Names, Rules

# torchvision has other widths under three of the paper's names
TV = {"regnet_x_400mf_tv": "regnetx_004_tv", "regnet_y_800mf_tv": "regnety_008_tv", "regnet_y_8gf_tv": "regnety_080_tv"}
SIZES = ("400mf", "800mf", "1_6gf", "3_2gf", "8gf", "16gf", "32gf")
CODES = {"200mf": "002", "400mf": "004", "600mf": "006", "800mf": "008", "1_6gf": "016", "3_2gf": "032", "4gf": "040"}
CODES |= {"6_4gf": "064", "8gf": "080", "12gf": "120", "16gf": "160", "32gf": "320"}
ALL = [f"regnet_{kind}_{size}" for kind in "xy" for size in SIZES]
PEERS = {
    "torchvision": {f"{name}_tv" if f"{name}_tv" in TV else name: name for name in ALL},
    "timm": {f"regnet_{kind}_{size}": f"regnet{kind}_{code}" for kind in "xy" for size, code in CODES.items()} | TV,
}
PARTS = {"a": "_1", "b": "_2", "c": "_3", "se": "_se"}
KINDS = {"0": "_conv", "1": "_bn", "fc1": "_reduce_conv", "fc2": "_expand_conv"}
SHORTCUT = {"0": "_0_conv", "1": "_0_bn"}


def torchvision(net: Any) -> Rules:
    """torchvision counts blocks from 0, and calls the convolutions of a block a, b and c."""

    def block(m: Any) -> str:
        part = SHORTCUT[m[5]] if m[3] == "proj" else PARTS[m[4]] + KINDS[m[5]]
        return f"stage{m[1]}_block{int(m[2]) + 1}{part}"

    return [
        (r"^stem\.0$", "stem_conv"),
        (r"^stem\.1$", "stem_bn"),
        (r"^trunk_output\.block(\d)\.block\d-(\d+)\.(f|proj)(?:\.(a|b|c|se))?\.(0|1|fc1|fc2)$", block),
        (r"^fc$", "predictions"),
    ]


def timm(net: Any) -> Rules:
    def block(m: Any) -> str:
        parts = {"downsample": "_0", "conv1": "_1", "conv2": "_2", "conv3": "_3", "se": "_se"}
        kinds = {"conv": "_conv", "bn": "_bn"} | KINDS
        return f"stage{m[1]}_block{m[2]}{parts[m[3]]}{kinds[m[4]]}"

    return [
        (r"^stem\.(conv|bn)$", r"stem_\1"),
        (r"^s(\d)\.b(\d+)\.(downsample|conv\d|se)\.(conv|bn|fc1|fc2)$", block),
        (r"^head\.fc$", "predictions"),
    ]


NAMES = Names(PEERS, {"torchvision": torchvision, "timm": timm}, columns={"torchvision": {}, "timm": {}})
