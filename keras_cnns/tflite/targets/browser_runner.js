// Runs a .tflite file in LiteRT.js on arrays; driven by browser.py.
import {loadLiteRt, loadAndCompile, Tensor} from '@litertjs/core';

const ARRAYS = {float32: Float32Array, int32: Int32Array, uint8: Uint8Array};

/** The bytes of an array as base64. */
async function base64(array) {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  const url = await new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(new Blob([bytes]));
  });
  return url.slice(url.indexOf(',') + 1);
}

/** The file's outputs: name -> {type, shape, steps: [base64]}, and the milliseconds of each step. */
async function run(job) {
  await loadLiteRt('/@litertjs/core/wasm/');
  const bytes = new Uint8Array(await (await fetch('/model.tflite')).arrayBuffer());
  const model = await loadAndCompile(bytes, {accelerator: 'wasm'});
  const inputs = await Promise.all(job.inputs.map(async (input, place) => ({
    ...input, values: new ARRAYS[input.type](await (await fetch(`/input${place}.bin`)).arrayBuffer()),
  })));
  const outputs = {}, milliseconds = [];
  for (let step = 0; step < job.steps; step++) {
    const tensors = {};
    for (const {name, shape, values} of inputs) {
      const size = values.length / job.steps;
      tensors[name] = new Tensor(values.slice(size * step, size * (step + 1)), shape);
    }
    const start = performance.now();
    const results = await model.run(tensors);
    milliseconds.push(performance.now() - start);
    for (const [name, tensor] of Object.entries(results)) {
      outputs[name] ??= {type: tensor.type.dtype, shape: [...tensor.type.layout.dimensions], steps: []};
      outputs[name].steps.push(await base64(tensor.toTypedArray()));
      tensor.delete();
    }
    for (const tensor of Object.values(tensors)) tensor.delete();
  }
  return {outputs, milliseconds};
}

globalThis.runFile = run;
