"""A picture of every kind of file there is, with what it shows; and the ways in which a file can be damaged."""

import io
import struct
import zlib

import numpy as np
import tensorflow as tf
from PIL import Image, features

HEIGHT, WIDTH = 40, 60
ORIENTATION = 0x0112


def smooth(channels=3, seed=0):
    """A picture without sharp edges, which JPEG keeps: uint8 [40, 60, channels]."""
    coarse = np.random.default_rng(seed).uniform(30, 225, (4, 5, channels))
    return tf.image.resize(coarse, (HEIGHT, WIDTH), method="bicubic").numpy().clip(0, 255).astype(np.uint8)


RGB, GREY = smooth(), smooth(1)[..., 0]
ALPHA = np.tile(np.linspace(0, 255, WIDTH), (HEIGHT, 1)).astype(np.uint8)
INDEX = ((np.add.outer(np.arange(HEIGHT), np.arange(WIDTH)) // 9) % 4).astype(np.uint8)  # of four colours
BANDS = np.repeat(INDEX[:, :1], WIDTH, 1)
COLOURS = np.array([(20, 220, 60), (200, 40, 90), (10, 10, 200), (240, 230, 20)], np.uint8)


def three(grey):
    return np.repeat(np.asarray(grey)[..., None], 3, -1)


def on_white(rgb, alpha):
    share = np.asarray(alpha)[..., None] / 255
    return np.round(rgb * share + 255 * (1 - share)).astype(np.uint8)


def saved(image, form, **options):
    file = io.BytesIO()
    image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    image.save(file, form, **options)
    return file.getvalue()


def palette(index, colours=COLOURS):
    image = Image.fromarray(index)
    image.putpalette(colours.tobytes())
    return image


def png(samples, depth, colour, *, chunks=(), interlaced=False, behind=()):
    """A PNG written by hand; samples [h, w(, channels)], colour: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA."""

    def rows(part):
        for row in part.reshape(part.shape[0], -1):
            if depth == 16:
                yield b"\0" + row.astype(">u2").tobytes()
            else:
                bits = np.unpackbits(row.astype(np.uint8)[:, None], axis=1)[:, 8 - depth :]
                yield b"\0" + np.packbits(bits.ravel()).tobytes()

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    passes = [(0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4), (2, 4, 0, 2), (0, 2, 1, 2), (1, 2, 0, 1)]
    passes = passes if interlaced else [(0, 1, 0, 1)]
    data = b"".join(line for y, dy, x, dx in passes for line in rows(samples[y::dy, x::dx]))
    header = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], depth, colour, 0, 0, interlaced)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(data)), *behind, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def bmp(index, bits, *, compression=0, data=None):
    """A BMP with a palette written by hand, its rows from below."""
    if data is None:
        unpacked = np.unpackbits(index[::-1, :, None], axis=2)[:, :, 8 - bits :].reshape(len(index), -1)
        rows = np.packbits(unpacked, axis=1)
        data = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4))).tobytes()
    table = b"".join(bytes((*colour[::-1], 0)) for colour in COLOURS.tolist())
    start = 14 + 40 + len(table)
    info = struct.pack("<IiiHHIIiiII", 40, index.shape[1], index.shape[0], 1, bits, compression, len(data), 0, 0, 4, 0)
    return struct.pack("<2sIHHI", b"BM", start + len(data), 0, 0, start) + info + table + data


def run_lengths(index, bits):
    """The rows of BANDS as BMP's run-length encoding: a row is of one colour."""
    lines = [bytes((index.shape[1], row[0] if bits == 8 else row[0] * 17)) + b"\0\0" for row in index[::-1]]
    return b"".join(lines) + b"\0\1"


def held(orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif


TURNS = {  # what a camera that was held so has to have seen, as numpy says it
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a),
}
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'


def cmyk():
    return Image.fromarray(RGB).convert("CMYK")


def animated(form, **options):
    frames = [Image.fromarray(RGB), Image.fromarray(255 - RGB)]
    return saved(frames[0], form, save_all=True, append_images=frames[1:], **options)


def kinds():
    """{kind: (a file's bytes, what it shows as uint8 [h, w, 3], whether the file keeps every bit of it)}"""
    result = {
        "JPEG": (saved(RGB, "JPEG", quality=95), RGB, False),
        "JPEG, progressive": (saved(RGB, "JPEG", quality=95, progressive=True), RGB, False),
        "JPEG, grey": (saved(GREY, "JPEG", quality=95), three(GREY), False),
        "JPEG, RGB components": (saved(RGB, "JPEG", quality=95, keep_rgb=True), RGB, False),
        "JPEG, CMYK": (saved(cmyk(), "JPEG", quality=95), RGB, False),
        "JPEG, bytes behind it": (saved(RGB, "JPEG", quality=95) + bytes(500), RGB, False),
        "JPEG, turned, behind a profile": (
            saved(RGB, "JPEG", quality=95, exif=held(6), icc_profile=bytes(3000)),
            TURNS[6](RGB),
            False,
        ),
        "JPEG, turned by XMP": (saved(RGB, "JPEG", quality=95, xmp=XMP), TURNS[6](RGB), False),
        "JPEG, CMYK, turned": (saved(cmyk(), "JPEG", quality=95, exif=held(3)), TURNS[3](RGB), False),
        "MPO": (animated("MPO", quality=95), RGB, False),
        "PNG": (saved(RGB, "PNG"), RGB, True),
        "PNG, grey": (saved(GREY, "PNG"), three(GREY), True),
        "PNG, grey with alpha": (png(np.dstack([GREY, ALPHA]), 8, 4), on_white(three(GREY), ALPHA), True),
        "PNG, alpha": (png(np.dstack([RGB, ALPHA]), 8, 6), on_white(RGB, ALPHA), True),
        "PNG, interlaced": (png(RGB, 8, 2, interlaced=True), RGB, True),
        "PNG, turned": (saved(RGB, "PNG", exif=held(6)), TURNS[6](RGB), True),
        "PNG, turned by a note behind": (
            png(RGB, 8, 2, behind=[(b"eXIf", held(8).tobytes()[6:])]),
            TURNS[8](RGB),
            True,
        ),
        "PNG, animated": (animated("PNG"), RGB, True),
        "GIF": (saved(palette(INDEX), "GIF"), COLOURS[INDEX], True),
        "GIF, transparent": (
            saved(palette(INDEX), "GIF", transparency=2),
            np.where((INDEX == 2)[..., None], 255, COLOURS[INDEX]),
            True,
        ),
        "GIF, animated": (
            saved(palette(INDEX), "GIF", save_all=True, append_images=[palette(3 - INDEX)]),
            COLOURS[INDEX],
            True,
        ),
        "WebP": (saved(RGB, "WEBP", quality=95), RGB, False),
        "WebP, lossless": (saved(RGB, "WEBP", lossless=True), RGB, True),
        "WebP, alpha": (
            saved(np.dstack([RGB, ALPHA]), "WEBP", lossless=True, exact=True),
            on_white(RGB, ALPHA),
            True,
        ),
        "WebP, animated": (animated("WEBP", lossless=True), RGB, True),
        "WebP, turned": (saved(RGB, "WEBP", lossless=True, exif=held(5)), TURNS[5](RGB), True),
        "BMP": (saved(RGB, "BMP"), RGB, True),
        "BMP, 32 bits": (saved(np.dstack([RGB, np.full_like(GREY, 255)]), "BMP"), RGB, True),
        "BMP, grey": (saved(GREY, "BMP"), three(GREY), True),
        "BMP, run lengths of 8 bits": (
            bmp(BANDS, 8, compression=1, data=run_lengths(BANDS, 8)),
            COLOURS[BANDS],
            True,
        ),
        "BMP, run lengths of 4 bits": (
            bmp(BANDS, 4, compression=2, data=run_lengths(BANDS, 4)),
            COLOURS[BANDS],
            True,
        ),
        "TIFF": (saved(RGB, "TIFF"), RGB, True),
        "TIFF, compressed": (saved(RGB, "TIFF", compression="tiff_lzw"), RGB, True),
        "TIFF, 1 bit": (saved(Image.fromarray(INDEX > 1), "TIFF"), three((INDEX > 1) * 255), True),
        "TIFF, palette": (saved(palette(INDEX), "TIFF"), COLOURS[INDEX], True),
        "TIFF, CMYK": (saved(cmyk(), "TIFF"), RGB, True),
        "TIFF, alpha": (saved(np.dstack([RGB, ALPHA]), "TIFF"), on_white(RGB, ALPHA), True),
        "TIFF, 16 bits": (saved(GREY.astype(np.uint16) * 257, "TIFF"), three(GREY), True),
        "TIFF, turned": (saved(RGB, "TIFF", tiffinfo={ORIENTATION: 6}), TURNS[6](RGB), True),
        "PPM": (saved(RGB, "PPM"), RGB, True),
        "PGM, 16 bits": (b"P5 60 40 65535\n" + (GREY.astype(">u2") * 257).tobytes(), three(GREY), True),
    }
    for orientation, turn in TURNS.items():
        result[f"JPEG, turned {orientation}"] = (
            saved(RGB, "JPEG", quality=95, exif=held(orientation)),
            turn(RGB),
            False,
        )
    for depth, colour, what, samples in (
        (16, 0, "grey", GREY[..., None]),
        (16, 2, "colours", RGB),
        (16, 4, "grey with alpha", np.dstack([GREY, ALPHA])),
        (16, 6, "colours with alpha", np.dstack([RGB, ALPHA])),
    ):
        shown = samples[..., :3] if colour & 2 else three(GREY)
        shown = on_white(shown, ALPHA) if colour & 4 else shown
        result[f"PNG, 16 bits, {what}"] = (png(samples.astype(np.uint16) * 257, depth, colour), shown, True)
    for depth in (1, 2, 4):
        most = 2**depth - 1
        samples = INDEX % (most + 1)
        result[f"PNG, {depth} bits, grey"] = (png(samples, depth, 0), three(samples * (255 // most)), True)
    for depth in (1, 2, 4, 8):
        samples = INDEX % min(4, 2**depth)
        table = [(b"PLTE", COLOURS[: min(4, 2**depth)].tobytes())]
        result[f"PNG, palette of {depth} bits"] = (png(samples, depth, 3, chunks=table), COLOURS[samples], True)
        result[f"PNG, palette of {depth} bits, transparent"] = (
            png(samples, depth, 3, chunks=[*table, (b"tRNS", bytes((255, 100)))]),
            on_white(COLOURS[samples], np.where(samples == 1, 100, 255)),
            True,
        )
    for depth in (4, 8, 16):
        samples = INDEX.astype(np.uint16) * (257 if depth == 16 else 1)
        shown = np.where(INDEX == 2, 255, INDEX * (17 if depth == 4 else 1))
        key = struct.pack(">H", 2 * (257 if depth == 16 else 1))
        result[f"PNG, {depth} bits, grey with a transparent one"] = (
            png(samples, depth, 0, chunks=[(b"tRNS", key)]),
            three(shown),
            True,
        )
        if depth > 4:
            samples = COLOURS[INDEX].astype(np.uint16) * (257 if depth == 16 else 1)
            key = samples[INDEX == 2][0].astype(">u2").tobytes()
            result[f"PNG, {depth} bits, colours with a transparent one"] = (
                png(samples, depth, 2, chunks=[(b"tRNS", key)]),
                np.where((INDEX == 2)[..., None], 255, COLOURS[INDEX]),
                True,
            )
    for bits in (1, 4, 8):
        index = INDEX % min(4, 2**bits)
        result[f"BMP, palette of {bits} bits"] = (bmp(index, bits), COLOURS[index], True)
    if features.check("avif"):
        result["AVIF"] = (saved(RGB, "AVIF", quality=95), RGB, False)
    return result


def damages(data):
    """{how: the bytes of a file damaged so}"""
    half = len(data) // 2
    return {
        "empty": b"",
        "its first 20 bytes": data[:20],
        "its first half": data[:half],
        "without its last tenth": data[: -len(data) // 10],
        "its first byte changed": bytes([data[0] ^ 255]) + data[1:],
        "zeros for its first half": bytes(half) + data[half:],
        "zeros in its header": data[:8] + bytes(24) + data[32:],
        "a letter": b"Dear Sir or Madam, this is no picture at all. " * 20,
    }


ENDINGS = {"JPEG": "jpg", "MPO": "mpo", "PGM": "pgm", "PPM": "ppm", "TIFF": "tif"}


def ending(kind):
    form = kind.split(",")[0]
    return ENDINGS.get(form, form.lower())
