using Granary.Bench.Comparing;
using Granary.Bench.Measurement;
using Granary.Training.Exchange.Links;

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

    private static readonly (string Name, Transport Transport)[] transports = [("tcp", Transport.Tcp), ("unix", Transport.Unix), ("shared memory", Transport.SharedMemory)];

    public string Name => "exchange";

    public string Summary => "Sums between workers, by size: milliseconds.";

    public IReadOnlyList<Peer> Peers => ExchangePeers.All;

    public async Task RunAsync(BenchmarkRun run)
    {
        foreach (var processes in (int[])[2, 4])
        {
            foreach (var (transport, value) in transports)
            {
                foreach (var (size, bytes) in sizes)
                {
                    var name = $"{processes} processes, {transport}, {size}";
                    if (run.Wants(name))
                    {
                        run.Report.Add(Figure.Of(name, "ms", await ProcessSums.MeasureAsync(processes, value, bytes, run.Seconds * ExchangePeers.Share)));
                    }
                }
            }
        }
    }
}
