using System.Text.Json;
using Granary.Bench.Measurement;

namespace Granary.Bench.Comparing;

/// <summary>All rounds of one comparison.</summary>
internal sealed class Comparison(string benchmark, IReadOnlyList<Peer> peers)
{
    private readonly List<Report.Document> ours = [];
    private readonly Dictionary<Peer, List<PeerOutput>> theirs = peers.ToDictionary(peer => peer, _ => new List<PeerOutput>());

    public string Benchmark => benchmark;

    public void Ours(Report.Document document) => ours.Add(document);

    public void Theirs(Peer peer, PeerOutput output) => theirs[peer].Add(output);

    public void Print()
    {
        Console.WriteLine($"Granary {ours[0].Version} on {ours[0].Machine}. {Report.Describe(ours[0].Switches)}");
        foreach (var (peer, outputs) in theirs)
        {
            Console.WriteLine($"{peer.Name}: {outputs[0].Version}. {Report.Describe(peer.Environment ?? new Dictionary<string, string>())}");
        }
        Console.WriteLine($"Medians of {ours.Count} rounds, in turn; the ratio says how many times as fast Granary is, the median over the rounds [lowest to highest].");
        Console.WriteLine();
        var table = new TextTable(benchmark, "Granary", "peer", "", "unit", "ratio", "goal");
        foreach (var row in Rows())
        {
            table.Add(row.Case, TextTable.Number(row.Ours), row.Peer, TextTable.Number(row.Theirs), row.Unit, $"{row.Ratio:F2} [{row.Lowest:F2} to {row.Highest:F2}]", row.Goal is { } goal ? $"{goal:F1}{(row.Ratio >= goal ? "" : " missed")}" : "");
        }
        Console.WriteLine(table);
    }

    public void Write(string file) => File.WriteAllText(file, JsonSerializer.Serialize(
        new { benchmark, ours, theirs = theirs.Select(entry => new { entry.Key.Name, rounds = entry.Value }), rows = Rows() },
        new JsonSerializerOptions(JsonSerializerDefaults.Web) { WriteIndented = true }) + "\n");

    private IEnumerable<Row> Rows() =>
        from name in ours[0].Figures.Select(figure => figure.Case).Distinct()
        from peer in peers
        let pairs = PairsOf(name, peer).ToList()
        where pairs.Count > 0
        let ratios = pairs.Select(pair => pair.Ours.SpeedAgainst(pair.Theirs)).Order().ToList()
        select new Row(
            name,
            peer.Name,
            Figure.Median([.. pairs.Select(pair => pair.Ours.Value).Order()]),
            Figure.Median([.. pairs.Select(pair => pair.Theirs.Value).Order()]),
            pairs[0].Ours.Unit,
            Figure.Median(ratios),
            ratios[0],
            ratios[^1],
            (peer.Goals ?? new Dictionary<string, double>()).Where(goal => name.EndsWith(goal.Key, StringComparison.Ordinal)).Select(goal => (double?)goal.Value).FirstOrDefault());

    private IEnumerable<(Figure Ours, Figure Theirs)> PairsOf(string name, Peer peer) =>
        from round in ours.Zip(theirs[peer])
        let mine = round.First.Figures.FirstOrDefault(figure => figure.Case == name)
        let their = round.Second.Figures.FirstOrDefault(figure => figure.Case == name)
        where mine is not null && their is not null && mine.Unit == their.Unit
        select (mine, their);

    private sealed record Row(string Case, string Peer, double Ours, double Theirs, string Unit, double Ratio, double Lowest, double Highest, double? Goal);
}
