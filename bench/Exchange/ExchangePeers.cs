using Granary.Bench.Comparing;

namespace Granary.Bench.Exchange;

/// <summary>Who else sums between processes: Gloo over TCP, and Open MPI over TCP or, its own choice, through shared memory.</summary>
internal static class ExchangePeers
{
    public static IReadOnlyList<Peer> All { get; } =
    [
        Gloo("Gloo", [Peer.Python]),
        .. Peer.HasNewest ? [Gloo("newest Gloo", Peer.NewestPython, Peer.NewestEnvironment)] : Array.Empty<Peer>(),
        new("Open MPI, tcp", run => [.. (string[])["bash", "allreduce_mpi", "tcp", Seconds(run)], .. Only(run)], Peer.InstallHint, Goals: new Dictionary<string, double>
        {
            ["tcp, 4 MiB"] = 1.1,
            ["tcp, 25 MiB"] = 1.1,
            ["tcp, 100 MiB"] = 1.1,
        }),
        new("Open MPI", run => [.. (string[])["bash", "allreduce_mpi", "shared memory", Seconds(run)], .. Only(run)], Peer.InstallHint, Goals: new Dictionary<string, double>
        {
            ["shared memory, 64 KiB"] = 1,
            ["shared memory, 1 MiB"] = 1,
            ["shared memory, 25 MiB"] = 2,
            ["shared memory, 100 MiB"] = 2,
        }),
    ];

    private static Peer Gloo(string name, IReadOnlyList<string> python, IReadOnlyDictionary<string, string>? environment = null) =>
        new(name, run => [.. python, "allreduce_gloo.py", Seconds(run), .. Only(run)], Peer.InstallHint, environment, Goals: new Dictionary<string, double>
        {
            ["threads, 25 MiB"] = 10,
            ["tcp, 4 MiB"] = 1.8,
            ["tcp, 25 MiB"] = 1.8,
            ["tcp, 100 MiB"] = 1.8,
            ["shared memory, 25 MiB"] = 6,
            ["shared memory, 100 MiB"] = 6,
        });

    private static string Seconds(BenchmarkRun run) => $"{run.Seconds * ProcessCases.Share}";

    private static string[] Only(BenchmarkRun run) => run.Only is { } only ? [only] : [];
}
