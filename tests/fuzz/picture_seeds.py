"""Small valid pictures of each format that is built in, and blocks of EXIF, for the fuzzer to start from."""
import base64
import gzip
import struct
import zlib

# Tiny files that the standard library cannot make; by Pillow, once.
MADE_ELSEWHERE = {
    "jpeg/baseline": """
/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxOUlNSMj5aYVpQ
YEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT0//wAARCAALABMD
ASIAAhEBAxEB/8QAFgABAQEAAAAAAAAAAAAAAAAABgAF/8QAIhAAAQMDBAMBAAAAAAAAAAAAAQACAwQFERIiQZETITFR/8QAFQEBAQAAAAAAAAAA
AAAAAAAABAb/xAAfEQABAwMFAAAAAAAAAAAAAAABAAIDBREhFCKRoeH/2gAMAwEAAhEDEQA/ADVHY9WNi1qeyM4j1fp+BIKSGPwnYOFrU8ERexug
YxnCO2bY2wyQOyhU+qSXRgWVuPTG9EqTRkbCwEjpSJqi7IA49VMKnJZf/9k=
""",
    "jpeg/subsampled": """
/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERXRTc4UG1RV19iZ2hnPk1xeXBk
eFxlZ2P/2wBDARESEhgVGC8aGi9jQjhCY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2P/wAARCAALABMD
ASIAAhEBAxEB/8QAFgABAQEAAAAAAAAAAAAAAAAABQAG/8QAIhAAAQQABQUAAAAAAAAAAAAAAgABAxEEBRITIhUhQZGx/8QAFgEBAQEAAAAAAAAA
AAAAAAAABQME/8QAHREAAQQCAwAAAAAAAAAAAAAAAQAEESECAxQiof/dAAQAAf/aAAwDAQACEQMRAD8ABwuT6q4pKDKB8BfxNYaINp+LJKGKNyFt
LVVqI29RVmPVkZv81//QukjXYB9WpaoIxcWelI/kTYCVD/OF/9k=
""",
    "jpeg/progressive": """
/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxOUlNSMj5aYVpQ
YEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT0//wgARCAALABMD
AREAAhEBAxEB/8QAFgABAQEAAAAAAAAAAAAAAAAABAMF/8QAGAEAAwEBAAAAAAAAAAAAAAAAAQMEAgb/2gAMAwEAAhADEAAAAcwKWbkKsRjk1m68
9n//xAAZEAADAQEBAAAAAAAAAAAAAAAAAQIDERP/2gAIAQEAAQUCjAnE8SUuSkcP/8QAGBEAAwEBAAAAAAAAAAAAAAAAAAEDAhH/2gAIAQMBAT8B
xcncVjDfSbZ0/8QAHBEAAgIDAQEAAAAAAAAAAAAAAQIAEQMhQSIz/9oACAECAQE/AcfuE4+bjMt8ifEw7YLAzEXc/8QAFhAAAwAAAAAAAAAAAAAA
AAAAACAx/9oACAEBAAY/AiL/AP/EABkQAAMBAQEAAAAAAAAAAAAAAAABEUFRYf/aAAgBAQABPyGmCfRPEZpUlBJD/9oADAMBAAIAAwAAABC1en//
xAAaEQADAAMBAAAAAAAAAAAAAAAAAREhMUFR/9oACAEDAQE/EJdGejZsmZIrRMkf/8QAHxEBAAIBBAMBAAAAAAAAAAAAAQARMSFhcaGBkbHw/9oA
CAECAQE/EDAMdGXB7/G8HoKcL2aRNnH0gFsVdb2w0l4a6J//xAAbEAADAAMBAQAAAAAAAAAAAAAAAREhQZExYf/aAAgBAQABPxDAOn9H4hQxybLG
OhubJYOq2uH/2Q==
""",
    "jpeg/gray": """
/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxOUlNSMj5aYVpQ
YEpRUk//wAALCAALABMBAREA/8QAFgABAQEAAAAAAAAAAAAAAAAABQQG/8QAIhAAAQMDBAMBAAAAAAAAAAAAAQACAwQFERIiQZETITFR/9oACAEB
AAA/AM1R2PVjYlqeyM4j1fp+BXiytx6Y3olI0kMfhOwcJangiL2N0DGM4VrI2FgJHS//2Q==
""",
    "jpeg/cmyk": """
/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwAUDg8SDw0UEhASFxUUGB4yIR4cHB49LC4kMklATEtHQEZFUFpzYlBVbVZFRmSIZW13e4GCgU5gjZeMfZZz
foF8/8AAFAgACwATBEMRAE0RAFkRAEsRAP/EABkAAAMBAQEAAAAAAAAAAAAAAAAFBgIEB//EACkQAAEDAgQFBAMAAAAAAAAAAAEAAgMFEQQSE0EV
IVJikRQWIjIxUfD/2gAOBEMATQBZAEsAAD8AnqdslnA+1JKRSvXZfje6s1VU7ZHA+1MhT6eLiCD1WXm998kbQL3+RHP8fq1t0J/H9Ajgfasz4XCt
lIjiwjW2FhpyS7dTeRQvNqdsrjRj6At01o9uTkXBIYCQbci4AjwUKqp2yNGPoCYiCOSoYPDPYDAIhJk2zEuF/A/roT+P6BGjH0BceHllngjkfNKH
OaL5Hlg8CwQv/9k=
""",
    "webp/lossy": """
UklGRkgAAABXRUJQVlA4IDwAAADQAQCdASoHAAUAAsBMJbACdAD0Ma4oAAD+5p51TPeZTgMX+M43F62qjtzyyjf7U7uH9Wvcao/EOvqAAAA=
""",
    "webp/lossless": """
UklGRmYAAABXRUJQVlA4TFoAAAAvBgABALkyRPQ/dhHR/4CCtm3YlBmUSncUso0A4wIcxcM0AMAkw2HacedPHtBojbMWcYnWIhJJDdfNMORUYUFM
XGIYN8+DuGRwBiDJg0RwWnImtkKYNBSMhPw=
""",
    "webp/alpha": """
UklGRoAAAABXRUJQVlA4WAoAAAAQAAAABgAABAAAQUxQSCQAAAAAGhoaGhoaGktLS0tLS0uAgICAgICAtLS0tLS0tOXl5eXl5eVWUDggNgAAANAB
AJ0BKgcABQADgFolsAJ0AQ8O5elwAP7SCwFCdc0ioPJe8Pjxf2seUa+to3plmKdPl8AAAA==
""",
    "webp/animated": """
UklGRpgBAABXRUJQVlA4WAoAAAASAAAABgAABAAAQU5JTQYAAAAAAAAAAgBBTk1GkgAAAAAAAAAAAAYAAAQAACgAAAJBTFBIJAAAAAAaGhoaGhoa
S0tLS0tLS4CAgICAgIC0tLS0tLS05eXl5eXl5VZQOCBOAAAAUAEAnQEqBwAFAAOAWiWwAAWMAAD+6lb9ofyv/8o7/d/uJ//yef/4ctT/n0x39jd+
zN0GJRfe8X3v/W/plWDs331z/k4zFeDlmrv9q4AAQU5NRmQAAAAAAAAAAAAGAAAEAABQAAAAVlA4IEwAAABUAQCdASoHAAUAAABaJbAABHQAAP7w
Jv95PzV/8kz/RXo1//yN//cLZZTL3fxTn4vsMZwf4n3utscmsWZfebxdhLram+ex7AkAAAAAQU5NRmYAAAAAAAAAAAAGAAAEAAAAAAAAVlA4IE4A
AABUAQCdASoHAAUAAABaJbAABYwAAP7qVv2h/K//yjv93+4n//J5//hy1P+fTHf2N37M3QYlF97xfe/9b4dYxHr/fH5/r1XbaDzTfct3MAA=
""",
}


def made_elsewhere(name):
    return base64.b64decode(MADE_ELSEWHERE[name])


def samples(count, step=37):
    return bytes(i * step % 256 for i in range(count))


# ---- blocks of metadata ----

XMP = (b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
       b"<rdf:Description tiff:Orientation=\"6\" exif:PixelXDimension='5'><tiff:ImageWidth>5</tiff:ImageWidth>"
       b"</rdf:Description></rdf:RDF></x:xmpmeta>")
IPTC = b"\x1c\x02\x05\0\5title\x1c\x02\x19\0\4word"
PHOTOSHOP = (b"8BIM\x04\x04\0\0" + struct.pack(">I", len(IPTC)) + IPTC + b"8BIM\x03\xed\4name\0" +
             struct.pack(">I", 4) + b"abcd")


def icc(space):
    return (struct.pack(">I4sI4s4s4s", 132, b"lcms", 0x04300000, b"mntr", space, b"XYZ ") + bytes(12) + b"acsp" +
            bytes(88) + bytes(4))


# ---- TIFF, and EXIF, which has its form ----

BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, LONG8 = 1, 2, 3, 4, 5, 7, 16
SIZES = {BYTE: 1, ASCII: 1, SHORT: 2, LONG: 4, RATIONAL: 8, UNDEFINED: 1, LONG8: 8}


class Tiff:
    """Directories one after the other; values and samples behind the directory that they belong to."""

    def __init__(self, order="<", big=False):
        self.order, self.big = order, big
        self.word = "Q" if big else "I"
        self.bytes = (b"II" if order == "<" else b"MM") + self.pack("H", 43 if big else 42)
        self.bytes += self.pack("HHQ", 8, 0, 16) if big else self.pack("I", 8)
        self.link = 8 if big else 4

    def pack(self, form, *values):
        return struct.pack(self.order + form, *values)

    def value(self, kind, values):
        if isinstance(values, bytes):
            return values
        form = {BYTE: "B", SHORT: "H", LONG: "I", RATIONAL: "II", LONG8: "Q"}[kind]
        pairs = values if kind == RATIONAL else [(v,) for v in values]
        return b"".join(self.pack(form, *v) for v in pairs)

    def directory(self, fields, blocks=(), tiles=False, chain=True):
        """fields: {tag: (type, values)}; blocks: the strips or tiles. Returns where it lies."""
        self.bytes += bytes(len(self.bytes) % 2)
        at = len(self.bytes)
        fields = dict(fields)
        if blocks:
            fields[324 if tiles else 273] = (LONG, [0] * len(blocks))
            fields[325 if tiles else 279] = (LONG, [len(block) for block in blocks])
        size, count = struct.calcsize("<" + self.word), self.pack("Q" if self.big else "H", len(fields))
        behind = at + len(count) + len(fields) * (4 + 2 * size) + size
        raw = {tag: self.value(*field) for tag, field in fields.items()}
        behind += sum(len(value) + len(value) % 2 for value in raw.values() if len(value) > size)
        starts = [behind + sum(map(len, blocks[:i])) for i in range(len(blocks))]
        if blocks:
            raw[324 if tiles else 273] = self.value(LONG, starts)
        table, values = count, b""
        value_at = at + len(count) + len(fields) * (4 + 2 * size) + size
        for tag in sorted(fields):
            value = raw[tag]
            table += self.pack("HH" + self.word, tag, fields[tag][0], len(value) // SIZES[fields[tag][0]])
            if len(value) <= size:
                table += value + bytes(size - len(value))
            else:
                table += self.pack(self.word, value_at + len(values))
                values += value + bytes(len(value) % 2)
        if chain:
            self.bytes = self.bytes[:self.link] + self.pack(self.word, at) + self.bytes[self.link + size:]
            self.link = at + len(table)
        self.bytes += table + bytes(size) + values + b"".join(blocks)
        return at


def described(tiff):
    """IFD0's entries with EXIF, GPS and interoperability directories, which are written behind it."""
    inner = tiff.directory({1: (ASCII, b"R98\0"), 2: (UNDEFINED, b"0100")}, chain=False)
    exif = tiff.directory({33434: (RATIONAL, [(1, 60)]), 37510: (UNDEFINED, b"UNICODE\0\0a\0b"), 40962: (LONG, [5]),
                           40963: (SHORT, [3]), 37500: (UNDEFINED, samples(20)), 40965: (LONG, [inner])}, chain=False)
    gps = tiff.directory({0: (BYTE, [2, 3, 0, 0]), 2: (RATIONAL, [(52, 1), (30, 1), (0, 1)])}, chain=False)
    return {271: (ASCII, b"maker\0"), 274: (SHORT, [6]), 282: (RATIONAL, [(300, 1)]), 283: (RATIONAL, [(300, 1)]),
            296: (SHORT, [2]), 34665: (LONG, [exif]), 34853: (LONG, [gps])}


def exif(order="<", thumbnail=b"", big=False):
    tiff = Tiff(order, big)
    first = tiff.directory(described(tiff))
    if thumbnail:
        at = tiff.directory({259: (SHORT, [6]), 274: (SHORT, [6]), 513: (LONG, [0]), 514: (LONG, [len(thumbnail)])})
        place = at + 2 + 2 * 12 + 8
        tiff.bytes = tiff.bytes[:place] + tiff.pack("I", len(tiff.bytes)) + tiff.bytes[place + 4:] + thumbnail
    assert first > 0
    return tiff.bytes


def picture_fields(width, height, bits, channels, photometric, compression=1, **more):
    fields = {256: (SHORT, [width]), 257: (SHORT, [height]), 258: (SHORT, [bits] * channels), 259: (SHORT, [compression]),
              262: (SHORT, [photometric]), 277: (SHORT, [channels]), 278: (SHORT, [height])}
    fields.update({int(tag[1:]): value for tag, value in more.items()})
    return fields


def lzw(data):
    """Codes of 9 bits only: the table is cleared before it grows."""
    codes = []
    for i, byte in enumerate(data):
        codes += ([256] if i % 200 == 0 else []) + [byte]
    text = "".join(f"{code:09b}" for code in codes + [257])
    text += "0" * (-len(text) % 8)
    return bytes(int(text[i:i + 8], 2) for i in range(0, len(text), 8))


def packbits(data):
    return b"".join(bytes([len(data[i:i + 128]) - 1]) + data[i:i + 128] for i in range(0, len(data), 128)) + b"\xfe\x07"


def tiffs():
    def one(name, fields, blocks, order="<", big=False, tiles=False):
        tiff = Tiff(order, big)
        tiff.directory(fields, blocks, tiles)
        yield name, tiff.bytes

    w, h = 5, 3
    gray, rgb, deep = samples(w * h), samples(w * h * 3), samples(w * h * 6)
    yield from one("gray", picture_fields(w, h, 8, 1, 1), [gray])
    yield from one("white_is_zero_1_bit", picture_fields(9, h, 1, 1, 0), [samples(2 * h)])
    yield from one("rgb_big_endian", picture_fields(w, h, 16, 3, 2), [deep], ">")
    yield from one("rgb_strips", picture_fields(w, h, 8, 3, 2, t278=(SHORT, [1])), [rgb[i:i + 15] for i in (0, 15, 30)])
    yield from one("rgba_associated", picture_fields(w, h, 8, 4, 2, t338=(SHORT, [1])), [samples(w * h * 4)])
    yield from one("deflate", picture_fields(w, h, 8, 3, 2, 8, t317=(SHORT, [2])), [zlib.compress(rgb)])
    yield from one("lzw", picture_fields(w, h, 8, 3, 2, 5), [lzw(rgb)])
    yield from one("packbits", picture_fields(w, h, 8, 3, 2, 32773), [packbits(rgb)])
    yield from one("planar", picture_fields(w, h, 8, 3, 2, t284=(SHORT, [2])), [rgb[:15], rgb[15:30], rgb[30:]])
    yield from one("planar_deflate", picture_fields(w, h, 8, 3, 2, 8, t284=(SHORT, [2])),
                   [zlib.compress(rgb[i:i + 15]) for i in (0, 15, 30)])
    palette = samples(3 * 16 * 2)
    yield from one("palette", picture_fields(w, h, 4, 1, 3, t320=(SHORT, palette)), [samples(3 * h)])
    yield from one("twelve_bits", picture_fields(6, h, 12, 1, 1), [samples(9 * h)])
    yield from one("cmyk", picture_fields(w, h, 8, 4, 5), [samples(w * h * 4)])
    yield from one("cmyk_deep", picture_fields(w, h, 16, 4, 5), [samples(w * h * 8)])
    yield from one("lab", picture_fields(w, h, 8, 3, 8), [rgb])
    yield from one("lab_deep", picture_fields(w, h, 16, 3, 8), [deep])
    yield from one("logluv", picture_fields(w, h, 16, 3, 32845, 34677, t339=(SHORT, [2])), [rgb])
    yield from one("ycbcr", picture_fields(4, 2, 8, 3, 6, t530=(SHORT, [2, 2])), [samples(12)])
    yield from one("jpeg", picture_fields(19, 11, 8, 3, 6, 7, t530=(SHORT, [2, 2])), [made_elsewhere("jpeg/baseline")])
    yield from one("fax", picture_fields(16, 2, 1, 1, 0, 4), [b"\xc0\x04\x00\x40"])
    yield from one("float", picture_fields(w, h, 32, 1, 1, t339=(SHORT, [3])), [struct.pack("<15f", *range(-3, 12))])
    yield from one("signed", picture_fields(w, h, 16, 1, 1, t339=(SHORT, [2])), [samples(30)])
    yield from one("double_big", picture_fields(2, 2, 64, 1, 1, t339=(SHORT, [3])), [struct.pack("<4d", 0, 1, .5, 2)],
                   big=True)
    tiles = picture_fields(20, 17, 8, 1, 1, t322=(SHORT, [16]), t323=(SHORT, [16]))
    del tiles[278]
    yield from one("tiles", tiles, [samples(256, step) for step in (3, 5, 7, 11)], tiles=True)
    yield from one("tiles_deflate", {**tiles, 259: (SHORT, [8])},
                   [zlib.compress(samples(256, step)) for step in (3, 5, 7, 11)], tiles=True)
    for name, order, big in (("described", "<", False), ("described_big_endian", ">", False), ("described_big", "<", True)):
        tiff = Tiff(order, big)
        fields = {**described(tiff), **picture_fields(w, h, 8, 3, 2)}
        fields.update({700: (BYTE, XMP), 33723: (LONG, IPTC + bytes(-len(IPTC) % 4)), 34377: (BYTE, PHOTOSHOP),
                       34675: (UNDEFINED, icc(b"RGB ")), 270: (ASCII, b"a picture\0")})
        tiff.directory(fields, [rgb])
        yield name, tiff.bytes
    pages = Tiff()
    for kind in (0, 1, 2):
        pages.directory(picture_fields(w, h, 8, 1, 1, t254=(LONG, [kind])), [gray])
    yield "pages", pages.bytes


# ---- PNG ----


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, depth, colour, before=(), interlaced=False):
    bits = depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    data = b""
    for x, y, dx, dy in passes if interlaced else [(0, 0, 1, 1)]:
        columns, rows = -(-(width - x) // dx), -(-(height - y) // dy)
        if columns > 0:
            for row in range(rows):
                data += bytes([row % 5]) + samples((columns * bits + 7) // 8, 11 + row)
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    chunks = [(b"IHDR", head), *before, (b"IDAT", zlib.compress(data, 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*c) for c in chunks)


def raw_profile(name, data):
    text = f"\n{name}\n{len(data):8}\n{data.hex()}\n".encode()
    return b"Raw profile type " + name.encode() + b"\0\0" + zlib.compress(text)


def pngs():
    yield "gray", png(5, 3, 8, 0)
    yield "gray_1_bit", png(11, 3, 1, 0)
    yield "gray_alpha", png(5, 3, 8, 4)
    yield "rgb", png(5, 3, 8, 2)
    yield "rgba_deep", png(5, 3, 16, 6)
    yield "palette", png(5, 3, 4, 3, [(b"PLTE", samples(48)), (b"tRNS", samples(9))])
    yield "transparent_colour", png(5, 3, 8, 2, [(b"tRNS", bytes(6))])
    yield "interlaced", png(9, 9, 8, 2, interlaced=True)
    colours = struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
    yield "numbers", png(5, 3, 8, 2, [(b"gAMA", struct.pack(">I", 55555)), (b"cHRM", colours), (b"cICP", b"\x09\x0d\0\1"),
                                      (b"pHYs", struct.pack(">IIB", 11811, 11811, 1)), (b"sRGB", b"\0"),
                                      (b"acTL", struct.pack(">II", 3, 0)), (b"tIME", bytes(7)), (b"oFFs", bytes(9))])
    yield "texts", png(5, 3, 8, 2, [(b"tEXt", b"Comment\0caf\xe9"), (b"zTXt", b"parameters\0\0" + zlib.compress(b"a cat")),
                                    (b"iTXt", b"Title\0\1\0de\0Titel\0" + zlib.compress("über".encode()))])
    yield "blocks", png(5, 3, 8, 2, [(b"iCCP", b"name\0\0" + zlib.compress(icc(b"RGB "))), (b"eXIf", exif()),
                                     (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)])
    yield "raw_profiles", png(5, 3, 8, 2, [(b"zTXt", raw_profile("iptc", PHOTOSHOP)), (b"zTXt", raw_profile("exif", exif(">")))])


# ---- JPEG and WebP: what stands around the pictures ----


def segment(marker, data):
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def jpegs():
    for name in ("baseline", "subsampled", "progressive", "gray", "cmyk"):
        yield name, made_elsewhere("jpeg/" + name)
    picture = made_elsewhere("jpeg/gray")
    blocks = (segment(0xE1, b"Exif\0\0" + exif(">", picture)) + segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP) +
              segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(40) + b"<more/>") +
              segment(0xE2, b"ICC_PROFILE\0\1\1" + icc(b"GRAY")) + segment(0xED, b"Photoshop 3.0\0" + PHOTOSHOP) +
              segment(0xFE, b"a comment"))
    yield "described", picture[:2] + blocks + picture[2:]
    yield "cut", made_elsewhere("jpeg/baseline")[:-2]


def webps():
    for name in ("lossy", "lossless", "alpha", "animated"):
        yield name, made_elsewhere("webp/" + name)
    part = lambda kind, data: kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)
    head = struct.pack("<I", 0x20 | 0x08 | 0x04) + b"\x06\0\0\x04\0\0"  # ICC, EXIF and XMP; 7x5
    parts = (part(b"VP8X", head) + part(b"ICCP", icc(b"RGB ")) + made_elsewhere("webp/lossless")[12:] +
             part(b"EXIF", exif()) + part(b"XMP ", XMP))
    yield "described", part(b"RIFF", b"WEBP" + parts)


# ---- BMP, and Netpbm's ----


def bmp(header, palette, pixels, profile=b""):
    start = 14 + len(header) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(pixels) + len(profile), 0, 0, start) + header + palette + pixels + profile


def bmp_info(bits, width=5, height=3, size=40, compression=0, image_bytes=0, colours=0):
    return struct.pack("<IiiHHIIiiII", size, width, height, 1, bits, compression, image_bytes, 2835, 2835, colours, 0)


def bmps():
    yield "24", bmp(bmp_info(24), b"", samples(48))
    yield "32_top_down", bmp(bmp_info(32, height=-3), b"", samples(60))
    yield "16", bmp(bmp_info(16), b"", samples(36))
    yield "8", bmp(bmp_info(8, colours=16), samples(64), samples(24, 1))
    yield "4", bmp(bmp_info(4), samples(64), samples(12))
    yield "1", bmp(bmp_info(1), bytes(4) + b"\xff\xff\xff\0", samples(12))
    yield "core", bmp(struct.pack("<IHHHH", 12, 5, 3, 1, 24), b"", samples(48))
    yield "masks", bmp(bmp_info(16, compression=3), struct.pack("<III", 0xF800, 0x07E0, 0x001F), samples(36))
    runs = b"\5\1\0\0" + b"\0\5\1\2\3\4\5\0\0\0" + b"\0\2\1\1\2\7\0\1"
    yield "runs_8", bmp(bmp_info(8, compression=1, image_bytes=len(runs)), samples(1024), runs)
    yield "runs_4", bmp(bmp_info(4, compression=2, image_bytes=14), samples(64),
                        b"\5\x12\0\0" + b"\0\5\x12\x34\x50\0" + b"\5\x21\0\1")
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    yield "v4", bmp(bmp_info(32, size=108, compression=3) + masks + b"BGRs" + bytes(48), b"", samples(60))
    profile = icc(b"RGB ")
    v5 = bmp_info(24, size=124) + masks + b"DEBM" + bytes(48) + struct.pack("<IIII", 0, 124 + 48, len(profile), 0)
    yield "v5", bmp(v5, b"", samples(48), profile)


def pnms():
    yield "p1", b"P1\n# comment\n3 2\n1 0 1\n010\n"
    yield "p2", b"P2 3 2 300\n1 2 3 300 20 10\n"
    yield "p3", b"P3\n2 1\n255\n1 2 3 4 5 6"
    yield "p4", b"P4\n9 2\n" + samples(4)
    yield "p5", b"P5 3 2 255\n" + samples(6)
    yield "p5_deep", b"P5 3 2 1023\n" + samples(12, 1)
    yield "p6", b"P6 3 2 255\n" + samples(18)
    yield "p6_two", 2 * (b"P6 1 1 255\n" + samples(3))
    yield "p7", b"P7\nWIDTH 3\nHEIGHT 2\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n" + samples(24)
    yield "p7_deep", b"P7\nWIDTH 3\nHEIGHT 2\nDEPTH 2\nMAXVAL 65535\nTUPLTYPE GRAYSCALE_ALPHA\nENDHDR\n" + samples(24)
    yield "pfm", b"PF\n2 2\n-1.0\n" + struct.pack("<12f", *range(12))
    yield "pfm_gray", b"Pf\n2 2\n1.0\n" + struct.pack(">4f", 0, 1, .5, 2)


def nifti(order="<", two=False, kind=4, size=2, extents=(3, 2, 2), extension=b""):
    dim = struct.pack(order + ("8q" if two else "8h"), len(extents), *extents, *[1] * (7 - len(extents)))
    step = struct.pack(order + ("8d" if two else "8f"), 1, .5, .75, 2, 1, 1, 1, 1)
    turn = struct.pack(order + ("6d" if two else "6f"), 0, 0, 1, 10, 20, 30)
    rows = struct.pack(order + ("12d" if two else "12f"), .5, 0, 0, 1, 0, .75, 0, 2, 0, 0, 2, 3)
    count = 1
    for extent in extents:
        count *= extent
    if two:
        head = bytearray(540)
        head[0:16] = struct.pack(order + "i8shh", 540, b"n+2\0\r\n\x1a\n", kind, 8 * size)
        head[16:80], head[104:168], head[168:176] = dim, step, struct.pack(order + "q", 544 + len(extension))
        head[344:352], head[352:400], head[400:496] = struct.pack(order + "ii", 1, 1), turn, rows
    else:
        head = bytearray(348)
        head[0:4], head[40:56], head[70:74] = struct.pack(order + "i", 348), dim, struct.pack(order + "hh", kind, 8 * size)
        head[76:108], head[108:112] = step, struct.pack(order + "f", 352 + len(extension))
        head[252:256], head[256:280], head[280:328], head[344:348] = struct.pack(order + "hh", 1, 1), turn, rows, b"n+1\0"
    return bytes(head) + (b"\1" if extension else b"\0") + b"\0\0\0" + extension + samples(count * size)


def niis():
    yield "one", nifti()
    yield "big_endian", nifti(">", kind=16, size=4)
    yield "two", nifti(two=True, kind=64, size=8, extents=(2, 2, 1, 2))
    yield "two_big", nifti(">", True, kind=512)
    yield "colours", nifti(kind=128, size=3)
    yield "bytes", nifti(kind=2, size=1, extents=(4, 3))
    yield "extended", nifti(extension=struct.pack("<ii", 16, 6) + b"comment\0")
    yield "packed", gzip.compress(nifti(kind=8, size=4))


def element(group, number, kind, value):
    """Of a DICOM data set, explicit VR, little endian."""
    if isinstance(value, int):
        value = struct.pack("<H", value)
    value += (b"\0" if kind in (b"UI", b"OB", b"SQ") else b" ") * (len(value) % 2)
    long = kind in (b"OB", b"OW", b"SQ", b"UN")
    return struct.pack("<HH2s", group, number, kind) + (struct.pack("<HI", 0, len(value)) if long else struct.pack("<H", len(value))) + value


def dicom(*more, bits=16, stored=12, signed=0, kind=b"MONOCHROME2 ", channels=1, frames=1, pixels=None, syntax=b"1.2.840.10008.1.2.1"):
    meta = element(2, 1, b"OB", b"\0\1") + element(2, 2, b"UI", b"1.2.840.10008.5.1.4.1.1.2") + element(2, 3, b"UI", b"1.2.3") + element(2, 0x10, b"UI", syntax)
    elements = [(8, 8, b"CS", b"ORIGINAL\\PRIMARY"), (8, 0x16, b"UI", b"1.2.840.10008.5.1.4.1.1.2"), (8, 0x18, b"UI", b"1.2.3"), (8, 0x103E, b"LO", b"seed"),
                (0x20, 0xE, b"UI", b"1.2.4"), (0x20, 0x32, b"DS", b"-1.5\\2\\3"), (0x20, 0x37, b"DS", b"1\\0\\0\\0\\1\\0"), (0x28, 2, b"US", channels),
                (0x28, 4, b"CS", kind), (0x28, 8, b"IS", str(frames).encode()), (0x28, 0x10, b"US", 2), (0x28, 0x11, b"US", 3), (0x28, 0x30, b"DS", b"0.5\\.75"),
                (0x28, 0x100, b"US", bits), (0x28, 0x101, b"US", stored), (0x28, 0x102, b"US", stored - 1), (0x28, 0x103, b"US", signed), *more,
                (0x7FE0, 0x10, b"OW" if bits == 16 else b"OB", samples(6 * channels * frames * bits // 8) if pixels is None else pixels)]
    return bytes(128) + b"DICM" + element(2, 0, b"UL", struct.pack("<I", len(meta))) + meta + b"".join(element(*e) for e in sorted(elements))


def dcms():
    yield "twelve", dicom()
    yield "signed", dicom((0x28, 0x120, b"SS", 7), (0x28, 0x121, b"SS", 9), stored=16, signed=1)
    yield "frames", dicom(frames=3)
    yield "colours", dicom((0x28, 6, b"US", 1), bits=8, stored=8, kind=b"YBR_FULL", channels=3)
    palette = [(0x28, 0x1101 + c, b"US", struct.pack("<HHH", 4, 0, 16)) for c in range(3)] + [(0x28, 0x1201 + c, b"OW", samples(8, c)) for c in range(3)]
    yield "palette", dicom(*palette, bits=8, stored=8, kind=b"PALETTE COLOR")
    item = element(0x20, 0x32, b"DS", b"1\\2\\3")
    place = element(0x20, 0x9113, b"SQ", struct.pack("<HHI", 0xFFFE, 0xE000, len(item)) + item)
    yield "groups", dicom((0x5200, 0x9230, b"SQ", struct.pack("<HHI", 0xFFFE, 0xE000, len(place)) + place), (0x6000, 0x10, b"US", 2))
    run = bytes([5]) + samples(6)
    packed = struct.pack("<HHI", 0xFFFE, 0xE000, 0) + struct.pack("<HHI", 0xFFFE, 0xE000, 64 + 8) + struct.pack("<16I", 1, 64, *[0] * 14) + run + b"\0"
    whole = dicom(bits=8, stored=8, pixels=b"", syntax=b"1.2.840.10008.1.2.5")
    yield "runs", whole[:-4] + b"\xff\xff\xff\xff" + packed + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def blocks_of_exif():
    yield "little", exif()
    yield "big_endian", exif(">", made_elsewhere("jpeg/gray"))
    yield "big", exif(big=True)


SEEDS = {"png": pngs, "jpeg": jpegs, "tiff": tiffs, "webp": webps, "bmp": bmps, "pnm": pnms, "nii": niis, "dcm": dcms, "exif": blocks_of_exif}
