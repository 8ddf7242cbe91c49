// What a network answers, as rows with names and as pictures: classes, the pixels of each class, boxes.
import {roundHalfEven, windowOf} from './pixels.js';

/** PASCAL VOC's colour of a class, from the bits of its number: [red, green, blue]. */
export function colour(number) {
  const rgb = [0, 0, 0];
  for (let bit = 7; bit >= 0; bit--, number >>= 3) {
    for (let channel = 0; channel < 3; channel++) rgb[channel] |= ((number >> channel) & 1) << bit;
  }
  return rgb;
}

/** The numbers of an output on the scale of the float model. */
export function floats(array, output) {
  if (!output.scale) return Float32Array.from(array, Number);
  return Float32Array.from(array, (number) => (number - output.zero_point) * Math.fround(output.scale));
}

/** The highest scores: [{number, label, score}]. */
export function best(scores, labels, count) {
  const order = Array.from(scores.keys()).sort((a, b) => scores[b] - scores[a] || a - b);
  return order.slice(0, count).map((number) => ({number, label: labels[number], score: scores[number]}));
}

/** The class of every pixel that the picture covers: {width, height, numbers}. */
export function classMap(scores, output, picture, scale) {
  const [, rows, columns, classes] = output.shape;
  const height = Math.min(rows, Math.max(1, roundHalfEven(picture.height * scale)));
  const width = Math.min(columns, Math.max(1, roundHalfEven(picture.width * scale)));
  const numbers = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
    const start = (y * columns + x) * classes;
    let highest = 0;
    for (let n = 1; n < classes; n++) if (scores[start + n] > scores[start + highest]) highest = n;
    numbers[y * width + x] = highest;
  }
  return {width, height, numbers};
}

/** The fraction of the picture's pixels of each class, largest first: [{number, label, score}]. */
export function shares(map, picture, labels) {
  const counts = new Map(), rows = multiples(map.height, picture.height), columns = multiples(map.width, picture.width);
  for (let y = 0; y < map.height; y++) for (let x = 0; x < map.width; x++) {
    const number = map.numbers[y * map.width + x];
    counts.set(number, (counts.get(number) ?? 0) + rows[y] * columns[x]);
  }
  const pixels = picture.width * picture.height;
  return [...counts].filter(([, count]) => count).sort(([a, m], [b, n]) => n - m || a - b)
    .map(([number, count]) => ({number, label: labels[number] ?? String(number), score: count / pixels}));
}

/** How many pixels of an axis of length `size` each pixel of the map stands for; summed up as Pillow does. */
function multiples(length, size) {
  const counts = new Uint32Array(length), step = length / size;
  for (let i = 0, place = 0.5 * step; i < size; i++, place += step) counts[Math.min(Math.trunc(place), length - 1)]++;
  return counts;
}

/** The map as an image: the colour of each class, the background (class 0) transparent. */
export function mapImage(map) {
  const image = new ImageData(map.width, map.height);
  map.numbers.forEach((number, i) => image.data.set([...colour(number), number ? 255 : 0], 4 * i));
  return image;
}

/** Where a class is seen, from nothing (transparent) to most (red): an image of the class's plane of a map of scores. */
export function heatImage(values, output, number) {
  const [, height, width, classes] = output.shape, image = new ImageData(width, height);
  const plane = Float32Array.from({length: width * height}, (_, i) => Math.max(values[i * classes + number], 0));
  const most = plane.reduce((a, b) => Math.max(a, b), 0) || 1;
  plane.forEach((value, i) => image.data.set([220, 30, 30, Math.round(255 * value / most)], 4 * i));
  return image;
}

/** The part of the picture that a classifier sees: {left, top, width, height}. */
export function seenPart(image, input) {
  return windowOf(image, input, input.crop, input.crop_fraction);
}

/** The boxes with at least this score, highest first: [{number, label, score, box: [x1, y1, x2, y2]}]. */
export function boxes(arrays, labels, picture, scale, least) {
  const limits = [picture.width, picture.height, picture.width, picture.height], rows = [];
  arrays.scores.forEach((score, i) => {
    const number = Math.trunc(arrays.classes[i]);
    const box = limits.map((limit, k) => Math.min(Math.max(arrays.boxes[4 * i + k] / scale, 0), limit));
    if (number < 0 || !(score >= Math.max(least, 1e-6)) || !(box[2] > box[0] && box[3] > box[1])) return;
    rows.push({number, label: labels[number] ?? String(number), score, box});
  });
  return rows.sort((a, b) => b.score - a.score);
}
