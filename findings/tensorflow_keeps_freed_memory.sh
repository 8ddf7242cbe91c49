#!/bin/sh
# TensorFlow on x86 keeps the memory of every tensor that a process has deleted: where oneDNN is on, which it is by default,
# tensors on the CPU come from MklCPUAllocator (tensorflow/core/common_runtime/mkl_cpu_allocator.h), a growing BFCAllocator that
# never returns memory to the system. Deleting tensors, collecting garbage and malloc_trim change nothing. A converter in the same
# process, whose memory is not TensorFlow's, pays for it. With TF_ONEDNN_USE_SYSTEM_ALLOCATOR=1, set before TensorFlow starts, the
# memory goes back.
#
# Makes and deletes a tensor of 400 MB, with and without the variable. Exits with 0 while the process is more than 300 MB larger
# afterwards without it, and less than 100 MB larger with it. For Linux on x86-64.
set -eu
[ "$(uname -m)" = x86_64 ] || { echo "Only for x86-64."; exit 0; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check "tensorflow==2.21.0" "keras==3.15.1"
cat >"$folder/memory.py" <<'PYTHON'
import gc
import os
import sys

import tensorflow as tf


def megabytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


tf.random.normal((1000,))
before = megabytes()
tensor = tf.random.normal((10_000, 10_000))
with_tensor = megabytes()
del tensor
gc.collect()
after = megabytes()
variable = "TF_ONEDNN_USE_SYSTEM_ALLOCATOR"
print(f"Python {sys.version.split()[0]}, TensorFlow {tf.__version__}, {variable}={os.environ.get(variable, '')}:", end=" ")
print(f"{with_tensor - before:.0f} MB more with the tensor, {after - before:.0f} MB more after it is deleted (expected: 0)")
kept = after - before > 300
sys.exit(0 if kept == (variable not in os.environ) and (kept or after - before < 100) else 1)
PYTHON
export TF_CPP_MIN_LOG_LEVEL=3
unset TF_ONEDNN_USE_SYSTEM_ALLOCATOR TF_ENABLE_ONEDNN_OPTS || true
"$folder/venv/bin/python" "$folder/memory.py" 2>/dev/null
TF_ONEDNN_USE_SYSTEM_ALLOCATOR=1 "$folder/venv/bin/python" "$folder/memory.py" 2>/dev/null
