using Granary.Bench.Measurement;
using Granary.Training.Exchange.Links;

namespace Granary.Bench.Exchange;

/// <summary>The cases between processes: how many, over which transport, how much.</summary>
internal static class ProcessCases
{
    /// <summary>How much of <c>--seconds</c> a case takes: there are many.</summary>
    public const double Share = 1.0 / 3;

    private static readonly (string Name, Transport Transport, bool IsEncrypted)[] transports =
    [
        ("tcp", Transport.Tcp, false),
        ("tls", Transport.Tcp, true),
        ("unix", Transport.Unix, false),
        ("shared memory", Transport.SharedMemory, false),
    ];

    public static async Task RunAsync(BenchmarkRun run, IEnumerable<(string Name, int Bytes)> sizes)
    {
        foreach (var processes in (int[])[2, 4])
        {
            foreach (var (name, transport, isEncrypted) in transports)
            {
                var cases = sizes.Select(size => (Name: $"{processes} processes, {name}, {size.Name}", size.Bytes)).Where(one => run.Wants(one.Name)).ToList();
                if (cases.Count == 0)
                {
                    continue;
                }
                var measured = 0;
                await foreach (var samples in ProcessSums.MeasureAsync(processes, transport, isEncrypted, [.. cases.Select(one => one.Bytes)], run.Seconds * Share))
                {
                    run.Report.Add(Figure.Of(cases[measured++].Name, "ms", samples));
                }
            }
        }
    }
}
