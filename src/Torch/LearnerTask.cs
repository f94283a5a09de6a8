using System.Reflection;
using Granary.Torch.Devices;
using Granary.Training.Optimization;
using Granary.Training.Tasks;

namespace Granary.Torch;

/// <summary>A learner as a task, under the name that its attribute gives.</summary>
public sealed class LearnerTask : ITrainingTask
{
    private readonly Type learner;
    private readonly LearnerAttribute named;
    private readonly Func<string, IReadOnlyList<string>> files;

    internal LearnerTask(Type learner, LearnerAttribute named)
    {
        (this.learner, this.named) = (learner, named);
        Settings = SettingsOf(learner);
        if (learner.IsAbstract || learner.GetConstructor([typeof(LearnerContext)]) is null)
        {
            throw new ArgumentException($"{learner.Name}, the learner '{named.Name}', needs a public constructor that takes a {nameof(LearnerContext)} and nothing else.");
        }
        if (named.Name.Length == 0 || !named.Name.All(letter => char.IsAsciiLetterLower(letter) || char.IsAsciiDigit(letter) || letter == '-'))
        {
            throw new ArgumentException($"{learner.Name} cannot be named '{named.Name}': a learner's name takes lower-case letters, digits and hyphens, as users type it.");
        }
        TaskSettings.CheckDeclared(Settings);
        HuggingFace = named.HuggingFace is null ? null : Activator.CreateInstance(named.HuggingFace) as HuggingFaceFormat
            ?? throw new ArgumentException($"{learner.Name}, the learner '{named.Name}', names {named.HuggingFace.Name}, which is no {nameof(HuggingFaceFormat)}.");
        files = named.Data is null ? TaskData.FilesAt : named.Data.IsAssignableTo(typeof(IDataFormat))
            ? typeof(LearnerTask).GetMethod(nameof(FilesAt), BindingFlags.NonPublic | BindingFlags.Static)!.MakeGenericMethod(named.Data).CreateDelegate<Func<string, IReadOnlyList<string>>>()
            : throw new ArgumentException($"{learner.Name}, the learner '{named.Name}', names {named.Data.Name} as its data, which is no {nameof(IDataFormat)}.");
    }

    /// <exception cref="ArgumentException">The class carries no <see cref="LearnerAttribute"/>, or is no learner.</exception>
    public static ITrainingTask Of<TLearner>() where TLearner : Learner => typeof(TLearner).GetCustomAttribute<LearnerAttribute>(inherit: false)?.Create(typeof(TLearner))
        ?? throw new ArgumentException($"{typeof(TLearner).Name} has no name as a task: give the class a [{nameof(LearnerAttribute)[..^"Attribute".Length]}(name, summary)].");

    /// <summary>The learner's class.</summary>
    public override string ToString() => learner.Name;

    /// <inheritdoc/>
    public string Name => named.Name;

    /// <inheritdoc/>
    public string Summary => named.Summary;

    /// <inheritdoc/>
    public string? DataSet => named.DataSet;

    /// <inheritdoc/>
    public IReadOnlyList<string> InitMap => named.InitMap;

    /// <inheritdoc/>
    public HuggingFaceFormat? HuggingFace { get; }

    /// <inheritdoc/>
    public IReadOnlyList<Type> Uses => learner.GetInterfaces();

    /// <inheritdoc/>
    public Type Settings { get; }

    /// <inheritdoc/>
    public bool EndMatters(TrainingSpec spec)
    {
        var settings = (NetworkSettings)TaskSettings.Bind(Settings, spec);
        // The last step has a validation, too.
        return Schedule.DependsOnEnd(settings.Schedule) || settings.Decay < 1 || settings.Patience > 0;
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> DataFiles(string data) => files(Path.GetFullPath(data));

    /// <inheritdoc/>
    public ITrainingReplica CreateReplica(TrainingSpec spec) => CreateReplica(spec, DeviceName.Cpu);

    /// <inheritdoc/>
    public bool UsesDevices => true;

    /// <inheritdoc/>
    public ITrainingReplica CreateReplica(TrainingSpec spec, string device) => CreateReplica(spec, ReplicaDevice.Open(device));

    internal ITrainingReplica CreateReplica(TrainingSpec spec, ReplicaDevice device) => Create(new(spec, named.Epochs), device);

    /// <inheritdoc/>
    public ITrainingReplica OpenReplica(TrainingSpec spec, Func<string, byte[]> asset) => Create(new(spec, named.Epochs, asset), ReplicaDevice.Open(DeviceName.Cpu));

    private LearnerReplica Create(LearnerContext context, ReplicaDevice device)
    {
        var made = (Learner)Activator.CreateInstance(learner, BindingFlags.DoNotWrapExceptions | BindingFlags.Instance | BindingFlags.Public, binder: null, [context], culture: null)!;
        try
        {
            return new(made, device);
        }
        catch
        {
            made.Dispose();
            throw;
        }
    }

    private static IReadOnlyList<string> FilesAt<TFormat>(string path) where TFormat : IDataFormat => TFormat.FilesAt(path);

    private static Type SettingsOf(Type learner)
    {
        for (var type = learner; type is not null; type = type.BaseType)
        {
            if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(Learner<>))
            {
                return type.GetGenericArguments()[0];
            }
        }
        throw new ArgumentException($"{learner.Name} is no {nameof(Learner)}<TSettings>: derive it from one.");
    }
}
