#!/usr/bin/env python3
"""Writes reference.json: small networks with the names that Hugging Face's transformers give their tensors, and what PyTorch computes with them.

usage: python3 reference.py > reference.json      (PyTorch 2.6; torchvision too, to compare the residual networks with its own)

GPT-2's and BERT's layers are PyTorch's own transformer layers; the residual networks are written out, and compared with torchvision's.
Weights are not written: each follows from its name and place, as here and in PretrainedTests.cs.
"""
import functools
import json
import math
import sys

import torch
from torch import nn
from torch.nn import functional as F

WIDTH, HEADS, LAYERS, VOCABULARY, CONTEXT = 8, 2, 2, 11, 7


def values(name, shape):
    """Uniform in +-0.5; scales of normalizations around 1."""
    count = math.prod(shape)
    hashed = 2166136261
    for letter in name.encode():
        hashed = (hashed ^ letter) * 16777619 & 0xFFFFFFFF
    drawn = torch.arange(count, dtype=torch.int64) * 2654435761 + hashed & 0xFFFFFFFF
    for _ in range(2):
        drawn = (drawn ^ drawn >> 16) * 0x45D9F3B & 0xFFFFFFFF
    uniform = (drawn >> 8).double() / 2**24 - 0.5
    around_one = name.endswith("running_var") or name.endswith("weight") and len(shape) == 1
    return (uniform + 1 if around_one else uniform).float().double().reshape(shape)


def fill(shapes):
    return {name: values(name, shape) for name, shape in shapes.items()}


def layer(weights, norm_first, activation, epsilon, attention, names):
    """PyTorch's own layer with these weights."""
    made = nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, 0.0, activation, epsilon, batch_first=True, norm_first=norm_first, dtype=torch.float64)
    ours = {"self_attn.in_proj_weight": attention[0], "self_attn.in_proj_bias": attention[1]}
    for theirs, name, transposed in names:
        for part in ("weight", "bias"):
            value = weights[f"{name}.{part}"]
            ours[f"{theirs}.{part}"] = value.t() if transposed and part == "weight" else value
    made.load_state_dict(ours)
    return made.eval()


def gpt():
    shapes = {"transformer.wte.weight": [VOCABULARY, WIDTH], "transformer.wpe.weight": [CONTEXT, WIDTH], "transformer.ln_f.weight": [WIDTH], "transformer.ln_f.bias": [WIDTH]}
    for number in range(LAYERS):
        start = f"transformer.h.{number}"
        shapes[f"{start}.attn.bias"] = [1, 1, CONTEXT, CONTEXT]
        for name, inputs, outputs in (("attn.c_attn", WIDTH, 3 * WIDTH), ("attn.c_proj", WIDTH, WIDTH), ("mlp.c_fc", WIDTH, 4 * WIDTH), ("mlp.c_proj", 4 * WIDTH, WIDTH)):
            shapes[f"{start}.{name}.weight"], shapes[f"{start}.{name}.bias"] = [inputs, outputs], [outputs]
        for name in ("ln_1", "ln_2"):
            shapes[f"{start}.{name}.weight"], shapes[f"{start}.{name}.bias"] = [WIDTH], [WIDTH]
    weights = fill(shapes)
    tokens = torch.tensor([[1, 5, 2, 10, 0, 7], [3, 3, 9, 8, 4, 6]])
    x = weights["transformer.wte.weight"][tokens] + weights["transformer.wpe.weight"][: tokens.shape[1]]
    mask = nn.Transformer.generate_square_subsequent_mask(tokens.shape[1], dtype=torch.float64)
    for number in range(LAYERS):
        start = f"transformer.h.{number}"
        names = [("norm1", f"{start}.ln_1", False), ("norm2", f"{start}.ln_2", False), ("self_attn.out_proj", f"{start}.attn.c_proj", True), ("linear1", f"{start}.mlp.c_fc", True), ("linear2", f"{start}.mlp.c_proj", True)]
        attention = weights[f"{start}.attn.c_attn.weight"].t(), weights[f"{start}.attn.c_attn.bias"]
        x = layer(weights, True, functools.partial(F.gelu, approximate="tanh"), 1e-5, attention, names)(x, src_mask=mask)
    x = F.layer_norm(x, [WIDTH], weights["transformer.ln_f.weight"], weights["transformer.ln_f.bias"], 1e-5)
    config = {"model_type": "gpt2", "n_embd": WIDTH, "n_head": HEADS, "n_layer": LAYERS, "n_positions": CONTEXT, "vocab_size": VOCABULARY, "activation_function": "gelu_new", "resid_pdrop": 0.25, "n_inner": None}
    return {"config": config, "shapes": shapes, "tokens": tokens.tolist(), "logits": (x @ weights["transformer.wte.weight"].t()).tolist()}


def bert():
    shapes = {"bert.embeddings.word_embeddings.weight": [VOCABULARY, WIDTH], "bert.embeddings.position_embeddings.weight": [CONTEXT, WIDTH], "bert.embeddings.token_type_embeddings.weight": [2, WIDTH]}
    shapes |= {"bert.embeddings.LayerNorm.weight": [WIDTH], "bert.embeddings.LayerNorm.bias": [WIDTH], "bert.pooler.dense.weight": [WIDTH, WIDTH], "bert.pooler.dense.bias": [WIDTH]}
    for number in range(LAYERS):
        start = f"bert.encoder.layer.{number}"
        for name, inputs, outputs in (("attention.self.query", WIDTH, WIDTH), ("attention.self.key", WIDTH, WIDTH), ("attention.self.value", WIDTH, WIDTH), ("attention.output.dense", WIDTH, WIDTH), ("intermediate.dense", WIDTH, 4 * WIDTH), ("output.dense", 4 * WIDTH, WIDTH)):
            shapes[f"{start}.{name}.weight"], shapes[f"{start}.{name}.bias"] = [outputs, inputs], [outputs]
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes[f"{start}.{name}.weight"], shapes[f"{start}.{name}.bias"] = [WIDTH], [WIDTH]
    shapes |= {"cls.predictions.bias": [VOCABULARY], "cls.predictions.transform.dense.weight": [WIDTH, WIDTH], "cls.predictions.transform.dense.bias": [WIDTH], "cls.predictions.transform.LayerNorm.weight": [WIDTH], "cls.predictions.transform.LayerNorm.bias": [WIDTH]}
    weights = fill(shapes)
    tokens = torch.tensor([[2, 5, 6, 4, 8, 3], [2, 10, 9, 3, 0, 0]])
    seen = torch.tensor([[1] * 6, [1, 1, 1, 1, 0, 0]])

    def norm(x, name):
        return F.layer_norm(x, [WIDTH], weights[f"{name}.LayerNorm.weight"], weights[f"{name}.LayerNorm.bias"], 1e-12)

    embedded = weights["bert.embeddings.word_embeddings.weight"][tokens] + weights["bert.embeddings.position_embeddings.weight"][: tokens.shape[1]] + weights["bert.embeddings.token_type_embeddings.weight"][0]
    x = norm(embedded, "bert.embeddings")
    for number in range(LAYERS):
        start = f"bert.encoder.layer.{number}"
        names = [("norm1", f"{start}.attention.output.LayerNorm", False), ("norm2", f"{start}.output.LayerNorm", False), ("self_attn.out_proj", f"{start}.attention.output.dense", False), ("linear1", f"{start}.intermediate.dense", False), ("linear2", f"{start}.output.dense", False)]
        attention = (torch.cat([weights[f"{start}.attention.self.{part}.{kind}"] for part in ("query", "key", "value")]) for kind in ("weight", "bias"))
        made = layer(weights, False, F.gelu, 1e-12, tuple(attention), names).train()  # no dropout; evaluation mode would cut padding off
        x = made(x, src_key_padding_mask=seen == 0)
    x = norm(F.gelu(F.linear(x, weights["cls.predictions.transform.dense.weight"], weights["cls.predictions.transform.dense.bias"])), "cls.predictions.transform")
    logits = x @ weights["bert.embeddings.word_embeddings.weight"].t() + weights["cls.predictions.bias"]
    config = {"model_type": "bert", "hidden_size": WIDTH, "num_attention_heads": HEADS, "num_hidden_layers": LAYERS, "intermediate_size": 4 * WIDTH, "max_position_embeddings": CONTEXT, "vocab_size": VOCABULARY, "hidden_act": "gelu", "layer_norm_eps": 1e-12, "hidden_dropout_prob": 0.25}
    return {"config": config, "shapes": shapes, "tokens": tokens.tolist(), "seen": seen.tolist(), "logits": logits.tolist()}


def residual(weights, x):
    """He et al.'s network with torchvision's names, of any width and depth."""
    def norm(x, name):
        return F.batch_norm(x, *(weights[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")))

    x = F.max_pool2d(F.relu(norm(F.conv2d(x, weights["conv1.weight"], stride=2, padding=3), "bn1")), 3, 2, 1)
    for stage in range(1, 5):
        block = 0
        while f"layer{stage}.{block}.conv1.weight" in weights:
            start, stride = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            deep = f"{start}.conv3.weight" in weights
            y = F.relu(norm(F.conv2d(x, weights[f"{start}.conv1.weight"], stride=1 if deep else stride, padding=0 if deep else 1), f"{start}.bn1"))
            y = norm(F.conv2d(y, weights[f"{start}.conv2.weight"], stride=stride if deep else 1, padding=1), f"{start}.bn2")
            if deep:
                y = norm(F.conv2d(F.relu(y), weights[f"{start}.conv3.weight"]), f"{start}.bn3")
            if f"{start}.downsample.0.weight" in weights:
                x = norm(F.conv2d(x, weights[f"{start}.downsample.0.weight"], stride=stride), f"{start}.downsample.1")
            x, block = F.relu(x + y), block + 1
    return F.linear(x.mean([2, 3]), weights["fc.weight"], weights["fc.bias"])


def resnet(kind, blocks, width=4, classes=3):
    deep = kind == "bottleneck"
    shapes, names = {}, {}

    def convolution(theirs, ours, outputs, inputs, size, norm):
        shapes[f"{theirs}.convolution.weight"], names[f"{theirs}.convolution.weight"] = [outputs, inputs, size, size], f"{ours}.weight"
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{theirs}.normalization.{part}"], names[f"{theirs}.normalization.{part}"] = [outputs], f"{norm}.{part}"

    convolution("resnet.embedder.embedder", "conv1", width, 3, 7, "bn1")
    inputs = width
    for stage, count in enumerate(blocks):
        inner = width << stage
        outputs = 4 * inner if deep else inner
        for block in range(count):
            theirs, ours = f"resnet.encoder.stages.{stage}.layers.{block}", f"layer{stage + 1}.{block}"
            plan = [(inner, inputs, 1), (inner, inner, 3), (outputs, inner, 1)] if deep else [(inner, inputs, 3), (inner, inner, 3)]
            for number, (into, out_of, size) in enumerate(plan):
                convolution(f"{theirs}.layer.{number}", f"{ours}.conv{number + 1}", into, out_of, size, f"{ours}.bn{number + 1}")
            if inputs != outputs or stage > 0 and block == 0:
                convolution(f"{theirs}.shortcut", f"{ours}.downsample.0", outputs, inputs, 1, f"{ours}.downsample.1")
            inputs = outputs
    for part, shape in (("weight", [classes, inputs]), ("bias", [classes])):
        shapes[f"classifier.1.{part}"], names[f"classifier.1.{part}"] = shape, f"fc.{part}"
    weights = {names[name]: value for name, value in fill(shapes).items()}
    logits = residual(weights, values("images", [2, 3, 40, 40]))
    config = {"model_type": "resnet", "layer_type": kind, "depths": blocks, "embedding_size": width, "hidden_sizes": [(width << stage) * (4 if deep else 1) for stage in range(4)], "hidden_act": "relu", "num_channels": 3}
    return {"config": config, "shapes": shapes, "logits": logits.tolist()}


def compare_with_torchvision():
    try:
        import torchvision
    except ImportError:
        print("no torchvision: the residual networks are compared with nothing", file=sys.stderr)
        return
    for make in (torchvision.models.resnet18, torchvision.models.resnet34, torchvision.models.resnet50):
        network = make().double().eval()
        x = torch.randn(2, 3, 64, 64, dtype=torch.float64)
        with torch.no_grad():
            torch.testing.assert_close(residual(network.state_dict(), x), network(x))
        print(f"{make.__name__}: as torchvision {torchvision.__version__}", file=sys.stderr)


with torch.no_grad():
    compare_with_torchvision()
    made = {"gpt": gpt(), "bert": bert(), "resnet18": resnet("basic", [2, 2, 2, 2]), "resnet50": resnet("bottleneck", [3, 4, 6, 3])}
    text = json.dumps(made, separators=(",", ":"))
    print(text.replace('},"', '},\n"').replace('"logits"', '\n"logits"'))
