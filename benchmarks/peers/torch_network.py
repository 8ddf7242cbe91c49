"""A network in torch: `python torch_network.py torchvision|timm mobilenet_v2|resnet50_v1_5`."""

import sys

import numpy as np
import torch
from worker import serve

LIBRARY, NETWORK = sys.argv[1:]
SIDE, BATCH, CLASSES = 96, 8, 10
PICTURES = torch.tensor(np.random.default_rng(0).uniform(-1, 1, (BATCH, 3, SIDE, SIDE)).astype("float32"))
LABELS = torch.arange(BATCH) % CLASSES
torch.set_num_threads(1)


def build():
    torch.manual_seed(0)
    if LIBRARY == "timm":
        import timm

        names = {"mobilenet_v2": "mobilenetv2_100", "resnet50_v1_5": "resnet50"}
        return timm.create_model(names[NETWORK], num_classes=CLASSES)
    import torchvision

    names = {"mobilenet_v2": "mobilenet_v2", "resnet50_v1_5": "resnet50"}
    return torchvision.models.get_model(names[NETWORK], num_classes=CLASSES)


def forward():
    model = build().eval()

    def run():
        with torch.inference_mode():
            return model(PICTURES)

    return run


def step():
    model = build().train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def run():
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(PICTURES), LABELS).backward()
        optimizer.step()

    return run


serve(LIBRARY, torch.__version__, {"build": lambda: build, "forward": forward, "train step": step})
