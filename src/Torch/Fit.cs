using Granary.Torch.Runtime;
using Granary.Training.Checkpoints;
using Granary.Training.Loop;
using Granary.Training.Settling;
using Granary.Training.Tasks;

namespace Granary.Torch;

/// <summary>How far a fit is.</summary>
/// <param name="Step">Steps made.</param>
/// <param name="Metrics">What the newest step has learned.</param>
public sealed record FitProgress(long Step, long TotalSteps, IReadOnlyDictionary<string, double> Metrics);

/// <summary>
/// Trains a learner in this process, without a cluster: for tests, notebooks, and programs of one's own. The weights have the same bits as
/// those of the same spec on a cluster, with any number of workers.
/// </summary>
public static class Fit
{
    /// <param name="spec">Changes the spec, which has the defaults of <c>granary train</c>: <c>spec => spec with { Epochs = 3 }</c>.</param>
    /// <param name="workers">Threads, each with a replica; they share the shards. Default: 1.</param>
    /// <param name="progress">Told after each step, from a thread of its own.</param>
    /// <returns>The trained model, ready for use.</returns>
    /// <exception cref="ArgumentException">The class is no learner, or cannot be trained as it is written.</exception>
    /// <exception cref="TaskSettingException">A setting is unknown or does not fit.</exception>
    /// <exception cref="TrainingDataException">The data cannot be used.</exception>
    /// <exception cref="OperationCanceledException">All workers have stopped after the step that they were in.</exception>
    public static Task<Fitted<TLearner>> RunAsync<TLearner>(
        Func<TrainingSpec, TrainingSpec>? spec = null, int workers = 1, IProgress<FitProgress>? progress = null, CancellationToken cancellationToken = default)
        where TLearner : Learner
    {
        var task = LearnerTask.Of<TLearner>();
        var settled = new TrainingSpec { Task = task.Name };
        settled = spec?.Invoke(settled) ?? settled;
        settled = SpecSettlement.WithInit(settled, task);
        return Task.Factory.StartNew(() => Run<TLearner>(task, settled, workers, progress, cancellationToken), cancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    private static Fitted<TLearner> Run<TLearner>(ITrainingTask task, TrainingSpec spec, int workers, IProgress<FitProgress>? progress, CancellationToken cancellationToken)
        where TLearner : Learner
    {
        _ = TorchRuntime.Switches;
        var stop = new StopSignal();
        using var cancelled = cancellationToken.Register(() => stop.Raise(checkpoint: false));
        var fitted = LocalWorkers.Run(workers, spec.Shards, (worker, mine, exchange) =>
        {
            var replica = task.CreateReplica(spec);
            try
            {
                InitialWeights.Load(spec, replica.State, task);
                replica.StateRestored();
                using var loop = new TrainingLoop(replica, mine, spec.Shards);
                var observer = new Observer(worker == 0 ? progress : null, replica);
                // All of them stop at the same step.
                if (loop.Run(new(0), exchange, observer, stop) < replica.TotalSteps)
                {
                    throw new OperationCanceledException(cancellationToken);
                }
                return new Fitted<TLearner>(replica, spec.Shards, observer.Metrics);
            }
            catch
            {
                replica.Dispose();
                throw;
            }
        });
        foreach (var twin in fitted.Skip(1))
        {
            twin.Dispose();
        }
        return fitted[0];
    }

    private sealed class Observer(IProgress<FitProgress>? progress, ITrainingReplica replica) : IStepObserver
    {
        public Dictionary<string, double> Metrics { get; private set; } = [];

        public void StepCommitted(long step, Metrics metrics, StepTimes times)
        {
            if (progress is not null || step == replica.TotalSteps)
            {
                Metrics = metrics.ToDictionary();
                progress?.Report(new(step, replica.TotalSteps, Metrics));
            }
        }
    }
}

/// <summary>A model that <see cref="Fit"/> has trained. Used from one thread at a time.</summary>
public sealed class Fitted<TLearner> : IDisposable where TLearner : Learner
{
    private readonly ITrainingReplica replica;
    private readonly int shards;

    internal Fitted(ITrainingReplica replica, int shards, IReadOnlyDictionary<string, double> metrics) => (this.replica, this.shards, Metrics) = (replica, shards, metrics);

    /// <summary>The learner itself, for whatever else it can do.</summary>
    public TLearner Model => (TLearner)replica.Model;

    /// <summary>What the last step has learned.</summary>
    public IReadOnlyDictionary<string, double> Metrics { get; }

    /// <summary>The hash of the weights, as <c>granary train</c> prints it.</summary>
    public string WeightsHash => Training.Checkpoints.WeightsHash.Of(replica.State);

    /// <summary>Its measures on held-out data.</summary>
    public IReadOnlyDictionary<string, double> Evaluate() => Evaluation.Run(replica, shards).ToDictionary();

    /// <summary>Writes the weights under the names of <c>state_dict</c>.</summary>
    /// <param name="path">Of the safetensors file.</param>
    public void Save(string path)
    {
        using var file = File.Create(path);
        Safetensors.Write(file, replica.State.Tensors.Where(tensor => tensor.Kind == StateKind.Model));
    }

    /// <inheritdoc/>
    public void Dispose() => replica.Dispose();
}
