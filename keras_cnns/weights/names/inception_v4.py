"""Other libraries' layer names in models/inception_v4.py's words."""

import re
from typing import Any

from keras_cnns.weights.names.table import Names, Rules

PEERS = {"timm": {"inception_v4": "inception_v4"}}


def timm(net: Any) -> Rules:
    """One list, numbered through; branches by number, and in branches with a pair also their convolutions."""
    modules, branches = list(net.table), {name: list(table) for name, table in net.table.items()}

    def place(m: re.Match[str]) -> str:
        number, rest = int(m[1]), m[2]
        if number < 3:
            return f"conv1_{number + 1}.{rest}"
        return f"mixed{modules[number - 3]}.{rest}"

    def branch(m: re.Match[str]) -> str:
        name = branches[m[1]][int(m[2])]
        convs = [step for step in net.table[m[1]][name] if step[0] not in ("max", "avg")]
        number = f"_{int(m[3]) + 1}" if m[3] and len(convs) > 1 else ""
        return f"mixed{m[1]}_{name}{number}{m[4]}."

    return [
        (r"^features\.(\d+)\.(.+)$", place),
        (r"^(mixed[35]a)\.conv\.", r"\1_3x3."),
        (r"^mixed(\w+)\.branch(\d)(?:[._](\d))?([ab]?)\.", branch),
        (r"\.(conv|bn)$", r"_\1"),
        (r"^last_linear$", "predictions"),
    ]


NAMES = Names(PEERS, {"timm": timm})
