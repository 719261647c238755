"""rooms_test.py PROJECT: the rooms of src/ keep the order of the table in docs/ARCHITECTURE.md, and each knows
only the libraries and the parts of the system that are its business."""
import pathlib
import re
import sys

project = pathlib.Path(sys.argv[1])
table = re.findall(r"^\| ([a-z/]+) \|", (project / "docs/ARCHITECTURE.md").read_text(), re.MULTILINE)
rooms = [room for room in table if room != "room"]

# Who may include what: a pattern of headers, and the beginnings of the files that know them.
BUSINESS = [
    (r"(unistd|fcntl|dlfcn|poll|sched|signal|spawn|termios|netdb)\.h|(sys|arpa|netinet)/.*",
     ["base/platform_",
      "image/codecs/modules/openimageio.cpp",  # a module has none of the project's code
      "train/networks/ranks."]),                        # sockets, to find the address that other hosts see
    (r"(libav|libsw)\w*/.*|zimg.*", ["video/", "train/data/degradations/module/"]),
    (r"torch/.*|ATen/.*|c10/.*", ["train/", "cli/train_main.cpp"]),
    (r"yaml-cpp/.*", ["train/"]),
    (r"zip\.h", ["weights/"]),
    (r"png\.h|libdeflate\.h", ["image/codecs/png"]),
    (r"(jpeglib|jerror|turbojpeg)\.h", ["image/codecs/jpeg", "train/data/degradations/codecs."]),
    (r"tiff\w*\.h", ["image/codecs/tiff"]),
    (r"webp/.*", ["image/codecs/webp", "train/data/degradations/codecs."]),
    (r"libheif/.*|jxl/.*|Open(EXR|ImageIO)/.*", ["image/codecs/modules/"]),
    (r"lcms2\.h", ["image/metadata/colour_convert.", "image/codecs/modules/jxl_colour."]),
    (r"CLI/.*", ["cli/"]),
    (r"volk\.h|vulkan/.*", ["device/vulkan/"]),
]


def room_of(path):
    return max((room for room in rooms if path.startswith(room + "/")), key=len, default=None)


problems = []
files = sorted(path for pattern in ("*.h", "*.cpp") for path in (project / "src").rglob(pattern))
for file in files:
    name = file.relative_to(project / "src").as_posix()
    room = room_of(name)
    if room is None:
        problems.append(f"{name}: its room is not in the table")
        continue
    for form, header in re.findall(r'^\s*#include ([<"])([^>"]+)', file.read_text(), re.MULTILINE):
        if form == '"':
            other = room_of(header)
            if other is None or rooms.index(other) > rooms.index(room):
                problems.append(f"{name} includes {header}")
            continue
        for pattern, knowing in BUSINESS:
            if re.fullmatch(pattern, header) and not name.startswith(tuple(knowing)):
                problems.append(f"{name} includes {header}, known to {' and '.join(knowing)} alone")

print("\n".join(problems) or f"{len(files)} files in {len(rooms)} rooms, none looks up")
sys.exit(1 if problems else 0)
