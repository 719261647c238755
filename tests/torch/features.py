"""VGG16 of few channels, LPIPS by it (Zhang et al. 2018), and pictures for both."""
from reference import *

VGG16 = [1, 2, "pool", 1, 2, "pool", 1, 2, 3, "pool", 1, 2, 3, "pool", 1, 2, 3]
CHANNELS = [6, 8, 10, 12, 12]


def new_vgg16():
    w, index, block, inputs = OrderedDict(), 0, 0, 3
    for step in VGG16:
        if step == "pool":
            block += 1
            index += 1
            continue
        new_conv(w, f"features.{index}", inputs, CHANNELS[block])
        w[f"features.{index}.bias"] += 0.5  # few pixels without any feature, where LPIPS has no direction
        inputs = CHANNELS[block]
        index += 2
    return w


def vgg16(w, x, pool, before=False):
    """The last layer of every block; by default after its activation."""
    mean, deviation = torch.tensor([.485, .456, .406], dtype=x.dtype), torch.tensor([.229, .224, .225], dtype=x.dtype)
    x = (x - mean[:, None, None]) / deviation[:, None, None]
    found, index = [], 0
    for i, step in enumerate(VGG16):
        if step == "pool":
            x = pool(x)
            index += 1
            continue
        plain = conv(w, f"features.{index}", x)
        x = F.relu(plain)
        if i + 1 == len(VGG16) or VGG16[i + 1] == "pool":
            found.append(plain if before else x)
        index += 2
    return found


def lpips(w, heads, x, y):
    def unit(f):
        return f / (f.pow(2).sum(1, keepdim=True).sqrt() + 1e-10)
    total = 0
    for i, (a, b) in enumerate(zip(vgg16(w, x, lambda t: F.max_pool2d(t, 2)), vgg16(w, y, lambda t: F.max_pool2d(t, 2)))):
        total = total + F.conv2d((unit(a) - unit(b)) ** 2, heads[f"lin{i}.model.1.weight"]).mean((2, 3))
    return total.mean()


def picture(batch, side):
    smooth = F.interpolate(torch.rand(batch, 3, side // 6, side // 6), size=(side, side), mode="bicubic", align_corners=False)
    return (smooth + 0.15 * torch.rand(batch, 3, side, side)).clamp(0, 1)


def near(x, amount):
    return (x + amount * torch.randn_like(x)).clamp(0, 1)
