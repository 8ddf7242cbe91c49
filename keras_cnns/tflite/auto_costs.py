"""What "auto" minimizes: LiteRT's time, or what the tool of another target says of the file: milliseconds, or RAM."""

from dataclasses import dataclass

from keras_cnns.support.sizes import bytes_of
from keras_cnns.tflite.settings import Limits
from keras_cnns.tflite.targets.memory import Memory
from keras_cnns.tflite.targets.target import Placement
from keras_cnns.tflite.verify.report import Report


@dataclass(frozen=True)
class Costs:
    """How the files of one search are compared.

    Attributes:
      target: the target that was asked; "" for LiteRT.
      figure: "milliseconds" or "ram_bytes" of the target's `Placement`, or "latency_ratio" of a report.
      tolerance: files within this factor of the best are as good, and size decides.
    """

    target: str = ""
    figure: str = "latency_ratio"
    tolerance: float = 1.05  # no shared machine measures finer

    def of(self, report: Report) -> float:
        """The cost of a file; infinite where the target's tool did not say, or left operators out of its estimate."""
        if not self.target:
            return report.latency_ratio
        placement = placement_on(report, self.target)
        if placement is None or placement.outside:
            return float("inf")
        value = getattr(placement, self.figure)
        return float("inf") if value is None else float(value)

    @property
    def words(self) -> str:
        """How the cheapest file is called: "fastest", "fastest on ethos-u55-128", "smallest in RAM on tflite-micro"."""
        if not self.target:
            return "fastest"
        kind = "fastest" if self.figure == "milliseconds" else "smallest in RAM"
        return f"{kind} on {self.target}"


LITERT_COSTS = Costs()


def costs_of(reports: list[Report]) -> Costs:
    """The costs on the first chip whose tool states them, by time if it knows that; else LiteRT's time.

    A chip is a target that counts its flash.
    """
    for figure in ("milliseconds", "ram_bytes"):
        for result in (result for report in reports for result in report.targets):
            placement = result.placement
            if placement is not None and placement.flash_bytes is not None and getattr(placement, figure) is not None:
                return Costs(result.target, figure, tolerance=1.0)
    return LITERT_COSTS


def placement_on(report: Report, target: str) -> Placement | None:
    """The result of a target for a file; None if its tool gave none."""
    return next((result.placement for result in report.targets if result.target == target), None)


def target_excess(report: Report, limits: Limits) -> str:
    """Which limits of its targets a file exceeds, or that its targets were not asked; "" if it keeps them."""
    sentences: list[str] = []
    for result in report.targets if limits.of_target else ():
        placement = result.placement
        if placement is None:
            sentences += result.reasons or (f"{result.target} did not say what it needs",)
            continue
        flash = report.size_bytes if placement.flash_bytes is None else placement.flash_bytes
        memory = Memory(placement.ram_bytes, flash, measured=True)
        excess = list(memory.excess(bytes_of(limits.ram), bytes_of(limits.flash)))
        most, time = limits.max_milliseconds, placement.milliseconds
        if most is not None and time is None:
            excess.append("its tool estimates no time")
        elif most is not None and placement.outside:
            excess.append(f"no time is known of what stays on the CPU ({', '.join(placement.outside)})")
        elif most is not None and time is not None and time > most:
            excess.append(f"takes {time:.3g} ms, more than {most:g}")
        sentences += [f"on {result.target}: {' and '.join(excess)}"] if excess else []
    return "; ".join(sentences)
