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

    public async Task RunAsync(BenchmarkRun run)
    {
        var chosen = run.IsTrial ? sizes[..2] : sizes;
        foreach (var workers in (int[])[2, 4])
        {
            foreach (var (size, bytes) in chosen)
            {
                Measure(run, $"{workers} threads, {size}", seconds => ThreadSums.Dense(workers, bytes, seconds));
            }
            Measure(run, $"{workers} threads, 4 shards of 20000 rows", seconds => ThreadSums.Rows(workers, shards: 4, rows: 20_000, width: 112, seconds));
        }
        await ProcessCases.RunAsync(run, chosen);
    }

    private static void Measure(BenchmarkRun run, string name, Func<double, List<double>> samples)
    {
        if (run.Wants(name))
        {
            run.Report.Add(Figure.Of(name, "ms", samples(run.Seconds)));
        }
    }
}
