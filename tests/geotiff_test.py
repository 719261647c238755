"""geotiff_test.py PROGRAM: maps are enlarged, and stay where they are on the ground; what is no measurement stays none.

Files of all kinds are made by GDAL, which also reads the results."""
import pathlib
import sys

import numpy

try:
    from osgeo import gdal, osr
except ImportError:
    print("skipped: GDAL's Python module is not installed")
    sys.exit(77)

sys.dont_write_bytecode = True  # beside the sources
from measured_support import chance, check, check_damaged, esrgan, finish

gdal.UseExceptions()
height, width = 41, 57  # of pictures that are made from here on
types = {"u1": gdal.GDT_Byte, "u2": gdal.GDT_UInt16, "i2": gdal.GDT_Int16, "u4": gdal.GDT_UInt32, "i4": gdal.GDT_Int32, "f4": gdal.GDT_Float32,
         "f8": gdal.GDT_Float64}


def field(least, most):
    """Numbers that change smoothly, with a little noise."""
    y, x = numpy.mgrid[0:height, 0:width]
    smooth = numpy.sin(x / chance.uniform(4, 9)) + numpy.cos(y / chance.uniform(4, 9)) + chance.normal(0, 0.02, (height, width))
    return least + (most - least) * (smooth - smooth.min()) / numpy.ptp(smooth)


def with_gaps(numbers, gap):
    holed = numbers.copy()
    holed[5:15, 20:30] = holed[:, :4] = holed[-1, :] = gap
    for _ in range(9):
        holed[chance.integers(0, height), chance.integers(0, width)] = gap
    return holed


def write(name, bands, kind, gap=None, options=(), point=False):
    data = gdal.GetDriverByName("GTiff").Create(name, width, height, len(bands), types[kind], list(options))
    place = osr.SpatialReference()
    place.ImportFromEPSG(32633)
    data.SetProjection(place.ExportToWkt())
    data.SetGeoTransform([500000, 30, 0, 4600000, 0, -20])
    data.SetMetadataItem("SOURCE", "kept")
    if point:
        data.SetMetadataItem("AREA_OR_POINT", "Point")
    for i, numbers in enumerate(bands):
        band = data.GetRasterBand(i + 1)
        if gap is not None:
            band.SetNoDataValue(float(gap))
        band.SetDescription(f"band {i}")
        band.WriteArray(numbers)
    del data


def gaps_of(numbers, gap):
    if gap is None:
        return numpy.zeros(numbers.shape, bool)
    return numpy.isnan(numbers) if gap != gap else numbers == numbers.dtype.type(gap)


def box(data):
    left, across, _, top, _, down = data.GetGeoTransform()
    return [left, top, left + across * data.RasterXSize, top + down * data.RasterYSize]


def compare(tag, scale, *options):
    """in.tif enlarged is in.tif on a finer grid."""
    pathlib.Path("out.tif").unlink(missing_ok=True)
    result = esrgan("upscale", "in.tif", "-o", "out.tif", "--scale", scale, *options)
    check(f"{tag} is enlarged", result.returncode == 0, result.stdout)
    if result.returncode:
        return None
    old, new = gdal.Open("in.tif"), gdal.Open("out.tif")
    check(f"{tag}: size, bands", (new.RasterXSize, new.RasterYSize, new.RasterCount) == (width * scale, height * scale, old.RasterCount))
    check(f"{tag}: the same box on the ground", numpy.allclose(box(old), box(new), rtol=0, atol=1e-6), (box(old), box(new)))
    check(f"{tag}: projection, descriptions", old.GetProjection() == new.GetProjection() and new.GetMetadataItem("SOURCE") == "kept"
          and old.GetMetadataItem("AREA_OR_POINT") == new.GetMetadataItem("AREA_OR_POINT"))
    check(f"{tag}: says how it came to be", "Enlarged by builtin" in new.GetMetadataItem("TIFFTAG_IMAGEDESCRIPTION"))
    for i in range(min(old.RasterCount, new.RasterCount)):
        before, after = old.GetRasterBand(i + 1), new.GetRasterBand(i + 1)
        numbers, made, gap = before.ReadAsArray(), after.ReadAsArray(), before.GetNoDataValue()
        check(f"{tag}: band {i} keeps its kind and name", (made.dtype == numbers.dtype or numbers.dtype == numpy.float64)
              and before.GetDescription() == after.GetDescription())
        gaps, of_made = gaps_of(numbers, gap), gaps_of(made, after.GetNoDataValue())
        check(f"{tag}: band {i}: gaps are where they were, and nowhere else", (numpy.kron(gaps, numpy.ones((scale, scale), bool)) == of_made).all())
        true, whole = numbers[~gaps].astype(float), numbers.dtype.kind != "f"
        means = made.astype(float).reshape(height, scale, width, scale).mean((1, 3))[~gaps]
        limit = 0.5 if whole else 1e-6 * abs(true).max()
        check(f"{tag}: band {i}: means of blocks are the numbers", abs(means - true).max() <= limit, abs(means - true).max())
        margin = 0.25 * numpy.ptp(true) + 1
        check(f"{tag}: band {i}: nothing of the gaps ran into it", made[~of_made].min() >= true.min() - margin
              and made[~of_made].max() <= true.max() + margin, (made[~of_made].min(), made[~of_made].max()))
    return new


for kind, least, most, gap in (("u1", 1, 254, 0), ("u1", 0, 250, 255), ("u2", 90, 3000, 0), ("i2", -300, 1800, -32768), ("u4", 5, 90000, 0),
                               ("i4", -70000, 70000, -2147483648), ("f4", 200, 1800, -9999), ("f4", 200, 1800, -3.4028234663852886e38),
                               ("f4", -2, 5, float("nan")), ("f8", 200, 1800, -9999)):
    for options, point in (((), False), (("TILED=YES", "BIGTIFF=YES", "COMPRESS=DEFLATE"), True)):
        write("in.tif", [with_gaps(field(least, most).astype(kind), gap)], kind, gap, options, point)
        for scale in (2, 4):
            compare(f"{kind}, gaps {gap}, {options}, {scale}", scale)

# Numbers of some bits are what they are; what fills a map without saying so is seen, too.
for kind, bits, gap in (("u2", 12, 4095), ("u2", 15, 0), ("u1", 4, 15)):
    most = min(2 ** bits - 2, 3000)
    write("in.tif", [with_gaps(field(1, most).astype(kind), gap)], kind, gap, (f"NBITS={bits}",))
    compare(f"{bits} bits", 4)
lowest = numpy.float32(-3.4028234663852886e38)
write("in.tif", [with_gaps(field(0, 0.8).astype("f4"), lowest)], "f4")
result = esrgan("upscale", "in.tif", "-o", "out.tif", "--scale", 2, "--overwrite")
made, was = gdal.Open("out.tif").ReadAsArray(), gdal.Open("in.tif").ReadAsArray()
check("the least float is a gap", ((made == lowest) == numpy.kron(was == lowest, numpy.ones((2, 2), bool))).all() and made[made != lowest].min() > -1)

# A gap may be told of a number that results could round to.
write("in.tif", [with_gaps(field(40, 60).astype("u1"), 50)], "u1", 50)
compare("a gap between the numbers", 4)
write("in.tif", [field(200, 1800).astype("f4")], "f4")
compare("no gaps", 4)

for count, kind, most, options in ((2, "u2", 3000, ()), (4, "u1", 255, ("PHOTOMETRIC=RGB", "ALPHA=NO")), (5, "i2", 900, ("INTERLEAVE=BAND", "TILED=YES")),
                                   (7, "f4", 4, ("COMPRESS=DEFLATE",)), (13, "u2", 9000, ("INTERLEAVE=BAND",))):
    sizes = [most / (1 + i % 3) for i in range(count)]
    write("in.tif", [with_gaps(field(1, size).astype(kind), 0) for size in sizes], kind, 0, options)
    new = compare(f"{count} bands, {kind}", 2)
    colours = options[:1] == ("PHOTOMETRIC=RGB",)
    check(f"{count} bands: the fourth of colours is none of transparency",
          new is not None and (new.GetRasterBand(count).GetColorInterpretation() != gdal.GCI_AlphaBand)
          and (new.GetRasterBand(1).GetColorInterpretation() == gdal.GCI_RedBand) == colours)
result = esrgan("upscale", "in.tif", "-o", "out.png")
check("bands fit into no PNG", result.returncode == 1 and "bands" in result.stdout and not pathlib.Path("out.png").exists(), result.stdout)
write("many.tif", [field(1, 9).astype("u2") for _ in range(300)], "u2")
result = esrgan("upscale", "many.tif", "-o", "out.tif", "--scale", 2, "--overwrite")
check("300 bands", result.returncode == 0, result.stdout)
result = esrgan("upscale", "in.tif", "-o", "out.tif", "--scale", 2, "--overwrite", "--edges", "wrap")
check("edges that wrap", result.returncode == 0, result.stdout)
result = esrgan("compare", "in.tif", "-o", "sheet.png")
check("bands are no picture to be compared", result.returncode != 0 and "bands" in result.stdout, result.stdout)

# Numbers that become others say nothing of gaps any more.
write("in.tif", [with_gaps(field(200, 1800).astype("f4"), -9999)], "f4", -9999)
result = esrgan("upscale", "in.tif", "-o", "shown.tif", "--scale", 2, "--bit-depth", 8)
shown = gdal.Open("shown.tif")
check("spread from black to white", result.returncode == 0 and shown.GetRasterBand(1).GetNoDataValue() is None, result.stdout)
classes = gdal.ColorTable()
for i in range(4):
    classes.SetColorEntry(i, (60 * i, 255 - 60 * i, 99))
data = gdal.GetDriverByName("GTiff").Create("classes.tif", width, height, 1, gdal.GDT_Byte)
data.SetGeoTransform([500000, 30, 0, 4600000, 0, -20])
data.GetRasterBand(1).SetColorTable(classes)
data.GetRasterBand(1).SetNoDataValue(3)
data.GetRasterBand(1).WriteArray(chance.integers(0, 4, (height, width)).astype("u1"))
del data
result = esrgan("upscale", "classes.tif", "-o", "coloured.tif", "--scale", 2)
check("classes become colours, and that is said", result.returncode == 0 and "classes" in result.stdout, result.stdout)
shown = gdal.Open("coloured.tif")
check("and no colour is a gap", shown.GetRasterBand(1).GetNoDataValue() is None)

# Even numbers stay even, ramps ramps.
ramp = numpy.add.outer(3 * numpy.arange(height), 5 * numpy.arange(width)) + 20
write("in.tif", [ramp.astype("i2"), numpy.full((height, width), 77, "i2")], "i2")
new = compare("a ramp and a constant", 4)
if new is not None:
    place = (numpy.arange(4 * max(height, width)) + 0.5) / 4 - 0.5
    true = numpy.add.outer(3 * place[:4 * height], 5 * place[:4 * width]) + 20
    check("a ramp stays one", abs(new.GetRasterBand(1).ReadAsArray() - true).max() <= 0.5 + 1e-3)
    check("a constant stays one", (new.GetRasterBand(2).ReadAsArray() == 77).all())


# Cloud-optimised: the same numbers; directories first, then smaller copies, the smallest first (as GDAL's own check demands).
height, width = 150, 211
for kind, most, gap, count, options in (("u1", 255, 0, 3, ("PHOTOMETRIC=RGB",)), ("f4", 9, -9999, 1, ()), ("u2", 9000, None, 5, ())):
    numbers = [with_gaps(field(1, most).astype(kind), gap) if gap is not None else field(1, most).astype(kind) for _ in range(count)]
    write("in.tif", numbers, kind, gap, options)
    compare(f"{kind}, plain", 4)
    pathlib.Path("out.tif").rename("plain.tif")
    for ending in ("tif", "btf"):
        result = esrgan("upscale", "in.tif", "-o", f"cloud.{ending}", "--scale", 4, "--cog", "--overwrite")
        tag = f"{kind}, cloud-optimised, {ending}"
        check(f"{tag} is written", result.returncode == 0, result.stdout)
        plain, cloud = gdal.Open("plain.tif"), gdal.Open(f"cloud.{ending}")
        check(f"{tag}: the same place", plain.GetGeoTransform() == cloud.GetGeoTransform() and plain.GetProjection() == cloud.GetProjection())
        first = 8 if ending == "tif" else 16
        before = None
        for i in range(count):
            whole, band = plain.GetRasterBand(i + 1).ReadAsArray(), cloud.GetRasterBand(i + 1)
            made = band.ReadAsArray()
            check(f"{tag}: band {i} has the same numbers", (whole == made).all())
            check(f"{tag}: tiles", band.GetBlockSize() == [256, 256] and band.GetOverviewCount() == 2, (band.GetBlockSize(), band.GetOverviewCount()))
            for level in range(band.GetOverviewCount()):
                copy, side = band.GetOverview(level), 2 << level
                small = copy.ReadAsArray()
                check(f"{tag}: size of copy {level}", small.shape == tuple(-(-extent // side) for extent in made.shape), small.shape)
                known = ~gaps_of(made, band.GetNoDataValue())
                lines, columns = made.shape[0] // side, made.shape[1] // side
                parts = lambda values: values[:lines * side, :columns * side].reshape(lines, side, columns, side)
                full = parts(known).all((1, 3))
                off = abs(small[:lines, :columns] - parts(made.astype(float)).mean((1, 3)))[full].max()
                check(f"{tag}: copy {level} has the means", off <= (1.5 if kind[0] == "u" else 1e-5), off)
                none = ~parts(known).any((1, 3))
                check(f"{tag}: copy {level} has gaps where there is nothing else",
                      (gaps_of(small, band.GetNoDataValue())[:lines, :columns] == none).all())
            places = [int(band.GetMetadataItem("IFD_OFFSET", "TIFF"))]
            blocks = [int(band.GetMetadataItem("BLOCK_OFFSET_0_0", "TIFF"))]
            for level in range(band.GetOverviewCount()):
                places.append(int(band.GetOverview(level).GetMetadataItem("IFD_OFFSET", "TIFF")))
                blocks.append(int(band.GetOverview(level).GetMetadataItem("BLOCK_OFFSET_0_0", "TIFF")))
            check(f"{tag}: directories first, in order", places[0] == first and places == sorted(places) and places[-1] < min(blocks), places)
            check(f"{tag}: the smallest copy first", blocks == sorted(blocks, reverse=True), blocks)
result = esrgan("upscale", "in.tif", "-o", "cloud.png", "--cog", "--bit-depth", 8)
check("--cog is TIFF's", result.returncode in (1, 2) and not pathlib.Path("cloud.png").exists(), result.stdout)
check("nothing is left beside", not [name for name in pathlib.Path().iterdir() if name.name.startswith(".")])

write("in.tif", [with_gaps(field(200, 1800).astype("f4"), -9999)], "f4", -9999)
check_damaged("in.tif", 60, 1024)
finish()
