"""The methods on networks small enough to work out by hand, on a planted object, and on models of every build."""

from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_cnns import UserError, build, insight
from keras_cnns.insight.maps.base import map_layer
from keras_cnns.insight.maps.inspected_model import InspectedModel
from keras_cnns.testing import pictures, randomize
from tests.models.test_faster_rcnn import small as small_detector

METHODS = {
    "grad_cam": insight.grad_cam,
    "grad_cam_plus_plus": insight.grad_cam_plus_plus,
    "saliency": insight.saliency,
    "guided_backprop": insight.guided_backprop,
    "guided_grad_cam": insight.guided_grad_cam,
    "integrated_gradients": partial(insight.integrated_gradients, steps=8),
    "occlusion": insight.occlusion,
}
CAMS = ["grad_cam", "grad_cam_plus_plus", "occlusion"]


def planted():
    """A classifier made by hand: class 0 answers to bright red, class 1 to bright green, and pictures of one object."""
    image = keras.Input((32, 32, 3))
    x = layers.Conv2D(2, 3, padding="same", activation="relu", name="colours")(image)
    x = layers.MaxPooling2D(2, name="pool")(x)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, layers.Dense(2, activation="softmax", name="scores")(x))
    kernel = np.zeros((3, 3, 3, 2), "float32")
    kernel[:, :, 0, 0] = kernel[:, :, 1, 1] = 1 / 9
    kernel[:, :, 1, 0] = kernel[:, :, 0, 1] = -1 / 9
    model.get_layer("colours").set_weights([kernel, np.full(2, -0.3, "float32")])
    model.get_layer("scores").set_weights([np.array([[9, -9], [-9, 9]], "float32"), np.zeros(2, "float32")])
    return model


def two_objects():
    """Red in the top left quarter, green in the bottom right one, grey around."""
    picture = np.full((1, 32, 32, 3), 0.2, "float32")
    picture[0, 3:12, 4:13, 0] = 1
    picture[0, 19:28, 20:29, 1] = 1
    return picture


def quadrant(first):
    """Shares of a map's positive part in the four quarters: top left, top right, bottom left, bottom right."""
    first = np.maximum(first, 0) if first.ndim == 2 else np.maximum(first, 0).sum(-1)
    h, w = first.shape[0] // 2, first.shape[1] // 2
    parts = [first[:h, :w], first[:h, w:], first[h:, :w], first[h:, w:]]
    return np.array([p.sum() for p in parts]) / first.sum()


@pytest.mark.parametrize("name", [name for name in METHODS if name != "saliency"])
def test_the_map_lies_on_the_object_that_is_asked_for(name):
    model, picture = planted(), two_objects()
    for index, quarter in ((0, 0), (1, 3)):
        shares = quadrant(METHODS[name](model, picture, index)[0])
        assert shares.argmax() == quarter and shares[quarter] > 0.8


def test_grad_cam_of_a_head_of_one_dense_layer_is_the_class_map():
    """Selvaraju et al., section 3.1: there the weights are the dense layer's, over the number of positions."""
    model = planted()
    picture = pictures(3, (32, 32, 3))
    heatmap = insight.grad_cam(model, picture, 1, layer="pool")
    maps = insight.feature_maps(model, picture, "pool")
    by_hand = np.maximum(maps @ np.array([-9, 9], "float32"), 0) / 256
    np.testing.assert_allclose(heatmap, tf.image.resize(by_hand[..., None], (32, 32))[..., 0], atol=1e-6)
    np.testing.assert_allclose(insight.cam(model, picture, 1).clip(0) / 256, heatmap, atol=0.02)


def test_the_mean_of_the_class_map_is_the_score():
    """Without the bias and before enlarging: Zhou et al., eq. 2."""
    model = planted()
    picture = pictures(2, (32, 32, 3))
    mean = np.mean(insight.cam(model, picture, (0, 1)), axis=(1, 2))
    np.testing.assert_allclose(mean, InspectedModel(model).scores(picture, insight.Class((0, 1))), rtol=0.1)


def test_weights_of_two_units_by_hand():
    """Maps A, B of 2x2; score = 3 * sum(A) + sum(B * positions): mean gradients 3 and 1.5."""
    image = keras.Input((2, 2, 2))
    positions = np.array([[0, 1], [2, 3]], "float32")
    kernel = np.stack([np.full((2, 2), 3, "float32"), positions], -1).reshape(8, 1)
    out = layers.Dense(1, use_bias=False)(layers.Flatten()(layers.Activation("linear", name="maps")(image)))
    model = keras.Model(image, out)
    model.layers[-1].set_weights([kernel])
    picture = np.array([[[1, 0], [0, 1]], [[-4, 1], [0, 0]]], "float32")[None]
    cam = insight.grad_cam(model, picture, 0, layer="maps")
    np.testing.assert_allclose(cam[0], [[3, 1.5], [0, 0]])  # 3 A + 1.5 B, and its negative part cut off
    # Grad-CAM++: alpha = g^2 / (2 g^2 + sum(A) g^3) = 1 / (2 + sum(A) g), at each position; weights sum(alpha g)
    total_a, total_b, g = -3, 2, positions
    weights = 4 * 3 / (2 + total_a * 3), (g / (2 + total_b * g)).sum()
    expected = np.maximum(picture[0] @ np.array(weights), 0)
    np.testing.assert_allclose(insight.grad_cam_plus_plus(model, picture, 0, layer="maps")[0], expected, rtol=1e-5)


def test_the_deconvnet_of_a_linear_network_is_the_transpose():
    image = keras.Input((9, 9, 2))
    x = layers.Conv2D(3, 3, strides=2, name="first", use_bias=True)(image)
    model = randomize(keras.Model(image, layers.Conv2D(4, 2, padding="same", name="second")(x)))
    picture = pictures(1, (9, 9, 2))
    unit = insight.Unit("second", 2, (1, 3))
    activation = insight.feature_maps(model, picture, "second")[0, 1, 3, 2]
    seed = np.zeros((1, 4, 4, 4), "float32")
    seed[0, 1, 3, 2] = activation
    first, second = (model.get_layer(name).kernel.numpy() for name in ("first", "second"))
    back = tf.nn.conv2d_transpose(seed, second, (1, 4, 4, 3), 1, "SAME")
    back = tf.nn.conv2d_transpose(back, first, (1, 9, 9, 2), 2, "VALID")
    np.testing.assert_allclose(insight.deconvnet(model, picture, unit), back, rtol=1e-4, atol=1e-6)


def test_the_deconvnet_rectifies_and_puts_back_at_the_switches():
    """Zeiler & Fergus, section 2.1, by hand: what comes back through a rectifier is its positive part, whether or not
    the rectifier was open; a pooling puts a value where its maximum was."""
    image = keras.Input((4, 4, 1))
    x = layers.ReLU(name="rectifier")(image)
    x = layers.MaxPooling2D(2, name="pool")(x)
    model = keras.Model(image, layers.Conv2D(1, 2, use_bias=False, name="unit")(x))
    model.layers[-1].set_weights([np.array([[1, -2], [3, 4]], "float32").reshape(2, 2, 1, 1)])
    picture = np.array([[0, 1, 5, 0], [0, 0, 0, 0], [-1, -2, 0, 0], [-3, -4, 0, 2]], "float32").reshape(1, 4, 4, 1)
    # pooled: 1 5 / 0 2; the unit: 1 - 10 + 0 + 8 = -1; its projection: kernel times -1, negative parts stopped
    expected = np.zeros((4, 4))
    expected[0, 2] = 2
    heatmap = insight.deconvnet(model, picture, insight.Unit("unit", 0))[0, ..., 0]
    np.testing.assert_allclose(heatmap, expected)
    picture[0, 3, 3, 0] = 4  # the unit: 7, so -2 * 7 is stopped, and the closed rectifier passes 3 * 7
    heatmap = insight.deconvnet(model, picture, insight.Unit("unit", 0))[0, ..., 0]
    assert (heatmap[0, 1], heatmap[0, 2], heatmap[3, 3]) == (7, 0, 28)
    assert heatmap[2:, :2].sum() == 21 and (heatmap[2:, :2] == 21).sum() == 1


def test_guided_backpropagation_stops_what_one_of_its_two_neighbours_passes():
    """y = relu(a x1) w1 + relu(x2) w2 ...: a gradient needs an open rectifier and must come back positive."""
    image = keras.Input((1, 1, 4))
    out = layers.Dense(1, use_bias=False)(layers.Flatten()(layers.ReLU()(image)))
    model = keras.Model(image, out)
    model.layers[-1].set_weights([np.array([[2], [-3], [5], [-7]], "float32")])
    picture = np.array([1, 1, -1, -1], "float32").reshape(1, 1, 1, 4)
    plain, guided = (insight.saliency(model, picture, 0), insight.guided_backprop(model, picture, 0))
    deconv = insight.deconvnet(model, picture, insight.Unit(model.layers[-1].name, 0))
    assert plain.ravel().tolist() == [2, -3, 0, 0]
    assert guided.ravel().tolist() == [2, 0, 0, 0]
    assert deconv.ravel().tolist() == [0, 3, 0, 7]  # the activation is -1: its sign goes back with it


@pytest.mark.parametrize("form", ["layer", "activation", "fused", "function", "relu6"])
def test_rectifiers_are_known_in_every_form(form):
    image = keras.Input((6, 6, 1))
    conv = layers.Conv2D(3, 3, activation="relu" if form == "fused" else None)(image)
    x = {
        "layer": lambda: layers.ReLU()(conv),
        "activation": lambda: layers.Activation("relu")(conv),
        "fused": lambda: conv,
        "function": lambda: keras.ops.relu(conv),
        "relu6": lambda: layers.Activation(keras.activations.relu6)(conv),
    }[form]()
    model = randomize(keras.Model(image, layers.Dense(2)(layers.Flatten()(x))))
    picture = pictures(4, (6, 6, 1)) - 0.5
    plain, guided = insight.saliency(model, picture, 1), insight.guided_backprop(model, picture, 1)
    with tf.GradientTape() as tape:
        tape.watch(x := tf.constant(picture))
        y = tf.reduce_sum(model(x)[:, 1])
    np.testing.assert_allclose(plain, tape.gradient(y, x), atol=1e-6)
    assert np.abs(plain - guided).max() > 1e-3
    conv_layer, dense = model.layers[1], model.layers[-1]
    value = insight.feature_maps(keras.Model(image, conv), picture, conv_layer.name)
    before = tf.nn.conv2d(picture, conv_layer.kernel, 1, "VALID") + conv_layer.bias if form == "fused" else value
    back = np.maximum(dense.kernel.numpy()[:, 1].reshape(1, 4, 4, 3), 0) * (np.asarray(before) > 0)
    by_hand = tf.nn.conv2d_transpose(tf.constant(back, tf.float32), conv_layer.kernel, picture.shape, 1, "VALID")
    np.testing.assert_allclose(guided, by_hand, atol=1e-5)
    assert conv_layer.activation is keras.activations.get("relu" if form == "fused" else None)


def test_integrated_gradients_add_up_to_the_difference():
    """Completeness, and the closed form of a linear model: kernel times difference."""
    model = randomize(build("lenet5", input_shape=(32, 32, 1)))
    picture = pictures(3, (32, 32, 1))
    shares = insight.integrated_gradients(model, picture, (1, 2, 3), steps=64, baseline=0.2)
    network, target = InspectedModel(model), insight.Class((1, 2, 3))
    difference = network.scores(picture, target) - network.scores(np.full_like(picture, 0.2), target)
    np.testing.assert_allclose(shares.sum((1, 2, 3)), difference, rtol=2e-2, atol=2e-3)
    linear = randomize(keras.Sequential([keras.Input((3, 3, 1)), layers.Flatten(), layers.Dense(2)]))
    picture = pictures(2, (3, 3, 1))
    expected = picture.reshape(2, -1) * linear.layers[-1].kernel.numpy()[:, 0]
    heatmap = insight.integrated_gradients(linear, picture, 0, steps=1)
    np.testing.assert_allclose(heatmap.reshape(2, -1), expected, rtol=1e-5)


def test_occlusion_of_a_linear_model_by_hand():
    """A score that is the sum of the pixels falls by what the patch covered."""
    model = keras.Sequential([keras.Input((6, 6, 1)), layers.Flatten(), layers.Dense(1, use_bias=False)])
    model.layers[-1].set_weights([np.ones((36, 1), "float32")])
    picture = pictures(1, (6, 6, 1))
    heatmap = insight.occlusion(model, picture, 0, patch=2, stride=2, value=0.25)
    fall = picture[0, ..., 0].reshape(3, 2, 3, 2).sum((1, 3)) - 1
    np.testing.assert_allclose(heatmap[0], fall.repeat(2, 0).repeat(2, 1), atol=1e-5)


def test_occlusion_covers_the_border_and_uses_batches(monkeypatch):
    model, sizes = planted(), []
    run = InspectedModel.run

    def counting(self, images, **kwargs):
        sizes.append(len(images))
        return run(self, images, **kwargs)

    monkeypatch.setattr(InspectedModel, "run", counting)
    heatmap = insight.occlusion(model, two_objects(), 0, patch=10, stride=7, batch=8)
    assert heatmap.shape == (1, 32, 32) and np.isfinite(heatmap).all()
    assert sizes == [1, 8, 8, 8, 1]  # the answer, the whole picture, and 25 covered ones


# ---- models of every build


def with_preprocessing():
    return randomize(build("lenet5", include_preprocessing=True)), pictures(2, (32, 32, 1), high=255)


def nested():
    base = keras.Sequential(
        [keras.Input((16, 16, 3)), layers.Conv2D(6, 3, activation="relu", name="conv"), layers.MaxPooling2D()],
        name="base",
    )
    head = [layers.GlobalAveragePooling2D(), layers.Dense(3, activation="softmax")]
    return randomize_nested(keras.Sequential([keras.Input((16, 16, 3)), base, *head])), pictures(2, (16, 16, 3))


def randomize_nested(model):
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(0, 0.5, w.shape).astype("float32") for w in model.get_weights()])
    return model


def transfer():
    """As people fine-tune: keras.applications' network inside one's own."""
    base = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(64, 64, 3), alpha=0.35)
    image = keras.Input((64, 64, 3))
    x = layers.GlobalAveragePooling2D()(base(keras.applications.mobilenet_v2.preprocess_input(image), training=False))
    return randomize_nested_gently(keras.Model(image, layers.Dense(2)(x))), pictures(2, (64, 64, 3), high=255)


def randomize_nested_gently(model):
    rng = np.random.default_rng(1)
    for v in model.weights:
        if v.path.endswith("kernel"):
            fan_in = np.prod(v.shape[:2]) if "depthwise" in v.path else np.prod(v.shape[:-1])
            v.assign(rng.normal(0, (2 / fan_in) ** 0.5, v.shape))
        elif v.path.endswith(("beta", "moving_mean")):
            v.assign(rng.normal(0, 0.2, v.shape))
    return model


def several_outputs():
    image = keras.Input((16, 16, 1))
    x = layers.Conv2D(4, 3, activation="relu")(image)
    pooled = layers.GlobalAveragePooling2D()(x)
    outputs = {"age": layers.Dense(1)(pooled), "kind": layers.Dense(3, activation="softmax")(pooled)}
    return randomize_nested(keras.Model(image, outputs)), pictures(2, (16, 16, 1))


def shared_layer():
    image, conv = keras.Input((16, 16, 2)), layers.Conv2D(2, 3, padding="same", activation="relu", name="conv")
    x = layers.GlobalMaxPooling2D()(conv(conv(image)))
    return randomize_nested(keras.Model(image, layers.Dense(2)(x))), pictures(2, (16, 16, 2))


def half_precision():
    stack = [layers.Conv2D(4, 3, activation="relu", dtype="mixed_float16"), layers.BatchNormalization()]
    stack += [layers.GlobalAveragePooling2D(dtype="mixed_float16"), layers.Dense(3, dtype="float32")]
    return randomize(keras.Sequential([keras.Input((12, 12, 3)), *stack])), pictures(2, (12, 12, 3))


def any_size():
    stack = [layers.Conv2D(4, 3, activation="relu"), layers.GlobalAveragePooling2D(), layers.Dense(3)]
    return randomize(keras.Sequential([keras.Input((None, None, 3)), *stack])), pictures(2, (20, 14, 3))


def grouped():
    return randomize(build("resnext50_32x4d", input_shape=(32, 32, 3), classes=4)), pictures(1, (32, 32, 3))


MODELS = [with_preprocessing, nested, transfer, several_outputs, shared_layer, half_precision, any_size, grouped]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("make", MODELS)
def test_every_method_works_on_models_of_every_build(make):
    model, images = make()
    target = insight.Class(1, "kind") if make is several_outputs else 1
    methods = METHODS if make is not grouped else {k: METHODS[k] for k in ("grad_cam", "guided_backprop")}
    before = model.predict(images, verbose=0)
    for name, method in methods.items():
        heatmap = method(model, images, target)
        assert heatmap.shape[:3] == images.shape[:3], name
        assert np.isfinite(heatmap).all() and heatmap.dtype == np.float32, name
        assert np.abs(heatmap).max() > 0 or name in (*CAMS, "guided_grad_cam"), name
    after = model.predict(images, verbose=0)
    keras.tree.map_structure(np.testing.assert_array_equal, before, after)


def test_a_nested_model_is_explained_like_a_flat_one():
    model, images = nested()
    flat = keras.Sequential([keras.Input((16, 16, 3)), *model.layers[0].layers, *model.layers[1:]])
    for name, method in METHODS.items():
        np.testing.assert_allclose(method(model, images, 2), method(flat, images, 2), atol=1e-5, err_msg=name)


def test_half_precision_is_explained_as_in_full():
    model, images = half_precision()
    full = keras.Sequential(
        [keras.Input((12, 12, 3)), layers.Conv2D(4, 3, activation="relu"), layers.BatchNormalization()]
        + [layers.GlobalAveragePooling2D(), layers.Dense(3)]
    )
    full.set_weights(model.get_weights())
    np.testing.assert_allclose(insight.saliency(model, images, 1), insight.saliency(full, images, 1), atol=1e-6)
    assert model.layers[0].compute_dtype == "float16"


def test_batches_and_single_pictures_give_the_same():
    model, images = with_preprocessing()
    images = pictures(5, (32, 32, 1), high=255)
    full = insight.grad_cam(model, images, (0, 1, 2, 3, 4), batch=2)
    for i, first in enumerate(images):
        np.testing.assert_allclose(insight.grad_cam(model, first, i)[0], full[i], atol=1e-5)
    np.testing.assert_allclose(insight.grad_cam(model, images[..., 0], (0, 1, 2, 3, 4)), full, atol=1e-5)


def test_without_a_target_the_models_answer_is_explained():
    model, images = with_preprocessing()
    answers = model.predict(images, verbose=0).argmax(1).tolist()
    for method in METHODS.values():
        np.testing.assert_allclose(method(model, images), method(model, images, answers), atol=1e-5)


def test_scores_are_those_before_the_softmax():
    image = keras.Input((8, 8, 1))
    logits = layers.Dense(3, name="logits")(layers.Flatten()(image))
    forms = [layers.Softmax()(logits), layers.Activation("softmax")(logits), keras.ops.softmax(logits), logits]
    forms += [layers.Reshape((3,))(layers.Softmax()(logits))]
    picture = pictures(2, (8, 8, 1))
    scores = [InspectedModel(keras.Model(image, out)).scores(picture, insight.Class(2)) for out in forms]
    for result in scores:
        np.testing.assert_allclose(result, scores[3], rtol=1e-6)


def test_a_softmax_that_is_used_further_stays():
    image = keras.Input((4, 4, 1))
    attention = layers.Softmax(name="attention")(layers.Dense(3)(layers.Flatten()(image)))
    model = randomize(keras.Model(image, [attention, layers.Dense(2)(attention)]))
    picture = pictures(1, (4, 4, 1))
    result = InspectedModel(model).run(picture)[0]
    np.testing.assert_allclose(result[1], model(picture)[1], rtol=1e-5)


# ---- targets


def test_boxes_masks_and_units_are_asked_for_like_classes():
    image = keras.Input((16, 16, 1))
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="conv")(image)
    masks = layers.Conv2D(3, 1, activation="softmax", name="masks")(x)
    boxes = layers.Reshape((8, 5))(layers.Dense(40)(layers.GlobalAveragePooling2D()(x)))
    model = randomize(keras.Model(image, {"boxes": boxes, "masks": masks}))
    images = pictures(2, (16, 16, 1))
    where = np.zeros((16, 16), bool)
    where[2:6, 2:6] = True
    asked = [insight.Box(3, 2, "boxes"), insight.Mask(1, where, "masks"), insight.Mask(1, None, "masks")]
    asked += [insight.Unit("conv", 2), insight.Unit("conv", 2, (4, 4)), lambda out: out["boxes"][:, 0, 0]]
    for target in asked:
        assert insight.saliency(model, images, target).shape == images.shape
        assert np.isfinite(insight.occlusion(model, images, target, patch=5)).all()
    inside = np.abs(insight.saliency(model, images, asked[1]))[0, ..., 0]
    assert inside[1:7, 1:7].sum() == pytest.approx(inside.sum())  # a 3x3 kernel sees one pixel beyond the mask
    assert insight.grad_cam(model, images, asked[0]).shape == (2, 16, 16)
    assert insight.grad_cam(model, images, asked[1]).shape == (2, 16, 16)


# those of single pixels, and of patches that reach over a border; the others weigh whole maps, at every place alike
POSITIONED = {"guided_backprop": 0.99, "integrated_gradients": 0.99, "occlusion": 0.8}


def colours(picture):
    """The first layers of `planted`: maps of red and of green."""
    return planted().get_layer("colours")(picture)


def three_objects():
    """Red above, on the left and on the right; green at the bottom on the right."""
    picture = two_objects()
    picture[0, 3:12, 20:29, 0] = 1
    return picture


@pytest.mark.parametrize("name", [*POSITIONED, "grad_cam", "grad_cam_plus_plus"])
def test_a_planted_detector_is_asked_for_one_of_its_boxes(name):
    """Four boxes, the quarters; a box's scores are how red and how green it is."""
    image = keras.Input((32, 32, 3))
    quarters = layers.AveragePooling2D(16)(colours(image))
    model = keras.Model(image, {"found": layers.Dense(2, use_bias=False)(layers.Reshape((4, 2))(quarters))})
    model.layers[-1].set_weights([np.array([[9, -9], [-9, 9]], "float32")])
    for number, index in ((0, 0), (1, 0), (3, 1)):
        options = {} if name in POSITIONED else {"layer": "colours"}
        shares = quadrant(METHODS[name](model, three_objects(), insight.Box(number, index, "found"), **options)[0])
        if name in POSITIONED:
            assert shares[number] > POSITIONED[name]
        else:
            assert shares[[0, 1] if index == 0 else [3]].sum() > 0.99


@pytest.mark.parametrize("name", [*POSITIONED, "grad_cam", "grad_cam_plus_plus"])
def test_a_planted_segmenter_is_asked_for_a_region(name):
    """Red pixels within the upper right quarter, of a network whose masks are its maps of colours."""
    image = keras.Input((32, 32, 3))
    masks = layers.Conv2D(2, 1, activation="softmax", use_bias=False)(colours(image))
    model, where = keras.Model(image, masks), np.zeros((32, 32), bool)
    model.layers[-1].set_weights([np.array([[9, -9], [-9, 9]], "float32").reshape(1, 1, 2, 2)])
    where[:16, 16:] = True
    shares = quadrant(METHODS[name](model, three_objects(), insight.Mask(0, where))[0])
    assert shares[1] > POSITIONED[name] if name in POSITIONED else shares[:2].sum() > 0.99
    shares = quadrant(METHODS[name](model, three_objects(), insight.Mask(1, where[::-1]))[0])
    assert shares[3] > POSITIONED.get(name, 0.99)


def by_hand(model, images, layer, score):
    """(score, its gradient by the picture, Grad-CAM) of a model that is called as it is, without a `InspectedModel`."""
    full_model = keras.Model(model.input, [model.get_layer(layer).output, model.output])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(images := tf.constant(images))
        maps, outputs = full_model(images, training=False)
        scores = score(outputs)
        total = tf.reduce_sum(scores)
    weights = tf.reduce_mean(tape.gradient(total, maps), axis=(1, 2), keepdims=True)
    cam = tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1, keepdims=True))
    return scores, tape.gradient(total, images), tf.image.resize(cam, images.shape[1:3])[..., 0]


def assert_alike(actual, expected):
    expected = np.asarray(expected)
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(actual, expected, atol=2e-4 * np.abs(expected).max())


def test_a_real_detector_is_asked_for_what_it_found():
    """Beside TensorFlow's gradients of the network as it is. The maps weighed are those that regions are pooled from,
    not the picture, which the last layer takes too."""
    model, images = small_detector(), pictures(2, (64, 96, 3), high=255)
    target = insight.Box(1, output="scores")
    pooled = model.get_layer("roi_pooling").input[0]._keras_history.operation
    assert InspectedModel(model).calls[map_layer(InspectedModel(model), target)].name == pooled.name
    scores, gradient, cam = by_hand(model, images, pooled.name, lambda outputs: outputs["scores"][:, 1])
    assert (np.asarray(scores) > 0).all()
    np.testing.assert_allclose(InspectedModel(model).scores(images, target), scores, rtol=1e-4)
    assert_alike(insight.saliency(model, images, target), gradient)
    assert_alike(insight.grad_cam(model, images, target), cam)
    covered = images[:1].copy()
    covered[:, 24:48, 48:72] = images[0].mean((0, 1))
    fall = insight.occlusion(model, images[:1], target, patch=24, stride=24)[0, 30, 60]
    assert fall == pytest.approx(float(scores[0] - model(covered, training=False)["scores"][0, 1]), abs=1e-4)
    with pytest.raises(UserError, match="no box 7: the model has 7, 0 to 6"):
        insight.grad_cam(model, images, insight.Box(7, output="scores"))


def test_a_real_segmenter_is_asked_for_a_region():
    """Beside TensorFlow's gradients of the mean score, before the softmax, of the region's pixels."""
    model = randomize(build("fcn8s", columns={"width": 0.35}, classes=5, input_shape=(64, 96, 3)))
    images, where = pictures(1, (64, 96, 3), high=255), np.zeros((64, 96), bool)
    where[8:24, 8:24] = True
    target = insight.Mask(2, where)
    bare = keras.Model(model.input, model.get_layer("predictions").input)
    name = InspectedModel(model).calls[map_layer(InspectedModel(model), target)].name
    _, gradient, cam = by_hand(bare, images, name, lambda outputs: tf.reduce_mean(outputs[:, 8:24, 8:24, 2], (1, 2)))
    assert_alike(insight.saliency(model, images, target), gradient)
    assert_alike(insight.grad_cam(model, images, target), cam)
    for method in (insight.grad_cam, insight.occlusion, insight.integrated_gradients):
        for asked in (2, None):  # also where the network's own answer comes first
            with pytest.raises(UserError, match="a class needs a vector"):
                method(model, images, asked)


def test_the_strongest_activations_and_what_they_see():
    model = planted()
    images = np.concatenate([two_objects() * 0.5, two_objects(), np.full((1, 32, 32, 3), 0.2, "float32")])
    best, second = insight.top_activations(model, images, "pool", 0, count=2)
    assert (best.picture, second.picture) == (1, 0) and best.value > second.value
    top, left, bottom, right = best.window
    assert bottom - top == right - left == 4  # a 3x3 kernel and a 2x2 pooling
    row, column = best.position
    assert (top, left) == (2 * row - 1, 2 * column - 1)
    assert 3 <= (top + bottom) / 2 <= 12


def test_the_projection_stays_in_the_receptive_field():
    model = randomize(build("lenet5"))
    images = pictures(3, (32, 32, 1))
    best = insight.top_activations(model, images, "C3_conv", 5, count=1)[0]
    unit = insight.Unit("C3_conv", 5, best.position)
    heatmap = insight.deconvnet(model, images[best.picture], unit)[0, ..., 0]
    top, left, bottom, right = best.window
    assert (
        np.abs(heatmap[top:bottom, left:right]).sum() == pytest.approx(np.abs(heatmap).sum())
        and np.abs(heatmap).sum() > 0
    )


def test_filters_are_the_first_kernels():
    model = build("lenet5")
    assert insight.filters(model).shape == (6, 5, 5, 1)
    np.testing.assert_array_equal(insight.filters(model)[3, ..., 0], model.get_layer("C1_conv").kernel[..., 0, 3])
    assert insight.filters(build("alexnet_v2", include_top=False)).shape == (64, 11, 11, 3)


def test_what_maximizes_a_colour_is_that_colour():
    heatmap = insight.maximize(planted(), insight.Unit("colours", 1), steps=80, low=0.0, high=1.0, shift=0)
    middle = heatmap[14:19, 14:19].mean((0, 1))
    assert heatmap.shape == (32, 32, 3) and heatmap.min() >= 0 and heatmap.max() <= 1
    assert middle[1] > middle[0] + 0.3
    network = InspectedModel(planted())
    grey = np.full((1, 32, 32, 3), 0.5, "float32")
    target = insight.Class(1)
    better = insight.maximize(planted(), 1, steps=80, low=0.0, high=1.0)
    assert network.scores(better[None], target)[0] > network.scores(grey, target)[0] + 0.3


def test_maximizing_a_grey_model():
    model = randomize(build("lenet5"))
    heatmap = insight.maximize(model, 3, steps=5, low=0.0, high=1.0)
    assert heatmap.shape == (32, 32, 1)
    network = InspectedModel(model)
    longer = insight.maximize(model, 3, steps=40, low=0.0, high=1.0)
    assert network.scores(longer[None], insight.Class(3))[0] > network.scores(heatmap[None], insight.Class(3))[0]


# ---- mistakes


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda m, x: insight.grad_cam(m, x, 0, layer="polo"), "no layer 'polo'. Did you mean pool"),
        (lambda m, x: insight.grad_cam(m, x, 0, layer="scores"), "not maps"),
        (lambda m, x: insight.grad_cam(m, x, 2), "no class 2: the model has 2, 0 to 1"),
        (lambda m, x: insight.grad_cam(m, x, -1), "no class -1"),
        (lambda m, x: insight.grad_cam(m, x, (0, 1)), "2 classes for 1 pictures"),
        (lambda m, x: insight.grad_cam(m, x, "cat"), "'cat': give a class number"),
        (lambda m, x: insight.grad_cam(m, x[:, :20], 0), "takes pictures of 32x32x3"),
        (lambda m, x: insight.grad_cam(m, x[..., :1], 0), "32x32x3"),
        (lambda m, x: insight.grad_cam(m, x * np.nan, 0), "not finite"),
        (lambda m, x: insight.grad_cam(m, x[:0], 0), "32x32x3"),
        (lambda m, x: insight.grad_cam(m, "a.png", 0), "array of numbers"),
        (lambda m, x: insight.occlusion(m, x, 0, patch=40), "patch of 40"),
        (lambda m, x: insight.occlusion(m, x, 0, patch=4, stride=5), "stride"),
        (lambda m, x: insight.deconvnet(m, x, insight.Unit("pool", 2)), "no channel 2"),
        (lambda m, x: insight.deconvnet(m, x, insight.Unit("pool", 0, (16, 0))), "no position"),
        (lambda m, x: insight.deconvnet(m, x, insight.Unit("pul", 0)), "no layer 'pul'"),
        (lambda m, x: insight.saliency(m, x, insight.Mask(0)), "a mask needs a map"),
        (lambda m, x: insight.saliency(m, x, insight.Box(0, 0)), "a box needs scores"),
        (
            lambda m, x: insight.grad_cam(m, x, insight.Unit("colours", 0), layer="pool"),
            "does not depend on layer 'pool'",
        ),
        (lambda m, x: insight.filters(m, "scores"), "not a convolution"),
        (lambda m, x: insight.feature_maps(m, x, "colors"), "Did you mean colours"),
        (lambda m, x: insight.maximize(m, 7), "no class 7"),
        (lambda m, x: insight.grad_cam("model", x), "not a Keras 3 model"),
    ],
)
def test_mistakes_end_in_one_line(call, says):
    with pytest.raises(UserError) as error:
        call(planted(), two_objects())
    assert says in str(error.value) and "\n" not in str(error.value)


def test_a_model_without_convolutions():
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(2)], name="dense")
    images = pictures(1, (8, 8, 1))
    for call in (
        lambda: insight.grad_cam(model, images),
        lambda: insight.filters(model),
        lambda: insight.cam(model, images),
    ):
        with pytest.raises(UserError, match="dense"):
            call()
    assert insight.saliency(model, images).shape == insight.occlusion(model, images)[..., None].shape


def test_deeper_kernels_are_no_pictures():
    with pytest.raises(UserError, match="maximize"):
        insight.filters(build("lenet5"), "C3_conv")


def test_two_pictures_at_once():
    a, b = keras.Input((4, 4, 1)), keras.Input((4, 4, 1))
    model = keras.Model([a, b], layers.Dense(1)(layers.Flatten()(layers.Add()([a, b]))), name="pair")
    with pytest.raises(UserError, match="pair has 2 inputs"):
        insight.saliency(model, pictures(1, (4, 4, 1)))
