"""metadata_test.py PROGRAM TINY_MODEL: what a file says about its picture is in the enlarged one too, or the loss is told.

Pictures with everything in them are enlarged from every format into every other; exiftool says what is in both."""
import base64
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

import numpy

if shutil.which("exiftool") is None:
    print("skipped: exiftool is not installed")
    sys.exit(77)

program, tiny_model = (str(pathlib.Path(argument).resolve()) for argument in sys.argv[1:3])
samples = pathlib.Path(__file__).resolve().parents[2] / "shared/data/faults"
work = pathlib.Path(tempfile.mkdtemp())
os.chdir(work)
subprocess.run(["/usr/bin/python3", tiny_model, "tiny.safetensors"], check=True)
failures = []


def check(what, condition, detail=""):
    if not condition:
        failures.append(what)
        print(f"FAILED: {what}: {detail}", file=sys.stderr)


# ---- programs ----


def run(*arguments):
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, errors="replace",
                          stdin=subprocess.DEVNULL)


def enlarge(source, target, *options):
    """What was said of it on stderr."""
    result = run("upscale", source, "-o", target, "-m", "tiny.safetensors", "--overwrite", *options)
    check(f"{source} to {target}", result.returncode == 0, result.stderr)
    return result.stderr


def tags(path, *options):
    """{"Group:Tag": value}; binary values as base64."""
    command = ["exiftool", "-a", "-G1", "-s", "-struct", "-n", "-j", "-b", *options, str(path)]
    said = subprocess.run(command, capture_output=True, text=True).stdout
    return json.loads(said)[0] if said else {}


def write_tags(path, *arguments):
    command = ["exiftool", "-q", "-q", "-overwrite_original", "-codedcharacterset=utf8", *arguments, str(path)]
    result = subprocess.run(command, capture_output=True, text=True)
    check(f"exiftool writes {path}", result.returncode == 0, result.stderr)


def group_of(key):
    return key.split(":")[0]


def of_groups(found, *groups):
    """Tags whose group begins so."""
    return {key: value for key, value in found.items() if key.startswith(groups)}


# ---- writers ----


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def write_png(path, pixels, *chunks):
    height, width = pixels.shape[:2]
    depth = 8 * pixels.dtype.itemsize
    colour = 0 if pixels.ndim == 2 else 2
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


# ---- what each format holds, and what must change ----

listed = {entry["extensions"][0]: entry for entry in json.loads(run("formats", "--json").stdout)}
formats = [e for e in ("jpg", "png", "tif", "webp", "heic", "avif", "jxl") if e in listed and listed[e]["write"]]
exif_groups = ("IFD0:", "ExifIFD:", "GPS:", "InteropIFD:")
always = exif_groups + ("XMP-", "ICC_Profile:", "ICC-")
holds = {
    "jpg": always + ("IFD1:", "IPTC:", "Photoshop:", "File:Comment"),
    "png": always + ("IFD1:", "IPTC:", "Photoshop:", "PNG:", "PNG-cICP:"),
    "tif": always + ("IPTC:", "Photoshop:"),  # its second directory is a second picture
    "webp": always + ("IFD1:",),
    "heic": always + ("IFD1:",),
    "avif": always + ("IFD1:",),
    "jxl": always + ("IFD1:",),
}
# How the samples of a TIFF file, a PNG file and a thumbnail lie.
structural = {
    *(f"IFD0:{tag}" for tag in (
        "SubfileType ImageWidth ImageHeight BitsPerSample Compression PhotometricInterpretation StripOffsets "
        "SamplesPerPixel RowsPerStrip StripByteCounts PlanarConfiguration Predictor SampleFormat ExtraSamples "
        "YCbCrPositioning PageNumber").split()),
    *(f"IFD1:{tag}" for tag in "ThumbnailOffset ThumbnailLength ThumbnailImage".split()),
    *(f"PNG:{tag}" for tag in (
        "ImageWidth ImageHeight BitDepth ColorType Compression Filter Interlace ProfileName").split()),
    "ExifIFD:ExifImageWidth", "ExifIFD:ExifImageHeight",
}
# Has a field of its own in most formats; see resolution_of().
resolution = {"IFD0:XResolution", "IFD0:YResolution", "IFD0:ResolutionUnit"}
# exiftool's own, and what it says of the profile's place.
ignored = ("SourceFile", "ExifTool:", "System:", "Composite:")
names_of_losses = {"IPTC:": "IPTC data", "Photoshop:": "Photoshop data", "File:Comment": "comment", "PNG:": "text '",
                   "IFD1:": "thumbnail", "PNG-cICP:": "colour space by numbers"}


def resolution_of(found):
    """Pixels per inch, the format's own field first."""
    if "PNG-pHYs:PixelsPerUnitX" in found and found["PNG-pHYs:PixelUnits"] == 1:
        return found["PNG-pHYs:PixelsPerUnitX"] * 0.0254
    for group in ("JFIF", "IFD0"):
        unit = {2: 1, 3: 2.54} if group == "IFD0" else {1: 1, 2: 2.54}
        if found.get(f"{group}:ResolutionUnit") in unit:
            return found[f"{group}:XResolution"] * unit[found[f"{group}:ResolutionUnit"]]
    return 0


def compare(what, before, after, target, remarks, width, height, changed=()):
    """Every tag of `before` that the target can hold is in `after`; for the others there is a remark."""
    expected = {"IFD0:Orientation": 1, "XMP-tiff:Orientation": 1, "XMP-tiff:ImageWidth": width,
                "XMP-tiff:ImageHeight": height, "XMP-exif:ExifImageWidth": width,
                "XMP-exif:ExifImageHeight": height}
    if target == "tif":
        expected["IFD0:Orientation"] = None  # it need not be said
    for key, value in before.items():
        if key.startswith(ignored) or key in structural or key in resolution or key in changed:
            continue
        if key.startswith(holds[target]):
            wanted = expected.get(key, value)
            check(f"{what}: {key}", after.get(key) in (wanted, value if wanted is None else wanted) or
                  (wanted is None and key not in after), f"{value!r} became {after.get(key)!r}")
        else:
            for group, name in names_of_losses.items():
                if key.startswith(group):
                    check(f"{what}: the loss of {key} is told", name in remarks, remarks)
    for key in ("ExifIFD:ExifImageWidth", "ExifIFD:ExifImageHeight"):
        if key in before:
            check(f"{what}: {key}", after.get(key) == (width if "Width" in key else height), after.get(key))
    check(f"{what}: orientation", after.get("IFD0:Orientation", 1) == 1, after.get("IFD0:Orientation"))
    if resolution_of(before) > 0:
        check(f"{what}: resolution", abs(resolution_of(after) - resolution_of(before)) < 0.1,
              f"{resolution_of(before)} became {resolution_of(after)}")


# ---- sources with everything ----

rgb_profile, gray_profile = icc_profile("RGB"), icc_profile("GRAY")
pathlib.Path("maker.bin").write_bytes(b"NOBODY\0\1" + bytes(range(1, 200)))
write_png("thumbnail.png", marked(32, 24))
enlarge("thumbnail.png", "thumbnail.jpg", "--quality", "90")  # 64x48
described = [
    "-EXIF:ImageDescription=A cat on a mat", "-EXIF:Make=Nobody", "-EXIF:Model=Camera 1", "-EXIF:Software=1.2",
    "-EXIF:ModifyDate=2021:05:06 07:08:09", "-EXIF:Artist=Ännchen", "-EXIF:Copyright=(c) Ännchen", "-EXIF:XPTitle=Тест",
    "-EXIF:XPKeywords=кот;cat", "-EXIF:Rating=4", "-EXIF:HostComputer=host", "-EXIF:Orientation#=6",
    "-EXIF:XResolution=300", "-EXIF:YResolution=300", "-EXIF:ResolutionUnit#=2", "-EXIF:WhitePoint=0.3127 0.329",
    "-EXIF:ExposureTime=1/250", "-EXIF:FNumber=2.8", "-EXIF:ISO=400", "-EXIF:ExposureProgram#=2",
    "-EXIF:DateTimeOriginal=2021:05:06 07:08:09", "-EXIF:CreateDate=2021:05:06 07:08:09",
    "-EXIF:OffsetTimeOriginal=+02:00", "-EXIF:SubSecTimeOriginal=45", "-EXIF:ShutterSpeedValue=1/250",
    "-EXIF:ApertureValue=2.8", "-EXIF:ExposureCompensation=-1/3", "-EXIF:MeteringMode#=5", "-EXIF:Flash#=16",
    "-EXIF:FocalLength=50", "-EXIF:FocalLengthIn35mmFormat=75", "-EXIF:LensMake=Lens maker",
    "-EXIF:LensModel=RF50mm F1.8", "-EXIF:LensInfo=50 50 1.8 1.8", "-EXIF:LensSerialNumber=12",
    "-EXIF:SerialNumber=34", "-EXIF:OwnerName=Ann", "-EXIF:UserComment=hello ünï кот", "-EXIF:ColorSpace#=65535",
    "-EXIF:ExifImageWidth=48", "-EXIF:ExifImageHeight=32", "-EXIF:WhiteBalance#=0", "-EXIF:ImageUniqueID=" + "a" * 32,
    "-EXIF:InteropIndex=R98", "-MakerNoteUnknownBinary<=maker.bin",
    "-GPSLatitude=48.2", "-GPSLatitudeRef=N", "-GPSLongitude=16.3", "-GPSLongitudeRef=E", "-GPSAltitude=171",
    "-GPSAltitudeRef#=0", "-GPSTimeStamp=05:06:07", "-GPSDateStamp=2021:05:06", "-GPSImgDirection=12.5",
    "-GPSImgDirectionRef=T", "-GPSMapDatum=WGS-84",
    "-XMP-dc:Title=Title", "-XMP-dc:Title-de=Titel", "-XMP-dc:Subject=cat", "-XMP-dc:Subject=кот",
    "-XMP-dc:Rights=mine", "-XMP-tiff:Orientation#=6", "-XMP-tiff:ImageWidth=48", "-XMP-tiff:ImageHeight=32",
    "-XMP-exif:ExifImageWidth=48", "-XMP-exif:ExifImageHeight=32", "-XMP-photoshop:City=Wien", "-XMP-xmp:Rating=4",
    "-XMP-xmpMM:DocumentID=abc", "-XMP-crs:Exposure2012=+0.5", "-XMP-iptcExt:PersonInImage=Ännchen",
]
iptc = ["-IPTC:Keywords=cat", "-IPTC:Keywords=кот", "-IPTC:Caption-Abstract=Ein Kätzchen", "-IPTC:City=Wien",
        "-IPTC:By-line=Ännchen", "-IPTC:CopyrightNotice=(c)", "-IPTC:SpecialInstructions=none", "-IPTC:Urgency=5",
        "-Photoshop:CopyrightFlag=1", "-Photoshop:URL=https://example.org/"]
thumbnail = ["-IFD1:ThumbnailImage<=thumbnail.jpg"]
further = {
    "jpg": iptc + thumbnail + ["-File:Comment=a comment: кот", "-JFIF:XResolution=300", "-JFIF:YResolution=300",
                               "-JFIF:ResolutionUnit#=1"],
    "png": iptc + thumbnail,
    "tif": iptc,
    "webp": thumbnail, "heic": thumbnail, "avif": thumbnail, "jxl": thumbnail,
}
texts = [
    chunk(b"tEXt", b"Title\0plain \xe9"), chunk(b"zTXt", b"Description\0\0" + zlib.compress(b"packed " * 20)),
    chunk(b"iTXt", b"Author\0\0\0ru\0\0" + "Анна Ω".encode()),
    chunk(b"iTXt", b"Source\0\1\0\0\0" + zlib.compress("упаковано".encode())),
    chunk(b"tEXt", b"Software\0esrgan test"),
]
per_metre_300 = chunk(b"pHYs", struct.pack(">IIB", 11811, 11811, 1))
write_png("base.png", marked(), icc_chunk(rgb_profile), per_metre_300, *texts)
write_png("half.png", marked(24, 16), icc_chunk(rgb_profile), per_metre_300)
full = {}
for extension in formats:
    path = full[extension] = pathlib.Path(f"full.{extension}")
    if extension == "png":
        shutil.copy("base.png", path)
    else:
        enlarge("half.png", path, "--quality", "90")
    write_tags(path, *described, *further[extension])
    found = tags(path)
    check(f"{path}: has a profile", "ICC_Profile:RedMatrixColumn" in found, sorted(found))
    check(f"{path}: is described", len(of_groups(found, *always)) > 90, len(of_groups(found, *always)))
    check(f"{path}: has a maker's note", any("MakerNoteUnknown" in key for key in found), sorted(found))

upright = {"heic", "avif", "jxl"}  # EXIF says nothing there of how the pixels lie


def enlarge_full(source, target):
    result = pathlib.Path(f"{source}.out.{target}")
    result.unlink(missing_ok=True)
    remarks = enlarge(full[source], result)
    if not result.exists():
        return
    before, after = tags(full[source]), tags(result)
    width, height = (96, 64) if source in upright else (64, 96)
    # The program writes no Orientation, which would say nothing, and these say how the file's own text is written.
    compare(f"{source} to {target}", before, after, target, remarks, width, height)
    if "IFD1:ThumbnailImage" in before and target != "tif":
        data = after.get("IFD1:ThumbnailImage", "base64:")
        pathlib.Path("turned.jpg").write_bytes(base64.b64decode(data.removeprefix("base64:")))
        if pathlib.Path("turned.jpg").stat().st_size == 0:
            check(f"{source} to {target}: thumbnail", False)
            return
        enlarge("turned.jpg", "turned.ppm")
        enlarge("thumbnail.jpg", "straight.ppm")
        expected = turned(read_ppm("straight.ppm"), 6)
        check(f"{source} to {target}: thumbnail turned", same_corners(read_ppm("turned.ppm"), expected))


for source in formats:
    for target in formats:
        enlarge_full(source, target)

