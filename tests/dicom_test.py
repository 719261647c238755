"""dicom_test.py PROGRAM: what becomes of medical pictures that are enlarged.

Files of all kinds of numbers are made by pydicom, which also reads the results."""
import json
import pathlib
import sys

import numpy

try:
    import pydicom
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
    from pydicom.sequence import Sequence
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit, RLELossless
except ImportError:
    print("skipped: pydicom is not installed")
    sys.exit(77)

sys.dont_write_bytecode = True  # beside the sources
from measured_support import chance, check, check_damaged, esrgan, finish

if not any("dcm" in entry["extensions"] and entry["write"] for entry in json.loads(esrgan("formats", "--json").stdout)):
    print("skipped: built without DICOM")
    sys.exit(77)


def make(name, pixels, stored=16, signed=True, photometric="MONOCHROME2", syntax=ExplicitVRLittleEndian, **more):
    """A CT picture with what a hospital's has, and something private."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian if syntax == RLELossless else syntax
    data = FileDataset(name, {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.StudyInstanceUID, data.SeriesInstanceUID = pydicom.uid.generate_uid(), more.pop("series", pydicom.uid.generate_uid())
    data.FrameOfReferenceUID = pydicom.uid.generate_uid()
    data.PatientName, data.PatientID, data.Modality = "Doe^Jane", "12345", "CT"
    data.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    data.SeriesDescription = "thorax"
    data.ImagePositionPatient = [-10.5, 20.25, 3]
    data.ImageOrientationPatient = [0.8, 0.6, 0, 0, 0, -1]
    data.PixelSpacing, data.SliceThickness = [0.5, 0.75], 2
    data.RescaleIntercept, data.RescaleSlope = -1024, 1
    data.WindowCenter, data.WindowWidth = 40, 400
    data.SmallestImagePixelValue = int(pixels.min()) if not signed else 0
    data.Rows, data.Columns = pixels.shape[-2:] if pixels.ndim < 3 or pixels.shape[-1] != 3 else pixels.shape[-3:-1]
    data.SamplesPerPixel = 3 if pixels.ndim >= 3 and pixels.shape[-1] == 3 else 1
    if data.SamplesPerPixel == 3:
        data.PlanarConfiguration = 0
    data.PhotometricInterpretation = photometric
    data.BitsAllocated = 8 if stored <= 8 else 16
    data.BitsStored, data.HighBit, data.PixelRepresentation = stored, stored - 1, int(signed)
    if pixels.ndim == 3 and pixels.shape[-1] != 3:
        data.NumberOfFrames = pixels.shape[0]
    block = data.private_block(0x0019, "SOMEBODY", create=True)
    block.add_new(0x01, "LO", "kept")
    data.add_new(0x60000010, "US", 4)  # an overlay
    data.add_new(0x60003000, "OW", b"\1\2")
    for key, value in more.items():
        setattr(data, key, value)
    kind = numpy.dtype("i1" if signed else "u1") if stored <= 8 else numpy.dtype("i2" if signed else "u2")
    raw = pixels.astype(kind)
    if syntax == ExplicitVRBigEndian:
        raw = raw.byteswap()
        data.is_little_endian = False
    data.PixelData = raw.tobytes()
    if len(data.PixelData) % 2:
        data.PixelData += b"\0"
    data["PixelData"].VR = "OB" if stored <= 8 else "OW"
    data.is_little_endian = syntax != ExplicitVRBigEndian
    data.is_implicit_VR = syntax == ImplicitVRLittleEndian
    if syntax == RLELossless:
        data.compress(RLELossless)
    data.save_as(name, write_like_original=False)
    return data


def numbers(data):
    """Of all frames; pydicom gives them as they are stored."""
    return data.pixel_array.astype(numpy.int64)


def enlarge(name, scale, *more):
    out = f"{pathlib.Path(name).stem}_out.dcm"
    result = esrgan("upscale", name, "-o", out, "--scale", scale, "--not-for-diagnosis", "--overwrite", *more)
    check(f"{name} is enlarged", result.returncode == 0, result.stdout)
    return pydicom.dcmread(out) if result.returncode == 0 else None


def corners(data):
    """Of the picture's outermost edges, in the patient's space (PS3.3, C.7.6.2.1.1)."""
    position, turn = numpy.array(data.ImagePositionPatient, float), numpy.array(data.ImageOrientationPatient, float)
    down, across = map(float, data.PixelSpacing)
    return [position + turn[:3] * across * x + turn[3:] * down * y
            for x in (-0.5, data.Columns - 0.5) for y in (-0.5, data.Rows - 0.5)]


# ---- numbers: all depths and signs, ramps, constants, chance ----

worst_mean = 0.0
for stored, signed in ((8, False), (8, True), (10, False), (12, False), (12, True), (16, False), (16, True)):
    least, most = (-(1 << (stored - 1)), (1 << (stored - 1)) - 1) if signed else (0, (1 << stored) - 1)
    span, tag = most - least, f"{stored} bits, {'signed' if signed else 'unsigned'}"
    y, x = numpy.mgrid[0:24, 0:32]
    step = max(1, span // 200)
    pictures = {"constant": numpy.full((24, 32), least + span // 3),
                "ramp": least + span // 4 + step * x + 2 * step * y,
                "chance": chance.integers(least, most + 1, (24, 32))}
    for name, pixels in pictures.items():
        make("in.dcm", pixels, stored, signed)
        for scale in (2, 4):
            found = enlarge("in.dcm", scale)
            if found is None:
                continue
            large = numbers(found)
            check(f"{tag}, {name}: size", large.shape == (24 * scale, 32 * scale), large.shape)
            if name == "constant":
                check(f"{tag}: a constant stays one", (large == pixels[0, 0]).all(), numpy.unique(large))
            if name == "ramp":
                v, u = (numpy.mgrid[0:24 * scale, 0:32 * scale] + 0.5) / scale - 0.5
                straight = least + span // 4 + step * u + 2 * step * v
                off = abs(large - straight).max()
                check(f"{tag}: a ramp stays straight", off <= 0.5 + 1e-3, off)
            off = abs(large.reshape(24, scale, 32, scale).mean((1, 3)) - pixels).max()
            worst_mean = max(worst_mean, off)
            check(f"{tag}, {name}: means of blocks are the numbers", off <= 0.5, off)
print(f"largest difference of a block's mean from its number: {worst_mean:.3f}")

# ---- geometry, identity, everything else ----

y, x = numpy.mgrid[0:40, 0:30]
picture = (500 + 400 * numpy.sin(x / 5) * numpy.cos(y / 7)).astype(int)
changed = {"SOPInstanceUID", "SeriesInstanceUID", "ImageType", "SeriesDescription", "DerivationDescription", "SourceImageSequence",
           "ImagePositionPatient", "PixelSpacing", "Rows", "Columns", "PixelData"}
gone = {"SmallestImagePixelValue"}
for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless):
    old = make("in.dcm", picture, 12, False, syntax=syntax, LossyImageCompression="01")
    for scale in (2, 4):
        new = enlarge("in.dcm", scale)
        if new is None:
            continue
        check("corners stay", numpy.allclose(corners(old), corners(new), atol=1e-4), (corners(old), corners(new)))
        check("explicit, little endian", new.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian)
        check("derived", list(new.ImageType) == ["DERIVED", "PRIMARY", "AXIAL"], new.ImageType)
        check("new identities", new.SOPInstanceUID.startswith("2.25.") and new.SeriesInstanceUID.startswith("2.25.")
              and new.file_meta.MediaStorageSOPInstanceUID == new.SOPInstanceUID and pydicom.uid.UID(new.SOPInstanceUID).is_valid)
        check("its source", new.SourceImageSequence[0].ReferencedSOPInstanceUID == old.SOPInstanceUID)
        check("how it came", "builtin-x" in new.DerivationDescription and "ot for diagnosis" in new.DerivationDescription)
        for element in old:
            if element.keyword in changed or element.tag.group == 0x6000 or element.keyword in gone:
                continue
            if element.tag.is_private and syntax == ImplicitVRLittleEndian:  # of a kind that nobody knows
                check(f"{element.tag} is kept", element.tag in new)
                continue
            check(f"{element.tag} {element.keyword} is kept", element.tag in new and new[element.tag].value == element.value)
        known = {element.tag for element in old}
        for element in new:
            check(f"{element.tag} {element.keyword} was not added", element.tag in known or element.keyword in changed)
        check("overlays and old extremes are gone", not any(e.tag.group == 0x6000 or e.keyword in gone for e in new))
        again = enlarge("in.dcm", scale)
        check("the same again", again is not None and again.SOPInstanceUID == new.SOPInstanceUID and again.PixelData == new.PixelData)

# A series stays one, and is seen with one range, whichever of it are done at a time.
series = pydicom.uid.generate_uid()
pathlib.Path("series").mkdir()
for i in range(3):
    make(f"series/{i}.dcm", picture * (i + 1), 12, False, series=series)
result = esrgan("upscale", "series", "-o", "large", "--scale", 2, "--not-for-diagnosis")
check("a folder", result.returncode == 0, result.stdout)
made = [pydicom.dcmread(f"large/{i}.dcm") for i in range(3)]
check("one series", len({data.SeriesInstanceUID for data in made}) == 1 and len({data.SOPInstanceUID for data in made}) == 3)
ranges = {data.DerivationDescription for data in made}
check("one range", len(ranges) == 1 and "Numbers seen as black to white" in ranges.pop(), ranges)
pathlib.Path("large/1.dcm").unlink()
esrgan("upscale", "series", "-o", "large", "--scale", 2, "--not-for-diagnosis")
again = pydicom.dcmread("large/1.dcm")
check("a slice that is done later is the same", again.PixelData == made[1].PixelData and again.SOPInstanceUID == made[1].SOPInstanceUID)

# Padding is not seen, runs into nothing, and stays where it is.
for stored, signed, first, last in ((16, True, -2000, None), (12, False, 0, None), (16, True, -32768, -30000)):
    padded = picture.copy()
    where = numpy.hypot(x - 15, y - 20) > 13
    padded[where] = first if last is None else chance.integers(first, last + 1, where.sum())
    make("in.dcm", padded, stored, signed)
    data = pydicom.dcmread("in.dcm")
    for keyword, value in (("PixelPaddingValue", first), ("PixelPaddingRangeLimit", last)):
        if value is not None:
            data.add_new(pydicom.tag.Tag(keyword), "SS" if signed else "US", value)
    data.save_as("in.dcm")
    for scale in (2, 4):
        new = enlarge("in.dcm", scale)
        if new is None:
            continue
        large, mask = numbers(new), numpy.kron(where, numpy.ones((scale, scale), bool))
        check(f"padding {first} stays", (large[mask] == first).all(), numpy.unique(large[mask])[:5])
        inside = large[~mask]
        check("and runs into nothing", picture[~where].min() - 60 <= inside.min() and inside.max() <= picture[~where].max() + 60, (inside.min(), inside.max()))

# ---- kinds of pictures ----

old = make("frames.dcm", numpy.stack([picture, picture + 50, picture // 2]), 12, False)
new = enlarge("frames.dcm", 2)
if new is not None:
    large = numbers(new)
    check("all frames", large.shape == (3, 80, 60), large.shape)
    check("each its own", abs(large.reshape(3, 40, 2, 30, 2).mean((2, 4)) - numbers(old)).max() <= 0.5)
make("one.dcm", picture, 12, False, photometric="MONOCHROME1")
check("MONOCHROME1 stays", (enlarge("one.dcm", 2) or Dataset()).get("PhotometricInterpretation") == "MONOCHROME1")
colours = numpy.stack([x * 4 + 60, y * 3 + 40, x * 0 + 99], -1)
make("rgb.dcm", colours, 8, False, photometric="RGB")
new = enlarge("rgb.dcm", 2)
if new is not None:
    check("colours", abs(numbers(new).reshape(40, 2, 30, 2, 3).mean((1, 3)) - colours).max() <= 0.5 + 1e-3)
palette = make("palette.dcm", x % 16, 8, False, photometric="PALETTE COLOR")
for i, colour in enumerate(("Red", "Green", "Blue")):
    setattr(palette, f"{colour}PaletteColorLookupTableDescriptor", [16, 0, 16])
    setattr(palette, f"{colour}PaletteColorLookupTableData", (numpy.arange(16, dtype="u2") * (1000 * (i + 1))).tobytes())
palette.save_as("palette.dcm")
new = enlarge("palette.dcm", 2)
check("a palette becomes RGB", new is not None and new.PhotometricInterpretation == "RGB" and "RedPaletteColorLookupTableData" not in new)

# ---- what is refused, and damage ----

make("in.dcm", picture, 12, False)
result = esrgan("upscale", "in.dcm", "-o", "no.dcm")
check("--not-for-diagnosis is demanded", result.returncode == 1 and "--not-for-diagnosis" in result.stdout, result.stdout)
check("nothing is left", not pathlib.Path("no.dcm").exists())
result = esrgan("upscale", "in.dcm", "-o", "no.png")
check("numbers are no grays", result.returncode == 1 and not pathlib.Path("no.png").exists(), result.stdout)
pathlib.Path("gray.pgm").write_bytes(b"P5 8 8 255\n" + bytes(64))
result = esrgan("upscale", "gray.pgm", "-o", "no.dcm", "--not-for-diagnosis")
check("no DICOM without one", result.returncode == 1 and not pathlib.Path("no.dcm").exists(), result.stdout)
lossy = pydicom.dcmread("in.dcm")
lossy.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
lossy.PixelData = pydicom.encaps.encapsulate([b"\xff\xd8\xff\xd9"])
lossy["PixelData"].VR, lossy["PixelData"].is_undefined_length = "OB", True
lossy.save_as("lossy.dcm")
result = esrgan("upscale", "lossy.dcm", "-o", "no.dcm", "--not-for-diagnosis")
check("lossy compression is refused", result.returncode == 1 and "without loss" in result.stdout, result.stdout)
check_damaged("in.dcm", 60, 1500, "--not-for-diagnosis")
finish()
