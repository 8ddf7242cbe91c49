"""Pictures with labels of tensorflow-datasets, read from the files of a data set by their number."""

import os
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import numpy as np
import tensorflow as tf

from keras_cnns.data.sources import embedded, tfds_features
from keras_cnns.data.sources.sample import Sample
from keras_cnns.data.sources.source import Source
from keras_cnns.support.errors import BadArgument, UnreadableFile, first_line, nearest
from keras_cnns.support.messages import once

# The split that is used as "test" if the labels of the published test split are secret.
HELD_OUT = {"imagenet2012": "validation"}
WANTED = {"image": tf.io.FixedLenFeature([], tf.string), "label": tf.io.FixedLenFeature([], tf.int64)}


def open_tfds(
    name: str, split: str, *, data_dir: str | os.PathLike[str] | None = None, download: bool = False
) -> Source:
    """The `split` ("train", "test", or tensorflow-datasets' "train[:10%]") of the data set `name`.

    "test" of a data set without one is its validation split, or a fixed fifth of its only split.

    Raises:
      UserError: there is no such data set or split; it is not prepared on this machine and `download` is False; or its
        samples are not pictures with one label each.
    """
    import tensorflow_datasets as tfds

    builder, data_dir = found_builder(name, data_dir, download)
    features = builder.info.features
    if not _labelled_pictures(features, tfds):
        raise UnreadableFile(f"the data set {name!r} does not have pictures with one label each: give another.")
    if builder.info.splits:
        read, count = _from_files(builder, known_split(builder, name, split), tfds)
    else:
        read, count = _from_builder(
            builder, HELD_OUT.get(name, split) if split == "test" else split, name, data_dir, tfds
        )
    return Source(
        names=tuple(features["label"].names),
        count=count,
        read=read,
        where=lambda number: f"example {number} of {name} {split}",
        fingerprint=lambda: f"{builder.info.full_name} {split}",
        remedy="prepare the data set again, with this version of tensorflow-datasets",
    )


def found_builder(name: str, data_dir: str | os.PathLike[str] | None, download: bool) -> tuple[Any, str]:
    """(builder of the data set `name`, its data folder). The data set is prepared if that is possible."""
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()
    data_dir = os.path.expanduser(data_dir or tfds.core.constants.DATA_DIR)
    if name in embedded.SETS:
        try:
            embedded.prepare(name, data_dir)
        except OSError as error:
            raise UnreadableFile(
                f"cannot write {name} below {data_dir} ({error}): give another data folder."
            ) from error
    tfds_features.check(Path(data_dir), name)
    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except (tfds.core.registered.DatasetNotFoundError, ValueError) as error:
        known = [*embedded.SETS, *tfds.list_builders(with_community_datasets=False)]
        raise UnreadableFile(
            f"there is no data set {name!r}.{nearest(name, known)} For pictures of your own: folder:PATH."
        ) from error
    if download and not builder.info.splits:
        _download(builder, name)
    if not builder.info.splits:
        builder = _another_version(builder, tfds) or builder
    return builder, data_dir


def _another_version(builder: Any, tfds: ModuleType) -> Any:
    """The newest prepared version, with a warning, if the one that tensorflow-datasets knows is not prepared."""
    folders = [f.parent for f in Path(builder.data_dir).parent.glob("*/dataset_info.json")]
    versions = [f for f in folders if tfds.core.utils.Version.is_valid(f.name)]
    if not versions:
        return None
    newest = max(versions, key=lambda f: tfds.core.utils.Version(f.name))
    once(f"{builder.name} is prepared as version {newest.name}, not {builder.info.version}: that one is read.")
    return tfds.builder_from_directory(newest)


def _download(builder: Any, name: str) -> None:
    hosts = sorted({urlsplit(url).hostname or "" for url in builder.url_infos or ()} - {""})[:3]
    if hosts and not getproxies() and not any(map(_resolves, hosts)):  # the downloader would retry for minutes
        raise UnreadableFile(
            f"cannot download {name!r}: {', '.join(hosts)} cannot be reached. Is this machine on a network?"
        )
    try:
        builder.download_and_prepare()
    except Exception as error:  # the network, the disk and the data set's own code raise many kinds
        raise UnreadableFile(f"cannot download {name!r}: {first_line(error)}") from error


def _resolves(host: str) -> bool:
    try:
        return bool(socket.getaddrinfo(host, 443))
    except OSError:
        return False


def _labelled_pictures(features: Any, tfds: ModuleType) -> bool:
    if not isinstance(features, tfds.features.FeaturesDict) or not {"image", "label"} <= set(features.keys()):
        return False
    image, label = features["image"], features["label"]
    bytes_or_words = isinstance(image, tfds.features.Image) and image.np_dtype in (np.uint8, np.uint16)
    return bytes_or_words and isinstance(label, tfds.features.ClassLabel)


def known_split(builder: Any, name: str, split: str) -> str:
    splits = list(builder.info.splits)
    if split == "test":
        split = HELD_OUT.get(name, next((s for s in ("test", "validation") if s in splits), "train[:20%]"))
    elif split == "train" and not {"test", "validation"} & set(splits):
        split = "train[20%:]"
    if split.split("[")[0] not in splits:
        raise UnreadableFile(f"the data set {name!r} has no split {split!r}: it has {', '.join(splits)}.")
    return split


def _from_files(builder: Any, split: str, tfds: ModuleType) -> tuple[Callable[[tf.Tensor], Sample], int]:
    """Reads the files of tensorflow-datasets. Only the picture and the label of each example are parsed."""
    form = builder.info.file_format.value
    if form not in ("tfrecord", "array_record"):
        return _from_data_source(builder, split, tfds)
    if form == "tfrecord":
        record, count = records(builder.info.splits[split].file_instructions)
    else:
        raw = builder.as_data_source(split=split, deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES)
        record, count = (lambda number: raw[int(number)]), len(raw)

    def read(number: tf.Tensor) -> Sample:
        serialized = tf.ensure_shape(tf.numpy_function(record, [number], tf.string), [])
        example = tf.io.parse_single_example(serialized, WANTED)
        return Sample(example["image"], label=example["label"])

    return read, count


def records(instructions: Iterable[Any]) -> tuple[Callable[[int], bytes], int]:
    """(function from the number of a record to its bytes, number of records) of TFRecord files."""
    files: list[str] = []
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []  # number of the file, first byte, length
    for instruction in instructions:
        begin, length = _record_positions(instruction.filename)
        wanted = slice(instruction.skip, instruction.skip + instruction.take)
        parts.append((np.full(len(begin[wanted]), len(files)), begin[wanted], length[wanted]))
        files.append(os.fspath(instruction.filename))
    which, begins, lengths = (np.concatenate(columns) for columns in zip(*parts, strict=True))

    def record(number: int) -> bytes:
        with open(files[which[number]], "rb", buffering=0) as file:
            return os.pread(file.fileno(), int(lengths[number]), int(begins[number]))

    return record, len(which)


def _record_positions(path: str | os.PathLike[str]) -> tuple[np.ndarray, np.ndarray]:
    """(first byte, length) of the data of each record in a TFRecord file.

    A record is a length (8 bytes), its checksum (4), the data, their checksum (4).
    """
    begins, lengths, position, end = [], [], 0, os.path.getsize(path)
    with open(path, "rb") as file:
        while position < end:
            file.seek(position)
            length = int.from_bytes(file.read(8), "little")
            begins.append(position + 12)
            lengths.append(length)
            position += length + 16
    if position != end:
        raise UnreadableFile(f"{path} is cut short: remove the data set's folder and prepare it again.")
    return np.array(begins, np.int64), np.array(lengths, np.int64)


def _from_builder(
    builder: Any, split: str, name: str, data_dir: str, tfds: ModuleType
) -> tuple[Callable[[tf.Tensor], Sample], int]:
    """A data set without files, such as tensorflow-datasets' mock. Raises UserError if it is just not prepared."""
    try:
        return _from_data_source(builder, split, tfds)
    except Exception as error:
        raise BadArgument(
            f"the data set {name!r} is not below {data_dir}: prepare it with --download, or on a machine that has a "
            f"network with `python -m tensorflow_datasets build {name}`, and copy the folder here."
        ) from error


def _from_data_source(builder: Any, split: str, tfds: ModuleType) -> tuple[Callable[[tf.Tensor], Sample], int]:
    source = builder.as_data_source(split=split, decoders={"image": tfds.decode.SkipDecoding()})

    def example(number: np.integer) -> tuple[bytes, np.int64]:
        record = source[int(number)]
        return record["image"], np.int64(record["label"])

    def read(number: tf.Tensor) -> Sample:
        image, label = tf.numpy_function(example, [number], (tf.string, tf.int64))
        return Sample(tf.ensure_shape(image, []), label=tf.ensure_shape(label, []))

    return read, len(source)
