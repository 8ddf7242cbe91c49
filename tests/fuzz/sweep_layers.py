"""Every layer of Keras with arguments it may be given: what tests/fuzz/sweep.py draws its small nets from."""

from dataclasses import dataclass, field

import keras
from hypothesis import strategies as st
from keras import layers

VECTOR, ROW, PICTURE, CUBE, FILM, WORDS = (8,), (12, 4), (12, 12, 4), (6, 6, 6, 2), (3, 8, 8, 2), (8,)

# No layers for a small net: what others are built from, other names of the same, or what holds another framework's net.
LEFT_OUT = {
    "Layer": "an abstract base",
    "Wrapper": "an abstract base",
    "InputLayer": "every net begins with one",
    "GRUCell": "within RNN",
    "LSTMCell": "within RNN",
    "SimpleRNNCell": "within RNN",
    "StackedRNNCells": "within RNN",
    "Pipeline": "takes other layers",
    "FlaxLayer": "another framework's",
    "JaxLayer": "another framework's",
    "TorchModuleWrapper": "another framework's",
    "TFSMLayer": "a saved program",
    "MaxNumBoundingBoxes": "takes boxes",
    "StringLookup": "takes strings",
    "TextVectorization": "takes strings",
    "HashedCrossing": "takes strings or two numbers",
}


@dataclass(frozen=True)
class Case:
    """A layer: the shapes of what it takes, its arguments (name -> strategy or choices), and how it is called.

    call(arguments, inputs): the result; by default the layer made and applied. integers: of the inputs, up to so many.
    """

    group: str
    shapes: tuple = (PICTURE,)
    arguments: dict = field(default_factory=dict)
    call: object = None
    integers: int = 0

    def drawn(self):
        """A strategy of arguments."""
        return st.fixed_dictionaries(
            {k: v if isinstance(v, st.SearchStrategy) else st.sampled_from(v) for k, v in self.arguments.items()}
        )


BOOL = [False, True]
ACTIVATIONS = "linear relu relu6 silu gelu tanh sigmoid elu selu hard_silu hard_sigmoid leaky_relu softplus softsign"
ACTIVATIONS = [*ACTIVATIONS.split(), "mish", "exponential", "log_sigmoid", "softmax", "celu", "hard_tanh", "squareplus"]
CONV = {"filters": [1, 4, 6], "kernel_size": [1, 2, 3], "strides": [1, 2], "padding": ["valid", "same"]}
CONV |= {"dilation_rate": [1, 2], "use_bias": BOOL, "activation": ACTIVATIONS}
DEPTH = {k: v for k, v in CONV.items() if k != "filters"} | {"depth_multiplier": [1, 2, 3]}
TRANSPOSED = {**CONV, "dilation_rate": [1]}
POOL = {"pool_size": [1, 2, 3], "strides": [None, 1, 2], "padding": ["valid", "same"]}
UNITS = {"units": [3, 4], "return_sequences": BOOL, "go_backwards": BOOL, "unroll": BOOL, "use_bias": BOOL}
RANDOM_HALF = {"factor": [0.0, 0.3, (0.1, 0.4)]}


def several(cls, count):
    return lambda arguments, xs: cls(**arguments)(list(xs))


def attention(arguments, xs):
    query, value = xs
    return layers.MultiHeadAttention(**arguments)(query, value)


def grouped_attention(arguments, xs):
    query, value = xs
    return layers.GroupQueryAttention(**arguments)(query, value)


def wrapped(make):
    return lambda arguments, xs: make(arguments)(xs[0])


def bidirectional(arguments):
    inner = {k: v for k, v in arguments.items() if k in ("units", "return_sequences", "unroll")}
    kind = getattr(layers, arguments["kind"])
    return layers.Bidirectional(kind(**inner), merge_mode=arguments["merge_mode"])


def stacked(arguments):
    cells = [getattr(layers, f"{kind}Cell")(3) for kind in arguments["cells"]]
    return layers.RNN(cells if len(cells) > 1 else cells[0], unroll=arguments["unroll"])


def normalization(arguments):
    return layers.Normalization(axis=-1, mean=[0.1, 0.2, 0.3, 0.4], variance=[1.0, 2.0, 0.5, 1.5], **arguments)


CASES = {
    # convolutions and dense layers
    "Conv1D": Case("convolution", (ROW,), {**CONV, "padding": ["valid", "same", "causal"], "groups": [1, 2]}),
    "Conv2D": Case("convolution", (PICTURE,), {**CONV, "kernel_size": [1, 3, (3, 1), (2, 5)], "groups": [1, 2]}),
    "Conv3D": Case("convolution", (CUBE,), CONV),
    "DepthwiseConv1D": Case("convolution", (ROW,), DEPTH),
    "DepthwiseConv2D": Case("convolution", (PICTURE,), DEPTH),
    "SeparableConv1D": Case("convolution", (ROW,), {**CONV, "depth_multiplier": [1, 2]}),
    "SeparableConv2D": Case("convolution", (PICTURE,), {**CONV, "depth_multiplier": [1, 2]}),
    "Conv1DTranspose": Case("convolution", (ROW,), TRANSPOSED),
    "Conv2DTranspose": Case("convolution", (PICTURE,), {**TRANSPOSED, "output_padding": [None, 0, 1]}),
    "Conv3DTranspose": Case("convolution", (CUBE,), TRANSPOSED),
    "Dense": Case("dense", (PICTURE,), {"units": [1, 5], "use_bias": BOOL, "activation": ACTIVATIONS}),
    "EinsumDense": Case(
        "dense",
        (ROW,),
        {"equation": ["abc,cd->abd", "...c,cd->...d"], "output_shape": [(12, 5)], "bias_axes": [None, "d"]},
    ),
    "Embedding": Case("dense", (WORDS,), {"input_dim": [20], "output_dim": [3], "mask_zero": BOOL}, integers=20),
    "ReversibleEmbedding": Case("dense", (WORDS,), {"input_dim": [20], "output_dim": [3]}, integers=20),
    "SpectralNormalization": Case(
        "normalization",
        (PICTURE,),
        {"power_iterations": [1, 2]},
        wrapped(lambda a: layers.SpectralNormalization(layers.Conv2D(4, 3), **a)),
    ),
    # normalizations
    "BatchNormalization": Case(
        "normalization", (PICTURE,), {"axis": [-1, 1, 3], "center": BOOL, "scale": BOOL, "epsilon": [1e-3, 0.1]}
    ),
    "LayerNormalization": Case(
        "normalization", (PICTURE,), {"axis": [-1, (1, 2), (1, 2, 3)], "center": BOOL, "scale": BOOL}
    ),
    "GroupNormalization": Case("normalization", (PICTURE,), {"groups": [1, 2, 4, -1], "center": BOOL, "scale": BOOL}),
    "UnitNormalization": Case("normalization", (PICTURE,), {"axis": [-1, (1, 2)]}),
    "RMSNormalization": Case("normalization", (PICTURE,), {"axis": [-1, 2], "epsilon": [1e-6, 0.1]}),
    # activations
    "Activation": Case("activation", (PICTURE,), {"activation": ACTIVATIONS}),
    "ReLU": Case(
        "activation", (PICTURE,), {"max_value": [None, 6.0, 1.0], "negative_slope": [0.0, 0.2], "threshold": [0.0, 0.5]}
    ),
    "LeakyReLU": Case("activation", (PICTURE,), {"negative_slope": [0.0, 0.1, 0.3]}),
    "PReLU": Case("activation", (PICTURE,), {"shared_axes": [None, (1, 2), (3,)]}),
    "ELU": Case("activation", (PICTURE,), {"alpha": [1.0, 0.5]}),
    "Softmax": Case("activation", (PICTURE,), {"axis": [-1, 1, (1, 2)]}),
    # pooling
    **{
        f"{kind}Pooling{d}D": Case("pooling", (shape,), POOL)
        for kind in ("Max", "Average")
        for d, shape in ((1, ROW), (2, PICTURE), (3, CUBE))
    },
    **{
        f"Global{kind}Pooling{d}D": Case("pooling", (shape,), {"keepdims": BOOL})
        for kind in ("Max", "Average")
        for d, shape in ((1, ROW), (2, PICTURE), (3, CUBE))
    },
    **{
        f"Adaptive{kind}Pooling{d}D": Case("pooling", (shape,), {"output_size": [1, 2, 3]})
        for kind in ("Max", "Average")
        for d, shape in ((1, ROW), (2, PICTURE), (3, CUBE))
    },
    # recurrent
    "SimpleRNN": Case("recurrent", (ROW,), {**UNITS, "activation": ["tanh", "relu"]}),
    "LSTM": Case("recurrent", (ROW,), {**UNITS, "unit_forget_bias": BOOL}),
    "GRU": Case("recurrent", (ROW,), {**UNITS, "reset_after": BOOL}),
    "Bidirectional": Case(
        "recurrent",
        (ROW,),
        {"kind": ["LSTM", "GRU", "SimpleRNN"], "units": [3], "return_sequences": BOOL, "unroll": [True, False]}
        | {"merge_mode": ["concat", "sum", "mul", "ave"]},
        wrapped(bidirectional),
    ),
    "RNN": Case(
        "recurrent",
        (ROW,),
        {"cells": [("LSTM",), ("GRU",), ("SimpleRNN",), ("LSTM", "GRU")], "unroll": BOOL},
        wrapped(stacked),
    ),
    "TimeDistributed": Case(
        "recurrent",
        (FILM,),
        {"kind": ["conv", "pool"]},
        wrapped(
            lambda a: layers.TimeDistributed(layers.Conv2D(3, 3) if a["kind"] == "conv" else layers.MaxPooling2D())
        ),
    ),
    "ConvLSTM1D": Case("recurrent", ((3, 8, 2),), {"filters": [2], "kernel_size": [1, 3], "return_sequences": BOOL}),
    "ConvLSTM2D": Case("recurrent", (FILM,), {"filters": [2], "kernel_size": [1, 3], "return_sequences": BOOL}),
    "ConvLSTM3D": Case("recurrent", ((2, 4, 4, 4, 2),), {"filters": [2], "kernel_size": [3], "padding": ["same"]}),
    # attention
    "MultiHeadAttention": Case(
        "attention",
        (ROW, ROW),
        {"num_heads": [1, 2], "key_dim": [3], "value_dim": [None, 2], "use_bias": BOOL, "output_shape": [None, 5]},
        attention,
    ),
    "GroupQueryAttention": Case(
        "attention",
        (ROW, ROW),
        {"head_dim": [3], "num_query_heads": [4], "num_key_value_heads": [1, 2], "use_bias": BOOL},
        grouped_attention,
    ),
    "Attention": Case(
        "attention", (ROW, ROW), {"use_scale": BOOL, "score_mode": ["dot", "concat"]}, several(layers.Attention, 2)
    ),
    "AdditiveAttention": Case("attention", (ROW, ROW), {"use_scale": BOOL}, several(layers.AdditiveAttention, 2)),
    # merging
    **{
        name: Case("merging", (PICTURE,) * count, {}, several(getattr(layers, name), count))
        for name, count in (
            ("Add", 3),
            ("Multiply", 2),
            ("Average", 3),
            ("Maximum", 2),
            ("Minimum", 3),
            ("Subtract", 2),
        )
    },
    "Concatenate": Case("merging", (PICTURE,) * 7, {"axis": [-1, 1, 2]}, several(layers.Concatenate, 7)),
    "Dot": Case("merging", (ROW, ROW), {"axes": [1, 2, (1, 1)], "normalize": BOOL}, several(layers.Dot, 2)),
    # reshaping
    "Flatten": Case("reshaping", (PICTURE,)),
    "Reshape": Case("reshaping", (PICTURE,), {"target_shape": [(144, 4), (-1, 8), (12, 4, 12)]}),
    "Permute": Case("reshaping", (PICTURE,), {"dims": [(2, 1, 3), (3, 1, 2)]}),
    "RepeatVector": Case("reshaping", (VECTOR,), {"n": [1, 3]}),
    "Cropping1D": Case("reshaping", (ROW,), {"cropping": [1, (0, 2)]}),
    "Cropping2D": Case("reshaping", (PICTURE,), {"cropping": [1, ((1, 0), (2, 3))]}),
    "Cropping3D": Case("reshaping", (CUBE,), {"cropping": [1, ((1, 0), (2, 1), (0, 1))]}),
    "ZeroPadding1D": Case("reshaping", (ROW,), {"padding": [1, (0, 2)]}),
    "ZeroPadding2D": Case("reshaping", (PICTURE,), {"padding": [1, ((1, 0), (2, 3))]}),
    "ZeroPadding3D": Case("reshaping", (CUBE,), {"padding": [1, ((1, 0), (2, 1), (0, 1))]}),
    "UpSampling1D": Case("reshaping", (ROW,), {"size": [2, 3]}),
    "UpSampling2D": Case(
        "reshaping", (PICTURE,), {"size": [2, (1, 3)], "interpolation": ["nearest", "bilinear", "bicubic", "lanczos3"]}
    ),
    "UpSampling3D": Case("reshaping", (CUBE,), {"size": [2, (1, 2, 1)]}),
    "Masking": Case("reshaping", (ROW,), {"mask_value": [0.0, 1.0]}),
    "Lambda": Case("reshaping", (PICTURE,), {}, wrapped(lambda a: layers.Lambda(lambda x: 2 * x))),
    # regularization: nothing happens outside training
    "Identity": Case("regularization"),
    "Dropout": Case("regularization", (PICTURE,), {"rate": [0.0, 0.5]}),
    "AlphaDropout": Case("regularization", (PICTURE,), {"rate": [0.5]}),
    "GaussianDropout": Case("regularization", (PICTURE,), {"rate": [0.5]}),
    "GaussianNoise": Case("regularization", (PICTURE,), {"stddev": [0.5]}),
    "ActivityRegularization": Case("regularization", (PICTURE,), {"l2": [0.1]}),
    **{
        f"SpatialDropout{d}D": Case("regularization", (shape,), {"rate": [0.5]})
        for d, shape in ((1, ROW), (2, PICTURE), (3, CUBE))
    },
    # preprocessing
    "Rescaling": Case(
        "preprocessing", (PICTURE,), {"scale": [2.0, 1 / 255, [1.0, 2.0, 3.0, 4.0]], "offset": [0.0, -1.0]}
    ),
    "Normalization": Case("preprocessing", (PICTURE,), {"invert": BOOL}, wrapped(normalization)),
    "CenterCrop": Case("preprocessing", (PICTURE,), {"height": [8, 12, 16], "width": [7]}),
    "Resizing": Case(
        "preprocessing",
        (PICTURE,),
        {"height": [6, 18], "width": [9], "interpolation": ["nearest", "bilinear", "bicubic", "area"]}
        | {"crop_to_aspect_ratio": BOOL},
    ),
    "Discretization": Case("preprocessing", (VECTOR,), {"bin_boundaries": [[-1.0, 0.0, 1.0]]}),
    "CategoryEncoding": Case(
        "preprocessing", (WORDS,), {"num_tokens": [20], "output_mode": ["multi_hot", "count", "one_hot"]}, integers=20
    ),
    "Hashing": Case("preprocessing", (WORDS,), {"num_bins": [5]}, integers=20),
    "IntegerLookup": Case("preprocessing", (WORDS,), {"vocabulary": [[1, 2, 3]]}, integers=20),
    "STFTSpectrogram": Case("preprocessing", ((64, 1),), {"frame_length": [16], "frame_step": [8]}),
    "MelSpectrogram": Case(
        "preprocessing",
        ((64,),),
        {"fft_length": [32], "sequence_stride": [16], "num_mel_bins": [8], "max_freq": [4000]},
    ),
    **{
        name: Case("preprocessing", ((12, 12, 3),), arguments)
        for name, arguments in {
            "AugMix": {"value_range": [(0.0, 1.0)]},
            "AutoContrast": {"value_range": [(0.0, 1.0)]},
            "ContrastLimitedAdaptiveHistogramEqualization": {"value_range": [(0.0, 1.0)]},
            "CutMix": {"factor": [1.0]},
            "Equalization": {"value_range": [(0.0, 1.0)]},
            "MixUp": {"alpha": [0.2]},
            "RandAugment": {"value_range": [(0.0, 1.0)]},
            "RandomBrightness": {**RANDOM_HALF, "value_range": [(0.0, 1.0)]},
            "RandomColorDegeneration": RANDOM_HALF,
            "RandomColorJitter": {"value_range": [(0.0, 1.0)], "brightness_factor": [0.2], "hue_factor": [0.1]},
            "RandomContrast": {"factor": [0.3], "value_range": [(0.0, 1.0)]},
            "RandomCrop": {"height": [8], "width": [9]},
            "RandomElasticTransform": {"factor": [1.0]},
            "RandomErasing": {"factor": [1.0]},
            "RandomFlip": {"mode": ["horizontal", "horizontal_and_vertical"]},
            "RandomGaussianBlur": {"factor": [1.0]},
            "RandomGrayscale": {"factor": [0.5]},
            "RandomHue": {"factor": [0.2]},
            "RandomInvert": {"factor": [0.5]},
            "RandomPerspective": {"factor": [0.5]},
            "RandomPosterization": {"factor": [4]},
            "RandomRotation": {"factor": [0.2]},
            "RandomSaturation": {"factor": [0.4]},
            "RandomSharpness": {"factor": [0.4]},
            "RandomShear": {"x_factor": [0.2]},
            "RandomTranslation": {"height_factor": [0.2], "width_factor": [0.2]},
            "RandomZoom": {"height_factor": [0.2]},
            "Solarization": {"addition_factor": [0.1]},
        }.items()
    },
}


def known():
    """Every layer class of the installed Keras by its first name, once."""
    names = {}
    for name in dir(layers):
        kind = getattr(layers, name)
        if isinstance(kind, type) and issubclass(kind, layers.Layer):
            names.setdefault(kind, kind.__name__ if hasattr(layers, kind.__name__) else name)
    return sorted(names.values())


def called(name, arguments, xs):
    """The layer called `name`, made of `arguments` and applied to the inputs."""
    case = CASES[name]
    if case.call is not None:
        return case.call(arguments, xs)
    return getattr(layers, name)(**arguments)(xs[0])


def net(name, arguments, form):
    """A small model with the layer in it. form: "functional", "sequential" (of one input), "nested".

    Raises:
      ValueError, TypeError ...: Keras itself does not make it.
    """
    case = CASES[name]
    dtype = "int32" if case.integers else "float32"
    inputs = [keras.Input(shape, dtype=dtype, name=f"given{i}") for i, shape in enumerate(case.shapes)]
    if form == "nested":
        inner = [keras.Input(shape, dtype=dtype) for shape in case.shapes]
        body = keras.Model(inner, called(name, arguments, inner), name="inner")
        x = body(inputs)
    else:
        xs = inputs if case.integers or form == "sequential" else [_before(x) for x in inputs]
        x = called(name, arguments, xs)
    x = keras.tree.flatten(x)[0]
    if "float" not in x.dtype:
        x = keras.ops.cast(x, "float32")
    if len(x.shape) > 2:
        x = layers.Flatten()(x)
    if form == "sequential" and len(inputs) == 1 and case.call is None and "float" in x.dtype:
        stack = [inputs[0], getattr(layers, name)(**arguments)]
        if not case.integers or name in ("Embedding", "ReversibleEmbedding"):
            return keras.Sequential([*stack, layers.Flatten(), layers.Dense(3, name="end")])
    return keras.Model(inputs if len(inputs) > 1 else inputs[0], layers.Dense(3, name="end")(x))


def _before(x):
    """A layer that may be fused with the one that follows; the size stays."""
    return layers.Dense(x.shape[-1], activation="relu")(x) if len(x.shape) != 4 else layers.Conv2D(x.shape[-1], 1)(x)
