"""The catalog says of torchvision's and timm's weights what these libraries say themselves."""

import pytest

from keras_cnns.registry.registry import entry
from keras_cnns.weights.catalog import catalog

pytest.importorskip("torch")

from tests.weights.torch_peers import timm, torchvision

RENORMALIZES = {"googlenet_bn", "inception_v3"}  # pixels as the others', and inside the network 0.5, 0.5 again


def rows(source):
    return [pytest.param(name, row[source], id=name) for name, row in catalog().items() if source in row]


@pytest.mark.parametrize(("name", "row"), rows("torchvision"))
def test_torchvision(name, row):
    models = torchvision.models
    weights = {w.url: w for model in models.list_models(module=models) for w in models.get_model_weights(model)}
    if entry(name).task != "classification":
        weights |= {w.url: w for kind in (models.segmentation, models.detection) for w in _weights(kind)}
        assert row.address in weights and row.top1 is None
        return
    theirs = weights[row.address]
    view, accuracy = theirs.transforms(), theirs.meta["_metrics"]["ImageNet-1K"]
    assert (row.top1, row.top5) == (accuracy["acc@1"], accuracy["acc@5"])
    assert (row.size, row.interpolation) == (view.crop_size[0], view.interpolation.value)
    assert row.crop == pytest.approx(view.crop_size[0] / view.resize_size[0], abs=1e-3)
    if name in RENORMALIZES:
        assert row.mean == row.std == (0.5, 0.5, 0.5)
    else:
        assert (row.mean, row.std) == (tuple(view.mean), tuple(view.std))


def _weights(module):
    models = torchvision.models
    return [w for model in models.list_models(module=module) for w in models.get_model_weights(model)]


@pytest.mark.parametrize(("name", "row"), rows("timm"))
def test_timm(name, row):
    theirs = timm.models.get_pretrained_cfg(row.address.split("/timm/")[1].split("/")[0])
    trained = (theirs.input_size[-1], theirs.crop_pct)
    tested = ((theirs.test_input_size or theirs.input_size)[-1], theirs.test_crop_pct or theirs.crop_pct)
    assert (row.size, row.crop) in (trained, tested)
    assert (row.mean, row.std, row.interpolation) == (theirs.mean, theirs.std, theirs.interpolation)
    assert row.licence == theirs.license
