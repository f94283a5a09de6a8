"""The model and the batches of `granary train lm`, trained by PyTorch's DistributedDataParallel over Gloo.

Prints tokens a second of the whole group as JSON lines, for one rank and for two, each timed after a warm-up. One thread a
rank. Embedding 200, two LSTM layers of 200, dropout 0.5, 10,000 words, 32 rows of 32 words, Adam, gradient norm at most 1.
"""
import argparse
import collections
import json
import os
import time
import zipfile

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn

VOCABULARY, WIDTH, LAYERS, ROWS, STEPS_BACK, WARM_UP = 10_000, 200, 2, 32, 32, 10


class LanguageModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Embedding(VOCABULARY, WIDTH)
        self.rnn = nn.LSTM(WIDTH, WIDTH, LAYERS, dropout=0.5)
        self.dropout = nn.Dropout(0.5)
        self.decoder = nn.Linear(WIDTH, VOCABULARY)

    def forward(self, words, state):
        output, state = self.rnn(self.dropout(self.encoder(words)), state)
        return self.decoder(self.dropout(output)).flatten(0, 1), state


def text(path, count):
    """The first words of a text, as numbers; number 0 stands for all rare words. Shape: [time, rows]."""
    with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as file:
        words = file.read(count * 8).decode().split()[:count]
    frequent = [word for word, _ in collections.Counter(words).most_common(VOCABULARY - 1)]
    number = {word: index + 1 for index, word in enumerate(frequent)}
    length = len(words) // ROWS
    return torch.tensor([number.get(word, 0) for word in words[: length * ROWS]]).view(ROWS, length).t().contiguous()


def train(rank, world, options, answer):
    torch.set_num_threads(1)
    torch.manual_seed(1)
    if world > 1:
        os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(options.port), GLOO_SOCKET_IFNAME="lo")
        dist.init_process_group("gloo", rank=rank, world_size=world)
    share = ROWS // world
    rows = text(options.data, options.words)[:, rank * share : (rank + 1) * share]
    model = LanguageModel()
    network = nn.parallel.DistributedDataParallel(model) if world > 1 else model
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    state = (torch.zeros(LAYERS, share, WIDTH), torch.zeros(LAYERS, share, WIDTH))
    step, started, going = 0, 0.0, True
    while going:
        at = step * STEPS_BACK % (len(rows) - STEPS_BACK - 1)
        state = tuple(part.detach() for part in state)
        optimizer.zero_grad()
        logits, state = network(rows[at : at + STEPS_BACK], state)
        nn.functional.cross_entropy(logits, rows[at + 1 : at + 1 + STEPS_BACK].flatten()).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step == WARM_UP:
            started = time.perf_counter()
        # The first rank's clock decides for all, every ten steps: they stop at the same one.
        if step > WARM_UP and step % 10 == 0:
            flag = torch.tensor([float(time.perf_counter() - started < options.seconds)])
            if world > 1:
                dist.broadcast(flag, 0)
            going = flag.item() > 0
    if rank == 0:
        answer.put((step - WARM_UP) * ROWS * STEPS_BACK / (time.perf_counter() - started))
    if world > 1:
        dist.barrier()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--words", type=int, default=1_000_000)
    parser.add_argument("--only", default="")
    parser.add_argument("--port", type=int, default=29577)
    options = parser.parse_args()
    print(json.dumps({"version": f"torch {torch.__version__}"}), flush=True)
    for world, names in ((1, ["1 worker"]), (2, ["2 workers, 2 processes", "2 workers, 1 process"])):
        names = [name for name in names if options.only in name]
        if not names:
            continue
        answer = mp.get_context("spawn").SimpleQueue()
        mp.spawn(train, (world, options, answer), world)
        rate = answer.get()
        for name in names:
            print(json.dumps({"case": name, "value": rate, "unit": "tokens/s"}), flush=True)


if __name__ == "__main__":
    main()
