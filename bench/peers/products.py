#!/usr/bin/env python3
"""What a step of each model of train_models.py multiplies and convolves, in products.jsonl: a line for each kind of product.
train_models.py times them alone: no step can be faster.

usage: products.py > products.jsonl      writes them anew
"""
import collections
import json
import math
import pathlib

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from train_step import milliseconds

aten = torch.ops.aten


class Recorder(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.counts = collections.Counter()

    def product(self, left, right, count=1):
        self.counts[json.dumps({"op": "product", "left": list(left.shape), "right": list(right.shape), "transposed": [is_transposed(left), is_transposed(right)]})] += count

    def convolution(self, op, x, weight, stride, padding, transposed, gradients=()):
        self.counts[json.dumps({"op": op, "input": list(x.shape), "weight": list(weight.shape), "stride": stride[0], "padding": padding[0], "transposed": transposed, "gradients": list(gradients)})] += 1

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        op = function.overloadpacket
        if op in (aten.mm, aten.bmm):
            self.product(*args[:2])
        elif op in (aten.addmm, aten.baddbmm):
            self.product(*args[1:3])
        elif op is aten.convolution:
            self.convolution("convolution", args[0], args[1], args[3], args[4], args[6])
        elif op is aten.convolution_backward:
            self.convolution("gradients", args[1], args[2], args[4], args[5], args[7], args[10][:2])
        return function(*args, **(kwargs or {}))


def is_transposed(matrix):
    return matrix.stride(-1) != 1 and matrix.stride(-2) == 1


def recurrent(recorder, gates):
    """In place of a recurrent layer: records its products, those that can be done for all times at once so, and computes nothing."""

    def forward(self, x, state=None):
        rows, times = (x.shape[0], x.shape[1]) if self.batch_first else (x.shape[1], x.shape[0])
        inputs, width, directions = x.shape[2], self.hidden_size, 2 if self.bidirectional else 1

        def matrix(*shape, transposed=False):
            return torch.empty(*reversed(shape), device="meta").t() if transposed else torch.empty(*shape, device="meta")

        steps, wide = rows * times, gates * width
        recorder.product(matrix(steps, inputs), matrix(inputs, wide, transposed=True), directions)
        recorder.product(matrix(rows, width), matrix(width, wide, transposed=True), directions * times)
        recorder.product(matrix(rows, wide), matrix(wide, width), directions * times)
        recorder.product(matrix(steps, wide), matrix(wide, inputs), directions)
        recorder.product(matrix(wide, steps, transposed=True), matrix(steps, inputs), directions)
        recorder.product(matrix(wide, steps, transposed=True), matrix(steps, width), directions)
        states = x.mean(-1, keepdim=True).expand(-1, -1, directions * width)
        last = states.mean(1 if self.batch_first else 0)[:, :width].expand(directions, -1, -1)
        return states, last if gates == 3 else (last, last)

    return forward


def attention(q, k, v, is_causal):
    """libtorch's own hides its products."""
    q, k, v = (part.reshape(-1, *part.shape[2:]) for part in (q, k, v))
    return (torch.bmm(q, k.transpose(1, 2)) / math.sqrt(q.shape[-1])).softmax(-1).bmm(v).view(-1, 4, *v.shape[1:])


def replayed(name, seconds):
    """Yields each product of a model and what it takes, in milliseconds, in the faster of both memory formats."""
    for line in pathlib.Path(__file__).with_name("products.jsonl").read_text().splitlines():
        product = json.loads(line)
        if product.pop("model") == name:
            formats = (torch.contiguous_format, torch.channels_last) if len(product.get("input", ())) == 4 else (torch.contiguous_format,)
            count = product.pop("count")
            yield json.dumps(product), count * min(milliseconds(replay(product, format), seconds) for format in formats)


@torch.no_grad()
def replay(product, format):
    if product["op"] == "product":
        left, right = (torch.rand(*shape[:-2], *reversed(shape[-2:])).transpose(-1, -2) if transposed else torch.rand(shape)
                       for shape, transposed in zip((product["left"], product["right"]), product["transposed"]))
        into = torch.matmul(left, right)
        return lambda: torch.matmul(left, right, out=into)
    sizes = len(product["input"]) - 2
    x, weight = (torch.rand(product[which]).to(memory_format=format) for which in ("input", "weight"))
    rest = [product["stride"]] * sizes, [product["padding"]] * sizes, [1] * sizes, product["transposed"], [0] * sizes, 1
    y = aten.convolution(x, weight, None, *rest)
    if product["op"] == "convolution":
        return lambda: aten.convolution(x, weight, None, *rest)
    dy, wanted = torch.rand_like(y), [*product["gradients"], False]
    return lambda: aten.convolution_backward(dy, x, weight, None, *rest, wanted)


def main():
    from train_models import MODELS

    torch.manual_seed(1)
    F.scaled_dot_product_attention = attention
    for name, make in MODELS.items():
        recorder = Recorder()
        nn.LSTM.forward, nn.GRU.forward = recurrent(recorder, 4), recurrent(recorder, 3)
        step = make()
        with recorder:
            recorder.counts.clear()
            step()
        for product, count in recorder.counts.items():
            print(json.dumps({"model": name, "count": count, **json.loads(product)}))


if __name__ == "__main__":
    main()
