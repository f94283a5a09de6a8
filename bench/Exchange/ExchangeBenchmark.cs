using Granary.Bench.Comparing;
using Granary.Bench.Measurement;

namespace Granary.Bench.Exchange;

/// <summary>How long workers take to add up their frames.</summary>
internal sealed class ExchangeBenchmark : IBenchmark
{
    private static readonly (string Name, int Bytes)[] sizes =
    [
        ("64 KiB", 64 << 10),
        ("1 MiB", 1 << 20),
        ("4 MiB", 4 << 20),
        ("25 MiB", 25 << 20),
        ("100 MiB", 100 << 20),
    ];

    public string Name => "exchange";

    public string Summary => "Sums between workers, by size: milliseconds.";

    public IReadOnlyList<Peer> Peers => ExchangePeers.All;

    public Task RunAsync(BenchmarkRun run) => ProcessCases.RunAsync(run, sizes);
}
