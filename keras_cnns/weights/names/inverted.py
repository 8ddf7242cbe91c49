"""Names of the parts of inverted residual blocks in torchvision and timm, for the families that are made of them.

The blocks of a network are listed in order as (our name, expands, squeezes).
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

Block = tuple[str, bool, bool]
Rule = tuple[str, Any]

TIMM_ENDS = [
    (r"^conv_stem$", "stem_conv"),
    (r"^bn1$", "stem_bn"),
    (r"^conv_head$", "last_conv"),
    (r"^bn2$", "last_bn"),
    (r"^classifier$", "predictions"),
]


def stages(depths: Sequence[int], expand_ratios: Sequence[int], squeezes: bool, first: int = 1) -> list[Block]:
    """The blocks of a network whose blocks are called stage{n}_block{i} here."""
    return [
        (f"stage{stage}_block{i + 1}", t != 1, squeezes)
        for stage, (n, t) in enumerate(zip(depths, expand_ratios, strict=True), start=first)
        for i in range(n)
    ]


def counted(pattern: str, depths: Sequence[int], first: int = 0) -> Rule:
    """A rule that turns the numbers of a stage (from `first`) and of a block in it (from 0) into "#n." for block n."""

    def number(match: re.Match[str]) -> str:
        stage, i = int(match[1]) - first, int(match[2])
        if stage < 0 or i >= depths[stage]:
            raise IndexError(match[0])
        return f"#{sum(depths[:stage]) + i}."

    return (pattern, number)


def timm(blocks: Sequence[Block]) -> Rule:
    """A rule for "#n.conv_pw" and the like. A block that does not expand counts its layers differently."""

    def parts(expands: bool, squeezes: bool) -> dict[str, str]:
        ours = ("expand", "depthwise", "project") if expands else ("depthwise", "project")
        kernels = ("pw", "dw", "pwl") if expands else ("dw", "pw")
        table = {f"conv_{kernel}": f"{part}_conv" for kernel, part in zip(kernels, ours, strict=True)}
        table |= {f"bn{i}": f"{part}_bn" for i, part in enumerate(ours, start=1)}
        return table | {"se.conv_reduce": "se_reduce_conv", "se.conv_expand": "se_expand_conv"}

    return _parts(blocks, parts)


def torchvision(blocks: Sequence[Block]) -> Rule:
    """A rule for "#n.0.1", "#n.1.fc1" or, for the last two layers of MobileNetV2's blocks, "#n.2"."""

    def parts(expands: bool, squeezes: bool) -> dict[str, str]:
        ours = ["expand"] * expands + ["depthwise"] + ["se"] * squeezes + ["project"]
        table = {f"{i}.{j}": f"{part}_{kind}" for i, part in enumerate(ours) for j, kind in enumerate(("conv", "bn"))}
        table |= {f"{len(ours) - 2}.fc1": "se_reduce_conv", f"{len(ours) - 2}.fc2": "se_expand_conv"}
        return table | {f"{len(ours) - 1}": "project_conv", f"{len(ours)}": "project_bn"}

    return _parts(blocks, parts)


def torchvision_ends(last: int) -> list[Rule]:
    """Rules for torchvision's stem, its last convolution `features.{last}`, and its class scores."""
    return [
        (r"^features\.0\.0$", "stem_conv"),
        (r"^features\.0\.1$", "stem_bn"),
        (rf"^features\.{last}\.0$", "last_conv"),
        (rf"^features\.{last}\.1$", "last_bn"),
        (r"^classifier\.1$", "predictions"),
    ]


def _parts(blocks: Sequence[Block], parts: Callable[[bool, bool], dict[str, str]]) -> Rule:
    def replace(match: re.Match[str]) -> str:
        name, expands, squeezes = blocks[int(match[1])]
        return f"{name}_{parts(expands, squeezes)[match[2]]}"

    return (r"^#(\d+)\.(.+)$", replace)
