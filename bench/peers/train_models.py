#!/usr/bin/env python3
"""The models of `granary bench models` in PyTorch: same shapes, same optimizers, one thread.

usage: train_models.py SECONDS [--only TEXT]
"""
import argparse
import json
import math

import torch
from torch import nn
from torch.nn import functional as F

from products import replayed
from train_step import milliseconds


def stepping(parameters, optimizer, loss_of, clip=0.0):
    parameters = list(parameters)

    def step():
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(parameters, clip)
        optimizer.step()
        return loss.item()

    return step


def classifying(net, optimizer, inputs, classes):
    labels = torch.randint(classes, (inputs.shape[0],))
    return stepping(net.parameters(), optimizer, lambda: F.cross_entropy(net(inputs), labels))


def cnn():
    net = nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.BatchNorm2d(20), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.BatchNorm2d(50), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10))
    return classifying(net, torch.optim.SGD(net.parameters(), 0.01, momentum=0.9), torch.randn(64, 1, 28, 28), 10)


class Block(nn.Module):
    def __init__(self, before, after, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after)
        self.conv2, self.bn2 = nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after)
        skips = stride > 1 or before != after
        self.skip = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)) if skips else None

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)), inplace=True)))
        return F.relu(y.add_(x if self.skip is None else self.skip(x)), inplace=True)


def residual(stem, blocks, width, classes):
    layers, before = [*stem], width
    for stage, count in enumerate(blocks):
        for number in range(count):
            layers.append(Block(before, width << stage, 2 if stage and not number else 1))
            before = width << stage
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, classes))


def resnet():
    net = residual([nn.Conv2d(3, 32, 3, 1, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU(True)], (2, 2, 2, 2), 32, 10)
    optimizer = torch.optim.SGD(net.parameters(), 0.05, momentum=0.9, weight_decay=5e-4, nesterov=True)
    return classifying(net, optimizer, torch.randn(64, 3, 32, 32), 10)


def transfer():
    stem = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(True), nn.MaxPool2d(3, 2, 1)]
    net = residual(stem, (2, 2, 2, 3), 64, 2)
    return classifying(net, torch.optim.SGD(net.parameters(), 0.003, momentum=0.9, weight_decay=1e-4), torch.randn(16, 3, 128, 128), 2)


def style():
    def layer(before, after):
        return nn.Conv2d(before, after, 3, padding=1), nn.ReLU()

    net = nn.ModuleList([
        nn.Sequential(*layer(3, 32)),
        nn.Sequential(*layer(32, 32), nn.AvgPool2d(2), *layer(32, 64)),
        nn.Sequential(*layer(64, 64), nn.AvgPool2d(2), *layer(64, 128)),
        nn.Sequential(*layer(128, 128), *layer(128, 128), nn.AvgPool2d(2), *layer(128, 128)),
    ]).requires_grad_(False)

    def features(x):
        out, x = [], (x + 1) / 2
        for part in net:
            x = part(x)
            out.append(x)
        return out

    def gram(x):
        x = x.flatten(2)
        return x @ x.transpose(1, 2) / (x.shape[1] * x.shape[2])

    content, wanted = torch.rand(1, 3, 128, 128), torch.rand(1, 3, 128, 128)
    with torch.no_grad():
        grams, shown = [gram(x) for x in features(wanted)], features(content)[2]
    picture = content.clone().requires_grad_(True)

    def loss():
        found = features(picture.clamp(-1, 1))
        return F.mse_loss(found[2], shown) / shown.square().mean() + sum((gram(x) - g).square().sum() / g.square().sum() for x, g in zip(found, grams))

    return stepping([picture], torch.optim.Adam([picture], 0.1), loss)


def dcgan(width=32):
    def up(before, after):
        return [nn.BatchNorm2d(before), nn.ReLU(True), nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False)]

    def down(before, after):
        return [nn.Conv2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.LeakyReLU(0.2, True)]

    artist = nn.Sequential(nn.ConvTranspose2d(100, 4 * width, 4, bias=False), *up(4 * width, 2 * width), *up(2 * width, width), *up(width, 1), nn.Tanh())
    critic = nn.Sequential(
        nn.Conv2d(1, width, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True), *down(width, 2 * width), *down(2 * width, 4 * width), nn.Conv2d(4 * width, 1, 4, bias=False), nn.Flatten(0))
    optimizers = [torch.optim.Adam(player.parameters(), 2e-4, betas=(0.5, 0.999)) for player in (critic, artist)]
    real, ones, nothing = torch.rand(64, 1, 32, 32) * 2 - 1, torch.ones(64), torch.zeros(64)
    judged = F.binary_cross_entropy_with_logits

    def step():
        fake = artist(torch.randn(64, 100, 1, 1))
        optimizers[0].zero_grad()
        (judged(critic(real), ones) + judged(critic(fake.detach()), nothing)).backward()
        optimizers[0].step()
        optimizers[1].zero_grad()
        loss = judged(critic(fake), ones)
        loss.backward()
        optimizers[1].step()
        return loss.item()

    return step


class Sentiment(nn.Module):
    def __init__(self, kind, vocabulary=8000, width=100):
        super().__init__()
        self.kind, self.embedding, self.dropout, features = kind, nn.Embedding(vocabulary, width), nn.Dropout(0.5), width
        if kind == "cnn":
            self.convolutions, features = nn.ModuleList(nn.Conv1d(width, 100, size) for size in (3, 4, 5)), 300
        if kind in ("lstm", "gru"):
            self.rnn, features = (nn.LSTM if kind == "lstm" else nn.GRU)(width, 128, bidirectional=True, batch_first=True), 256
        self.output = nn.Linear(features, 1)

    def forward(self, x):
        x = self.dropout(self.embedding(x))
        if self.kind == "cnn":
            x = torch.cat([F.relu(part(x.transpose(1, 2))).amax(2) for part in self.convolutions], 1)
        elif self.kind == "avg":
            x = x.mean(1)
        else:
            x = self.rnn(x)[0].amax(1)
        return self.output(self.dropout(x)).squeeze(1)


def sentiment(kind):
    net, words, labels = Sentiment(kind), torch.randint(8000, (32, 20)), torch.randint(2, (32,)).float()
    return stepping(net.parameters(), torch.optim.Adam(net.parameters(), 1e-3), lambda: F.binary_cross_entropy_with_logits(net(words), labels))


class Translator(nn.Module):
    def __init__(self, attends, source=6000, target=2500, width=200):
        super().__init__()
        self.source, self.target, self.dropout, self.attends = nn.Embedding(source + 4, width), nn.Embedding(target + 4, width), nn.Dropout(0.2), attends
        self.encoder, self.decoder = nn.GRU(width, width, batch_first=True, bidirectional=True), nn.GRU(width, width, batch_first=True)
        self.join, self.output = nn.Linear(2 * width, width), nn.Linear(width, target + 3)
        if attends:
            self.score, self.mix = nn.Linear(2 * width, width, bias=False), nn.Linear(3 * width, width)

    def forward(self, x, y):
        states, last = self.encoder(self.dropout(self.source(x)))
        begin = torch.tanh(self.join(torch.cat([last[0], last[1]], 1))).unsqueeze(0)
        z, _ = self.decoder(self.dropout(self.target(y)), begin)
        if self.attends:
            looks = torch.softmax(z @ self.score(states).transpose(1, 2) / math.sqrt(z.shape[2]), 2)
            z = torch.tanh(self.mix(torch.cat([looks @ states, z], 2)))
        return self.output(self.dropout(z))


def seq2seq(attends):
    net, source, given, wanted = Translator(attends), torch.randint(6000, (64, 9)), torch.randint(2500, (64, 13)), torch.randint(2500, (64 * 13,))
    return stepping(net.parameters(), torch.optim.Adam(net.parameters(), 3e-3), lambda: F.cross_entropy(net(source, given).flatten(0, 1), wanted), 5.0)


class Elmo(nn.Module):
    def __init__(self, vocabulary=5000, width=128):
        super().__init__()
        self.embedding, self.dropout, self.output = nn.Embedding(vocabulary, width), nn.Dropout(0.2), nn.Linear(width, vocabulary)
        self.forwards, self.backwards = (nn.ModuleList(nn.LSTM(width, width) for _ in range(2)) for _ in range(2))

    def direction(self, words, layers):
        first, _ = layers[0](words)
        return layers[1](self.dropout(first))[0] + first

    def loss(self, x):
        words = self.dropout(self.embedding(x))
        ahead, back = self.direction(words[:-1], self.forwards), self.direction(words[1:].flip(0), self.backwards).flip(0)
        return sum(F.cross_entropy(self.output(self.dropout(states)).flatten(0, 1), targets.flatten()) for states, targets in ((ahead, x[1:]), (back, x[:-1])))


def elmo():
    net, words = Elmo(), torch.randint(5000, (33, 32))
    return stepping(net.parameters(), torch.optim.Adam(net.parameters(), 2e-3), lambda: net.loss(words), 1.0)


class Layer(nn.Module):
    def __init__(self, width, heads, causal):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.project = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        batch, time, width = x.shape
        q, k, v = (part.view(batch, time, self.heads, -1).transpose(1, 2) for part in self.qkv(self.norm1(x)).split(width, 2))
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        x = x + self.project(seen.transpose(1, 2).reshape(batch, time, width))
        return x + self.narrow(F.gelu(self.widen(self.norm2(x)), approximate="tanh"))


class Transformer(nn.Module):
    def __init__(self, causal, vocabulary=66, width=128, layers=4, heads=4, context=64):
        super().__init__()
        self.tokens, self.places, self.bias = nn.Embedding(vocabulary, width), nn.Embedding(context, width), nn.Parameter(torch.zeros(vocabulary))
        self.layers, self.norm = nn.Sequential(*(Layer(width, heads, causal) for _ in range(layers))), nn.LayerNorm(width)

    def forward(self, x, at=None):
        x = self.norm(self.layers(self.tokens(x) + self.places.weight)).flatten(0, 1)
        return F.linear(x if at is None else x[at], self.tokens.weight, None if at is None else self.bias)


def transformer(causal):
    net = Transformer(causal)
    matrices, others = [p for p in net.parameters() if p.dim() > 1], [p for p in net.parameters() if p.dim() < 2]
    decay, rows = (0.1, 12) if causal else (0.01, 16)
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}], 1e-3)
    words, at = torch.randint(65, (rows, 64)), None if causal else torch.randperm(rows * 64)[:rows * 64 * 15 // 100]
    targets = torch.randint(65, (rows * 64 if at is None else len(at),))
    return stepping(net.parameters(), optimizer, lambda: F.cross_entropy(net(words, at), targets), 1.0)


MODELS = {
    "cnn": cnn, "resnet": resnet, "transfer": transfer, "style": style, "dcgan": dcgan,
    "sentiment, averaged words": lambda: sentiment("avg"), "sentiment, convolutions": lambda: sentiment("cnn"),
    "sentiment, LSTM": lambda: sentiment("lstm"), "sentiment, GRU": lambda: sentiment("gru"),
    "seq2seq, plain": lambda: seq2seq(False), "seq2seq, Luong": lambda: seq2seq(True),
    "elmo": elmo, "bert": lambda: transformer(False), "gpt": lambda: transformer(True),
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("seconds", type=float)
    parser.add_argument("--only", default="")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    print(json.dumps({"version": f"PyTorch {torch.__version__}"}), flush=True)
    for name, make in MODELS.items():
        if chosen.only.lower() in name.lower():
            print(json.dumps({"case": name, "value": milliseconds(make(), chosen.seconds), "unit": "ms"}), flush=True)
            for product, value in replayed(name, chosen.seconds / 30):
                print(json.dumps({"case": product, "value": value, "unit": "ms", "partOf": name}), flush=True)


if __name__ == "__main__":
    main()
