"""Time of a training step in PyTorch, for the networks and sizes of benches/nn.rs.

    python benches/pytorch.py [THREADS] [--tsv] [--seconds S] [--channels-last] [--compile] [--device cuda:N] [--precision f32|tf32|bf16] [PART OF A CASE'S NAME ...]

Needs nothing but torch. benches/compare.py runs this and `cargo bench --bench nn` in turns and prints ratios.
"""
import math
import statistics
import sys
import time

words = sys.argv[1:]
tsv = "--tsv" in words
channels_last = "--channels-last" in words
compiled = "--compile" in words


def option(name, default):
    if name not in words:
        return default
    i = words.index(name)
    value = words[i + 1]
    del words[i : i + 2]
    return value


seconds = float(option("--seconds", 3.0))
device = option("--device", "cpu")
precision = option("--precision", "f32")
words = [w for w in words if not w.startswith("--")]
threads = next((int(w) for w in words if w.isdigit()), 2)
words = [w for w in words if not w.isdigit()]

import torch
from torch import nn
import torch.nn.functional as F

torch.set_num_threads(threads)
torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
# Algorithms with one result, as on the other side.
torch.backends.cudnn.deterministic = True
together = 1 if device == "cpu" else 10


def conv(i, o, k=3, stride=1, bias=False):
    return nn.Conv2d(i, o, k, stride, k // 2, bias=bias)


class Block(nn.Module):
    """torchvision's basic block; `option_a`: the shortcut without parameters of the CIFAR ResNets."""

    def __init__(self, i, o, stride, option_a=False):
        super().__init__()
        self.conv1, self.bn1 = conv(i, o, 3, stride), nn.BatchNorm2d(o)
        self.conv2, self.bn2 = conv(o, o), nn.BatchNorm2d(o)
        self.pad = o - i if option_a and (stride != 1 or i != o) else None
        self.stride = stride
        self.down = nn.Sequential(conv(i, o, 1, stride), nn.BatchNorm2d(o)) if not option_a and (stride != 1 or i != o) else None

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)), inplace=True)))
        if self.down is not None:
            x = self.down(x)
        elif self.pad is not None:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.pad // 2, self.pad // 2))
        return F.relu(y + x, inplace=True)


class Bottleneck(nn.Module):
    def __init__(self, i, c, stride):
        super().__init__()
        self.conv1, self.bn1 = conv(i, c, 1), nn.BatchNorm2d(c)
        self.conv2, self.bn2 = conv(c, c, 3, stride), nn.BatchNorm2d(c)
        self.conv3, self.bn3 = conv(c, 4 * c, 1), nn.BatchNorm2d(4 * c)
        self.down = nn.Sequential(conv(i, 4 * c, 1, stride), nn.BatchNorm2d(4 * c)) if stride != 1 or i != 4 * c else None

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = F.relu(self.bn2(self.conv2(y)), inplace=True)
        y = self.bn3(self.conv3(y))
        return F.relu(y + (x if self.down is None else self.down(x)), inplace=True)


def residual(channels, widths, blocks, classes, option_a=False):
    layers = [conv(channels, widths[0]), nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True)]
    before = widths[0]
    for stage, (width, count) in enumerate(zip(widths, blocks)):
        for b in range(count):
            layers.append(Block(before, width, 2 if stage > 0 and b == 0 else 1, option_a))
            before = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, classes))


def resnet50(classes):
    layers = [conv(3, 64), nn.BatchNorm2d(64), nn.ReLU(inplace=True)]
    before = 64
    for stage, count in enumerate([3, 4, 6, 3]):
        for b in range(count):
            layers.append(Bottleneck(before, 64 << stage, 2 if stage > 0 and b == 0 else 1))
            before = 256 << stage
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, classes))


def vgg11(classes):
    layers, before = [], 3
    for width in [64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"]:
        if width == "M":
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [conv(before, width, bias=True), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            before = width
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(512, classes))


def plain11(classes):
    layers, before = [], 3
    for width, stride in zip([64, 64, 128, 128, 128, 256, 256, 256, 512, 512, 512], [1, 1, 2, 1, 1, 2, 1, 1, 2, 1, 1]):
        layers += [conv(before, width, 3, stride), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        before = width
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(512 * 16, classes))


def mlp(classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, classes))


class Transformer(nn.Module):
    """timm's blocks, before `scaled_dot_product_attention` and fused GELU; `tokens`: an MLP-Mixer with as many hidden units over tokens."""

    def __init__(self, dim, heads, hidden, count, tokens=None):
        super().__init__()
        mlp = lambda i, h: nn.Sequential(nn.Linear(i, h), nn.GELU(), nn.Linear(h, i))
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.heads = heads
        if tokens is None:
            self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.over_tokens = mlp(count, tokens) if tokens is not None else None
        self.mlp = mlp(dim, hidden)

    def mix(self, x):
        if self.over_tokens is not None:
            return self.over_tokens(x.transpose(1, 2)).transpose(1, 2)
        b, n, c = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1) * (c // self.heads) ** -0.5).softmax(-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(b, n, c))

    def forward(self, x):
        x = x + self.mix(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Tokens(nn.Module):
    """ViT (with heads) or MLP-Mixer on patches of 4 x 4 of 32 x 32 images."""

    def __init__(self, dim, depth, heads, hidden, tokens=None, classes=100):
        super().__init__()
        self.proj = nn.Conv2d(3, dim, 4, 4)
        count = 64 if tokens is not None else 65
        self.blocks = nn.Sequential(*[Transformer(dim, heads, hidden, count, tokens) for _ in range(depth)])
        self.norm, self.head = nn.LayerNorm(dim), nn.Linear(dim, classes)
        self.mixer = tokens is not None
        if not self.mixer:
            self.cls, self.pos = nn.Parameter(torch.zeros(1, 1, dim)), nn.Parameter(torch.randn(1, 65, dim) * 0.02)

    def forward(self, x):
        x = self.proj(x).flatten(2).transpose(1, 2)
        if not self.mixer:
            x = torch.cat([self.cls.expand(len(x), -1, -1), x], 1) + self.pos
        x = self.norm(self.blocks(x))
        return self.head(x.mean(1) if self.mixer else x[:, 0])


class LanguageModel(nn.Module):
    def __init__(self, words=10000, units=200):
        super().__init__()
        self.encoder, self.rnn, self.decoder = nn.Embedding(words, units), nn.LSTM(units, units, 2, batch_first=True), nn.Linear(units, words)

    def forward(self, x):
        return self.decoder(self.rnn(self.encoder(x))[0]).flatten(0, 1)


def dcgan(w=64):
    layers, before = [nn.Unflatten(1, (100, 1, 1))], 100
    for width, stride, pad in [(4 * w, 1, 0), (2 * w, 2, 1), (w, 2, 1)]:
        layers += [nn.ConvTranspose2d(before, width, 4, stride, pad, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        before = width
    layers += [nn.ConvTranspose2d(w, 3, 4, 2, 1, bias=False), nn.Tanh(), nn.Conv2d(3, w, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True)]
    for width in [2 * w, 4 * w]:
        layers += [nn.Conv2d(width // 2, width, 4, 2, 1, bias=False), nn.BatchNorm2d(width), nn.LeakyReLU(0.2, inplace=True)]
    return nn.Sequential(*layers, nn.Conv2d(4 * w, 1, 4, bias=False), nn.Flatten())


CASES = [
    ("resnet18-32", lambda: residual(3, [64, 128, 256, 512], [2] * 4, 100), (3, 32, 32), 100, 32),
    ("resnet18-128", lambda: residual(3, [64, 128, 256, 512], [2] * 4, 100), (3, 32, 32), 100, 128),
    ("resnet18-512", lambda: residual(3, [64, 128, 256, 512], [2] * 4, 100), (3, 32, 32), 100, 512),
    ("resnet50-64", lambda: resnet50(100), (3, 32, 32), 100, 64),
    ("vgg11-128", lambda: vgg11(10), (3, 32, 32), 10, 128),
    ("plain11-128", lambda: plain11(10), (3, 32, 32), 10, 128),
    ("resnet32-128", lambda: residual(3, [16, 32, 64], [5] * 3, 10, option_a=True), (3, 32, 32), 10, 128),
    ("tiny_resnet-64", lambda: residual(1, [16, 32, 64], [1] * 3, 10), (1, 8, 8), 10, 64),
    ("mlp-128", lambda: mlp(10), (1, 28, 28), 10, 128),
    ("vit_s-32", lambda: Tokens(384, 12, 6, 1536), (3, 32, 32), 100, 32),
    ("mixer_s-32", lambda: Tokens(512, 8, 0, 2048, 256), (3, 32, 32), 100, 32),
    ("lstm-20", LanguageModel, (35,), 10000, 20),
    ("dcgan-128", dcgan, (100,), 1, 128),
]


def peak():
    with open("/proc/self/status") as f:
        return next(float(line.split()[1]) * 1024 for line in f if line.startswith("VmHWM:"))


if not tsv:
    print(f"PyTorch {torch.__version__}, {threads} threads")
for name, build, shape, classes, batch in CASES:
    if words and not any(w in name for w in words):
        continue
    torch.manual_seed(1)
    net = build().train().to(device)
    numbers = torch.arange(batch * math.prod(shape))
    language = isinstance(net, LanguageModel)
    x = (numbers * 7919 % classes if language else numbers % 17 / 17.0).reshape(batch, *shape).to(device)
    if channels_last and len(shape) == 3:
        net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    labels = (torch.arange(batch * (shape[0] if language else 1)) % classes).to(device)
    if compiled:
        net = torch.compile(net)
    optimizer = torch.optim.SGD(net.parameters(), 0.01, momentum=0.9, nesterov=True, weight_decay=1e-6)
    loss_of = nn.CrossEntropyLoss()

    def one():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.split(":")[0], torch.bfloat16, enabled=precision == "bf16"):
            loss = loss_of(net(x), labels)
        loss.backward()
        optimizer.step()

    def several():
        start = time.perf_counter()
        for _ in range(together):
            one()
        if together > 1:
            torch.cuda.synchronize()
        return (time.perf_counter() - start) / together

    # The first step compiles, and a second one may once more.
    several()
    several()
    start, worked, times = time.perf_counter(), time.process_time(), []
    while len(times) < 3 or time.perf_counter() - start < seconds:
        times.append(several())
    total = statistics.median(times)
    worked = (time.process_time() - worked) / (len(times) * together)
    if tsv:
        print(f"{name}\t{total:.6f}\t{worked:.6f}", flush=True)
    else:
        print(f"{name}: {total * 1e3:.2f} ms a step, {worked * 1e3:.2f} of processors, {batch / total:.0f} images/s, {peak() / 1e6:.0f} MB at the process's peak", flush=True)
