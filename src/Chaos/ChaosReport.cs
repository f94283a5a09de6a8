using System.Diagnostics;
using System.Text.Json;
using Granary.Training.Loop;

namespace Granary.Chaos;

/// <summary>One fault as it was.</summary>
/// <param name="Nodes">The silos that were struck, if any were.</param>
/// <param name="Recovery">Time from the fault (of two, the first) to the step that shows it is over; unknown if the run ended first.</param>
internal sealed record StruckFault(Fault Fault, TimeSpan Time, Position At, IReadOnlyList<string> Nodes, string Note, TimeSpan? Recovery);

/// <summary>Whether something that must hold holds, and what was seen.</summary>
internal sealed record Finding(string Name, bool Holds, string Seen);

/// <summary>Says what happens while it happens, and at the end how it went: for people, and as JSON.</summary>
internal sealed class ChaosReport(FaultPlan plan, string command)
{
    private const int NameWidth = 32;
    private static readonly JsonSerializerOptions json = new() { WriteIndented = true };
    private readonly long started = Stopwatch.GetTimestamp();
    private readonly List<StruckFault> struck = [];

    public int Strikes => struck.Count;

    /// <summary>The kind, and how: <c>stop 8 s</c>, <c>cut one-way 2 s</c>, <c>kill + coordinator</c>.</summary>
    public static string Name(Fault fault)
    {
        var way = (fault.Kind, fault.OtherWay) switch
        {
            (FaultKind.Cut, true) => " one-way",
            (FaultKind.Disk, true) => " full",
            (FaultKind.Disk, false) => " missing",
            (FaultKind.Redis, true) => " restart",
            (FaultKind.Kill, true) => " in checkpoint",
            _ => "",
        };
        var lasts = fault.Duration > TimeSpan.Zero && !(fault.Kind == FaultKind.Redis && fault.OtherWay) ? $" {fault.Duration.TotalSeconds:0} s" : "";
        return Fault.NameOf(fault.Kind) + way + lasts + (fault.Second is { } second ? $" + {Fault.NameOf(second.Kind)}" : "");
    }

    /// <summary>As the command line has it: <c>disk-full-at-end</c>.</summary>
    /// <param name="at">Where the run stood: where the fault was planned, if all went well.</param>
    /// <param name="note">What was not as planned; empty: nothing.</param>
    public void Struck(int index, Fault fault, Position at, IReadOnlyList<string> nodes, string note, TimeSpan? recovery)
    {
        struck.Add(new(fault, Stopwatch.GetElapsedTime(started), at, nodes, note, recovery));
        var instead = at == FaultController.Place(fault) ? note : $" (planned: step {fault.Step}, phase {fault.Phase})";
        var who = nodes.Count == 0 ? "-" : string.Join(", ", nodes);
        Say($"fault {index + 1,2}/{plan.Faults.Count}  {Name(fault),-NameWidth}  step {at.Step}, phase {at.Phase}  {who}  {(recovery is { } time ? $"over after {time.TotalSeconds:0.00} s" : "the run ended")}{instead}");
    }

    public void Say(string line) => Console.WriteLine($"{Stopwatch.GetElapsedTime(started):mm\\:ss\\.f}  {line}");

    public void PrintTable()
    {
        Console.WriteLine();
        Console.WriteLine($"{"kind",-NameWidth}  {"count",5}  {"median",8}  {"worst",8}   from the fault to the next committed step");
        foreach (var (kind, times) in Recoveries())
        {
            Console.WriteLine($"{kind,-NameWidth}  {times.Count,5}  {Median(times),6:0.00} s  {times.Max(),6:0.00} s");
        }
        Console.WriteLine();
    }

    public void Write(string path, IReadOnlyList<Finding> findings)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        File.WriteAllText(path, JsonSerializer.Serialize(new
        {
            command,
            seed = plan.Seed,
            seconds = Stopwatch.GetElapsedTime(started).TotalSeconds,
            holds = findings.All(finding => finding.Holds),
            findings = findings.Select(finding => new { name = finding.Name, holds = finding.Holds, seen = finding.Seen }),
            faults = struck.Select(entry => new
            {
                kind = Fault.NameOf(entry.Fault.Kind),
                manner = Name(entry.Fault),
                planned_step = entry.Fault.Step,
                planned_phase = entry.Fault.Phase,
                step = entry.At.Step,
                phase = entry.At.Phase,
                nodes = entry.Nodes,
                note = entry.Note,
                seconds = entry.Time.TotalSeconds,
                recovery_seconds = entry.Recovery?.TotalSeconds,
            }),
            recoveries = Recoveries().Select(row => new { kind = row.Kind, count = row.Seconds.Count, median = Median(row.Seconds), worst = row.Seconds.Max() }),
        }, json) + "\n");
    }

    private IEnumerable<(string Kind, List<double> Seconds)> Recoveries() =>
        from entry in struck
        where entry.Recovery is not null
        group entry.Recovery!.Value.TotalSeconds by (entry.Fault.Kind, Name: Name(entry.Fault)) into times
        orderby times.Key
        select (times.Key.Name, times.Order().ToList());

    private static double Median(List<double> sorted) => (sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2;
}
