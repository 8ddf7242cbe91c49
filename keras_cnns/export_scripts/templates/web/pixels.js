// A picture as the network's input. The arithmetic is that of keras_cnns (inference/pictures.py and, for letterboxes,
// Pillow's bilinear filter), not that of a canvas, so that both answer alike.

const FILL = 114; // the grey of the frame where a letterboxed picture does not reach
const BITS = 22; // of Pillow's filter weights

/** Rounds halves to the even neighbour, as NumPy does. */
export function roundHalfEven(value) {
  const floor = Math.floor(value), rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * The pixels of an image file, transparent parts white: {image, upright}.
 * image: ImageData. upright: whether it is a JPEG that was not turned, which Python decodes at a fraction of its size.
 */
export async function decode(file) {
  const bitmap = await createImageBitmap(file, {imageOrientation: 'from-image', colorSpaceConversion: 'none'});
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext('2d', {willReadFrequently: true});
  context.fillStyle = 'white';
  context.fillRect(0, 0, bitmap.width, bitmap.height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const start = new DataView(await file.slice(0, 2 ** 17).arrayBuffer());
  return {image: context.getImageData(0, 0, canvas.width, canvas.height), upright: isUprightJPEG(start)};
}

/** Whether a file that begins with these bytes is a JPEG without a rotation in its EXIF data. */
export function isUprightJPEG(view) {
  if (view.byteLength < 4 || view.getUint16(0) !== 0xffd8) return false;
  for (let place = 2; place + 4 < view.byteLength && view.getUint8(place) === 0xff; ) {
    const [marker, length] = [view.getUint8(place + 1), view.getUint16(place + 2)];
    if (marker === 0xda) break; // the pixels begin
    if (marker === 0xe1 && place + length < view.byteLength && view.getUint32(place + 4) === 0x45786966) { // "Exif"
      return orientation(view, place + 10, place + 2 + length) === 1;
    }
    place += 2 + length;
  }
  return true;
}

/** The orientation that the TIFF header at `start` states; 1 if it states none. */
function orientation(view, start, end) {
  const little = view.getUint16(start) === 0x4949, table = start + view.getUint32(start + 4, little);
  if (table + 2 > end) return 1;
  const count = view.getUint16(table, little);
  for (let place = table + 2; place < Math.min(table + 2 + 12 * count, end - 11); place += 12) {
    if (view.getUint16(place, little) !== 0x0112) continue;
    const value = view.getUint16(place + 8, little);
    return value >= 2 && value <= 8 ? value : 1;
  }
  return 1;
}

/** A grey picture (1 channel, with Pillow's weights) or red, green, blue: {width, height, channels, data}. */
export function withChannels(image, channels) {
  const {width, height, data} = image, count = width * height;
  const values = new Uint8Array(count * channels);
  for (let i = 0; i < count; i++) {
    const [red, green, blue] = [data[4 * i], data[4 * i + 1], data[4 * i + 2]];
    if (channels === 1) {
      values[i] = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
    } else {
      values[3 * i] = red;
      values[3 * i + 1] = green;
      values[3 * i + 2] = blue;
    }
  }
  return {width, height, channels, data: values};
}

/** The part of a picture that the network sees: {top, left, height, width}. size: of the input. */
export function windowOf(picture, size, crop, fraction) {
  if (crop === 'whole') return {top: 0, left: 0, height: picture.height, width: picture.width};
  const single = Math.fround, sides = ['height', 'width'];
  const least = Math.min(...sides.map((side) => single(picture[side] / size[side])));
  const part = {}, corner = {};
  for (const side of sides) {
    const length = roundHalfEven(single(single(fraction) * single(size[side] * least)));
    part[side] = Math.min(Math.max(length, 1), picture[side]);
    corner[side] = Math.min(Math.max(Math.floor((picture[side] - length) / 2), 0), picture[side] - part[side]);
  }
  return {top: corner.height, left: corner.width, ...part};
}

/** The part `box` of a picture. */
export function cropped(picture, box) {
  const {channels} = picture, data = new Uint8Array(box.height * box.width * channels);
  for (let y = 0; y < box.height; y++) {
    const start = ((box.top + y) * picture.width + box.left) * channels;
    data.set(picture.data.subarray(start, start + box.width * channels), y * box.width * channels);
  }
  return {width: box.width, height: box.height, channels, data};
}

/** The picture at a half, a quarter or an eighth of its size: the mean of each block, as libjpeg decodes it. */
function reduced(picture, ratio) {
  const {channels} = picture;
  const width = Math.ceil(picture.width / ratio), height = Math.ceil(picture.height / ratio);
  const data = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) for (let c = 0; c < channels; c++) {
    let sum = 0, count = 0;
    for (let row = y * ratio; row < Math.min((y + 1) * ratio, picture.height); row++) {
      for (let column = x * ratio; column < Math.min((x + 1) * ratio, picture.width); column++, count++) {
        sum += picture.data[(row * picture.width + column) * channels + c];
      }
    }
    data[(y * width + x) * channels + c] = Math.round(sum / count);
  }
  return {width, height, channels, data};
}

/** The part that a classifier sees; of a large upright JPEG, at a fraction of its size. */
function seen(picture, input, upright) {
  const box = windowOf(picture, input, input.crop, input.crop_fraction);
  const least = Math.min(Math.floor(box.height / input.height), Math.floor(box.width / input.width));
  const ratio = upright ? [8, 4, 2].find((n) => least >= n) ?? 1 : 1;
  if (ratio === 1) return cropped(picture, box);
  const small = Object.fromEntries(Object.entries(box).map(([side, length]) => [side, Math.floor(length / ratio)]));
  return cropped(reduced(picture, ratio), small);
}

/** Weights of linear interpolation between pixel centres: [{start, weights}] for each new pixel. */
function bilinear(old, size) {
  const ratio = Math.fround(old / size);
  return Array.from({length: size}, (_, i) => {
    const place = Math.fround(Math.fround((i + 0.5) * ratio) - 0.5), low = Math.floor(place);
    const share = Math.fround(place - low);
    if (low < 0) return {start: 0, weights: [1]};
    return low + 1 < old ? {start: low, weights: [1 - share, share]} : {start: old - 1, weights: [1]};
  });
}

/** Weights of the mean over the part of the old axis that each new pixel covers. */
function area(old, size) {
  const step = old / size;
  return Array.from({length: size}, (_, i) => {
    const first = i * step, last = (i + 1) * step, start = Math.floor(first), weights = [];
    for (let pixel = start; pixel < Math.min(Math.ceil(last), old); pixel++) {
      weights.push((Math.min(last, pixel + 1) - Math.max(first, pixel)) * (size / old));
    }
    return {start, weights};
  });
}

/** Pillow's triangle filter, as whole numbers of BITS bits. */
function triangle(old, size) {
  const scale = old / size, support = Math.max(scale, 1);
  return Array.from({length: size}, (_, i) => {
    const centre = (i + 0.5) * scale;
    const start = Math.max(Math.trunc(centre - support + 0.5), 0);
    const end = Math.min(Math.trunc(centre + support + 0.5), old), weights = [];
    for (let pixel = start; pixel < end; pixel++) {
      weights.push(Math.max(1 - Math.abs((pixel - centre + 0.5) / support), 0));
    }
    const share = 1 / weights.reduce((a, b) => a + b, 0);
    return {start, weights: weights.map((weight) => Math.trunc(0.5 + weight * share * 2 ** BITS))};
  });
}

/** One axis of a picture resized: `finish` turns a weighted sum into a value of `data`. */
function along(picture, axis, size, taps, data, finish) {
  const {width, channels} = picture;
  const [rows, columns] = axis === 'width' ? [picture.height, size] : [size, width];
  const step = axis === 'width' ? channels : width * channels;
  for (let y = 0; y < rows; y++) for (let x = 0; x < columns; x++) {
    const {start, weights} = taps[axis === 'width' ? x : y];
    const first = axis === 'width' ? (y * width + start) * channels : (start * width + x) * channels;
    for (let c = 0; c < channels; c++) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k] * picture.data[first + k * step + c];
      data[(y * columns + x) * channels + c] = finish(sum);
    }
  }
  return {width: columns, height: rows, channels, data};
}

/** The picture resized: bilinear, or the mean of the covered area if both sides halve; whole numbers. */
export function resized(picture, size) {
  const weights = picture.height >= 2 * size.height && picture.width >= 2 * size.width ? area : bilinear;
  const {channels} = picture, taps = {};
  for (const axis of ['width', 'height']) taps[axis] = weights(picture[axis], size[axis]);
  const columns = new Float32Array(picture.height * size.width * channels);
  const narrow = along(picture, 'width', size.width, taps.width, columns, (sum) => sum);
  const values = new Float32Array(size.height * size.width * channels);
  return along(narrow, 'height', size.height, taps.height, values, (sum) => roundHalfEven(Math.fround(sum)));
}

/** The picture resized to fit into `size`, in the upper left corner of a grey frame, and the factor: {frame, scale}. */
export function letterboxed(picture, size) {
  const {channels} = picture, scale = Math.min(size.height / picture.height, size.width / picture.width);
  let inner = picture;
  for (const axis of ['width', 'height']) {
    const side = Math.max(1, roundHalfEven(picture[axis] * scale));
    if (side === inner[axis]) continue;
    const count = axis === 'width' ? side * inner.height : side * inner.width;
    const finish = (sum) => Math.min(Math.max((sum + 2 ** (BITS - 1)) >> BITS, 0), 255);
    inner = along(inner, axis, side, triangle(inner[axis], side), new Uint8Array(count * channels), finish);
  }
  const data = new Float32Array(size.height * size.width * channels).fill(FILL);
  for (let y = 0; y < Math.min(inner.height, size.height); y++) {
    const row = inner.data.subarray(y * inner.width * channels, (y + 1) * inner.width * channels);
    data.set(row.subarray(0, size.width * channels), y * size.width * channels);
  }
  return {frame: {width: size.width, height: size.height, channels, data}, scale};
}

/** What the network takes for a decoded picture: {values, scale}. input: as in model.json; upright: see `decode`. */
export function prepared(image, input, upright) {
  const picture = withChannels(image, input.channels);
  if (input.crop === 'letterbox') {
    const {frame, scale} = letterboxed(picture, input);
    return {values: stored(frame.data, input), scale};
  }
  return {values: stored(resized(seen(picture, input, upright), input).data, input), scale: 1};
}

/** Pixels from 0 to 255 as the input stores them: (pixel - mean) / std, in steps of its scale where it has one. */
function stored(pixels, input) {
  const values = input.type === 'uint8' ? new Uint8Array(pixels.length) : new Float32Array(pixels.length);
  for (let i = 0; i < pixels.length; i++) {
    const channel = i % input.channels;
    const value = Math.fround((pixels[i] - input.mean[channel]) / input.std[channel]);
    values[i] = input.scale
      ? Math.min(Math.max(roundHalfEven(Math.fround(value / input.scale)) + input.zero_point, 0), 255)
      : value;
  }
  return values;
}
