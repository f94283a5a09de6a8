using System.Net;
using Granary.Contracts;
using Granary.LocalClusters;
using Granary.Training.Checkpoints;
using Granary.Training.Loop;
using Granary.Training.Runs;
using Granary.Training.Wording;

namespace Granary.Chaos;

/// <summary>What <c>granary chaos</c> was asked for.</summary>
/// <param name="Devices">Where replicas live: the first slot, the second and so on.</param>
/// <param name="Undisturbed">A finished run's directory to compare with; <see langword="null"/>: the run is made first.</param>
public sealed record ChaosRequest(RunSpec Run, IReadOnlyList<string> Devices, string? Undisturbed, ulong Seed, int Faults, IReadOnlyList<FaultKind> Kinds, int Processes, bool KeepLogs, string? ReportPath, string Command);

/// <summary>One run twice: undisturbed, and under faults. Both must end alike.</summary>
public sealed class ChaosSession(ChaosRequest request, CancellationToken interrupted)
{
    private const string UndisturbedName = "undisturbed", DisturbedName = "disturbed";

    /// <summary>Says on the screen what happens.</summary>
    /// <returns>Whether everything holds.</returns>
    /// <exception cref="UserErrorException">It cannot be done as it was asked for.</exception>
    public async Task<bool> RunAsync()
    {
        var folder = request.Run.Output;
        var (totalSteps, checkpointEvery, plan) = Plan();
        var expected = request.Undisturbed is { } made ? Whole(made) : await MakeUndisturbedAsync(totalSteps, Path.Combine(folder, UndisturbedName));

        var spec = request.Run with
        {
            RunId = DisturbedName,
            Output = Path.Combine(folder, DisturbedName),
            CheckpointEvery = checkpointEvery,
            VerifyEvery = plan.LeastAfterFlip(totalSteps) is { } steps ? Math.Max(1, steps / 4) : request.Run.VerifyEvery,
        };
        var report = new ChaosReport(plan, request.Command);
        report.Say($"Disturbed run of {totalSteps} steps on {request.Processes} silos, {spec.Workers} workers: {request.Faults} faults of plan {request.Seed} ({string.Join(", ", plan.Faults.CountBy(fault => fault.Kind).OrderBy(kind => kind.Key).Select(kind => $"{kind.Value} {Fault.NameOf(kind.Key)}"))}).");
        var findings = await DisturbAsync(plan, spec, totalSteps, expected, report);

        report.PrintTable();
        foreach (var finding in findings)
        {
            Console.WriteLine($"{(finding.Holds ? "ok " : "NOT")}  {finding.Name}: {finding.Seen}");
        }
        Console.WriteLine($"again: {request.Command}");
        if (request.ReportPath is { } path)
        {
            report.Write(path, findings);
        }
        return findings.All(finding => finding.Holds);
    }

    private (long TotalSteps, long CheckpointEvery, FaultPlan Plan) Plan()
    {
        using var shape = new RunShape(request.Run);
        if (request.Faults > 1 && request.Kinds.All(kind => kind == FaultKind.DiskFullAtEnd))
        {
            throw new UserErrorException($"--kills {request.Faults} needs other kinds, too: {Fault.NameOf(FaultKind.DiskFullAtEnd)} strikes once.");
        }
        if (request.Faults > FaultPlan.MostFaults(shape.TotalSteps))
        {
            throw new UserErrorException($"--kills {request.Faults} is more than a run of {shape.TotalSteps} steps has room for: at most {FaultPlan.MostFaults(shape.TotalSteps)}. Raise --steps or take fewer.");
        }
        var checkpointEvery = request.Run.CheckpointEvery > 0 ? request.Run.CheckpointEvery : Math.Max(1, shape.TotalSteps / (4 * request.Faults));
        return (shape.TotalSteps, checkpointEvery, FaultPlan.Create(
            request.Seed, request.Faults, request.Kinds, shape.TotalSteps, shape.PhasesAt, checkpointEvery, overlap: request.Processes >= FaultController.OverlappingTakes));
    }

    private async Task<CheckpointManifest> MakeUndisturbedAsync(long totalSteps, string output)
    {
        Console.WriteLine($"Undisturbed run of {totalSteps} steps on one worker in {output}.");
        await using var cluster = await LocalCluster.StartAsync(1, devices: request.Devices);
        using var client = new TrainingClient(cluster.Server);
        var run = await client.SubmitAsync(request.Run with { RunId = UndisturbedName, Output = output, Workers = 1, Exchange = ExchangeKind.PeerToPeer }, interrupted);
        using var cancelling = interrupted.Register(() => client.CancelAsync(UndisturbedName, "Interrupted."));
        await foreach (var happened in client.WatchAsync(run, CancellationToken.None))
        {
            run = happened.Status;
        }
        interrupted.ThrowIfCancellationRequested();
        if (run.State != RunState.Succeeded)
        {
            throw new UserErrorException($"The undisturbed run did not succeed: {run.Reason}");
        }
        return Whole(output);
    }

    private static CheckpointManifest Whole(string directory) => new CheckpointStore(directory).Latest()?.Manifest is not { } manifest
        ? throw new UserErrorException($"No whole checkpoint lies in {directory}.")
        : manifest.Step == manifest.TotalSteps ? manifest : throw new UserErrorException($"The run in {directory} is not finished: it stands at step {manifest.Step} of {manifest.TotalSteps}. Finish it first: granary resume {directory}");

    private async Task<List<Finding>> DisturbAsync(FaultPlan plan, RunSpec spec, long totalSteps, CheckpointManifest expected, ChaosReport report)
    {
        using var networks = request.Kinds.Contains(FaultKind.Cut) ? SiloNetworks.Create(request.Processes) : null;
        await using var cluster = await ProcessCluster.StartAsync(new ProcessClusterOptions
        {
            Processes = request.Processes,
            Workers = spec.Workers,
            Devices = request.Devices,
            Places = networks?.Places,
            RedisHost = networks?.Bridge ?? IPAddress.Loopback,
            SiloArguments = ["--gates"],
        });
        var findings = new List<Finding>();
        try
        {
            var leaks = await LeakCheck.BeginAsync(cluster.Silos);
            using var gates = new SiloGates(cluster.Silos);
            await using var supervisor = new Supervisor(cluster, report.Say, silo => gates.Forget(silo.Name), gates.Greet);
            gates.Hold(FaultController.Place(plan.Faults[0]));
            using var client = new TrainingClient(cluster.Server);
            await using var run = new RunPoll(cluster.Silos, await client.SubmitAsync(spec, interrupted));
            try
            {
                var ended = await new FaultController(cluster, networks, gates, supervisor, run, report).RunAsync(plan, totalSteps, interrupted);
                findings.AddRange(Compare(ended, expected));
            }
            catch (UserErrorException stuck)
            {
                findings.Add(new("the run goes on", false, stuck.Message));
            }
            findings.Insert(0, new("every fault struck", report.Strikes == plan.Faults.Count, $"{report.Strikes} of {plan.Faults.Count}"));
            if (run.Ended.IsCompleted)
            {
                var left = await leaks.EndAsync(spec.Output);
                findings.Add(new("nothing leaked", left.Count == 0, left.Count == 0 ? "files, connections, tensors and halves of checkpoints are gone" : string.Join("; ", left)));
            }
            return findings;
        }
        finally
        {
            if (request.KeepLogs || findings.Count == 0 || findings.Any(finding => !finding.Holds))
            {
                KeepLogs(cluster);
            }
        }
    }

    private static IEnumerable<Finding> Compare(RunStatus ended, CheckpointManifest expected)
    {
        yield return new("the run succeeded", ended.State == RunState.Succeeded, $"{ended.State.ToString().ToLowerInvariant()} at step {ended.Step} in round {ended.Round}: {ended.Reason}");
        if (ended.State != RunState.Succeeded)
        {
            yield break;
        }
        var last = new CheckpointStore(ended.Spec.Output).Latest()?.Manifest;
        yield return new("the last checkpoint is whole", last?.Step == expected.Step, last is null ? "there is none" : $"step {last.Step} of {expected.Step}");
        var hash = last?.WeightsSha256 ?? ended.WeightsSha256;
        yield return new("the weights are the same", hash == expected.WeightsSha256 && ended.WeightsSha256 == hash, hash == expected.WeightsSha256 ? hash! : $"{hash} instead of {expected.WeightsSha256}");
        var shards = (Counted: last?.Scalars.GetValueOrDefault(TrainingLoop.Ledger), Expected: expected.Scalars.GetValueOrDefault(TrainingLoop.Ledger));
        yield return new("every shard counted once", shards.Counted == shards.Expected, $"{shards.Counted} in the ledger of the weights, {shards.Expected} undisturbed");
    }

    private void KeepLogs(ProcessCluster cluster)
    {
        var folder = Directory.CreateDirectory(Path.Combine(request.Run.Output, "logs")).FullName;
        foreach (var silo in cluster.Silos)
        {
            File.Copy(silo.LogPath, Path.Combine(folder, Path.GetFileName(silo.LogPath)), overwrite: true);
        }
        Console.WriteLine($"The silos' logs lie in {folder}.");
    }
}
