"""The calls of a functional Keras model in the order of computation, nested models laid flat; it is only read."""

import keras
from keras import tree


def walk(graph, values, call, *, inside, taken, left=None, path=""):
    """Goes through the calls of `graph` and of the models nested in it; what stands for their results goes to `values`.

    Args:
      graph: the functional model.
      values: id of a Keras tensor -> what stands for it; those of the inputs are there.
      call: (node, args, kwargs, path) -> what stands for each result; in the arguments tensors are such values too.
      inside: a nested model -> the functional model that holds its graph; None: it is one call.
      taken: (nested graph, what it is called with) -> what stands for each of its inputs; see `in_order`.
      left: (path of a nested model, what stands for each of its results), called behind its calls.
      path: names of the models around it, each with a "/" behind.
    """
    depths = graph._nodes_by_depth
    for node in (node for depth in sorted(depths, reverse=True) for node in depths[depth]):
        operation = node.operation
        if operation is None or node.is_input or any(id(t) not in values for t in node.input_tensors):
            continue
        args, kwargs = tree.map_structure(
            lambda x: values[id(x)] if isinstance(x, keras.KerasTensor) else x,
            (node.arguments.args, node.arguments.kwargs),
        )
        kwargs.pop("training", None)  # what the whole model is called with has the last word in Keras 3
        inner = inside(operation) if isinstance(operation, keras.Model) else None
        if inner is None:
            found = call(node, args, kwargs, path)
        else:
            given = taken(inner, args[0] if args else kwargs["inputs"])
            bound = dict(zip(map(id, inner.inputs), given, strict=True))
            where = f"{path}{operation.name}"
            walk(inner, bound, call, inside=inside, taken=taken, left=left, path=f"{where}/")
            found = [bound[id(t)] for t in inner.outputs]
            if left:
                left(where, found)
        values.update(zip(map(id, node.outputs), found, strict=True))


def in_order(inner, given):
    """What a nested model is called with, in the order of its inputs, as Keras sorts it."""
    if isinstance(given, dict) and not isinstance(inner._inputs_struct, dict):
        return [given[tensor.name] for tensor in inner.inputs]
    if isinstance(given, dict):
        given = {key: given[key] for key in inner._inputs_struct}
    return tree.flatten(given)
