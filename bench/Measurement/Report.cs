using System.Reflection;
using System.Text.Json;

namespace Granary.Bench.Measurement;

/// <summary>The figures of one benchmark, with what they depend on.</summary>
internal sealed class Report(string benchmark)
{
    private static readonly JsonSerializerOptions json = new(JsonSerializerDefaults.Web) { WriteIndented = true };
    private readonly List<Figure> figures = [];

    public static string Version { get; } = typeof(Report).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;

    public IReadOnlyList<Figure> Figures => figures;

    public void Add(Figure figure)
    {
        figures.Add(figure);
        if (figure.PartOf is not null)
        {
            return;
        }
        Console.Error.WriteLine($"{figure.Case}: {TextTable.Number(figure.Value)} {figure.Unit}");
    }

    public void Print(IReadOnlyDictionary<string, string> switches)
    {
        Console.WriteLine($"Granary {Version} on {Machine.Name}. {Describe(switches)}");
        Console.WriteLine();
        var table = new TextTable(benchmark, "median", "best", "unit", "samples");
        foreach (var figure in figures.Where(figure => figure.PartOf is null))
        {
            table.Add(figure.Case, TextTable.Number(figure.Value), figure.Best is { } best ? TextTable.Number(best) : "", figure.Unit, $"{figure.Samples}");
        }
        Console.WriteLine(table);
    }

    public void Write(string file, IReadOnlyDictionary<string, string> switches) =>
        Write(file, new Document(benchmark, Version, Machine.Name, switches, figures));

    /// <summary>As JSON, in a folder that is made if it is not there.</summary>
    public static void Write<T>(string file, T document)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
        File.WriteAllText(file, JsonSerializer.Serialize(document, json) + "\n");
    }

    public static Document Read(string file) => JsonSerializer.Deserialize<Document>(File.ReadAllText(file), json)!;

    public static string Describe(IReadOnlyDictionary<string, string> switches) =>
        switches.Count == 0 ? "" : $"Switches: {string.Join(", ", switches.Select(entry => $"{entry.Key}={entry.Value}"))}.";

    public sealed record Document(string Benchmark, string Version, string Machine, IReadOnlyDictionary<string, string> Switches, IReadOnlyList<Figure> Figures);
}
