using System.CommandLine;
using System.Text.Json;
using Granary.Bench.Comparing;

namespace Granary.Bench.Plots;

/// <summary><c>granary bench plot FILE.json OUT.svg</c>: what a comparison of exchanges or of scaling has measured, as a picture.</summary>
internal static class PlotCommand
{
    private static readonly (string Name, double Bytes)[] sizes = [("64 KiB", 65_536), ("1 MiB", 1_048_576), ("4 MiB", 4_194_304), ("25 MiB", 26_214_400), ("100 MiB", 104_857_600)];

    public static Command Create()
    {
        var comparison = new Argument<string>("comparison") { Description = "What bench/compare exchange|scaling --json has written." };
        var picture = new Argument<string>("picture") { Description = "The SVG file to write." };
        var command = new Command("plot", "Draws a comparison of exchanges or of scaling.") { comparison, picture };
        command.SetAction(parsed =>
        {
            using var document = JsonDocument.Parse(File.ReadAllText(parsed.GetValue(comparison)!));
            var benchmark = document.RootElement.GetProperty("benchmark").GetString();
            var rows = document.RootElement.GetProperty("rows").EnumerateArray().Select(row => row.Deserialize<Comparison.Row>(JsonSerializerOptions.Web)!).ToList();
            File.WriteAllText(parsed.GetValue(picture)!, benchmark switch
            {
                "exchange" => Exchange(rows),
                "scaling" => Scaling(rows),
                _ => throw new BenchmarkException($"There is no picture of {benchmark}, only of exchange and scaling."),
            });
        });
        return command;
    }

    private static string Exchange(List<Comparison.Row> rows)
    {
        var plot = new SvgPlot("A sum between 2 workers of one machine", "GB/s: bytes of the vector over the time", [.. sizes.Select(size => size.Name)], logarithmic: true);
        Add("Granary, threads", "2 threads", null);
        Add("Granary, shared memory", "2 processes, shared memory", null);
        Add("Granary, TCP", "2 processes, tcp", null);
        Add("Open MPI, its default", "2 processes, shared memory", "Open MPI");
        Add("Open MPI, TCP", "2 processes, tcp", "Open MPI, tcp");
        Add("Gloo, TCP", "2 processes, tcp", "Gloo");
        return plot.Lines();

        void Add(string name, string work, string? peer) => plot.Add(name, [.. sizes.Select(size =>
            rows.FirstOrDefault(row => row.Case == $"{work}, {size.Name}" && (peer is null || row.Peer == peer)) is { } row ? size.Bytes / (peer is null ? row.Ours : row.Theirs) / 1e6 : (double?)null)]);
    }

    private static string Scaling(List<Comparison.Row> rows)
    {
        var cases = rows.Select(row => row.Case).Distinct().ToList();
        var plot = new SvgPlot("lm, 4 shards", "tokens a second", cases);
        plot.Add("Granary", [.. cases.Select(name => (double?)rows.First(row => row.Case == name).Ours)]);
        foreach (var peer in rows.GroupBy(row => row.Peer))
        {
            plot.Add(peer.Key.Replace("PyTorch DDP over Gloo", "PyTorch DDP", StringComparison.Ordinal), [.. cases.Select(name => peer.FirstOrDefault(row => row.Case == name)?.Theirs)]);
        }
        return plot.Bars();
    }
}
