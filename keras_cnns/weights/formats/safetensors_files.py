"""`.safetensors` files, checked and parsed by the library that defines them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, deserialize

from keras_cnns.support.errors import UnreadableFile, first_line
from keras_cnns.support.untrusted import open_regular

DTYPES: dict[str, np.dtype] = {
    **{"F64": np.dtype("<f8"), "F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": np.dtype("<u2")},
    **{"I64": np.dtype("<i8"), "I32": np.dtype("<i4"), "I16": np.dtype("<i2"), "I8": np.dtype("i1")},
    **{"U64": np.dtype("<u8"), "U32": np.dtype("<u4"), "U16": np.dtype("<u2"), "U8": np.dtype("u1")},
    "BOOL": np.dtype("?"),
}


def read(path: Path) -> dict[str, np.ndarray]:
    """{name: array} of a .safetensors file; bfloat16 becomes float32.

    Raises:
      UserError: the library refuses the file (bytes that no tensor uses or that two use, a name twice ...), or it holds
        values of a type that NumPy does not have.
    """
    with open_regular(path) as file:
        content = file.read()
    try:
        _check_names(content)
        tensors: list[tuple[str, Any]] = list(deserialize(content))
    except (SafetensorError, ValueError) as error:
        raise UnreadableFile(f"{path} is cut short or damaged: {first_line(error)}. Fetch it again.") from error
    state = {}
    for name, tensor in tensors:
        if tensor["dtype"] not in DTYPES:
            raise UnreadableFile(
                f"{path} holds values of {tensor['dtype']}, which cannot be read: save them as float32."
            )
        data: bytes = tensor["data"]
        value = np.frombuffer(data, DTYPES[tensor["dtype"]]).reshape(tensor["shape"])
        # bfloat16, which NumPy does not have, is the upper half of float32
        state[name] = (value.astype("<u4") << 16).view("<f4") if tensor["dtype"] == "BF16" else value
    return state


def _check_names(data: bytes) -> None:
    """Raises ValueError if the header has a name twice, which the library accepts where the rest is the same."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        if len(set(names)) < len(names):
            raise ValueError("the header has a name twice")
        return dict(pairs)

    json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")], object_pairs_hook=once)
