"""Makes the reference data of layers and small networks. Run with PyTorch (1.12.1, torchvision 0.13.1, timm 0.6.13 were used): python make.py

reference.json: each layer alone, with weights, outputs and gradients as PyTorch computes them in 64 bits. Images and tokens are written channels last.
../../suite/networks/data: small networks with random weights, saved under the names of timm, torchvision and PyTorch, and images; the losses that
PyTorch gives for them are printed, and stand in ../../suite/networks/imported.cfx.
Also prints the parameter counts that src/lang/net/tests.rs expects.
"""

import json
import pathlib
import re
from collections import Counter

import numpy as np
import timm
import torch
import torch.nn.functional as F
import torchvision
from safetensors.torch import save_file
from timm.models.mlp_mixer import MlpMixer
from timm.models.vision_transformer import VisionTransformer
from torch import nn

HERE = pathlib.Path(__file__).parent
SUITE = HERE.parent.parent / "suite" / "networks" / "data"


def last(x):
    """Channels last, flat."""
    x = x.detach()
    x = x.permute(0, 2, 3, 1) if x.dim() == 4 else x
    return [float(f"{v:.8g}") for v in x.reshape(-1).tolist()]


def image(shape):
    return [shape[1], shape[2], shape[0]] if len(shape) == 3 else list(shape)


def case(name, op, module, shape, rename=lambda n: n, run=None):
    """One layer on two examples; `shape` is PyTorch's, of one example."""
    module = module.double()
    for p in module.parameters():
        nn.init.uniform_(p, -1, 1)
    x = torch.empty(2, *shape, dtype=torch.float64).uniform_(-1, 1).requires_grad_()
    y = (run or (lambda m, x: m(x)))(module, x)
    dy = torch.empty_like(y).uniform_(-1, 1)
    y.backward(dy)
    numbers = lambda t: [float(f"{v:.8g}") for v in t.detach().reshape(-1).tolist()]
    weights = [[rename(n), list(p.shape), numbers(p), numbers(p.grad)] for n, p in module.named_parameters()]
    return dict(name=name, op=op, input=image(shape), output=image(y.shape[1:]), x=last(x), y=last(y), dy=last(dy), dx=last(x.grad), weights=weights)


def transposed(i, o, k, s, p, op, d, g, b):
    op_ = dict(input=i, output=o, kernel=k, stride=s, pad=p, output_pad=op, dilation=d, groups=g, bias=b)
    return {"ConvTransposed": op_}, nn.ConvTranspose2d(i, o, k, s, p, op, g, b, d)


def conv(i, o, k, s, p, d, g, b):
    return {"Conv": dict(input=i, output=o, kernel=k, stride=s, pad=p, dilation=d, groups=g, bias=b)}, nn.Conv2d(i, o, k, s, p, d, g, b)


def gelu_tanh(x):
    """The approximation as timm and JAX have it; PyTorch 1.12 has `approximate='tanh'` in the functional form."""
    return F.gelu(x, approximate="tanh")


class Attention(nn.Module):
    """timm's Attention without its linear maps, on queries, keys and values side by side."""

    def __init__(self, heads, causal):
        super().__init__()
        self.heads, self.causal = heads, causal

    def forward(self, x):
        b, n, c = x.shape
        q, k, v = x.reshape(b, n, 3, self.heads, c // 3 // self.heads).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) * (c // 3 // self.heads) ** -0.5
        if self.causal:
            scores = scores.masked_fill(torch.triu(torch.ones(n, n, dtype=torch.bool), 1), float("-inf"))
        return (scores.softmax(-1) @ v).transpose(1, 2).reshape(b, n, c // 3)


def layers():
    torch.manual_seed(1)
    identity = nn.Identity
    cases = [
        case("conv_transposed", *transposed(3, 4, 4, 2, 1, 0, 1, 1, True), (3, 3, 4)),
        case("conv_transposed_first", *transposed(5, 3, 4, 1, 0, 0, 1, 1, False), (5, 1, 1)),
        case("conv_transposed_groups", *transposed(4, 6, 3, 3, 1, 2, 1, 2, True), (4, 2, 3)),
        case("conv_transposed_dilation", *transposed(2, 3, 3, 2, 2, 1, 2, 1, True), (2, 3, 3)),
        case("conv_groups_dilation", *conv(4, 6, 3, 2, 2, 2, 2, True), (4, 6, 5)),
        case("group_norm", {"GroupNorm": dict(groups=3, features=6, eps=1e-5)}, nn.GroupNorm(3, 6), (6, 3, 2)),
        case("layer_norm", {"LayerNorm": dict(features=8, eps=1e-6)}, nn.LayerNorm(8, eps=1e-6), (5, 8)),
        case("max_pool", {"MaxPool": dict(kernel=3, stride=2, pad=1)}, nn.MaxPool2d(3, 2, 1), (2, 7, 6)),
        case("avg_pool", {"AvgPool": dict(kernel=3, stride=2, pad=1)}, nn.AvgPool2d(3, 2, 1), (2, 7, 6)),
        case("nearest", {"Upsample": dict(factor=2, bilinear=False)}, nn.Upsample(scale_factor=2), (2, 3, 2)),
        case("bilinear", {"Upsample": dict(factor=3, bilinear=True)}, nn.Upsample(scale_factor=3, mode="bilinear"), (2, 3, 2)),
        case("flatten_image", "Flatten", nn.Flatten(), (3, 2, 4)),
        case("flatten_tokens", "Flatten", nn.Flatten(), (3, 4)),
        case("reshape", "Reshape", nn.Unflatten(1, (3, 2, 4)), (24,)),
        case("gelu", "Gelu", nn.GELU(), (4, 3)),
        case("gelu_tanh", "GeluTanh", identity(), (4, 3), run=lambda m, x: gelu_tanh(x)),
        case("leaky_relu", {"LeakyRelu": dict(slope=0.2)}, nn.LeakyReLU(0.2), (3, 2, 2)),
        case("tanh", "Tanh", nn.Tanh(), (3, 2, 2)),
        case("sigmoid", "Sigmoid", nn.Sigmoid(), (3, 2, 2)),
        case("softmax", "Softmax", nn.Softmax(-1), (4, 5)),
        case("linear_tokens", {"Linear": dict(input=4, output=3, bias=True)}, nn.Linear(4, 3), (5, 4)),
        case("attention", {"Attention": dict(heads=2, causal=False)}, Attention(2, False), (5, 12)),
        case("attention_causal", {"Attention": dict(heads=3, causal=True)}, Attention(3, True), (6, 18)),
        case("lstm", {"Lstm": dict(input=3, hidden=4, index=0)}, nn.LSTM(3, 4, batch_first=True), (6, 3), run=lambda m, x: m(x)[0]),
        case("transpose", "Transpose", identity(), (3, 5), run=lambda m, x: x.transpose(1, 2).contiguous()),
    ]
    (HERE / "reference.json").write_text("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")


def random_weights(net):
    with torch.no_grad():
        for p in net.parameters():
            p.uniform_(-0.5, 0.5)
    return net.eval()


def said(name, losses):
    print(f"#! scores {name} = " + ", ".join(f"{v:.5f}" for v in losses.tolist()))


def networks():
    torch.manual_seed(2)
    rng = np.random.default_rng(3)
    images = rng.normal(size=(6, 8, 8, 3)).astype(np.float32)
    labels = np.arange(6, dtype=np.uint8) % 3
    np.save(SUITE / "images.npy", images)
    np.save(SUITE / "labels.npy", labels)
    np.save(SUITE / "two.npy", labels % 2)
    x, y = torch.tensor(images).permute(0, 3, 1, 2), torch.tensor(labels.astype(np.int64))
    vit = random_weights(VisionTransformer(img_size=8, patch_size=2, embed_dim=8, depth=2, num_heads=2, num_classes=3))
    save_file(vit.state_dict(), str(SUITE / "vit_timm.safetensors"))
    said("of_timm", F.cross_entropy(vit(x), y, reduction="none"))
    tv = torchvision.models.VisionTransformer(image_size=8, patch_size=2, num_layers=2, num_heads=2, hidden_dim=8, mlp_dim=32, num_classes=3)
    random_weights(tv)
    torch.save(tv.state_dict(), SUITE / "vit_torchvision.pt")
    said("of_torchvision", F.cross_entropy(tv(x), y, reduction="none"))
    mixer = random_weights(MlpMixer(img_size=8, patch_size=2, embed_dim=8, num_blocks=2, num_classes=3))
    save_file(mixer.state_dict(), str(SUITE / "mixer_timm.safetensors"))
    said("of_mixer", F.cross_entropy(mixer(x), y, reduction="none"))
    print("hidden units of the mixer:", mixer.blocks[0].mlp_tokens.fc1.out_features, mixer.blocks[0].mlp_channels.fc1.out_features)
    generator = nn.Sequential(
        nn.Conv2d(3, 4, 4, 2, 1, bias=False), nn.GroupNorm(2, 4), nn.LeakyReLU(0.2), nn.ConvTranspose2d(4, 2, 4, 2, 1), nn.BatchNorm2d(2),
        nn.Upsample(scale_factor=2, mode="bilinear"), nn.Flatten(), nn.Linear(512, 3),
    )
    random_weights(generator)
    generator[4].running_mean.uniform_(-0.5, 0.5)
    torch.save(generator.state_dict(), SUITE / "decoder.pt")
    said("of_decoder", F.cross_entropy(generator(x), y, reduction="none"))

    # The language model: words as `corpus(…, unit: tokens, lower: true, length: 12, words: 20)` has them.
    words = lambda file: [w for line in (SUITE / file).read_text().lower().splitlines() for w in re.findall(r"\w+|[^\w\s]", line) + ["<eos>"]]
    train = words("rhyme.txt")
    counts = Counter(train)
    order = sorted((w for w in counts if w != "<eos>"), key=lambda w: (-counts[w], w))
    vocabulary = ["<unk>", "<eos>", *order][:20]
    number = {w: i for i, w in enumerate(vocabulary)}
    print("vocabulary:", vocabulary)

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(20, 6)
            self.lstm = nn.LSTM(6, 5, num_layers=2, batch_first=True)
            self.fc = nn.Linear(5, 20)

        def forward(self, x):
            return self.fc(self.lstm(self.embedding(x))[0])

    net = random_weights(Model())
    torch.save(net.state_dict(), SUITE / "lstm.pt")
    for name, file in [("of_lstm", "rhyme.txt"), ("of_lstm_test", "rhyme_test.txt")]:
        ids = torch.tensor([number.get(w, 0) for w in words(file)])
        n = (len(ids) - 1) // 12
        inputs, targets = ids[: n * 12].reshape(n, 12), ids[1 : n * 12 + 1].reshape(n, 12)
        losses = F.cross_entropy(net(inputs).reshape(-1, 20), targets.reshape(-1), reduction="none").reshape(n, 12).mean(1)
        right = (net(inputs).argmax(-1) == targets).double().mean()
        print(f"{n} examples of {file}; accuracy {right:.6f}")
        said(name, losses[:6])


def counts():
    n = lambda m: sum(p.numel() for p in m.parameters())
    for name in ["vit_base_patch16_224", "vit_base_patch32_224", "vit_small_patch16_224", "vit_tiny_patch16_224", "mixer_b16_224", "mixer_s16_224"]:
        print(name, n(timm.create_model(name)))
    print("vit_b_16", n(torchvision.models.vit_b_16()))
    print("tiny_vit", n(VisionTransformer(img_size=32, patch_size=4, embed_dim=128, depth=6, num_heads=4, num_classes=10)))
    print("tiny_mixer", n(MlpMixer(img_size=32, patch_size=4, embed_dim=128, num_blocks=6, num_classes=10)))
    w, no = 64, dict(bias=False)
    deconvolution = lambda i, o, s, p: [nn.ConvTranspose2d(i, o, 4, s, p, **no), nn.BatchNorm2d(o), nn.ReLU()]
    parts = deconvolution(100, 4 * w, 1, 0) + deconvolution(4 * w, 2 * w, 2, 1) + deconvolution(2 * w, w, 2, 1)
    print("generator", n(nn.Sequential(*parts, nn.ConvTranspose2d(w, 3, 4, 2, 1, **no))))
    norm = nn.BatchNorm2d
    layers = [nn.Conv2d(3, w, 4, 2, 1, **no), nn.Conv2d(w, 2 * w, 4, 2, 1, **no), norm(2 * w), nn.Conv2d(2 * w, 4 * w, 4, 2, 1, **no), norm(4 * w)]
    print("discriminator", n(nn.Sequential(*layers, nn.Conv2d(4 * w, 1, 4, 1, 0, **no))))
    print("lstm", n(nn.ModuleList([nn.Embedding(10000, 200), nn.LSTM(200, 200, 2), nn.Linear(200, 10000)])))
    for name, stages in [("vgg11", (1, 1, 2, 2, 2)), ("vgg13", (2, 2, 2, 2, 2)), ("vgg16", (2, 2, 3, 3, 3))]:
        parts, c = [], 3
        for count, width in zip(stages, (64, 128, 256, 512, 512)):
            for _ in range(count):
                parts += [nn.Conv2d(c, width, 3), nn.BatchNorm2d(width)]
                c = width
        print(name, n(nn.Sequential(*parts, nn.Linear(512, 10))))


if __name__ == "__main__":
    layers()
    networks()
    counts()
