#!/usr/bin/env python3
"""The models whose speed `deploy/gpu/check` takes, in PyTorch on a GPU as one writes them: tokens a second.

usage: train_gpu.py lm|gpt ieee|tf32|bf16 STEPS
"""
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

DEVICE = torch.device("cuda")


class Lm(nn.Module):
    """Two LSTM layers of 650 units, 128 rows of 32 words, 10,000 words; dropout, clipped, Adam."""

    rows, length, vocabulary, clip = 128, 32, 10_000, 1.0

    def __init__(self):
        super().__init__()
        self.encoder, self.dropout = nn.Embedding(self.vocabulary, 650), nn.Dropout(0.5)
        self.rnn = nn.ModuleList(nn.LSTM(650, 650) for _ in range(2))
        self.decoder = nn.Linear(650, self.vocabulary)
        self.states = [None, None]

    def optimizer(self):
        return torch.optim.Adam(self.parameters(), 1e-3)

    def loss(self, words, targets):
        x = self.dropout(self.encoder(words.t()))
        for number, layer in enumerate(self.rnn):
            x, state = layer(x, self.states[number])
            self.states[number] = tuple(part.detach() for part in state)
            x = self.dropout(x)
        return F.cross_entropy(self.decoder(x).flatten(0, 1), targets.t().flatten())


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.norm1, self.norm2 = heads, nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.project = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        batch, time_, width = x.shape
        q, k, v = (part.view(batch, time_, self.heads, -1).transpose(1, 2) for part in self.qkv(self.norm1(x)).chunk(3, 2))
        x = x + self.project(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(batch, time_, width))
        return x + self.narrow(F.gelu(self.widen(self.norm2(x)), approximate="tanh"))


class Gpt(nn.Module):
    """12 layers and heads, 768 wide, 16 rows of 512 tokens of a hundred characters; clipped, AdamW."""

    rows, length, vocabulary, clip = 16, 512, 100, 1.0

    def __init__(self):
        super().__init__()
        self.tokens, self.places = nn.Embedding(self.vocabulary, 768), nn.Embedding(self.length, 768)
        self.blocks, self.norm = nn.ModuleList(Block(768, 12) for _ in range(12)), nn.LayerNorm(768)

    def optimizer(self):
        return torch.optim.AdamW(self.parameters(), 1e-3, betas=(0.9, 0.99))

    def loss(self, tokens, targets):
        x = self.tokens(tokens) + self.places.weight
        for block in self.blocks:
            x = block(x)
        return F.cross_entropy((self.norm(x) @ self.tokens.weight.t()).flatten(0, 1), targets.flatten())


def main(model, precision, steps):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.manual_seed(1)
    net = {"lm": Lm, "gpt": Gpt}[model]().to(DEVICE)
    optimizer = net.optimizer()
    text = torch.randint(net.vocabulary, (net.rows, net.length + 1), device=DEVICE)

    def step():
        optimizer.zero_grad(set_to_none=False)
        with torch.autocast("cuda", torch.bfloat16, enabled=precision == "bf16"):
            loss = net.loss(text[:, :-1], text[:, 1:])
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), net.clip)
        optimizer.step()

    for _ in range(10):
        step()
    times = []
    for _ in range(5):
        torch.cuda.synchronize()
        begun = time.perf_counter()
        for _ in range(max(1, steps // 5)):
            step()
        torch.cuda.synchronize()
        times.append((time.perf_counter() - begun) / max(1, steps // 5))
    print(f"{net.rows * net.length / statistics.median(times):.0f}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
