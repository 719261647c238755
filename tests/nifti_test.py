"""nifti_test.py PROGRAM: volumes are enlarged slice by slice, and stay where they are in space.

Files of both versions, byte orders and all kinds of numbers are made by nibabel, which also reads the results."""
import os
import pathlib
import sys

import numpy

try:
    import nibabel
except ImportError:
    print("skipped: nibabel is not installed")
    sys.exit(77)

sys.dont_write_bytecode = True  # beside the sources
from measured_support import chance, check, check_damaged, esrgan, finish


def corners(affine, shape):
    """Of the grid's outermost edges, in the space."""
    return numpy.array([affine @ [i, j, k, 1] for i in (-0.5, shape[0] - 0.5) for j in (-0.5, shape[1] - 0.5)
                        for k in (-0.5, shape[2] - 0.5)])


x, y, z = numpy.mgrid[0:26, 0:20, 0:3]
smooth = numpy.sin(x / 4) * numpy.cos(y / 5) + z / 3
kinds = {"u1": 70, "i1": 50, "i2": 9000, "u2": 20000, "i4": 1e6, "u4": 1e6, "f4": 3.5, "f8": 1e-3}
for kind, size in kinds.items():
    for version, order, ending in ((1, "<", "nii"), (1, ">", "nii.gz"), (2, "<", "nii.gz"), (2, ">", "nii")):
        four = kind == "i2" and version == 1
        offset = size * 1.2 if kind.startswith("u") else 0
        numbers = (size * smooth + offset).astype(kind)
        if four:
            numbers = numpy.stack([numbers, numbers // 2], -1)
        turn = numpy.linalg.qr(chance.normal(size=(3, 3)))[0]
        turn *= numpy.sign(numpy.linalg.det(turn))
        affine = numpy.eye(4)
        affine[:3, :3] = turn @ numpy.diag([0.5, 0.75, 2])
        affine[:3, 3] = chance.normal(size=3) * 50
        make = nibabel.Nifti1Image if version == 1 else nibabel.Nifti2Image
        header = (nibabel.Nifti1Header if version == 1 else nibabel.Nifti2Header)(endianness=order)
        header["descrip"] = b"kept"
        image = make(numbers, affine, header, dtype=kind)
        image.set_qform(affine, 1)
        image.set_sform(affine, 2)
        tag = f"{kind}, version {version}, {order}, {ending}"
        nibabel.save(image, f"in.{ending}")
        old = nibabel.load(f"in.{ending}")
        for scale in (2, 4):
            pathlib.Path(f"out.{ending}").unlink(missing_ok=True)
            result = esrgan("upscale", f"in.{ending}", "-o", f"out.{ending}", "--scale", scale)
            check(f"{tag} is enlarged", result.returncode == 0, result.stdout)
            if result.returncode:
                continue
            new = nibabel.load(f"out.{ending}")
            shape = (26 * scale, 20 * scale, *numbers.shape[2:])
            check(f"{tag}: size", new.shape == shape, new.shape)
            check(f"{tag}: type, order, description", new.get_data_dtype() == old.get_data_dtype()
                  and new.header["descrip"] == old.header["descrip"] and type(new) is type(old))
            for form in ("get_qform", "get_sform"):
                off = abs(corners(getattr(new, form)(), new.shape) - corners(getattr(old, form)(), old.shape)).max()
                check(f"{tag}: {form}", off <= 1e-5, off)
            check(f"{tag}: steps", numpy.allclose(new.header.get_zooms()[:3], numpy.array([0.5, 0.75, 2]) / [scale, scale, 1], atol=1e-6))
            means = numpy.asanyarray(new.dataobj).astype(float).reshape(26, scale, 20, scale, *numbers.shape[2:]).mean((1, 3))
            off = abs(means - numbers).max()
            limit = 0.5 + 1e-6 * size if kind[0] != "f" else 1e-5 * size  # of floats of 32 bits
            check(f"{tag}: means of blocks are the numbers", off <= limit, off)

result = esrgan("upscale", "in.nii", "--scale", "2")
check("the usual name", pathlib.Path("in_x2.nii").exists(), result.stdout)
esrgan("upscale", "in.nii.gz", "--scale", "2")
check("the usual name, packed", pathlib.Path("in_x2.nii.gz").exists(), os.listdir())
for name in ("in.nii", "in.nii.gz"):
    check_damaged(name, 40, 560)
finish()
