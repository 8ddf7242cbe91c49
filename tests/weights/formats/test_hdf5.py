"""HDF5 files whose data is not in them, or is not as large as they declare: refused before anything is read."""

import io
import tracemalloc
import zipfile

import h5py
import keras
import numpy as np
import pytest

from keras_cnns.support.errors import UserError
from keras_cnns.weights import read


def add_layer(file):
    """A group for one layer, as Keras 3 writes it."""
    group = file.create_group("layers/dense/vars")
    group.attrs["name"] = "predictions"
    return group


def external_link(folder, group):
    with h5py.File(folder / "other.h5", "w") as other:
        other["secret"] = np.ones((2, 3), "float32")
    group["0"] = h5py.ExternalLink(str(folder / "other.h5"), "secret")


def soft_link(folder, group):
    group["0"] = h5py.SoftLink("/elsewhere")


def external_storage(folder, group):
    (folder / "other.bin").write_bytes(bytes(24))
    group.create_dataset("0", (2, 3), "float32", external=[(str(folder / "other.bin"), 0, 24)])


def virtual(folder, group):
    with h5py.File(folder / "other.h5", "w") as other:
        other["secret"] = np.ones((2, 3), "float32")
    layout = h5py.VirtualLayout((2, 3), "float32")
    layout[:] = h5py.VirtualSource(folder / "other.h5", "secret", (2, 3))
    group.create_virtual_dataset("0", layout)


def never_written(folder, group):
    group.create_dataset("0", (20_000, 20_000), "float32")


def never_written_chunks(folder, group):
    group.create_dataset("0", (20_000, 20_000), "float32", chunks=(100, 100), compression="gzip")


def texts(folder, group):
    group.create_dataset("0", data=["a", "b"])


def link_of_a_group(folder, group):
    with h5py.File(folder / "other.h5", "w") as other:
        other.create_group("vars")["0"] = np.ones(3)
    group.file["layers/dense_1"] = h5py.ExternalLink(str(folder / "other.h5"), "/")


CASES = {
    external_link: "is a link",
    soft_link: "is a link",
    link_of_a_group: "is a link",
    external_storage: "lies in another file",
    virtual: "lies in another file",
    never_written: "declares 1.49 GiB and stores 0",
    never_written_chunks: "declares 1.49 GiB and stores 0",
    texts: "strings or references",
}


@pytest.mark.parametrize("inside", ["x.weights.h5", "x.keras"])
@pytest.mark.parametrize("case", CASES)
def test_data_that_is_not_in_the_file(case, inside, tmp_path):
    with h5py.File(tmp_path / "x.weights.h5", "w") as file:
        case(tmp_path, add_layer(file))
    if inside == "x.keras":
        with zipfile.ZipFile(tmp_path / "x.keras", "w") as archive:
            archive.write(tmp_path / "x.weights.h5", "model.weights.h5")
    with pytest.raises(UserError, match=CASES[case]):
        read(tmp_path / inside)


def test_one_data_set_may_have_many_names(tmp_path):
    """Hard links stay inside a file; a group may have several names."""
    with h5py.File(tmp_path / "x.weights.h5", "w") as file:
        group = add_layer(file)
        group["0"] = np.ones((2, 3), "float32")
        group["1"] = group["0"]
    assert set(read(tmp_path / "x.weights.h5").arrays) == {"predictions/0", "predictions/1"}


def model():
    x = image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, name="conv")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, keras.layers.Dense(300, name="predictions")(x))


@pytest.mark.parametrize("file", ["x.keras", "x.weights.h5"])
def test_a_model_that_keras_quantized_is_named(file, tmp_path):
    quantized = model()
    quantized.quantize("int8")
    quantized.save(tmp_path / file) if file == "x.keras" else quantized.save_weights(tmp_path / file)
    with pytest.raises(UserError, match="was quantized by Keras .*predictions.*before `quantize`"):
        read(tmp_path / file)


def test_weights_that_keras_divided_into_several_files(tmp_path):
    saved = model()
    saved.save_weights(tmp_path / "x.weights.json", max_shard_size=5e-6)
    files = sorted(tmp_path.glob("*.weights.h5"))
    assert len(files) > 1
    for source in (tmp_path / "x.weights.json", tmp_path, files[1]):
        arrays = read(source).arrays
        assert len(arrays) == 4
        np.testing.assert_array_equal(arrays["conv/0"], saved.get_layer("conv").kernel)
    files[1].unlink()
    with pytest.raises(UserError, match=f"{files[1].name} is not beside it"):
        read(tmp_path / "x.weights.json")


def test_names_with_slashes(tmp_path):
    """Keras 2 allows them; its `.keras` files hold them in the description of the model."""
    with h5py.File(tmp_path / "x.weights.h5", "w") as file:
        group = add_layer(file)
        group.attrs["name"] = "expanded_conv/depthwise"
        group["0"] = np.ones((3, 3, 4, 1), "float32")
    assert list(read(tmp_path / "x.weights.h5").arrays) == ["expanded_conv_depthwise/0"]


def npz(path):
    np.savez(path, kernel=np.ones(3))


def exported_program(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/archive_format", "pt2")
        archive.writestr("x/models/model.json", "{}")


def pickle_of_arrays(path):
    path.write_bytes(b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x01a\x94K\x01s.")


@pytest.mark.parametrize(
    ("write", "name", "message"),
    [
        (npz, "x.npz", "is an archive of NumPy arrays"),
        (exported_program, "x.pt2", "is a program that torch.export wrote"),
        (pickle_of_arrays, "x.pkl", "is a pickle of Python objects"),
    ],
)
def test_files_of_other_kinds_are_named(write, name, message, tmp_path):
    write(tmp_path / name)
    with pytest.raises(UserError, match=message):
        read(tmp_path / name)


def test_a_checkpoint_of_tensorflow(tmp_path):
    for name in ("checkpoint", "x.ckpt.index", "x.ckpt.data-00000-of-00001"):
        (tmp_path / name).write_bytes(io.BytesIO(b"x" * 64).read())
    with pytest.raises(UserError, match="holds a checkpoint of TensorFlow"):
        read(tmp_path)
    with pytest.raises(UserError, match="TensorFlow checkpoint"):
        read(tmp_path / "x.ckpt.index")


def test_a_data_set_under_many_names_takes_its_memory_once(tmp_path):
    """In both layouts of Keras: 200 names of 4 MB would be 800 MB."""
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["layer_names"] = ["dense"]
        file.create_group("dense").attrs["weight_names"] = ["kernel"] * 200
        file["dense/kernel"] = np.ones((1000, 1000), "float32")
    with h5py.File(tmp_path / "new.weights.h5", "w") as file:
        group = add_layer(file)
        group["0"] = np.ones((1000, 1000), "float32")
        for number in range(1, 200):
            group[str(number)] = group["0"]
    for name in ("old.h5", "new.weights.h5"):
        tracemalloc.start()
        assert len(read(tmp_path / name).arrays) == 200
        assert tracemalloc.get_traced_memory()[1] < 20e6
        tracemalloc.stop()
