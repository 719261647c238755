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

sys.dont_write_bytecode = True  # beside the sources
from metadata_pictures import (chunk, group_of, icc_chunk, icc_profile, make_maker_note, marked, of_groups, read_ppm,
                               resolution_of, same_corners, stored, turn_heif, turn_jxl, turned, write_png)

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
    command = ["exiftool", "-q", "-q", "-m", "-overwrite_original", "-codedcharacterset=utf8", *arguments, str(path)]
    result = subprocess.run(command, capture_output=True, text=True)
    check(f"exiftool writes {path}", result.returncode == 0, result.stderr)


# ---- what each format holds, and what must change ----

listed = {entry["extensions"][0]: entry for entry in json.loads(run("formats", "--json").stdout)}
formats = [e for e in ("jpg", "png", "tif", "webp", "heic", "avif", "jxl") if e in listed and listed[e]["write"]]
exif_groups = ("IFD0:", "ExifIFD:", "GPS:", "InteropIFD:")
profiles = ("ICC_Profile:", "ICC-")
always = exif_groups + ("XMP-",) + profiles
holds = {
    "jpg": always + ("IFD1:", "IPTC:", "Photoshop:", "File:Comment"),
    "png": always + ("IFD1:", "IPTC:", "Photoshop:", "PNG:"),
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
}
# Has a field of its own in most formats; see resolution_of().
resolution = {"IFD0:XResolution", "IFD0:YResolution", "IFD0:ResolutionUnit"}
# exiftool's own, and what it says of the profile's place.
ignored = ("SourceFile", "ExifTool:", "System:", "Composite:")
names_of_losses = {"IPTC:": "IPTC data", "Photoshop:": "Photoshop data", "File:Comment": "comment", "PNG:": "text '",
                   "IFD1:": "thumbnail"}  # PNG-cICP has tests of its own


def compare(what, before, after, target, remarks, width, height):
    """Every tag of `before` that the target can hold is in `after`; for the others there is a remark."""
    expected = {"IFD0:Orientation": 1, "XMP-tiff:Orientation": 1, "XMP-tiff:ImageWidth": width,
                "XMP-tiff:ImageHeight": height, "XMP-exif:ExifImageWidth": width, "XMP-exif:ExifImageHeight": height,
                "ExifIFD:ExifImageWidth": width, "ExifIFD:ExifImageHeight": height}
    for key, value in before.items():
        if key.startswith(ignored) or key in structural or key in resolution:
            continue
        held = key.startswith(holds[target])
        if target == "jxl" and key.startswith(profiles):
            continue  # check_profile() looks at it
        if key == "File:Comment" and target == "png":
            check(f"{what}: comment", after.get("PNG:Comment") == value, after.get("PNG:Comment"))
        elif held:
            found = after.get(key)
            upright_without_word = key == "IFD0:Orientation" and found is None
            check(f"{what}: {key}", found == expected.get(key, value) or upright_without_word,
                  f"{value!r} became {found!r}")
        else:
            for group, name in names_of_losses.items():
                if key.startswith(group):
                    check(f"{what}: the loss of {key} is told", name in remarks, remarks)
    if resolution_of(before) > 0:
        check(f"{what}: resolution", abs(resolution_of(after) - resolution_of(before)) < 0.1,
              f"{resolution_of(before)} became {resolution_of(after)}")


def same_profile(path, profile):
    """JPEG XL keeps what a simple profile says, and makes another of it; sRGB needs none."""
    found = profile_of(path)
    if path.suffix != ".jxl" and not path.name.startswith("jxl."):
        return found == profile
    if found == b"" and b"sRGB" in profile.replace(b"\0", b""):
        return True
    pathlib.Path("found.icc").write_bytes(found)
    pathlib.Path("wanted.icc").write_bytes(profile)
    a, b = tags("found.icc"), tags("wanted.icc")
    names = [f"ICC_Profile:{colour}MatrixColumn" for colour in ("Red", "Green", "Blue")]
    numbers = [[float(number) for name in names if name in of for number in of[name].split()] for of in (a, b)]
    return (a.get("ICC-header:ColorSpaceData") == b["ICC-header:ColorSpaceData"] and
            numpy.allclose(*map(numpy.array, numbers), atol=0.002))


def profile_of(path):
    """The ICC profile of a picture; by way of PNG where exiftool cannot see it."""
    if path.suffix == ".jxl":
        enlarge(path, "profile.png")
        path = pathlib.Path("profile.png")
    return subprocess.run(["exiftool", "-icc_profile", "-b", str(path)], capture_output=True).stdout


# ---- sources with everything ----

rgb_profile, gray_profile = icc_profile("RGB"), icc_profile("GRAY")
maker_note = "NOBODY" + "".join(map(chr, range(33, 127)))
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
    "-EXIF:InteropIndex=R98", f"-ExifIFD:ImageHistory={maker_note}",
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
    make_maker_note(path, maker_note)
    found = tags(path)
    if extension != "jxl":  # where it lies in the compressed data
        check(f"{path}: has a profile", "ICC_Profile:RedMatrixColumn" in found, sorted(found))
    described_by = len(of_groups(found, *exif_groups, "XMP-"))
    check(f"{path}: is described", described_by > 65, described_by)
    check(f"{path}: has a maker's note", any("MakerNoteUnknown" in key for key in found), sorted(found))

upright = {"heic", "avif", "jxl"}  # EXIF says nothing there of how the pixels lie


def enlarge_full(source, target):
    result = pathlib.Path(f"{source}.out.{target}")
    remarks = enlarge(full[source], result)
    if not result.exists():
        return
    what = f"{source} to {target}"
    before, after = tags(full[source]), tags(result)
    width, height = (96, 64) if source in upright else (64, 96)
    compare(what, before, after, target, remarks, width, height)
    check(f"{what}: profile", same_profile(result, rgb_profile), remarks)
    if "IFD1:ThumbnailImage" not in before or target == "tif":
        return
    data = base64.b64decode(after.get("IFD1:ThumbnailImage", "base64:").removeprefix("base64:"))
    check(f"{what}: has a thumbnail", data != b"")
    pathlib.Path("turned.jpg").write_bytes(data)
    if data != b"":
        enlarge("turned.jpg", "turned.ppm")
        check(f"{what}: thumbnail turned", same_corners(read_ppm("turned.ppm"), upright_thumbnail))


enlarge("thumbnail.jpg", "thumbnail.ppm")
upright_thumbnail = turned(read_ppm("thumbnail.ppm"), 6)
for source in formats:
    for target in formats:
        enlarge_full(source, target)

# ---- orientation is applied once ----

upright_pixels = marked(48, 32)
write_png("upright.png", upright_pixels)
enlarge("upright.png", "upright.ppm")
for extension in formats:
    expected = pathlib.Path(f"straight.{extension}")
    if extension == "png":
        shutil.copy("upright.png", expected)
    else:
        enlarge("upright.png", expected, "--quality", "90")
    enlarge(expected, "expected.ppm")
    for orientation in (2, 3, 4, 5, 6, 7, 8):
        if extension in ("heic", "avif") and orientation in (5, 7):
            continue  # needs two boxes
        path = pathlib.Path(f"lies.{extension}")
        write_png("lies.png", stored(upright_pixels, orientation))
        if extension != "png":
            enlarge("lies.png", path, "--quality", "90")
        if extension in ("heic", "avif"):
            turn_heif(path, orientation)
        elif extension == "jxl":
            turn_jxl(path, orientation)
        else:
            write_tags(path, f"-EXIF:Orientation#={orientation}")
        enlarge(path, "lies.ppm")
        check(f"{extension}: orientation {orientation} is applied once",
              same_corners(read_ppm("lies.ppm"), read_ppm("expected.ppm")))
        enlarge(path, "lies.out.png")
        check(f"{extension}: orientation {orientation} is not said again",
              tags("lies.out.png").get("IFD0:Orientation", 1) == 1)

# ---- options ----

for source in ("jpg", "png"):
    for target in formats:
        result = pathlib.Path(f"stripped.{target}")
        enlarge(full[source], result, "--metadata", "strip")
        found = tags(result)
        said = [key for key in found if not key.startswith(ignored + profiles) and key not in structural | resolution]
        left = [key for key in said if key.startswith(exif_groups + ("IFD1:", "XMP-", "IPTC:", "Photoshop:"))]
        left += [key for key in said if key in ("File:Comment", "PNG:Title", "PNG:Author", "PNG:Comment", "PNG:Software")]
        check(f"{source} to {target}: stripped", left == [], left)
        check(f"{source} to {target}: stripped, with its profile", same_profile(result, rgb_profile))
        if target in ("jpg", "png", "tif"):
            check(f"{source} to {target}: stripped, with its resolution", abs(resolution_of(found) - 300) < 0.1)
for source in ("jpg", "png", "tif", "webp"):
    write_tags(full[source], "-XMP-tiff:XResolution=300", "-XMP-tiff:YResolution=300", "-XMP-tiff:ResolutionUnit#=3")
    for target in formats:
        result = pathlib.Path(f"dpi.{target}")
        enlarge(full[source], result, "--dpi", "240")
        found = tags(result)
        check(f"{source} to {target}: 240 per inch", abs(resolution_of(found) - 240) < 0.1, resolution_of(found))
        for key in ("IFD0:XResolution", "IFD0:YResolution", "JFIF:XResolution", "Photoshop:XResolution",
                    "Photoshop:YResolution", "XMP-tiff:XResolution", "XMP-tiff:YResolution"):
            check(f"{source} to {target}: {key}", found.get(key, 240) == 240, found.get(key))
        check(f"{source} to {target}: unit", found.get("XMP-tiff:ResolutionUnit") == 2)
for target in formats:  # into files that say nothing
    enlarge("upright.png", f"dpi.{target}", "--dpi", "240")
    check(f"{target}: 240 per inch", abs(resolution_of(tags(f"dpi.{target}")) - 240) < 0.1)
write_png("72.png", upright_pixels, per_metre_300)
for target in formats:
    enlarge("72.png", f"dpi.{target}")
    check(f"{target}: 300 per inch", abs(resolution_of(tags(f"dpi.{target}")) - 300) < 0.1)
check("PPM has no resolution", "resolution" in enlarge("72.png", "72.ppm"))

# ---- colour by numbers ----

deep = upright_pixels.astype(numpy.uint16) * 257
for name, points in (("pq", (9, 16)), ("p3", (12, 13))):
    write_png(f"{name}.png", deep, chunk(b"cICP", bytes([*points, 0, 1])))
    for target in formats:
        result = pathlib.Path(f"{name}.out.{target}")
        remarks = enlarge(f"{name}.png", result)
        again = pathlib.Path(f"{name}.again.png")
        enlarge(result, again)
        found = tags(again)
        said = (found.get("PNG-cICP:ColorPrimaries"), found.get("PNG-cICP:TransferCharacteristics"))
        profile = profile_of(again)
        if target in ("png", "heic", "avif") or (target == "jxl" and name == "pq"):
            check(f"{name}: {target} keeps the numbers", said == points, said)
        elif name == "p3":
            check(f"{name}: {target} has a profile instead", profile[16:20] == b"RGB " and "numbers" not in remarks, remarks)
            check(f"{name}: {target}: of these colours", b"P3" in profile.replace(b"\0", b"") or target == "jxl", profile)
        else:
            check(f"{name}: the loss in {target} is told", "colour space by numbers" in remarks, remarks)
write_png("narrow.png", deep, chunk(b"cICP", bytes([9, 16, 0, 0])))
enlarge("narrow.png", "narrow.out.png")
check("narrow range stays narrow", tags("narrow.out.png").get("PNG-cICP:VideoFullRangeFlag") == 0)
gamma = chunk(b"gAMA", struct.pack(">I", 55556))
primaries = chunk(b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000))
for name, chunks in (("chrm", ()), ("chrm and iccp", (icc_chunk(rgb_profile),))):
    write_png(f"{name}.png", upright_pixels, *chunks, gamma, primaries)
    for target in formats:
        result = pathlib.Path(f"{name}.out.{target}")
        remarks = enlarge(f"{name}.png", result)
        profile, found = profile_of(result), tags(result)
        if target == "png":
            check(f"{name}: png keeps it", found.get("PNG:WhitePointX") == 0.3127 and
                  abs(found.get("PNG:Gamma", 0) - 1.8) < 0.01 and found.get("PNG:GreenX") == 0.21, found)
        if chunks:
            check(f"{name}: {target} keeps the profile", same_profile(result, rgb_profile))
        elif target != "png":
            check(f"{name}: {target} has a profile instead", profile[16:20] == b"RGB ", remarks)
enlarge("base.png", "profiled.png")
enlarge("profiled.png", "expected.ppm")
for target in formats:
    enlarge("base.png", f"profiled.{target}", "--quality", "90")
    enlarge(f"profiled.{target}", "profiled.ppm")
    check(f"{target}: colours of a profile", same_corners(read_ppm("profiled.ppm"), read_ppm("expected.ppm")))
write_png("gray.png", upright_pixels[:, :, 1].copy(), icc_chunk(gray_profile))
enlarge("gray.png", "gray.out.png")
for target in formats:
    result = pathlib.Path(f"gray.out.{target}")
    remarks = enlarge("gray.png", result)
    enlarge(result, "gray.ppm")
    enlarge("gray.out.png", "expected.ppm")
    check(f"gray: {target}: brightness", same_corners(read_ppm("gray.ppm"), read_ppm("expected.ppm")))
    if target == "webp":  # is RGB
        check("gray: webp drops the profile", profile_of(result) == b"" and "profile" in remarks, remarks)
    else:
        check(f"gray: {target} keeps the profile", same_profile(result, gray_profile), remarks)

# ---- what programs write that make pictures from texts ----

prompt = "masterpiece, кот 猫 🐈\nSteps: 20, Sampler: Euler, Seed: 1"
parameters = chunk(b"iTXt", b"parameters\0\0\0\0\0" + prompt.encode())
write_png("made.png", upright_pixels, parameters)
write_png("described.png", upright_pixels, parameters)
write_tags("described.png", "-EXIF:LensModel=RF50", "-EXIF:Artist=Ann")
write_png("commented.png", upright_pixels, parameters)
write_tags("commented.png", "-EXIF:UserComment=another")
for target in formats:
    if target == "png":
        continue
    for name in ("made", "described"):
        remarks = enlarge(f"{name}.png", f"{name}.{target}")
        found = tags(f"{name}.{target}")
        check(f"{name}: {target} has a user comment", found.get("ExifIFD:UserComment") == prompt, found)
        check(f"{name}: {target}: nothing is lost", "parameters" not in remarks, remarks)
        check(f"{name}: {target}: the block is sound", "ExifTool:Warning" not in found, found.get("ExifTool:Warning"))
    check(f"described: {target}: the rest stays",
          (found.get("ExifIFD:LensModel"), found.get("IFD0:Artist")) == ("RF50", "Ann"), found)
    remarks = enlarge("commented.png", f"commented.{target}")
    check(f"commented: {target} keeps the other comment, and tells", "parameters" in remarks and
          tags(f"commented.{target}").get("ExifIFD:UserComment") == "another", remarks)
enlarge("made.png", "made.out.png")
check("made: png keeps the text", tags("made.out.png").get("PNG:Parameters") == prompt, tags("made.out.png"))
enlarge("made.jpg", "made.jpg.png")
enlarge("made.jpg.png", "made.jpg.png.jpg")
check("made: a JPEG's comment by way of PNG", tags("made.jpg.png.jpg").get("ExifIFD:UserComment") == prompt)

# ---- what does not fit ----

write_png("large.png", upright_pixels)
write_tags("large.png", "-EXIF:Artist=Ann", "-EXIF:LensModel=RF50", "-EXIF:UserComment=" + "long " * 20000)
remarks = enlarge("large.png", "large.jpg")
found = tags("large.jpg")
check("large: the rest of EXIF stays", (found.get("ExifIFD:LensModel"), found.get("IFD0:Artist")) == ("RF50", "Ann"), found)
check("large: that is told", "EXIF data" in remarks, remarks)
write_png("time.png", upright_pixels, chunk(b"tIME", struct.pack(">HBBBBB", 2021, 5, 6, 7, 8, 9)))
check("a PNG chunk's loss is told", "tIME" in enlarge("time.png", "time.jpg"))
write_png("signed.png", stored(upright_pixels, 6), chunk(b"eXIf", b"Exif\0\0" + struct.pack(
    ">2sHIHHHIHHI", b"MM", 42, 8, 1, 274, 3, 1, 6, 0, 0)))
enlarge("signed.png", "signed.ppm")
check("EXIF with JPEG's signature in PNG", same_corners(read_ppm("signed.ppm"), read_ppm("upright.ppm")))
write_png("unequal.png", stored(upright_pixels, 6))
enlarge("unequal.png", "unequal.jpg")
write_tags("unequal.jpg", "-EXIF:Orientation#=6", "-EXIF:XResolution=200", "-EXIF:YResolution=100")
enlarge("unequal.jpg", "unequal.webp")
found = tags("unequal.webp")
check("unequal: the resolution is turned too", (found.get("IFD0:XResolution"), found.get("IFD0:YResolution")) ==
      (100, 200), found)

write_png("xmp.png", upright_pixels)
write_tags("xmp.png", "-XMP-tiff:Orientation#=6")  # which nobody heeds, this program included
enlarge("xmp.png", "xmp.jpg")
check("XMP says what was done", tags("xmp.jpg").get("XMP-tiff:Orientation") == 1)

# ---- maps ----


def write_map(path, width, height, entries):
    """An uncompressed gray TIFF; entries: {tag: list of SHORT or DOUBLE}."""
    fixed = {256: [width], 257: [height], 258: [8], 259: [1], 262: [1], 273: [8], 277: [1], 278: [height], 279: [width * height]}
    data = bytes((x * 3 + y * 5) % 256 for y in range(height) for x in range(width))
    directory, values = b"", b""
    all_entries = sorted({**fixed, **entries}.items())
    at = 8 + len(data) + len(data) % 2
    values_at = at + 2 + 12 * len(all_entries) + 4
    for tag, numbers in all_entries:
        whole = all(isinstance(number, int) for number in numbers)
        wide = tag in (273, 279)
        packed = struct.pack(f"<{len(numbers)}{'I' if wide else 'H' if whole else 'd'}", *numbers)
        kind = 4 if wide else 3 if whole else 12
        if len(packed) > 4:
            directory += struct.pack("<HHII", tag, kind, len(numbers), values_at + len(values))
            values += packed
        else:
            directory += struct.pack("<HHI", tag, kind, len(numbers)) + packed.ljust(4, b"\0")
    head = struct.pack("<2sHI", b"II", 42, at)
    pathlib.Path(path).write_bytes(head + data + b"\0" * (len(data) % 2) + struct.pack("<H", len(all_entries)) + directory +
                                   struct.pack("<I", 0) + values)


def corners(path):
    """Of the picture's area, on the ground (OGC 19-008r4, annex C.2)."""
    found = tags(path)
    width, height = found["IFD0:ImageWidth"], found["IFD0:ImageHeight"]
    number = lambda key: [float(part) for part in str(found.get(f"IFD0:{key}", "")).split()]
    scale, points, matrix = number("PixelScale"), number("ModelTiePoint"), number("ModelTransform")
    half = 0.5 if found.get("GeoTiff:GTRasterType") == 2 else 0
    def ground(column, row):
        column, row = column - half, row - half
        if matrix:
            return tuple(matrix[4 * i] * column + matrix[4 * i + 1] * row + matrix[4 * i + 3] for i in (0, 1))
        return points[3] + (column - points[0]) * scale[0], points[4] - (row - points[1]) * scale[1]
    return [ground(x, y) for x in (0, width) for y in (0, height)]


def keys_of(raster_type):
    return {34735: [1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, raster_type, 3072, 0, 1, 32618]}


tie = {33550: [30.0, 20.0, 0.0], 33922: [0.0, 0.0, 0.0, 101985.0, 2826915.0, 0.0]}
inner = {33550: [30.0, 20.0, 0.0], 33922: [7.0, 3.0, 0.0, 101985.0, 2826915.0, 0.0]}
turned_map = {34264: [0.5, 2.0, 0.0, 900.0, -2.0, 0.5, 0.0, 4000.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]}
for name, georeference in (("tie", tie), ("inner", inner), ("turned", turned_map)):
    for raster_type in (1, 2):
        source = f"{name}{raster_type}.tif"
        write_map(source, 24, 20, {**georeference, **keys_of(raster_type)})
        before = corners(source)
        near = lambda path: all(abs(a - b) < 1e-6 for p, q in zip(before, corners(path)) for a, b in zip(p, q))
        enlarge(source, "map.tif")
        check(f"{source}: an enlarged map lies where it lay", near("map.tif"), f"{before} became {corners('map.tif')}")
        enlarge(source, "map.tif", "--width", 37, "--height", 50)
        check(f"{source}: a map of another size lies where it lay", near("map.tif"), f"{before} became {corners('map.tif')}")
        enlarge(source, "map.tif", "--input-size", 12)
        check(f"{source}: a map that was reduced before", near("map.tif"), f"{before} became {corners('map.tif')}")
        check(f"{source}: its projection", tags("map.tif").get("GeoTiff:ProjectedCSType") == 32618, tags("map.tif"))
        run("downscale", source, "-o", "map.tif", "--scale", 2, "--overwrite")
        check(f"{source}: a reduced map lies where it lay", near("map.tif"), f"{before} became {corners('map.tif')}")

# ---- files of other programs ----

if samples.is_dir():
    for name in ("full.jpg", "full.png", "full.tif", "full.webp", "a1111.jpg", "icc.avif", "icc2.heic", "ori6.webp",
                 "cicp.png"):
        source = samples / name
        before, of_file = tags(source), profile_of(source)
        for target in formats:
            result = pathlib.Path(f"sample.{target}")
            remarks = enlarge(source, result)
            after = tags(result)
            size = tags(result, "-ImageSize").get("Composite:ImageSize", "0 0").split()
            compare(f"{name} to {target}", before, after, target, remarks, *map(int, size))
            if of_file:
                check(f"{name} to {target}: profile", same_profile(result, of_file) or "profile" in remarks, remarks)
else:
    print("skipped: shared data")

os.chdir("/")
shutil.rmtree(work)
print("all fine" if not failures else f"{len(failures)} failures")
sys.exit(bool(failures))
