using System.CommandLine;
using Granary.Silo;
using Granary.Training.Runs;
using Granary.Training.Tasks;
using Granary.Training.Wording;

namespace Granary.Client.Commands;

/// <summary>The options that say how a run is made, which changes no bit of it; the same for new runs and for those that go on.</summary>
internal sealed class RunOptions
{
    private const string PeerToPeer = "peer", Coordinator = "coordinator";
    private readonly Option<int?> workers = new("--workers");
    private readonly Option<long?> checkpointEvery = new("--checkpoint-every") { Description = "Steps between checkpoints; 0: every few minutes, at the end, and when a validation is the best so far." };
    private readonly Option<int?> keep = new("--keep") { Description = "Newest checkpoints to keep; the best is kept besides." };
    private readonly Option<long?> verifyEvery = new("--verify-every") { Description = "Steps between comparisons of the workers' states, besides those at every checkpoint. No bit depends on it." };
    private readonly Option<long?> histogramsEvery = new("--histograms-every") { Description = "Steps between histograms of the weights, for TensorBoard; 0: none." };
    private readonly Option<int?> minWorkers = new("--min-workers") { Description = "Start as soon as so many slots are free, and grow when more are; 0: wait for all workers." };
    private readonly Option<int?> priority = new("--priority") { Description = "On a cluster: of the runs that wait, those of a higher priority start first." };
    private readonly Option<string?> device = new("--device") { Description = "Where replicas live: cpu, cuda (GPUs; of this machine also cuda:1 and so on), or auto, GPUs if there are any. All bits of a run are one kind's." };
    private readonly Option<string?> exchange = new("--exchange") { Description = "How gradients travel: from peer to peer, or through the coordinator (small models only)." };

    /// <param name="command">Gets the options.</param>
    /// <param name="defaults">What holds where nothing is typed; <see langword="null"/>: what the run was begun with.</param>
    public RunOptions(Command command, RunSpec? defaults)
    {
        workers.Description = $"Replicas that share the work, at most as many as shards. The weights do not depend on it.{(defaults is null ? "" : $" Default: {defaults.Workers}, or as many as shards.")}";
        exchange.AcceptOnlyFromAmong(PeerToPeer, Coordinator);
        foreach (var (option, byDefault) in new (Option, object?)[]
        {
            (checkpointEvery, defaults?.CheckpointEvery), (keep, defaults?.Keep), (verifyEvery, defaults?.VerifyEvery), (histogramsEvery, defaults?.HistogramsEvery),
            (minWorkers, defaults?.MinWorkers), (priority, defaults?.Priority), (exchange, defaults is null ? null : PeerToPeer), (device, defaults is null ? null : DeviceName.Auto), (workers, null),
        })
        {
            option.Description += byDefault is null ? "" : $" Default: {byDefault}.";
            command.Options.Add(option);
        }
    }

    /// <summary>This machine's devices that a command which runs a cluster of its own is to use: those that were typed, or else those of the spec.</summary>
    /// <exception cref="UserErrorException">One is not there.</exception>
    public static IReadOnlyList<string> Devices(ParseResult parsed, RunSpec spec) => GranaryEnvironment.DevicesNamed(parsed.GetValue<string?>("--device") ?? spec.Device, "--device");

    /// <summary>Refuses what names devices of one machine: a cluster chooses among its own.</summary>
    /// <exception cref="UserErrorException"/>
    public static void CheckKind(ParseResult parsed)
    {
        if (parsed.GetValue<string?>("--device") is { } named && KindOf(named) != named)
        {
            throw new UserErrorException($"--device {named} names devices of one machine, and a cluster chooses among its own. Take {KindOf(named)}.");
        }
    }

    private static string KindOf(string named) => DeviceName.KindOfAll(named)
        ?? throw new UserErrorException($"--device cannot be '{Shown.Value(named)}': it takes {DeviceName.Cpu}, {DeviceName.Cuda}, {DeviceName.Cuda}:0 and so on (several of one kind with commas between), or {DeviceName.Auto}.");

    /// <summary>The spec with what was typed in place of what it has. It has more workers than shards only if they were asked for.</summary>
    public RunSpec Override(RunSpec spec, ParseResult parsed) => spec with
    {
        Workers = parsed.GetValue(workers) ?? Math.Min(spec.Workers, spec.Shards),
        CheckpointEvery = parsed.GetValue(checkpointEvery) ?? spec.CheckpointEvery,
        Keep = parsed.GetValue(keep) ?? spec.Keep,
        VerifyEvery = parsed.GetValue(verifyEvery) ?? spec.VerifyEvery,
        HistogramsEvery = parsed.GetValue(histogramsEvery) ?? spec.HistogramsEvery,
        MinWorkers = parsed.GetValue(minWorkers) ?? spec.MinWorkers,
        Priority = parsed.GetValue(priority) ?? spec.Priority,
        Device = parsed.GetValue(device) is { } named ? KindOf(named) : spec.Device,
        Exchange = parsed.GetValue(exchange) switch
        {
            null => spec.Exchange,
            Coordinator => ExchangeKind.Coordinator,
            _ => ExchangeKind.PeerToPeer,
        },
    };
}
