"""Makes reference.json: twenty steps of training in PyTorch (64-bit) for each optimiser, and rates of its schedules.

    python tests/data/training/make_reference.py

Weights and batches come from formulas that src/ops/nn/tests/torch.rs has as well, so that only losses need to be kept.
"""
import json
import math
import pathlib

import torch
from torch import nn

torch.set_default_dtype(torch.float64)
STEPS, BATCH = 20, 8


def numbers(count, salt, bound):
    """Returns numbers in (-bound, bound) as 32-bit floats, by a congruence."""
    exact = torch.tensor([((i * 7919 + salt * 104729) % 2003 - 1001) / 1001 * bound for i in range(count)])
    return exact.float().double()


def network():
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 6, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(54, 3),
    )
    with torch.no_grad():
        for salt, (layer, name, bound) in enumerate([(0, "weight", 0.3), (3, "weight", 0.2), (7, "weight", 0.13), (7, "bias", 0.1)], 1):
            p = getattr(net[layer], name)
            p.copy_(numbers(p.numel(), salt, bound).reshape(p.shape))
    return net.train()


def batch(step):
    x = numbers(BATCH * 36, 100 + step, 1.0).reshape(BATCH, 1, 6, 6)
    # A class shifts part of the image, so that there is something to learn.
    labels = torch.tensor([(step * BATCH + i) * 31 % 3 for i in range(BATCH)])
    for i in range(BATCH):
        x[i, 0, 2 * int(labels[i])] += 1.0
    return x.float().double(), labels


def train(make, smoothing=0.0, clip=None, rho=0.0, rate=None, freeze=()):
    net = network()
    for layer in freeze:
        for p in net[layer].parameters():
            p.requires_grad_(False)
        net[layer].eval()
    optimizer = make([p for p in net.parameters() if p.requires_grad])
    loss_of = nn.CrossEntropyLoss(label_smoothing=smoothing)
    schedule = rate(optimizer) if rate else None
    losses, rates = [], []
    for step in range(STEPS):
        x, labels = batch(step)
        optimizer.zero_grad()
        loss = loss_of(net(x), labels)
        loss.backward()
        parameters = [p for p in net.parameters() if p.requires_grad]
        if rho:
            old = [p.detach().clone() for p in parameters]
            length = torch.sqrt(sum((p.grad**2).sum() for p in parameters))
            with torch.no_grad():
                for p in parameters:
                    p.add_(p.grad, alpha=float(rho / (length + 1e-12)))
            kept = {k: v.clone() for k, v in net.state_dict().items() if "running" in k}
            optimizer.zero_grad()
            loss_of(net(x), labels).backward()
            with torch.no_grad():
                for p, o in zip(parameters, old):
                    p.copy_(o)
                for k, v in net.state_dict().items():
                    if k in kept:
                        v.copy_(kept[k])
        if clip and clip[0] == "norm":
            nn.utils.clip_grad_norm_(parameters, clip[1])
        if clip and clip[0] == "value":
            nn.utils.clip_grad_value_(parameters, clip[1])
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if schedule:
            schedule.step()
        losses.append(loss.item())
    net.eval()
    with torch.no_grad():
        scores = net(batch(STEPS)[0]).flatten().tolist()
    return {"losses": losses, "rates": rates, "scores": scores}


def sgd(**settings):
    return lambda p: torch.optim.SGD(p, **settings)


one_cycle = lambda o: torch.optim.lr_scheduler.OneCycleLR(o, 0.1, total_steps=STEPS, cycle_momentum=False)
out = {
    "sgd": train(sgd(lr=0.05)),
    "sgd_decay": train(sgd(lr=0.05, weight_decay=0.01)),
    "momentum": train(sgd(lr=0.05, momentum=0.9, weight_decay=0.001)),
    "nesterov": train(sgd(lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.001)),
    "adam": train(lambda p: torch.optim.Adam(p, 0.01, weight_decay=0.01)),
    "adam_gan": train(lambda p: torch.optim.Adam(p, 2e-4, betas=(0.5, 0.999))),
    "adamw": train(lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.1)),
    "smoothing": train(sgd(lr=0.05, momentum=0.9), smoothing=0.1),
    "clip_norm": train(sgd(lr=0.1, momentum=0.9), clip=("norm", 0.2)),
    "clip_value": train(sgd(lr=0.1, momentum=0.9), clip=("value", 0.02)),
    "sam": train(sgd(lr=0.05, momentum=0.9), rho=0.05),
    "one_cycle": train(sgd(lr=0.1, momentum=0.9), rate=one_cycle),
    "frozen": train(sgd(lr=0.05, momentum=0.9), freeze=(0, 1)),
}


def gan():
    """Returns the losses of ten steps of a generator and a discriminator, and an image at the end."""
    generator = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 16), nn.Tanh()).train()
    judge = nn.Sequential(nn.Linear(16, 8), nn.BatchNorm1d(8), nn.LeakyReLU(0.2), nn.Linear(8, 1)).train()
    with torch.no_grad():
        for salt, p in enumerate([generator[0].weight, generator[3].weight, judge[0].weight, judge[3].weight], 1):
            p.copy_(numbers(p.numel(), salt, 0.5).reshape(p.shape))
        for p in [generator[0].bias, generator[3].bias, judge[0].bias, judge[3].bias]:
            p.zero_()
    optimizers = [torch.optim.Adam(net.parameters(), 0.01, betas=(0.5, 0.999)) for net in (generator, judge)]
    loss_of = nn.BCEWithLogitsLoss()
    ones, zeros = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)
    losses = []
    for step in range(10):
        real, z = numbers(BATCH * 16, 200 + step, 0.5).reshape(BATCH, 16), numbers(BATCH * 3, 300 + step, 1.0).reshape(BATCH, 3)
        optimizers[1].zero_grad()
        on_real = loss_of(judge(real), ones)
        on_real.backward()
        made = generator(z)
        on_made = loss_of(judge(made.detach()), zeros)
        on_made.backward()
        optimizers[1].step()
        optimizers[0].zero_grad()
        fooled = loss_of(judge(made), ones)
        fooled.backward()
        optimizers[0].step()
        losses.append([on_real.item() + on_made.item(), fooled.item()])
    generator.eval()
    with torch.no_grad():
        return {"losses": losses, "image": generator(numbers(3, 400, 1.0).reshape(1, 3)).flatten().tolist()}


assert all(math.isfinite(x) for run in out.values() for x in run["losses"])
out["gan"] = gan()
out["torch"] = torch.__version__
pathlib.Path(__file__).with_name("reference.json").write_text(json.dumps(out, indent=1) + "\n")
