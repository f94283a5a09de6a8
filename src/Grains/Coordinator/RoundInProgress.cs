using Granary.Contracts;
using Granary.Grains.Slots;
using Granary.Training.Loop;

namespace Granary.Grains.Coordinator;

/// <summary>How a round ended: the kind of report that decided it, its message, and the weights' hash if all steps are whole.</summary>
internal readonly record struct RoundOutcome(ReportKind Kind, string Message, string? WeightsSha256);

/// <summary>What the coordinator has heard of a round. Lives on the grain's turns.</summary>
internal sealed class RoundInProgress(RoundPlan plan)
{
    private readonly TaskCompletionSource<RoundOutcome> outcome = new();
    private readonly Dictionary<int, WorkerReport> ended = [];
    private readonly Dictionary<(long Step, int Phase), PendingSum> sums = [];
    private readonly TaskCompletionSource<StateMessage> state = new();

    public RoundPlan Plan { get; } = plan;

    public Task<RoundOutcome> Outcome => outcome.Task;

    /// <summary>How long each worker has lately computed on a shard; zero: not heard yet.</summary>
    public TimeSpan[] ComputePerShard { get; } = new TimeSpan[plan.Workers.Count];

    /// <summary>Whether the workers have been asked to stop at the next step boundary.</summary>
    public bool Stopping { get; set; }

    /// <summary>Where the workers' states were found to differ, if they were.</summary>
    public long DiffersAt { get; private set; }

    /// <summary>The workers, by number, without the most common state; empty: no state is the most common.</summary>
    public IReadOnlyList<int> Odd { get; private set; } = [];

    /// <summary>Whether the workers were asked to leave a checkpoint where they stop.</summary>
    public bool StopsWithCheckpoint { get; set; }

    /// <summary>
    /// The first to break off decides, unless one has failed: a failure waits for the worker that can name the shard. A good
    /// end needs all workers, with one hash.
    /// </summary>
    public void WorkerEnded(WorkerReport report)
    {
        ended[report.Worker] = report;
        var failures = ended.Values.Where(end => end.Kind == ReportKind.Failed).ToList();
        if (failures.Count > 0)
        {
            if (failures.Any(failure => failure.Shard is not null) || ended.Count == Plan.Workers.Count)
            {
                Settle();
            }
        }
        else if (report.Kind == ReportKind.Differs)
        {
            Differ(report.Step, [.. report.Odd.Select(shard => Plan.Workers.FindIndex(worker => worker.ShardStart == shard)).Where(worker => worker >= 0)]);
        }
        else if (report.Kind == ReportKind.Aborted)
        {
            outcome.TrySetResult(new(ReportKind.Aborted, report.Message ?? "", null));
        }
        else if (ended.Count == Plan.Workers.Count)
        {
            if (StateComparison.Odd(ended.Select(end => (end.Key, end.Value.WeightsSha256 ?? ""))) is { } odd)
            {
                Differ(report.Step, odd);
                return;
            }
            // Whoever keeps the run may stop at the last step, for want of a whole checkpoint, where the others have finished.
            var kind = ended.Values.Any(end => end.Kind == ReportKind.Stopped) ? ReportKind.Stopped : report.Kind;
            outcome.TrySetResult(new(kind, string.Join(' ', ended.Values.Select(end => end.Message).OfType<string>()), report.WeightsSha256));
        }
    }

    private void Differ(long step, IReadOnlyList<int> odd)
    {
        (DiffersAt, Odd) = (step, odd);
        outcome.TrySetResult(new(ReportKind.Differs, "", null));
    }

    /// <summary>Waits no longer for a failure to be explained better.</summary>
    public void Settle()
    {
        if (ended.Values.Where(end => end.Kind == ReportKind.Failed).OrderBy(end => end.Shard is null).FirstOrDefault() is { } failure)
        {
            outcome.TrySetResult(new(ReportKind.Failed, failure.Message ?? "", null));
        }
    }

    public Task<PartialMessage> SumAsync(SumRequest request)
    {
        var key = (request.Step, request.Phase);
        if (!sums.TryGetValue(key, out var pending))
        {
            sums.Add(key, pending = new());
        }
        if (pending.Add(request) == Plan.Workers.Count)
        {
            sums.Remove(key);
            pending.Complete(Plan.Spec.Shards);
        }
        return pending.Sum;
    }

    public Task<StateMessage> ShareAsync(StateMessage? given)
    {
        if (given is not null)
        {
            state.TrySetResult(given);
        }
        return state.Task;
    }

    public void End()
    {
        state.TrySetCanceled();
        foreach (var pending in sums.Values)
        {
            pending.Cancel();
        }
    }

    private sealed class PendingSum
    {
        private readonly TaskCompletionSource<PartialMessage> sum = new();
        private readonly Dictionary<int, SumRequest> requests = [];

        public Task<PartialMessage> Sum => sum.Task;

        public int Add(SumRequest request)
        {
            requests[request.Worker] = request;
            return requests.Count;
        }

        public void Complete(int shards) => sum.SetResult(PartialSum.Add(requests.Values.SelectMany(request => request.Partials), shards));

        public void Cancel() => sum.TrySetCanceled();
    }
}
