using Google.Protobuf.WellKnownTypes;

namespace Granary.Contracts;

/// <summary>Runs between their gRPC form, which clients see, and their grain form.</summary>
public static class Wire
{
    public static V1.Spec ToWire(this RunSpec spec)
    {
        var wire = new V1.Spec
        {
            RunId = spec.RunId,
            Task = spec.Task,
            Seed = spec.Seed,
            Shards = spec.Shards,
            Workers = spec.Workers,
            Output = spec.Output,
            CheckpointEvery = spec.CheckpointEvery,
            Keep = spec.Keep,
            Exchange = spec.Exchange == ExchangeKind.Coordinator ? V1.Exchange.Coordinator : V1.Exchange.PeerToPeer,
            Resume = spec.Resume,
            MinWorkers = spec.MinWorkers,
            Priority = spec.Priority,
        };
        wire.Settings.Add(spec.Settings);
        wire.Switches.Add(spec.Switches);
        if (spec.Steps is { } steps)
        {
            wire.Steps = steps;
        }
        if (spec.Epochs is { } epochs)
        {
            wire.Epochs = epochs;
        }
        if (spec.Data is { } data)
        {
            wire.Data = data;
        }
        return wire;
    }

    public static RunSpec FromWire(this V1.Spec wire) => new()
    {
        RunId = wire.RunId,
        Task = wire.Task,
        Seed = wire.Seed,
        Shards = wire.Shards,
        Steps = wire.HasSteps ? wire.Steps : null,
        Epochs = wire.HasEpochs ? wire.Epochs : null,
        Data = wire.HasData ? wire.Data : null,
        Settings = new(wire.Settings),
        Switches = new(wire.Switches),
        Workers = wire.Workers,
        Output = wire.Output,
        CheckpointEvery = wire.CheckpointEvery,
        Keep = wire.Keep,
        Exchange = wire.Exchange == V1.Exchange.Coordinator ? ExchangeKind.Coordinator : ExchangeKind.PeerToPeer,
        Resume = wire.Resume,
        MinWorkers = wire.MinWorkers,
        Priority = wire.Priority,
    };

    public static V1.Run ToWire(this RunStatus status)
    {
        var wire = new V1.Run
        {
            Spec = status.Spec.ToWire(),
            State = (V1.State)(status.State + 1),
            Reason = status.Reason,
            Step = status.Step,
            TotalSteps = status.TotalSteps,
            StepsPerEpoch = status.StepsPerEpoch,
            Measure = status.Measure,
            Unit = status.Unit,
            Units = status.Units,
            UnitsPerSecond = status.UnitsPerSecond,
            Elapsed = Duration.FromTimeSpan(status.Elapsed),
            Round = status.Round,
            Processes = status.Processes,
            Since = Timestamp.FromDateTimeOffset(status.Since),
            Workers = status.Workers,
            Coordinator = status.Coordinator,
        };
        wire.Metrics.Add(status.Metrics);
        wire.Slots.Add(status.Slots);
        wire.Switches.Add(status.Switches);
        if (status.Best is { } best)
        {
            wire.Best = best;
        }
        if (status.Checkpoint is { } checkpoint)
        {
            wire.Checkpoint = checkpoint;
        }
        if (status.WeightsSha256 is { } hash)
        {
            wire.WeightsSha256 = hash;
        }
        return wire;
    }

    public static RunStatus FromWire(this V1.Run wire) => new()
    {
        Spec = wire.Spec.FromWire(),
        State = (RunState)(wire.State - 1),
        Reason = wire.Reason,
        Step = wire.Step,
        TotalSteps = wire.TotalSteps,
        StepsPerEpoch = wire.StepsPerEpoch,
        Metrics = new(wire.Metrics),
        Measure = wire.Measure,
        Best = wire.HasBest ? wire.Best : null,
        Unit = wire.Unit,
        Units = wire.Units,
        UnitsPerSecond = wire.UnitsPerSecond,
        Elapsed = wire.Elapsed.ToTimeSpan(),
        Round = wire.Round,
        Slots = [.. wire.Slots],
        Processes = wire.Processes,
        Since = wire.Since.ToDateTimeOffset(),
        Workers = wire.Workers,
        Coordinator = wire.Coordinator,
        Checkpoint = wire.HasCheckpoint ? wire.Checkpoint : null,
        WeightsSha256 = wire.HasWeightsSha256 ? wire.WeightsSha256 : null,
        Switches = new(wire.Switches),
    };

    public static V1.Event ToWire(this RunEvent entry) => new()
    {
        Id = entry.Id,
        Time = Timestamp.FromDateTimeOffset(entry.Time),
        Message = entry.Message,
        Run = entry.Status.ToWire(),
    };

    public static RunEvent FromWire(this V1.Event wire) => new(wire.Id, wire.Time.ToDateTimeOffset(), wire.Message, wire.Run.FromWire());
}
