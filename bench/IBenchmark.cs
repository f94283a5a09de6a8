using Granary.Bench.Comparing;
using Granary.Bench.Measurement;

namespace Granary.Bench;

/// <summary>One family of measurements: <c>granary bench NAME</c>.</summary>
internal interface IBenchmark
{
    string Name { get; }

    string Summary { get; }

    /// <summary>What switches the figures depend on; shown with them. Asked for after the run.</summary>
    IReadOnlyDictionary<string, string> Switches => new Dictionary<string, string>();

    /// <summary>Measures its cases one after the other and gives every figure to the report as soon as it is known.</summary>
    Task RunAsync(BenchmarkRun run);

    /// <summary>Whom it is compared with, in <c>bench/compare NAME</c>, and how much faster it shall be.</summary>
    IReadOnlyList<Peer> Peers => [];
}

/// <summary>What a benchmark is asked for, and where its figures go.</summary>
/// <param name="Seconds">How long each case is measured, about.</param>
/// <param name="Data">Folder of the data sets, a full path, for those that need one.</param>
/// <param name="Only">Cases whose name contains this; <see langword="null"/>: all.</param>
internal sealed record BenchmarkRun(double Seconds, string? Data, string? Only, Report Report)
{
    /// <summary>Too short for figures that mean something: only shows that the benchmark runs.</summary>
    public bool IsTrial => Seconds < 1;

    /// <summary>The text of Wikipedia among the data sets, in text8's format; <see langword="null"/>: no folder was given.</summary>
    public string? Text => Data is null ? null : Path.Combine(Data, "wiki8", "wiki8.zip");

    /// <summary>The same for a program that has no text built in.</summary>
    /// <exception cref="BenchmarkException">No folder was given.</exception>
    public string TextForPeer => Text ?? throw new BenchmarkException("The peer needs a text: give --data, a folder with wiki8/wiki8.zip.");

    public bool Wants(string name) => Only is null || name.Contains(Only, StringComparison.OrdinalIgnoreCase);
}

/// <summary>Cannot be measured; the message says why and what to do.</summary>
public sealed class BenchmarkException(string message) : Exception(message);
