"""Makes the reference data beside this script. Run with PyTorch (1.12.1 was used): python make.py [folder of the shared data]

small.*: one small residual network (std.networks' tiny_resnet(width: 2), 3 classes, 8 x 8 grey images) saved in every form that torch.save and
safetensors have, with inputs and logits in small.json. Weights are random; nothing here comes from a data set.
logits.json: logits that PyTorch gives for the first 32 test images with the published weights (needs the shared data; only logits are kept).
"""

import gzip
import json
import lzma
import pathlib
import sys
import zipfile

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn

HERE = pathlib.Path(__file__).parent


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride, option):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.change = stride != 1 or inputs != outputs
        if self.change and option == "B":
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        self.option = option
        self.pad = (outputs - inputs) // 2

    def forward(self, x):
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.change:
            x = self.downsample(x) if self.option == "B" else F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad, self.pad))
        return F.relu(out + x)


class ResNet(nn.Module):
    """tiny_resnet (option B) and cifar_resnet (option A) of std.networks."""

    def __init__(self, blocks, width, classes, channels, option):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)

        def stage(inputs, outputs, stride):
            first = Block(inputs, outputs, stride, option)
            return nn.Sequential(first, *[Block(outputs, outputs, 1, option) for _ in range(blocks - 1)])

        self.layer1 = stage(width, width, 1)
        self.layer2 = stage(width, 2 * width, 2)
        self.layer3 = stage(2 * width, 4 * width, 2)
        self.fc = nn.Linear(4 * width, classes)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        return self.fc(x.mean((2, 3)))


class Mnist(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2, self.conv3 = nn.Conv2d(1, 8, 3), nn.Conv2d(8, 16, 3), nn.Conv2d(16, 24, 3)
        self.norm1, self.norm2 = nn.BatchNorm2d(24), nn.BatchNorm1d(10)
        self.fc1, self.fc2 = nn.Linear(24 * 22 * 22, 32), nn.Linear(32, 10)

    def forward(self, x):
        x = self.norm1(F.relu(self.conv3(F.relu(self.conv2(F.relu(self.conv1(x)))))))
        return self.norm2(self.fc2(F.relu(self.fc1(x.flatten(1)))))


def small():
    torch.manual_seed(7)
    net = ResNet(1, 2, 3, 1, "B")
    for name, value in net.state_dict().items():
        if value.is_floating_point():
            value.copy_(torch.rand_like(value) + 0.5 if "var" in name else torch.randn_like(value) * 0.5)
    net.eval()
    images = torch.randn(4, 1, 8, 8)
    state = net.state_dict()
    wrapped = nn.DataParallel(net).state_dict()
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    net(images).sum().backward()
    optimizer.step()
    for p, name in [(p, n) for n, p in net.named_parameters()]:
        p.data.copy_(state[name])
    with torch.no_grad():
        for name, value in state.items():
            if value.is_floating_point():  # exact in every kind of number
                value.copy_(value.bfloat16().half().float().bfloat16().float())
        logits = net(images)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [1, 2])
    whole = {"epoch": 3, "best": 0.5, "arch": "résnet", "optimizer": optimizer.state_dict(), "state_dict": wrapped, "lr": scheduler.state_dict()}
    torch.save(whole, HERE / "small_wrapped.pt")
    torch.save(state, HERE / "small.pt")
    torch.save({"model": {k: v.half() if v.is_floating_point() else v for k, v in state.items()}}, HERE / "small_half.pt", pickle_protocol=4)
    torch.save({k: v.bfloat16() if v.is_floating_point() else v for k, v in state.items()}, HERE / "small_bfloat16.pt")
    torch.save({k: v.double() if v.is_floating_point() else v for k, v in state.items()}, HERE / "small_double.th", _use_new_zipfile_serialization=False)
    # Views: every tensor lies within one storage, the matrices and kernels transposed.
    total = torch.zeros(sum(v.numel() for v in state.values()))
    views, at = {}, 0
    for k, v in state.items():
        part = total[at : at + v.numel()].view(tuple(reversed(v.shape))).permute(tuple(reversed(range(v.dim()))))
        part.copy_(v)
        views["_orig_mod." + k], at = nn.Parameter(part) if "weight" in k else part, at + v.numel()
    torch.save(views, HERE / "small_views.pt")
    torch.save(views, HERE / "small_views.th", _use_new_zipfile_serialization=False, pickle_protocol=3)
    with zipfile.ZipFile(HERE / "small.pt") as old, zipfile.ZipFile(HERE / "small_deflated.pt", "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    save_file(state, HERE / "small.safetensors")
    save_file({k: v.bfloat16() if v.is_floating_point() else v for k, v in state.items()}, HERE / "small_bfloat16.safetensors")
    text = {"images": images.permute(0, 2, 3, 1).flatten().tolist(), "logits": logits.flatten().tolist()}
    (HERE / "small.json").write_text(json.dumps(text))


def published(data):
    out = {}
    record = 1 + 3072
    raw = np.frombuffer(lzma.open(data / "cifar10/test_first1000.bin.xz").read(), np.uint8).reshape(-1, record)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    images = torch.from_numpy(raw[:, 1:].reshape(-1, 3, 32, 32).astype(np.float32) / 255)
    images = (images - mean[:, None, None]) / std[:, None, None]
    for file, n in [("resnet20-12fca82f.th", 3), ("resnet32-d509ac18.th", 5)]:
        state = torch.load(data / "weights" / file, map_location="cpu")["state_dict"]
        state = {k.replace("module.", "").replace("linear.", "fc."): v for k, v in state.items()}
        net = ResNet(n, 16, 10, 3, "A")
        net.load_state_dict(state)
        net.eval()
        with torch.no_grad():
            logits = torch.cat([net(images[i : i + 100]) for i in range(0, len(images), 100)])
        print(file, (logits.argmax(1).numpy() == raw[:, 0]).mean())
        out[file] = logits[:32].flatten().tolist()
    images = np.frombuffer(gzip.open(data / "mnist/t10k-images-idx3-ubyte.gz").read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    labels = np.frombuffer(gzip.open(data / "mnist/t10k-labels-idx1-ubyte.gz").read(), np.uint8, offset=8)
    images = (torch.from_numpy(images.astype(np.float32) / 255) - 0.1307) / 0.3081
    net = Mnist()
    net.load_state_dict(load_file(data / "weights/mnist.safetensors"))
    net.eval()
    with torch.no_grad():
        logits = torch.cat([net(images[i : i + 500]) for i in range(0, len(images), 500)])
    print("mnist.safetensors", (logits.argmax(1).numpy() == labels).mean())
    out["mnist.safetensors"] = logits[:32].flatten().tolist()
    (HERE / "logits.json").write_text(json.dumps(out))


small()
if len(sys.argv) > 1:
    published(pathlib.Path(sys.argv[1]))
