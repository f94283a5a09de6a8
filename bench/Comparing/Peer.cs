using System.Diagnostics;
using System.Runtime.Intrinsics.X86;
using System.Text.Json;
using Granary.Bench.Measurement;

namespace Granary.Bench.Comparing;

/// <summary>
/// A program that does the same work as one of our benchmarks. It prints a line of JSON for every figure, <c>case</c>,
/// <c>value</c> and <c>unit</c> as ours (<c>partOf</c>, if it is a part of a case), and may print one with its <c>version</c>.
/// </summary>
/// <param name="Name">As it stands in the table.</param>
/// <param name="Command">The program and its arguments; a path is relative to <c>bench/peers</c>.</param>
/// <param name="Install">What to do where it is missing.</param>
/// <param name="Environment">Variables it runs with; shown as its switches.</param>
/// <param name="Goals">By case (or the end of its name): how many times as fast ours shall be.</param>
internal sealed record Peer(
    string Name,
    Func<BenchmarkRun, IReadOnlyList<string>> Command,
    string Install,
    IReadOnlyDictionary<string, string>? Environment = null,
    IReadOnlyDictionary<string, double>? Goals = null)
{
    private static readonly JsonSerializerOptions json = new(JsonSerializerDefaults.Web);

    /// <summary>What <see cref="Torch.Runtime.TorchRuntime"/> asks of the C allocator, said through glibc's environment.</summary>
    public static IReadOnlyDictionary<string, string> FairMalloc { get; } = new Dictionary<string, string>
    {
        ["MALLOC_MMAP_MAX_"] = "0",
        ["MALLOC_TRIM_THRESHOLD_"] = "8589934592",
        ["MALLOC_TOP_PAD_"] = "67108864",
    };

    /// <summary>Debian's own: another Python does not see Debian's PyTorch and gensim.</summary>
    public const string Python = "/usr/bin/python3";

    /// <summary>
    /// What Debian 12's PyTorch runs with: one thread, and where there is AVX-512 OpenBLAS's code for it, as that version does not know the processors of today.
    /// </summary>
    public static IReadOnlyDictionary<string, string> OneThread { get; } = new Dictionary<string, string>(
        [new("OMP_NUM_THREADS", "1"), new("OPENBLAS_NUM_THREADS", "1"), .. Avx512F.IsSupported ? [new("OPENBLAS_CORETYPE", "SkylakeX")] : Array.Empty<KeyValuePair<string, string>>()]);

    /// <summary>What <see cref="NewestPython"/> runs with: one thread, and freed memory kept.</summary>
    public static IReadOnlyDictionary<string, string> NewestEnvironment => new Dictionary<string, string>(HasNewest
        ? FairMalloc.Append(new("OMP_NUM_THREADS", "1")).Append(new("OPENBLAS_NUM_THREADS", "1")).Append(new("USE_LIBUV", "0"))
        : FairMalloc.Concat(OneThread));

    /// <summary>Whether a newer PyTorch than Debian 12's is there.</summary>
    public static bool HasNewest => NewestPython[0] != Python;

    /// <summary>The command in <c>GRANARY_PYTORCH</c>, of a newer PyTorch than Debian 12's, else <see cref="Python"/>: <c>bench/peers/install-newer</c> makes one.</summary>
    public static IReadOnlyList<string> NewestPython { get; } = System.Environment.GetEnvironmentVariable("GRANARY_PYTORCH") is { Length: > 0 } command ? command.Split(' ') : [Python];

    public const string InstallHint = "bench/peers/install brings it.";

    public static string Folder { get; } = Path.Combine(AppContext.BaseDirectory, "peers");

    /// <exception cref="BenchmarkException">It is missing, or failed.</exception>
    public async Task<PeerOutput> RunAsync(BenchmarkRun run)
    {
        var command = Command(run);
        var start = new ProcessStartInfo(command[0], command.Skip(1)) { WorkingDirectory = Folder, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in Environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }
        try
        {
            using var process = Process.Start(start)!;
            var errors = process.StandardError.ReadToEndAsync();
            var output = await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            if (process.ExitCode != 0)
            {
                throw new BenchmarkException($"{Name} failed: {(await errors).Trim().Split('\n')[^1]} ({string.Join(' ', command)}). {Install}");
            }
            return Parse(output);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            throw new BenchmarkException($"{Name} needs {command[0]}, which is not installed. {Install}");
        }
    }

    private static PeerOutput Parse(string output)
    {
        var figures = new List<Figure>();
        string? version = null;
        foreach (var line in output.Split('\n').Where(line => line.StartsWith('{')))
        {
            var said = JsonSerializer.Deserialize<Line>(line, json)!;
            version ??= said.Version;
            if (said is { Case: { } name, Value: { } value, Unit: { } unit })
            {
                figures.Add(new(name, value, unit, PartOf: said.PartOf));
            }
        }
        return new(version ?? "of unknown version", figures);
    }

    private sealed record Line(string? Version, string? Case, double? Value, string? Unit, string? PartOf);
}

/// <summary>What a peer said in one run.</summary>
internal sealed record PeerOutput(string Version, IReadOnlyList<Figure> Figures);
