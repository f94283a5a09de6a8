using Granary.Training.Tasks;

namespace Granary.Training.Tests.Settling;

/// <summary>A task whose settings name files.</summary>
internal sealed class NamingTask : ITrainingTask
{
    public string Name => "naming";

    public string Summary => "";

    public Type Settings => typeof(NamingSettings);

    public ITrainingReplica CreateReplica(TrainingSpec spec) => throw new NotSupportedException();
}

internal sealed record NamingSettings
{
    [Setting("of words", IsPath = true)]
    public string Vectors { get; init; } = "";

    [Setting("of other words", IsPath = true)]
    public string Other { get; init; } = "";
}
