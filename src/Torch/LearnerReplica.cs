using Granary.Torch.Devices;
using Granary.Torch.Devices.Nccl;
using Granary.Torch.Networks;
using Granary.Torch.Runtime;
using Granary.Training.Exchange;
using Granary.Training.Frames;
using Granary.Training.Shards;
using Granary.Training.Tasks;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch;

/// <summary>The engine: a learner as a replica.</summary>
internal sealed class LearnerReplica : ITrainingReplica, IDeviceReplica
{
    // What follows from validations, as scalars of the state.
    private const string RateScale = "rate.scale", Best = "validation.best", Stale = "validation.stale", EndedAt = "ended.at";
    private readonly Learner learner;
    private readonly ReplicaDevice device;
    private readonly PassRandom random;
    private readonly DeviceFloats[] copies;
    private readonly LearnedNetworks networks;
    private readonly BatchesAhead batches;
    private readonly PreparedTensors prepared;
    private readonly PhaseWork[] works;
    private readonly int lastValidation;
    private readonly string[] suffixes;
    private readonly string[][] updates;
    private NcclExchanges? exchanges;
    private ShardRange? expected;
    private bool isStale;

    /// <param name="learner">Owned by the replica from now on.</param>
    /// <param name="device">Where it is trained. The learner has made its networks on the host.</param>
    /// <exception cref="UnfitNetworkException">A network cannot keep the promise, or would not be trained as it is written.</exception>
    /// <exception cref="TaskSettingException">This machine, or the learner, cannot do what the settings ask for.</exception>
    /// <exception cref="TrainingDataException">The data cannot be used.</exception>
    public LearnerReplica(Learner learner, ReplicaDevice device)
    {
        using var here = device.Enter();
        (this.learner, this.device, random) = (learner, device, new(device));
        var settings = learner.Settings;
        var isValidated = learner.Phases.Any(phase => phase is HeldOutPhase { InTraining: true });
        CheckSettings(isValidated);
        lastValidation = learner.Phases.ToList().FindLastIndex(phase => phase is HeldOutPhase { InTraining: true });
        var lstm = learner.Networks.SelectMany(network => network.Module.modules().Prepend(network.Module)).Any(module => module is LSTM);
        var rounded = !learner.Context.ForUse && Autocast.Resolve(settings.Autocast, lstm, device.Place.type == TorchSharp.DeviceType.CPU);
        Phases = [.. learner.Phases.Select(phase => phase.Name)];
        CheckMemory();
        batches = new(learner.Phases, device);
        networks = new(learner, device, random, UpdatesOf);
        prepared = new(networks, learner.Spec.Seed);
        var several = learner.Phases.Count(phase => phase is LearningPhase) > 1;
        works = [.. learner.Phases.Select<Phase, PhaseWork>(phase => phase switch
        {
            LearningPhase learning => new LearningWork(learning, learner, networks, batches, prepared, device, random, rounded, several ? $"{phase.Name}." : ""),
            HeldOutPhase heldOut => new HeldOutWork(heldOut, learner.Spec.Seed, networks, batches, device, random),
            _ => throw new ArgumentException($"Phase '{phase.Name}' neither learns nor measures."),
        })];
        suffixes = [.. Phases.Select(name => several ? $".{name}" : "")];
        var numbers = Enumerable.Range(0, learner.Networks.Count);
        updates = [.. numbers.Select(number => works.OfType<LearningWork>().Where(work => work.Networks.Contains(number)).Select(work => work.Updates).ToArray())];
        var buffers = numbers.SelectMany(number => networks.BuffersOf(number).State(FlatParameters.Prefix(learner.Networks[number].Name)));
        copies = device.IsHost ? [] : [.. networks.Mirrored, .. works.SelectMany(work => work.Mirrored)];
        State = new([.. networks.Parameters.State(), .. buffers, .. works.SelectMany(work => work.State)], learner.Assets, device.IsHost ? null : Refresh);
        isStale = true;
        foreach (var work in works.OfType<LearningWork>())
        {
            State.Scalars[work.Updates] = 0;
        }
        if (isValidated)
        {
            // Not infinity: JSON cannot hold it.
            (State.Scalars[RateScale], State.Scalars[Best]) = (1, learner.Measure.LowerIsBetter ? double.MaxValue : double.MinValue);
            State.Scalars[Stale] = State.Scalars[EndedAt] = 0;
        }
        learner.Attach(device, BeginUse);
        if (!learner.Context.ForUse)
        {
            // Data that cannot be used are refused here, not in the first step.
            foreach (var phase in learner.Phases)
            {
                _ = phase.Batches.StepsPerEpoch;
            }
        }
    }

    public IReadOnlyList<string> Phases { get; }

    public long StepsPerEpoch => learner.StepsPerEpoch;

    public long TotalSteps => State.Scalars.GetValueOrDefault(EndedAt) is > 0 and var ended ? (long)ended : learner.TotalSteps;

    public string Unit => learner.Unit;

    public Measure Measure => learner.Measure;

    public ReplicaState State { get; }

    public object Model => learner;

    public IDeviceExchanges? DeviceExchanges => device.UsesNccl ? exchanges ??= new(device) : null;

    public string? Findings => learner.Findings;

    public TimeSpan DataWait => batches.Waited;

    public bool IsHeldOut(int phase) => learner.Phases[phase] is HeldOutPhase;

    public bool Happens(int phase, long step) => learner.Phases[phase] switch
    {
        LearningPhase learning => learning.When(step),
        var heldOut => ((HeldOutPhase)heldOut).InTraining && learner.IsValidated(step),
    };

    public void Expect(ShardRange shards)
    {
        batches.Forget();
        batches.IsOn = true;
        expected = shards;
    }

    public Frame CreateFrame(int phase) => works[phase].CreateFrame();

    public void ComputeGradients(Coordinates at, Frame frame)
    {
        TorchRuntime.UseOneThread();
        using var here = device.Enter();
        using var products = BeginProducts();
        frame.Clear();
        works[at.Phase].Compute(at, frame, NextOf(at));
    }

    public void Apply(int phase, long step, Frame sum, Metrics metrics)
    {
        using var here = device.Enter();
        isStale = true;
        if (works[phase] is LearningWork learning)
        {
            learning.Apply(step, learner.TotalSteps, State.Scalars.GetValueOrDefault(RateScale, 1), sum, State.Scalars, metrics, suffixes[phase]);
            return;
        }
        var found = new Metrics();
        ((HeldOutWork)works[phase]).Report(step, sum, found);
        foreach (var (name, value) in found)
        {
            metrics[name] = value;
        }
        if (found.TryGet(Measure.Metric, out var measured))
        {
            Follow(measured, step);
        }
        else if (Measure.Occasional && phase == lastValidation && !metrics.TryGet(Measure.Metric, out _))
        {
            throw new UnfitNetworkException($"The measure of task '{learner.Spec.Task}' is named {Measure.Metric}, and there is no such metric. A validation gives {string.Join(", ", found.Select(metric => metric.Key))}.");
        }
    }

    public void Report(int phase, Frame sum, Metrics metrics) => ((HeldOutWork)works[phase]).Report(step: 0, sum, metrics);

    public void StateRestored()
    {
        prepared.Forget();
        using var here = device.Enter();
        foreach (var copy in copies)
        {
            copy.BeginToDevice();
        }
        device.Synchronize();
        isStale = false;
    }

    public bool SamplesDue(long step) => learner.SamplesDue(step);

    public void WriteSamples(string folder, long step) => learner.WriteSamples(folder, step);

    public void Dispose()
    {
        batches.Dispose();
        foreach (var work in works.OfType<IDisposable>())
        {
            work.Dispose();
        }
        prepared.Dispose();
        networks.Dispose();
        random.Dispose();
        learner.Dispose();
    }

    private void CheckSettings(bool isValidated)
    {
        var (settings, task) = (learner.Settings, learner.Spec.Task);
        if (!isValidated && (settings.Decay, settings.Patience, settings.ValidateEvery) is not (1, 0, 0))
        {
            (string Name, bool IsSet)[] all = [("decay", settings.Decay < 1), ("patience", settings.Patience > 0), ("validate-every", settings.ValidateEvery > 0)];
            var set = string.Join(" and ", all.Where(setting => setting.IsSet).Select(setting => setting.Name));
            throw new TaskSettingException($"What is set by {set} needs held-out data, and task '{task}' validates on none. Leave it out, or give the task a Validation.");
        }
        if (!learner.Measure.Occasional && (settings.Decay, settings.Patience) is not (1, 0))
        {
            throw new TaskSettingException($"The settings decay and patience go by a measure of held-out data, and that of task '{task}', {learner.Measure.Metric}, is none. Leave them out.");
        }
    }

    /// <summary>What follows from a validation.</summary>
    private void Follow(double measured, long step)
    {
        if (Measure.IsBetter(measured, State.Scalars[Best]))
        {
            (State.Scalars[Best], State.Scalars[Stale]) = (measured, 0);
            return;
        }
        State.Scalars[RateScale] *= learner.Settings.Decay;
        if (++State.Scalars[Stale] == learner.Settings.Patience)
        {
            State.Scalars[EndedAt] = step + 1;
        }
    }

    private long UpdatesOf(int network)
    {
        var count = 0L;
        foreach (var name in updates[network])
        {
            count += (long)State.Scalars[name];
        }
        return count;
    }

    /// <summary>Checks, before anything is taken, that training fits: into the device's memory, and into the host's, which has a copy.</summary>
    private void CheckMemory()
    {
        static long BytesOf(IEnumerable<nn.Module> networks, bool learning) => networks.SelectMany(network => network.parameters()).Where(parameter => !learning || parameter.requires_grad)
            .DistinctBy(parameter => parameter.Handle).Sum(parameter => parameter.numel()) * sizeof(float);
        var learning = learner.Phases.OfType<LearningPhase>().ToList();
        var (model, gradients) = (BytesOf(learner.Networks.Select(network => network.Module), learning: false), learning.Sum(phase => BytesOf(phase.Learns, learning: true)));
        var optimizer = learning.Sum(phase => phase.Optimizer.Vectors * BytesOf(phase.Learns, learning: true));
        (string What, long Bytes)[] needs = [("model", model), ("gradients", gradients), ("optimizer", optimizer)];
        MemoryLimit.Check([.. needs, ("a copy for checkpoints", model + optimizer)], MemoryLimit.OfProcess);
        if (device.Memory is { } memory)
        {
            MemoryLimit.Check(needs, memory, $"device {device.Name}");
        }
    }

    private IDisposable BeginUse()
    {
        TorchRuntime.UseOneThread();
        var use = new InUse(this);
        try
        {
            networks.Use();
            return use;
        }
        catch
        {
            use.Dispose();
            throw;
        }
    }

    /// <summary>Brings the host's copies of the state up to date.</summary>
    private void Refresh()
    {
        if (isStale)
        {
            using var here = device.Enter();
            foreach (var copy in copies)
            {
                copy.BeginToHost();
            }
            device.Synchronize();
            isStale = false;
        }
    }

    /// <summary>The batch that training asks for after this one.</summary>
    private Coordinates? NextOf(Coordinates at)
    {
        if (expected is not { } shards)
        {
            return null;
        }
        if (at.Shard + 1 < shards.End)
        {
            return IsHeldOut(at.Phase) ? new(0, at.Phase, at.Shard + 1) : at with { Shard = at.Shard + 1 };
        }
        var (step, phase) = (at.Step, at.Phase + 1);
        for (var tried = 0; tried < 2 * works.Length; tried++, phase++)
        {
            if (phase == works.Length)
            {
                (step, phase) = (step + 1, 0);
            }
            if (step >= TotalSteps)
            {
                return null;
            }
            if (Happens(phase, step))
            {
                return new(IsHeldOut(phase) ? 0 : step, phase, shards.Start);
            }
        }
        return null;
    }

    private Matmul.Scope BeginProducts() => device.IsHost ? default : Matmul.Begin(learner.Settings.Matmul);

    private sealed class InUse(LearnerReplica replica) : IDisposable
    {
        private readonly ReplicaDevice.Stay stay = replica.device.Enter();
        private readonly Matmul.Scope products = replica.BeginProducts();
        private readonly IDisposable outside = no_grad();

        public void Dispose()
        {
            outside.Dispose();
            products.Dispose();
            stay.Dispose();
        }
    }
}
