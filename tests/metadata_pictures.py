"""What metadata_test.py works with: PNG files, ICC profiles, orientations, and corners by which it is seen how pixels lie."""
import pathlib
import struct
import zlib

import numpy


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def write_png(path, pixels, *chunks):
    height, width = pixels.shape[:2]
    depth = 8 * pixels.dtype.itemsize
    colour = 0 if pixels.ndim == 2 else {3: 2, 4: 6}[pixels.shape[2]]
    rows = pixels.astype(pixels.dtype.newbyteorder(">")).reshape(height, -1)
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    pathlib.Path(path).write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks) +
                                   chunk(b"IDAT", data) + chunk(b"IEND", b""))


def read_ppm(path):
    kind, size, _, data = pathlib.Path(path).read_bytes().split(b"\n", 3)
    assert kind == b"P6"
    width, height = map(int, size.split())
    return numpy.frombuffer(data, numpy.uint8).reshape(height, width, 3).astype(float)


def fixed(value):
    return struct.pack(">i", round(value * 65536))


def icc_profile(space, **further):
    """Version 2, display; RGB's primaries are Adobe's, adapted to D50 (ICC.1:2001-04)."""
    curve = b"curv" + struct.pack(">IIH", 0, 1, 563) + b"\0\0"  # 563 / 256 = 2.2

    def xyz(*values):
        return b"XYZ " + bytes(4) + b"".join(map(fixed, values))

    name = f"Test {space}".strip().encode() + b"\0"
    contents = {"desc": b"desc" + bytes(4) + struct.pack(">I", len(name)) + name + bytes(78),
                "cprt": b"text" + bytes(4) + b"nobody\0", "wtpt": xyz(0.9642, 1, 0.8249)}
    if space == "GRAY":
        contents["kTRC"] = curve
    else:
        contents |= {"rXYZ": xyz(0.60974, 0.31111, 0.01947), "gXYZ": xyz(0.20528, 0.62567, 0.06087),
                     "bXYZ": xyz(0.14919, 0.06322, 0.74457), "rTRC": curve, "gTRC": curve, "bTRC": curve}
    table, data, start = b"", b"", 128 + 4 + 12 * len(contents)
    for tag, content in contents.items():
        table += tag.encode() + struct.pack(">II", start + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    body = struct.pack(">I", len(contents)) + table + data
    header = (struct.pack(">I", 128 + len(body)) + bytes(4) + struct.pack(">I", 0x02400000) + b"mntr" +
              space.encode().ljust(4) + b"XYZ " + struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) +
              fixed(0.9642) + fixed(1) + fixed(0.8249))
    return header.ljust(128, b"\0") + body


def icc_chunk(profile):
    return chunk(b"iCCP", b"test\0\0" + zlib.compress(profile))


def marked(width=48, height=32):
    """Gray, with red, green, blue and white corners: top left, top right, bottom left, bottom right."""
    pixels = numpy.full((height, width, 3), 128, numpy.uint8)
    half_y, half_x = height // 2, width // 2
    pixels[:half_y, :half_x] = (230, 20, 20)
    pixels[:half_y, half_x:] = (20, 230, 20)
    pixels[half_y:, :half_x] = (20, 20, 230)
    pixels[half_y:, half_x:] = (235, 235, 235)
    return pixels


def turned(pixels, orientation):
    """As a picture of that orientation is to be shown."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def stored(pixels, orientation):
    """So that turned() of it is `pixels`."""
    return turned(pixels, {6: 8, 8: 6}.get(orientation, orientation))


def corners(pixels):
    """The mean colour near each corner."""
    height, width = pixels.shape[0] // 4, pixels.shape[1] // 4
    return numpy.array([part.reshape(-1, 3).mean(0) for part in (
        pixels[:height, :width], pixels[:height, -width:], pixels[-height:, :width], pixels[-height:, -width:])])


def same_corners(a, b):
    return a.shape == b.shape and abs(corners(a) - corners(b)).max() < 30


def turn_heif(path, orientation):
    """The box of the bits in a channel gives its place to one that turns (irot) or mirrors (imir)."""
    box = {3: b"irot\2", 6: b"irot\3", 8: b"irot\1", 2: b"imir\1", 4: b"imir\0"}[orientation]
    data = path.read_bytes()
    at = data.index(b"pixi")
    size = struct.unpack(">I", data[at - 4:at])[0]
    path.write_bytes(data[:at] + box.ljust(size - 4, b"\0") + data[at + size - 4:])


def turn_jxl(path, orientation):
    """A small header without any metadata gets the field of the orientation (ISO/IEC 18181-1, annex D)."""
    data = path.read_bytes()
    bits = [byte >> i & 1 for byte in data[2:6] for i in range(8)]
    taken = 9 if any(bits[6:9]) else 14
    size, rest = bits[:taken], bits[taken:]
    assert size[0] == 1 and rest[:2] == [1, 1], "another header than expected"
    header = size + [0, 1] + [orientation - 1 >> i & 1 for i in range(3)] + [0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 1, 1, 0, 0, 1]
    header += [0] * (-len(header) % 8)
    packed = bytes(sum(bit << i for i, bit in enumerate(header[at:at + 8])) for at in range(0, len(header), 8))
    path.write_bytes(data[:2] + packed + data[2 + (taken + 2 + 7) // 8:])


def group_of(key):
    return key.split(":")[0]


def of_groups(found, *groups):
    """Tags whose group begins so."""
    return {key: value for key, value in found.items() if key.startswith(groups)}


def make_maker_note(path, maker_note):
    """exiftool writes no block of its own kind: its ImageHistory becomes one."""
    data = pathlib.Path(path).read_bytes()
    count = len(maker_note) + 1
    for order in "<>":
        data = data.replace(struct.pack(order + "HHI", 0x9213, 2, count), struct.pack(order + "HHI", 0x927C, 7, count))
    at = data.find(b"eXIf") if path.suffix == ".png" else -1
    if at > 0:
        end = at + 4 + struct.unpack(">I", data[at - 4:at])[0]
        data = data[:end] + struct.pack(">I", zlib.crc32(data[at:end])) + data[end + 4:]
    path.write_bytes(data)


def resolution_of(found):
    """Pixels per inch, the format's own field first."""
    if "PNG-pHYs:PixelsPerUnitX" in found and found["PNG-pHYs:PixelUnits"] == 1:
        return found["PNG-pHYs:PixelsPerUnitX"] * 0.0254
    for group in ("JFIF", "IFD0"):
        unit = {2: 1, 3: 2.54} if group == "IFD0" else {1: 1, 2: 2.54}
        if found.get(f"{group}:ResolutionUnit") in unit:
            return found[f"{group}:XResolution"] * unit[found[f"{group}:ResolutionUnit"]]
    return 0
