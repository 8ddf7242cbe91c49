"""Networks of torchvision, timm and transformers with random weights, also with a torch built for the CPU alone."""

import sys

import numpy as np
import pytest

from tests.weights.statistics import near

torch = pytest.importorskip("torch")


def _import_torchvision():
    """torchvision's wheel from PyPI has a compiled part for CUDA's torch, and without it stops at the import.

    What stops it are descriptions of operators that this part would have brought; the networks use none of them.
    """
    import torch.library as library

    describe = library.register_fake

    def describe_what_exists(name, *args, **kwargs):
        if str(name).startswith("torchvision::"):
            return lambda function: function
        return describe(name, *args, **kwargs)

    library.register_fake = describe_what_exists
    try:
        own = library.Library("torchvision", "FRAGMENT")
        own.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    except RuntimeError:  # the compiled part is there
        own = None
    try:
        return pytest.importorskip("torchvision"), own
    finally:
        library.register_fake = describe


torchvision, _LIBRARY = _import_torchvision()
timm = pytest.importorskip("timm")


def create(origin, name, **options):
    """The network called `name` in "torchvision" or "timm", in evaluation mode."""
    if origin == "timm":
        return timm.create_model(name, pretrained=False, **options).eval()
    if name in ("googlenet", "inception_v3"):
        options["init_weights"] = False
    if name.startswith(("fcn", "deeplabv3", "lraspp", "fasterrcnn", "ssd", "retinanet")):
        options["weights_backbone"] = None
    network = torchvision.models.get_model(name, weights=None, **options).eval()
    if name.startswith(("fasterrcnn", "retinanet")):  # what torchvision does for the weights it publishes
        torchvision.models.detection._utils.overwrite_eps(network, 0.0)
        for norm in _norms(network):
            norm.eps = 1e-12  # torch refuses none where statistics are taken
    return network


def randomize(network, images, seed=0):
    """Kernels as a trained net has them; gains and offsets away from 1 and 0; statistics near those of `images`."""
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            shape, variable = tuple(value.shape), name.rsplit(".", 1)[-1]
            if variable == "num_batches_tracked":
                continue
            if variable == "running_var" or (variable == "weight" and len(shape) == 1):
                new = rng.uniform(0.5, 1.5, shape)
            elif len(shape) < 2:
                new = rng.normal(0, 0.2, shape)
            else:
                new = rng.normal(0, (2 / np.prod(shape[1:])) ** 0.5, shape)
            value.copy_(torch.from_numpy(np.asarray(new, "float32")))
        if type(network).__name__ == "RetinaNet":  # scores that are not all 1, deltas whose exponential is no overflow
            network.head.classification_head.cls_logits.weight.mul_(0.05)
            network.head.regression_head.bbox_reg.weight.mul_(0.05)
        norms = _norms(network)
        momenta = [norm.momentum for norm in norms]
        for norm in norms:  # these alone: dropout and dropped blocks would leave statistics of another network
            norm.momentum = 1.0
            norm.train()
        getattr(network, "backbone", network)(_channels_first(images))
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
            mean, variance = near(norm.running_mean.numpy(), norm.running_var.numpy(), rng)
            norm.running_mean.copy_(torch.from_numpy(mean))
            norm.running_var.copy_(torch.from_numpy(variance))
    return network.eval()


def save(network, origin, folder):
    """The network's weights in the file its library publishes: torchvision .pth, timm .safetensors."""
    if origin == "timm":
        from safetensors.torch import save_file

        path = folder / "model.safetensors"
        save_file({k: v.contiguous() for k, v in network.state_dict().items()}, path)
    else:
        path = folder / "model.pth"
        torch.save(network.state_dict(), path)
    return path


def saved_by_transformers(kind, options, images, folder):
    """Saves a classifier of transformers with random weights into `folder`; returns its logits of `images`.

    kind: the start of its classes' names, such as "ResNet". options: of its configuration.
    """
    library = pytest.importorskip("transformers")
    config = getattr(library, f"{kind}Config")(num_labels=5, **options)
    model = getattr(library, f"{kind}ForImageClassification")(config)

    class Logits(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, x):
            return self.model(x).logits

    network = randomize(Logits(), images)
    model.save_pretrained(folder)
    return logits(network, images)


def logits(network, images, boxes=None):
    """Of pictures [batch, height, width, channels]; of a detector a list: see `parity.logits`."""
    with torch.no_grad():
        if hasattr(network, "roi_heads"):
            return _parts(network, _channels_first(images), torch.from_numpy(boxes))
        if hasattr(network, "anchor_generator"):
            return _one_stage(network, _channels_first(images))
        answer = network(_channels_first(images))
        return answer["out"].permute(0, 2, 3, 1).numpy() if isinstance(answer, dict) else answer.numpy()


def _parts(network, images, boxes):
    """What the two parts say, the pictures padded as torchvision's batches are, and taken as they are otherwise."""
    size = [-(-n // 32) * 32 for n in images.shape[2:]]
    padded = torch.nn.functional.pad(images, (0, size[1] - images.shape[3], 0, size[0] - images.shape[2]))
    levels = network.backbone(padded)
    objectness, deltas = network.rpn.head(list(levels.values()))
    from torchvision.ops import poolers, roi_align

    python = sys.modules[roi_align.__module__]._roi_align.__wrapped__  # not compiled, which may not be there

    def align(x, rois, output_size, spatial_scale, sampling_ratio):
        return python(x, rois, spatial_scale, *output_size, sampling_ratio, False)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(poolers, "roi_align", align)
        pooled = network.roi_heads.box_roi_pool(levels, list(boxes), [tuple(images.shape[2:])] * len(boxes))
    scores, refined = network.roi_heads.box_predictor(network.roi_heads.box_head(pooled))
    maps = [x.permute(0, 2, 3, 1) for x in (*objectness, *deltas)]
    heads = [x.reshape(len(boxes), boxes.shape[1], -1) for x in (scores, refined[:, 4:])]
    return [x.numpy() for x in (*maps, *heads)]


def _one_stage(network, images):
    """Logits and deltas of every anchor, and the boxes and scores of the detections, zeros where there are fewer."""
    from torchvision.models.detection.image_list import ImageList
    from torchvision.ops import boxes as box_ops

    sizes, retinanet = [tuple(images.shape[2:])] * len(images), type(network).__name__ == "RetinaNet"
    if retinanet:  # torchvision pads its batches so
        images = torch.nn.functional.pad(images, (0, -images.shape[3] % 32, 0, -images.shape[2] % 32))
    maps = list(network.backbone(images).values())
    outputs = network.head(maps)
    anchors = network.anchor_generator(ImageList(images, sizes), maps)
    raw = [outputs[name].numpy() for name in ("cls_logits", "bbox_regression")]
    if retinanet:
        counts = [9 * x.shape[2] * x.shape[3] for x in maps]
        outputs = {name: list(x.split(counts, 1)) for name, x in outputs.items()}
        anchors = [list(x.split(counts)) for x in anchors]
    with pytest.MonkeyPatch.context() as patch:  # the compiled suppression may not be there
        patch.setattr(box_ops, "batched_nms", _batched_nms)
        objects = network.postprocess_detections(outputs, anchors, sizes)
    found = [np.zeros((len(sizes), network.detections_per_img, *rest), "float32") for rest in ((4,), ())]
    for number, own in enumerate(objects):
        for array, name in zip(found, ("boxes", "scores"), strict=True):
            array[number, : len(own["scores"])] = own[name].numpy()
    return [*raw, np.sort(found[0], 1), found[1]]  # each coordinate sorted: two equal scores may change places


def _batched_nms(boxes, scores, labels, threshold):
    """Greedy suppression of each class by itself, in plain torch."""
    kept = []
    for label in labels.unique():
        own = torch.nonzero(labels == label)[:, 0]
        own = own[torch.argsort(scores[own], descending=True, stable=True)]
        overlapping = (torchvision.ops.box_iou(boxes[own], boxes[own]) > threshold).numpy()
        alive = np.ones(len(own), bool)
        for rank in range(len(own)):
            if alive[rank]:
                alive[rank + 1 :] &= ~overlapping[rank, rank + 1 :]
        kept.append(own[torch.from_numpy(alive)])
    everything = torch.cat(kept)
    return everything[torch.argsort(scores[everything], descending=True, stable=True)]


def _norms(network):
    return [m for m in network.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]


def _channels_first(images):
    return torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
