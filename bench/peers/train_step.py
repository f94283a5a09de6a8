#!/usr/bin/env python3
"""The models of `granary bench step` in PyTorch: same shapes, same optimizers, one thread.

usage: train_step.py SECONDS [--bf16] [--only TEXT]
"""
import argparse
import json
import math
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F

VOCABULARY = 10_000


class LanguageModel(nn.Module):
    """Two LSTM layers of 200 units; 32 rows of 32 words; clipped at 5; Adam."""

    def __init__(self, width=200, layers=2, rows=32, time=32):
        super().__init__()
        self.encoder = nn.Embedding(VOCABULARY, width)
        self.rnn = nn.LSTM(width, width, layers, dropout=0.5)
        self.dropout = nn.Dropout(0.5)
        self.decoder = nn.Linear(width, VOCABULARY)
        self.words = torch.randint(VOCABULARY, (time, rows))
        self.targets = torch.randint(VOCABULARY, (time * rows,))
        self.state = torch.zeros(layers, rows, width), torch.zeros(layers, rows, width)

    def loss(self):
        hidden, state = self.rnn(self.dropout(self.encoder(self.words)), self.state)
        self.state = tuple(part.detach().float() for part in state)
        return F.cross_entropy(self.decoder(self.dropout(hidden)).flatten(0, 1), self.targets)


class Block(nn.Module):
    def __init__(self, width, heads, mask):
        super().__init__()
        self.heads, self.mask = heads, mask
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.project = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1) / math.sqrt(width // self.heads) + self.mask).softmax(-1)
        x = x + self.project((weights @ v).transpose(1, 2).reshape(batch, length, width))
        return x + self.narrow(F.gelu(self.widen(self.norm2(x))))


class Gpt(nn.Module):
    """4 blocks, 256 wide, 4 heads; 16 rows of 128 words; clipped at 1; AdamW."""

    def __init__(self, width=256, heads=4, blocks=4, rows=16, length=128):
        super().__init__()
        mask = torch.full((length, length), -math.inf).triu(1)
        self.encoder, self.position = nn.Embedding(VOCABULARY, width), nn.Embedding(length, width)
        self.blocks = nn.Sequential(*(Block(width, heads, mask) for _ in range(blocks)))
        self.norm, self.decoder = nn.LayerNorm(width), nn.Linear(width, VOCABULARY, bias=False)
        self.words = torch.randint(VOCABULARY, (rows, length))
        self.targets = torch.randint(VOCABULARY, (rows * length,))
        self.places = torch.arange(length)

    def loss(self):
        hidden = self.blocks(self.encoder(self.words) + self.position(self.places))
        return F.cross_entropy(self.decoder(self.norm(hidden)).flatten(0, 1), self.targets)


def generator(noise=100, width=64):
    layers, channels = [nn.ConvTranspose2d(noise, 8 * width, 4, 1, 0, bias=False)], 8 * width
    while channels > width:
        layers += [nn.BatchNorm2d(channels), nn.ReLU(True), nn.ConvTranspose2d(channels, channels // 2, 4, 2, 1, bias=False)]
        channels //= 2
    return nn.Sequential(*layers, nn.BatchNorm2d(width), nn.ReLU(True), nn.ConvTranspose2d(width, 3, 4, 2, 1, bias=False), nn.Tanh())


def discriminator(width=64):
    layers, channels = [nn.Conv2d(3, width, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)], width
    while channels < 8 * width:
        layers += [nn.Conv2d(channels, 2 * channels, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * channels), nn.LeakyReLU(0.2, True)]
        channels *= 2
    return nn.Sequential(*layers, nn.Conv2d(channels, 1, 4, 1, 0, bias=False), nn.Flatten(0))


def autocast(bf16):
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16)


def step_of(model, optimizer, clip, bf16):
    def step():
        optimizer.zero_grad()
        with autocast(bf16):
            loss = model.loss()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        return loss.item()

    return step


def language_model(bf16):
    model = LanguageModel()
    return step_of(model, torch.optim.Adam(model.parameters(), 1e-3), 5.0, bf16)


def gpt(bf16):
    model = Gpt()
    return step_of(model, torch.optim.AdamW(model.parameters(), 3e-4), 1.0, bf16)


def dcgan(bf16, batch=64):
    """64x64 images; the discriminator on real and made-up ones, then the generator on the same."""
    artist, critic = generator(), discriminator()
    optimizers = [torch.optim.Adam(player.parameters(), 2e-4, betas=(0.5, 0.999)) for player in (critic, artist)]
    real = torch.rand(batch, 3, 64, 64) * 2 - 1

    def judged(images, value):
        with autocast(bf16):
            scores = critic(images)
        return F.binary_cross_entropy_with_logits(scores.float(), torch.full((batch,), value))

    def step():
        optimizers[0].zero_grad()
        judged(real, 1.0).backward()
        with autocast(bf16):
            fake = artist(torch.randn(batch, 100, 1, 1)).float()
        judged(fake.detach(), 0.0).backward()
        optimizers[0].step()
        optimizers[1].zero_grad()
        loss = judged(fake, 1.0)
        loss.backward()
        optimizers[1].step()
        return loss.item()

    return step


def product(rows, inner, columns, transposed):
    """One of the three products of a layer: forward, its inputs' gradient, its weights' gradient."""
    left = torch.rand(inner, rows).t() if transposed == "left" else torch.rand(rows, inner)
    right = torch.rand(columns, inner).t() if transposed == "right" else torch.rand(inner, columns)
    into = torch.zeros(rows, columns)
    return lambda: torch.mm(left, right, out=into)


PRODUCTS = {
    "gemm 1024x1024x1024": (1024, 1024, 1024, None),
    "gemm decoder 256x200x10000": (256, 200, 10_000, "right"),
    "gemm decoder inputs 256x10000x200": (256, 10_000, 200, None),
    "gemm decoder weights 10000x256x200": (10_000, 256, 200, "left"),
    "gemm decoder 1024x200x10000": (1024, 200, 10_000, "right"),
    "gemm lstm 32x200x800": (32, 200, 800, "right"),
    "gemm gpt 2048x256x1024": (2048, 256, 1024, "right"),
}


def milliseconds(step, seconds, warm_ups=3):
    for _ in range(warm_ups):
        step()
    samples, begun = [], time.perf_counter()
    while time.perf_counter() - begun < seconds or len(samples) < 3:
        started = time.perf_counter()
        step()
        samples.append((time.perf_counter() - started) * 1e3)
    return statistics.median(samples)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("seconds", type=float)
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--only", default="")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    print(json.dumps({"version": f"PyTorch {torch.__version__}"}), flush=True)
    models = {"lm": language_model, "gpt": gpt, "gpt by layers": gpt, "dcgan": dcgan}
    if chosen.bf16:
        del models["gpt by layers"]
    for name, make in models.items():
        name += " bf16" if chosen.bf16 else ""
        if chosen.only.lower() in name:
            # One warm-up: a step takes a second.
            print(json.dumps({"case": name, "value": milliseconds(make(chosen.bf16), chosen.seconds, 1), "unit": "ms"}), flush=True)
    for name, shape in {} if chosen.bf16 else PRODUCTS.items():
        if chosen.only.lower() in name:
            rows, inner, columns, _ = shape
            rate = 2e-6 * rows * inner * columns / milliseconds(product(*shape), chosen.seconds / 10)
            print(json.dumps({"case": name, "value": rate, "unit": "GFLOP/s"}), flush=True)


if __name__ == "__main__":
    main()
