// The page: loads the network, takes a picture, shows what the network answers. What it has to know is in model.json.
import {loadLiteRt, loadAndCompile, Tensor} from '@litertjs/core';

import * as answers from './answers.js';
import {decode, prepared} from './pixels.js';

const TOP = 5, LEAST = 0.5; // classes that are shown; smallest score of a box that is shown
const SMALL = 200; // a picture of fewer pixels is enlarged without smoothing
const element = (id) => document.getElementById(id);
const [picture, drop, status, shown, overlay] = ['picture', 'drop', 'status', 'shown', 'overlay'].map(element);
let facts, model, busy = false;

/** Says what the page is doing; `state` is "loading", "ready", "running", "done" or "error". */
function say(state, text) {
  document.documentElement.dataset.state = state;
  status.classList.toggle('error', state === 'error');
  status.textContent = text;
}

async function load() {
  facts = await (await fetch('model.json')).json();
  await loadLiteRt('litert/@litertjs/core/wasm/');
  const bytes = new Uint8Array(await (await fetch('model.tflite')).arrayBuffer());
  model = await loadAndCompile(bytes, {accelerator: 'wasm'});
  const {height, width, channels, type} = facts.input, count = height * width * channels;
  await run(type === 'uint8' ? new Uint8Array(count) : new Float32Array(count)); // the first run is slower
  picture.disabled = false;
  say('ready', 'Ready.');
}

/** The outputs as floats, by their role, and the milliseconds that the network took. */
async function run(values) {
  const {name, height, width, channels} = facts.input, arrays = {};
  const tensor = new Tensor(values, [1, height, width, channels]);
  const start = performance.now();
  const results = await model.run({[name]: tensor});
  const milliseconds = performance.now() - start;
  for (const [role, output] of Object.entries(facts.outputs)) {
    arrays[role] = answers.floats(results[output.name].toTypedArray(), output);
  }
  for (const result of [tensor, ...Object.values(results)]) result.delete();
  return {arrays, milliseconds};
}

/** Runs the network on an image file and shows what it answers. */
async function open(file) {
  if (busy || !model) return;
  busy = true;
  say('running', 'The network is running.');
  try {
    const {image, upright} = await decode(file).catch(() => {
      throw new Error(`${file.name || 'This'} is not a picture that this browser can read.`);
    });
    const start = performance.now();
    const {values, scale} = prepared(image, facts.input, upright);
    const preparation = performance.now() - start;
    const {arrays, milliseconds} = await run(values);
    drawPicture(image);
    const rows = {classifier, detector, segmenter}[facts.task](arrays, image, scale);
    list(rows);
    times({Network: milliseconds, 'Preparing the picture': preparation});
    element('caption').textContent = `${file.name || 'Picture'}, ${image.width} × ${image.height} pixels`;
    element('result').hidden = false;
    say('done', rows.length ? `${words(rows[0])} in ${milliseconds.toFixed(1)} ms.` : 'Nothing was found.');
  } catch (error) {
    say('error', error.message || String(error));
  } finally {
    busy = false;
  }
}

function classifier(arrays, image) {
  const rows = answers.best(arrays.scores, facts.labels, TOP);
  if (facts.outputs.class_map) {
    const {input} = facts, heat = answers.heatImage(arrays.class_map, facts.outputs.class_map, rows[0].number);
    drawOverlay(heat, image, answers.seenPart(image, input), false);
    element('legend').textContent = `Red marks the parts that count for “${rows[0].label}”.`;
    element('legend').hidden = false;
  }
  return rows;
}

function segmenter(arrays, image, scale) {
  const map = answers.classMap(arrays.scores, facts.outputs.scores, image, scale);
  drawOverlay(answers.mapImage(map), image, {left: 0, top: 0, width: image.width, height: image.height}, true);
  const colour = (number) => (number ? answers.colour(number) : []); // the background has none
  return answers.shares(map, image, facts.labels).map((row) => ({...row, colour: colour(row.number)}));
}

function detector(arrays, image, scale) {
  const rows = answers.boxes(arrays, facts.labels, image, scale, LEAST);
  const context = shown.getContext('2d'), unit = Math.max(image.width, image.height) / 300;
  context.font = `${8 * unit}px system-ui, sans-serif`;
  context.textBaseline = 'top';
  for (const {number, label, score, box: [x1, y1, x2, y2]} of [...rows].reverse()) {
    const rgb = answers.colour(number + 1), text = `${label} ${score.toFixed(2)}`;
    context.strokeStyle = context.fillStyle = `rgb(${rgb.join(' ')})`;
    context.lineWidth = 1.5 * unit;
    context.strokeRect(x1, y1, x2 - x1, y2 - y1);
    const top = y1 >= 10 * unit ? y1 - 10 * unit : y1;
    context.fillRect(x1, top, context.measureText(text).width + 4 * unit, 10 * unit);
    context.fillStyle = rgb[0] + rgb[1] + rgb[2] > 384 ? 'black' : 'white';
    context.fillText(text, x1 + 2 * unit, top + unit);
  }
  return rows.map((row) => ({...row, colour: answers.colour(row.number + 1)}));
}

function drawPicture(image) {
  overlay.hidden = true;
  element('map-controls').hidden = element('legend').hidden = true;
  shown.classList.toggle('small', Math.max(image.width, image.height) < SMALL);
  [shown.width, shown.height] = [image.width, image.height];
  shown.getContext('2d').putImageData(image, 0, 0);
}

/** Lays a small image over the part of the picture that it describes. */
function drawOverlay(image, {width, height}, part, sharp) {
  const small = new OffscreenCanvas(image.width, image.height), context = overlay.getContext('2d');
  small.getContext('2d').putImageData(image, 0, 0);
  [overlay.width, overlay.height] = [width, height];
  context.imageSmoothingEnabled = !sharp;
  overlay.classList.toggle('small', shown.classList.contains('small') && sharp);
  context.drawImage(small, part.left, part.top, part.width, part.height);
  overlay.hidden = element('map-controls').hidden = false;
}

/** The rows as a list with a bar each; numbers that are no probabilities have no bar. */
function list(rows) {
  const bars = rows.every(({score}) => score >= 0 && score <= 1);
  element('classes').replaceChildren(...rows.map((row) => {
    const item = document.createElement('li'), add = (name, text, parent = item) => {
      const part = document.createElement('span');
      part.className = name;
      part.textContent = text;
      parent.append(part);
      return part;
    };
    item.dataset.score = row.score;
    const {style} = row.colour ? add('swatch', '') : {};
    if (row.colour?.length) style.backgroundColor = `rgb(${row.colour.join(' ')})`;
    add('label', row.label);
    add('value', value(row.score, bars));
    if (bars) add('fill', '', add('track', '')).style.width = `${100 * row.score}%`;
    return item;
  }));
  element('empty').hidden = rows.length > 0;
  shown.setAttribute('aria-label', `The picture: ${rows.map(words).join(', ') || 'nothing was found'}`);
}

const value = (score, fraction) => (fraction ? `${(100 * score).toFixed(1)}%` : score.toFixed(3));
const words = ({label, score}) => `${label}, ${value(score, score >= 0 && score <= 1)}`;

function times(milliseconds) {
  element('times').replaceChildren(...Object.entries(milliseconds).flatMap(([name, time]) => {
    const [term, text] = [document.createElement('dt'), document.createElement('dd')];
    [term.textContent, text.textContent] = [name, `${time.toFixed(1)} ms`];
    return [term, text];
  }));
}

const firstFile = (list) => Array.from(list ?? []).find((file) => file.type.startsWith('image/')) ?? list?.[0];

picture.addEventListener('change', () => {
  if (picture.files[0]) open(picture.files[0]);
  picture.value = ''; // so that the same file can be chosen again
});
for (const name of ['dragenter', 'dragover', 'dragleave', 'drop']) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle('over', name === 'dragenter' || name === 'dragover');
    if (name === 'drop' && firstFile(event.dataTransfer.files)) open(firstFile(event.dataTransfer.files));
  });
}
document.addEventListener('paste', (event) => {
  if (firstFile(event.clipboardData?.files)) open(firstFile(event.clipboardData.files));
});
const opacity = element('opacity');
const fade = () => { overlay.style.opacity = opacity.value / 100; };
opacity.addEventListener('input', fade);
fade();

load().catch((error) => say('error', `The network cannot be loaded: ${error.message || error}`));
