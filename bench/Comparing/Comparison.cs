using Granary.Bench.Measurement;

namespace Granary.Bench.Comparing;

/// <summary>All rounds of one comparison.</summary>
internal sealed class Comparison(string benchmark, IReadOnlyList<Peer> peers)
{
    // A goal beyond what the machine can do counts as reached at this share of it.
    private const double EnoughOfLimit = 0.9;
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
        var limits = ours[0].Figures.Where(figure => figure.PartOf is not null).Select(figure => figure.PartOf!).Distinct().ToDictionary(name => name, LimitOf);
        if (limits.Count > 0)
        {
            Console.WriteLine("Limit: the products and convolutions alone, each by whoever is fastest at it here; in brackets how much of it Granary reaches.");
        }
        Console.WriteLine();
        var rows = Rows().ToList();
        var table = new TextTable([benchmark, "Granary", "unit", .. peers.Select(peer => peer.Name), .. limits.Count > 0 ? ["limit"] : Array.Empty<string>()]);
        foreach (var figure in ours[0].Figures.Where(figure => figure.PartOf is null))
        {
            string?[] cells = [.. peers.Select(peer => rows.FirstOrDefault(row => row.Case == figure.Case && row.Peer == peer.Name)?.ToString())];
            var limit = limits.TryGetValue(figure.Case, out var least) ? $"{TextTable.Number(least)} ({least / Ours(figure.Case):P0})" : null;
            table.Add([figure.Case, TextTable.Number(Ours(figure.Case)), figure.Unit, .. cells.Select(cell => cell ?? ""), .. limits.Count > 0 ? [limit ?? ""] : Array.Empty<string>()]);
        }
        Console.WriteLine(table);
        Console.WriteLine();
        foreach (var row in rows.Where(row => row.Goal is not null))
        {
            var share = limits.TryGetValue(row.Case, out var limit) ? limit / Ours(row.Case) : 0;
            var reached = row.Ratio >= row.Goal || share >= EnoughOfLimit;
            Console.WriteLine($"{(reached ? "reached" : "missed ")}  {row.Case}: {row.Ratio:F2} times as fast as {row.Peer}, goal {row.Goal:F1}{(share > 0 ? $" or {EnoughOfLimit:P0} of the limit; it reaches {share:P0}" : "")}");
        }
    }

    public void Write(string file) =>
        Report.Write(file, new { benchmark, ours, theirs = theirs.Select(entry => new { entry.Key.Name, rounds = entry.Value }), rows = Rows() });

    private double Ours(string name) => Figure.Median([.. ours.SelectMany(round => round.Figures).Where(one => one.Case == name).Select(one => one.Value).Order()]);

    /// <summary>The sum of a case's parts, each by whoever does it fastest.</summary>
    private double LimitOf(string name) =>
        (from figures in theirs.Values.Select(rounds => rounds.SelectMany(round => round.Figures)).Prepend(ours.SelectMany(round => round.Figures))
         from part in figures
         where part.PartOf == name
         group part.Value by (figures, part.Case) into times
         group Figure.Median([.. times.Order()]) by times.Key.Case into medians
         select medians.Min()).Sum();

    private IEnumerable<Row> Rows() =>
        from name in ours[0].Figures.Where(figure => figure.PartOf is null).Select(figure => figure.Case).Distinct()
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
