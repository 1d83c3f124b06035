"""Taps a network of torchvision or timm and compares its stages with a script.

    python tap_torch.py --library torchvision --network resnet18 --images FOLDER

Without `--taps` the stages of the network are tapped. Without `--images` random pictures of two kinds are made, so that the example
runs anywhere; without `--pretrained` weights are random.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any, Dict, List, Tuple

import torch

import cfx

SCRIPT = """cfx 1
experiment "Stages of {network}" {{ seed: 1 }}

{stages}
stages   flat   = svd(reps, width: 4)
analysis spread = mean_distance(flat, by: class)
analysis alike  = cka(reps, between: stage)
figure "Spread of each class" = bars(spread, x: class, facet: stage)
"""


def network(library: str, name: str, pretrained: bool) -> Tuple[torch.nn.Module, List[str]]:
    """A network and the names of the modules to tap: its stages."""
    if library == "timm":
        import timm

        net = timm.create_model(name, pretrained=pretrained)
        known = [info["module"] for info in getattr(net, "feature_info", []) if info["module"]]
        found = parts(net)
        return net, known if known and (not found or found[0].startswith("features")) else found
    import torchvision

    net = getattr(torchvision.models, name)(weights="DEFAULT" if pretrained else None)
    return net, parts(net)


def parts(net: torch.nn.Module) -> List[str]:
    """The stages of a network whose parts have usual names; of a plain stack of layers, what its pooling layers give."""
    for trunk in ["stages", "blocks", "features", "encoder.layers", "trunk_output"]:
        inside = dict(net.named_modules()).get(trunk)
        if inside is not None:
            plain = all(not list(m.children()) for m in inside.children())
            pools = [n for n, m in inside.named_children() if plain and isinstance(m, torch.nn.MaxPool2d)]
            return [f"{trunk}.{n}" for n in pools or dict(inside.named_children())]
    return [n for n, _ in net.named_children() if re.fullmatch("layer[0-9]+", n)]


def tap(net: torch.nn.Module, taps: List[str], batches: Any) -> Dict[str, torch.Tensor]:
    """The outputs of modules, over all batches, averaged over positions, so that they fit in memory."""
    modules, now, found = dict(net.named_modules()), {}, {name: [] for name in taps}

    def hook(name: str) -> Any:
        def keep(module: torch.nn.Module, given: Any, output: torch.Tensor) -> None:
            # A copy: the layer after it may write over the output.
            now[name] = output.detach().clone()

        return keep

    hooks = [modules[name].register_forward_hook(hook(name)) for name in taps]
    net.eval()
    with torch.no_grad():
        for images in batches:
            net(images)
            # Pictures are square: channels come last where the two dimensions before them are the equal ones.
            last = any(x.ndim == 4 and x.shape[1] == x.shape[2] != x.shape[3] for x in now.values())
            for name, x in now.items():
                over = {4: (1, 2) if last else (2, 3), 3: (1,)}.get(x.ndim)
                found[name].append(x.mean(dim=over) if over else x)
    for one in hooks:
        one.remove()
    return {name: torch.cat(pieces) for name, pieces in found.items()}


def pictures(folder: Path | None, size: int) -> Tuple[Any, List[str]]:
    """Batches of pictures, and the class of each picture."""
    if folder is None:
        torch.manual_seed(0)
        labels = torch.arange(64) % 2
        # Stripes of two directions, with noise.
        wave = torch.sin(torch.arange(size) / 3.0)
        stripes = torch.stack([wave.expand(size, size), wave.expand(size, size).T])
        images = stripes[labels][:, None].expand(-1, 3, -1, -1) + 0.5 * torch.randn(64, 3, size, size)
        return images.split(16), [["columns", "rows"][k] for k in labels.tolist()]
    from torchvision import datasets, transforms

    steps = [transforms.Resize(size), transforms.CenterCrop(size), transforms.ToTensor()]
    norm = transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    data = datasets.ImageFolder(str(folder), transforms.Compose([*steps, norm]))
    loader = torch.utils.data.DataLoader(data, batch_size=32)
    return (images for images, _ in loader), [data.classes[k] for k in data.targets]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", choices=["torchvision", "timm"], default="torchvision")
    parser.add_argument("--network", default="resnet18")
    parser.add_argument("--taps", help="names of modules, with commas between them, in place of the network's stages")
    parser.add_argument("--images", type=Path, help="a folder with one folder a class")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--pretrained", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("tapped"))
    given = parser.parse_args()
    torch.manual_seed(0)
    net, taps = network(given.library, given.network, given.pretrained)
    taps = given.taps.split(",") if given.taps else taps
    if not taps or not set(taps) <= set(dict(net.named_modules())):
        names = ", ".join(n for n, _ in net.named_children())
        parser.error(f"name modules of {given.network} with --taps: {names}, or modules inside these (layer1.0)")
    batches, labels = pictures(given.images, given.size)
    done = cfx.stages(tap(net, taps, batches), labels, path=given.out / "acts.npz")
    script = given.out / "exp.cfx"
    script.write_text(SCRIPT.format(network=given.network, stages=done.line("reps")))
    run = cfx.run(script)
    print(run["spread"].frame().to_string())
    print("the report:", run.report)


if __name__ == "__main__":
    main()
