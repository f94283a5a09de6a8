using Google.Protobuf.WellKnownTypes;
using Granary.Training.Runs;
using Granary.Training.Tasks;

namespace Granary.Contracts;

/// <summary>Converts runs and tasks between their gRPC form, which clients see, and their own.</summary>
public static class Wire
{
    /// <summary>A spec as clients see it.</summary>
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
            VerifyEvery = spec.VerifyEvery,
            HistogramsEvery = spec.HistogramsEvery,
            Exchange = Named<V1.Exchange>(spec.Exchange),
            Resume = spec.Resume,
            MinWorkers = spec.MinWorkers,
            Priority = spec.Priority,
            Device = spec.Device,
        };
        wire.InitMap.Add(spec.InitMap);
        wire.InitFiles.Add(spec.InitFiles.ToDictionary());
        wire.SettingFiles.Add(spec.SettingFiles.ToDictionary());
        wire.Settings.Add(spec.Settings.ToDictionary());
        wire.Switches.Add(spec.Switches.ToDictionary());
        wire.DataFiles.Add(spec.DataFiles.ToDictionary());
        wire.Versions.Add(spec.Versions.ToDictionary());
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
        if (spec.Init is { } init)
        {
            wire.Init = init;
        }
        return wire;
    }

    /// <exception cref="SpecException">The spec names an exchange that this version does not know.</exception>
    public static RunSpec FromWire(this V1.Spec wire)
    {
        var spec = new RunSpec { RunId = wire.RunId, Task = wire.Task, Output = wire.Output };
        return spec with
        {
            Seed = wire.HasSeed ? wire.Seed : spec.Seed,
            Shards = wire.HasShards ? wire.Shards : spec.Shards,
            Steps = wire.HasSteps ? wire.Steps : null,
            Epochs = wire.HasEpochs ? wire.Epochs : null,
            Data = wire.HasData ? wire.Data : null,
            DataFiles = new Dictionary<string, string>(wire.DataFiles),
            Init = wire.HasInit ? wire.Init : null,
            InitMap = [.. wire.InitMap],
            InitFiles = new Dictionary<string, string>(wire.InitFiles),
            SettingFiles = new Dictionary<string, string>(wire.SettingFiles),
            Settings = new Dictionary<string, string>(wire.Settings),
            Switches = new Dictionary<string, string>(wire.Switches),
            Versions = new Dictionary<string, string>(wire.Versions),
            Workers = wire.HasWorkers ? wire.Workers : spec.Workers,
            CheckpointEvery = wire.HasCheckpointEvery ? wire.CheckpointEvery : spec.CheckpointEvery,
            Keep = wire.HasKeep ? wire.Keep : spec.Keep,
            VerifyEvery = wire.HasVerifyEvery ? wire.VerifyEvery : spec.VerifyEvery,
            HistogramsEvery = wire.HistogramsEvery,
            Exchange = wire.Exchange == V1.Exchange.Unspecified ? spec.Exchange : Named<ExchangeKind>(wire.Exchange),
            Resume = wire.Resume,
            MinWorkers = wire.MinWorkers,
            Priority = wire.Priority,
            Device = wire.Device.Length > 0 ? wire.Device : spec.Device,
        };
    }

    /// <summary>A run as clients see it.</summary>
    public static V1.Run ToWire(this RunStatus status)
    {
        var wire = new V1.Run
        {
            Spec = status.Spec.ToWire(),
            State = Named<V1.State>(status.State),
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
            LowerIsBetter = status.LowerIsBetter,
            Started = status.Started is { } started ? Timestamp.FromDateTimeOffset(started) : null,
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

    /// <summary>A run as the grains have it.</summary>
    public static RunStatus FromWire(this V1.Run wire) => new()
    {
        Spec = wire.Spec.FromWire(),
        State = Named<RunState>(wire.State),
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
        LowerIsBetter = wire.LowerIsBetter,
        Started = wire.Started?.ToDateTimeOffset(),
        Checkpoint = wire.HasCheckpoint ? wire.Checkpoint : null,
        WeightsSha256 = wire.HasWeightsSha256 ? wire.WeightsSha256 : null,
        Switches = new(wire.Switches),
    };

    /// <summary>An event as clients see it.</summary>
    public static V1.Event ToWire(this RunEvent entry) => new()
    {
        Id = entry.Id,
        Time = Timestamp.FromDateTimeOffset(entry.Time),
        Message = entry.Message,
        Run = entry.Status.ToWire(),
        Kind = Named<V1.EventKind>(entry.Kind),
    };

    /// <summary>An event as the grains have it.</summary>
    public static RunEvent FromWire(this V1.Event wire) => new(wire.Id, wire.Time.ToDateTimeOffset(), wire.Message, wire.Run.FromWire())
    {
        // An older server does not say, and a newer one may know more kinds: for people only.
        Kind = System.Enum.IsDefined(wire.Kind) && wire.Kind != V1.EventKind.Unspecified ? Named<EventKind>(wire.Kind) : wire.Message.Length == 0 ? EventKind.Progress : EventKind.Remark,
    };

    /// <summary>A line of a run's log as clients see it.</summary>
    public static V1.LogEntry ToWire(this JournalEntry entry) => new()
    {
        Id = entry.Id,
        Time = Timestamp.FromDateTimeOffset(entry.Time),
        Step = entry.Step,
        State = entry.State,
        Kind = entry.Kind,
        Message = entry.Message,
    };

    /// <summary>A line of a run's log as it is written down.</summary>
    public static JournalEntry FromWire(this V1.LogEntry wire) => new(wire.Id, wire.Time.ToDateTimeOffset(), wire.Step, wire.State, wire.Kind, wire.Message);

    /// <summary>The value of the same name in the other enumeration.</summary>
    private static T Named<T>(System.Enum value) where T : struct, System.Enum => System.Enum.GetNames<T>().Contains(value.ToString())
        ? System.Enum.Parse<T>(value.ToString())
        : throw new SpecException($"No {typeof(T).Name} is named '{value}'. Do client and silo have the same version? Known: {string.Join(", ", System.Enum.GetNames<T>())}.");

    /// <summary>A task as clients see it.</summary>
    public static V1.Task ToWire(this TaskDescription task)
    {
        var wire = new V1.Task { Name = task.Name, Summary = task.Summary };
        if (task.DataSet is { } data)
        {
            wire.DataSet = data;
        }
        wire.Settings.Add(task.Settings.Select(setting => new V1.Setting { Name = setting.Name, Kind = setting.Kind, Default = setting.Default, Range = setting.Range, Meaning = setting.Meaning }));
        return wire;
    }

    /// <summary>A task as it is described.</summary>
    public static TaskDescription FromWire(this V1.Task wire) => new(
        wire.Name, wire.Summary, wire.HasDataSet ? wire.DataSet : null, [.. wire.Settings.Select(setting => new SettingDescription(setting.Name, setting.Kind, setting.Default, setting.Range, setting.Meaning))]);
}
