"""HDF5 files that other people wrote: every object is checked before anything is read.

Its data must lie in this file, and a declared size must not exceed what is stored. HDF5 also allows links to other
files, external storage and virtual data sets, and those would make the bytes of another file part of the weights.
"""

import h5py

from keras_cnns.support.archives import MAX_RATIO, RATIO_FROM
from keras_cnns.support.errors import UnreadableFile
from keras_cnns.support.untrusted import in_bytes

MAX_OBJECTS = 200_000  # groups and data sets; a network of a thousand layers has ten thousand


def check_hdf5(file: h5py.File, name: str) -> int:
    """The bytes of all data sets of an HDF5 file, which must lie in it, with sizes that it can hold.

    name: of the file, for messages.

    Raises:
      UnreadableFile: data lies in another file, is not numeric, or has a declared size far above what is stored.
    """
    total, stored, seen = 0, 0, set()
    groups = [("", file)]
    while groups:
        path, group = groups.pop()
        for key in group.id:  # bytes
            where = f"{path}/{key.decode('utf-8', 'backslashreplace')}"
            if group.id.links.get_info(key).type != h5py.h5l.TYPE_HARD:
                raise UnreadableFile(
                    f"{where} in {name} is a link, also to other files: only data in the file is read."
                )
            item = group[key]
            address = h5py.h5o.get_info(item.id).addr
            if address in seen:
                continue
            seen.add(address)
            if len(seen) > MAX_OBJECTS:
                raise UnreadableFile(f"{name} holds more than {MAX_OBJECTS} objects: this is not a file of weights.")
            if isinstance(item, h5py.Group):
                groups.append((where, item))
            elif isinstance(item, h5py.Dataset):
                total += _checked_size(item, where, name)
                stored += item.id.get_storage_size()
    if total > max(RATIO_FROM, MAX_RATIO * stored):
        raise UnreadableFile(
            f"{name} declares {in_bytes(total)} of weights and stores {in_bytes(stored)}: it is damaged."
        )
    return total


def _checked_size(data: h5py.Dataset, where: str, name: str) -> int:
    """The declared size of a data set in bytes. Raises UserError if it lies elsewhere or is not stored."""
    properties = data.id.get_create_plist()
    if data.is_virtual or properties.get_external_count():
        raise UnreadableFile(f"{where} in {name} lies in another file: only data in the file itself is read.")
    dtype = data.dtype
    if dtype.hasobject:
        raise UnreadableFile(f"the data set {where} in {name} holds strings or references: weights are numbers.")
    declared, stored = int(data.size or 0) * dtype.itemsize, data.id.get_storage_size()
    limit = max(RATIO_FROM, MAX_RATIO * stored) if properties.get_nfilters() else stored
    if declared > limit:
        raise UnreadableFile(
            f"{where} in {name} declares {in_bytes(declared)} and stores {in_bytes(stored)}: the file is damaged."
        )
    return declared
