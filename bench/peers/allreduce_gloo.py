"""Sums between processes of this machine by PyTorch's torch.distributed over Gloo: the peer of `granary bench exchange`.

usage: allreduce_gloo.py SECONDS [CASE]      about so long a case; only cases whose name contains CASE
A sample: all fill their tensors (not timed) and meet; they sum. The milliseconds of the slowest; reported is the median.
Gloo has one transport, TCP, which is all that it can be asked to do between processes and between threads' replicas alike.
"""
import json, os, statistics, sys, time
import torch, torch.distributed as dist, torch.multiprocessing as mp

SIZES = {"64 KiB": 64 << 10, "1 MiB": 1 << 20, "4 MiB": 4 << 20, "25 MiB": 25 << 20, "100 MiB": 100 << 20}
WAYS = ["{} processes, tcp, {}", "{} processes, unix, {}", "{} processes, shared memory, {}", "{} threads, {}"]
WARM_UPS, LEAST, MOST = 5, 5, 2000


def measure(rank, world, size, seconds):
    x = torch.empty(size // 4)
    times, begun = [], time.perf_counter()
    goes_on = torch.ones(1)
    while goes_on.item():
        x.fill_(1 + rank)
        done = len(times) >= MOST or (len(times) >= WARM_UPS + LEAST and time.perf_counter() - begun >= seconds)
        goes_on.fill_(0 if done else 1)
        dist.broadcast(goes_on, 0)
        dist.barrier()
        started = time.perf_counter()
        dist.all_reduce(x)
        times.append(time.perf_counter() - started)
        right = world * (world + 1) / 2
        if x[0].item() != right or x[-1].item() != right:
            raise SystemExit("The sum is wrong.")
    slowest = torch.tensor(times[WARM_UPS:], dtype=torch.float64)
    dist.all_reduce(slowest, op=dist.ReduceOp.MAX)
    return statistics.median(slowest.tolist()) * 1e3


def run(rank, world, port, seconds, only):
    torch.set_num_threads(1)
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), GLOO_SOCKET_IFNAME="lo")
    dist.init_process_group("gloo", rank=rank, world_size=world)
    for name, size in SIZES.items():
        cases = [case for case in (way.format(world, name) for way in WAYS) if only in case]
        if cases:
            value = measure(rank, world, size, seconds)
            if rank == 0:
                for case in cases:
                    print(json.dumps({"case": case, "value": value, "unit": "ms"}), flush=True)
    dist.barrier()


if __name__ == "__main__":
    seconds, only = float(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""
    print(json.dumps({"version": f"PyTorch {torch.__version__}, Gloo"}), flush=True)
    for world in (2, 4):
        mp.spawn(run, (world, 29570 + world, seconds, only), world)
