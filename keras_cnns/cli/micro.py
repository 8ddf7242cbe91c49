"""The command `keras-cnns micro`: a `.tflite` file as sources for a microcontroller. It loads no TensorFlow."""

from dataclasses import asdict

from keras_cnns.support.console import Json, print_json, show, table_of


def micro(
    file: str,
    /,
    *,
    ram: str | None = None,
    flash: str | None = None,
    picture: str | None = None,
    out: str | None = None,
    as_json: Json = False,
) -> None:
    """Writes C++ sources that classify a picture with a .tflite file on a microcontroller (tflite-micro).

    Args:
        file: a .tflite file of a classifier, made by any tool; int8 with int8 input and output is best
        ram: memory for the arena, such as 256k; a file that needs more is refused
        flash: memory for the file, such as 1M; a larger file is refused
        picture: the picture that the program classifies; by default a colour gradient
        out: the folder for the sources; by default NAME_micro beside the file
    """
    from keras_cnns.export_scripts import microcontroller

    sources = microcontroller.write(file, out, ram=ram, flash=flash, picture=picture)
    if as_json:
        return print_json(asdict(sources))
    facts = table_of("", "")
    facts.show_header = False
    facts.add_row("model (flash)", f"{sources.model_bytes:,} bytes")
    facts.add_row("arena (RAM)", f"{sources.arena_bytes:,} bytes")
    facts.add_row("operators", ", ".join(sources.operators))
    facts.add_row("class of the picture", sources.label)
    show(facts)
    print(sources.folder)
