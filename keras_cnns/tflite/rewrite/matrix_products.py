"""Products of two computed matrices, written so that TensorFlow's converter keeps a ReLU behind them.

The converter turns a product of two computed matrices into BATCH_MATMUL, which has no fused activation. It then loses a
ReLU behind the product, even with a reshape in between (TensorFlow 2.21). With a third axis the ReLU stays an operator.
"""

import string
from typing import Any

from keras import ops

from keras_cnns.graph.kinds import EINSUM, MATRIX_PRODUCTS
from keras_cnns.graph.node import Node, new


def with_third_axis(node: Node, uses: object = None) -> Node | None:
    """a @ b becomes squeeze(a[None] @ b[None], 0) if a and b are computed matrices; None for every other node."""
    if not node.is_a(*MATRIX_PRODUCTS, EINSUM) or len(node.shape or ()) != 2 or node.kwargs:
        return None
    matrices = [argument for argument in node.args if isinstance(argument, Node) and len(argument.shape) == 2]
    if len(matrices) != 2 or len(node.args) != 2 or getattr(node.call, "axes", 1) != 1:
        return None
    first, second = (_expanded(matrix, node, side) for matrix, side in zip(matrices, ("left", "right"), strict=True))
    if node.is_a(EINSUM):
        equation = _with_batch(node.call.subscripts)
        if equation is None:
            return None
        product = new(ops.einsum, (equation, first, second), node, "batch", {})
    else:
        product = new(ops.matmul, (first, second), node, "batch", {})
    product.shape = (1, *node.shape)
    return new(ops.squeeze, (product, 0), node, "matrix", {})


def _expanded(matrix: Node, node: Node, side: str) -> Node:
    expanded = new(ops.expand_dims, (matrix, 0), node, side, {})
    expanded.shape = (1, *matrix.shape)
    return expanded


def _with_batch(equation: Any) -> str | None:
    """ "ij,jk->ik" as "aij,ajk->aik"; None for an equation that is not of two matrices written out."""
    inputs, arrow, output = str(equation).replace(" ", "").partition("->")
    letters = set(inputs) - {","}
    free = next((letter for letter in string.ascii_letters if letter not in letters), None)
    if not arrow or "." in inputs or inputs.count(",") != 1 or free is None:
        return None
    return f"{','.join(free + term for term in inputs.split(','))}->{free}{output}"
