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
        Console.WriteLine($"Medians of {ours.Count} rounds, in turn; in brackets how many times as fast Granary is: the median over the rounds, lowest to highest.");
        Console.WriteLine();
        var rows = Rows().ToList();
        var table = new TextTable([benchmark, "Granary", "unit", .. peers.Select(peer => peer.Name)]);
        foreach (var figure in ours[0].Figures)
        {
            var value = Figure.Median([.. ours.SelectMany(round => round.Figures).Where(one => one.Case == figure.Case).Select(one => one.Value).Order()]);
            table.Add([figure.Case, TextTable.Number(value), figure.Unit, .. peers.Select(peer => rows.FirstOrDefault(row => row.Case == figure.Case && row.Peer == peer.Name)?.ToString() ?? "")]);
        }
        Console.WriteLine(table);
        Console.WriteLine();
        foreach (var row in rows.Where(row => row.Goal is not null))
        {
            Console.WriteLine($"{(row.Ratio >= row.Goal ? "reached" : "missed ")}  {row.Case}: {row.Ratio:F2} times as fast as {row.Peer}, goal {row.Goal:F1}");
        }
    }

    public void Write(string file) =>
        Report.Write(file, new { benchmark, ours, theirs = theirs.Select(entry => new { entry.Key.Name, rounds = entry.Value }), rows = Rows() });

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

    public sealed record Row(string Case, string Peer, double Ours, double Theirs, string Unit, double Ratio, double Lowest, double Highest, double? Goal)
    {
        public override string ToString() => $"{TextTable.Number(Theirs)} ({Ratio:F2}x, {Lowest:F2} to {Highest:F2})";
    }
}
