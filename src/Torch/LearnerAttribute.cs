using Granary.Training.Tasks;

namespace Granary.Torch;

/// <summary>Names a <see cref="Learner"/> as a task.</summary>
/// <param name="name">What users type, lower-case, such as <c>lm</c>.</param>
/// <param name="summary">One line for the list of tasks.</param>
public sealed class LearnerAttribute(string name, string summary) : TaskFactoryAttribute
{
    /// <summary>What users type.</summary>
    public string Name { get; } = name;

    /// <summary>One line for the list of tasks.</summary>
    public string Summary { get; } = summary;

    /// <summary>The public data set it is usually trained on, such as <c>mnist</c>. Default: none.</summary>
    public string? DataSet { get; init; }

    /// <summary>An <see cref="IDataFormat"/>: what the data look like. Default: a file, or all files of a folder.</summary>
    public Type? Data { get; init; }

    /// <summary>A <see cref="HuggingFaceFormat"/>: how transformers keep such a model. Default: they do not know it.</summary>
    public Type? HuggingFace { get; init; }

    /// <summary>See <see cref="ITrainingTask.InitMap"/>. Default: none.</summary>
    public string[] InitMap { get; init; } = [];

    /// <summary>Passes over the data unless a run says otherwise. Default: 1.</summary>
    public double Epochs { get; init; } = 1;

    /// <inheritdoc/>
    public override ITrainingTask Create(Type marked) => new LearnerTask(marked, this);
}

/// <summary>A kind of data that learners read.</summary>
public interface IDataFormat
{
    /// <summary>The files that training reads, whose content the result depends on.</summary>
    /// <param name="path">Of a file or a folder.</param>
    /// <exception cref="TrainingDataException">There is nothing of the kind.</exception>
    static abstract IReadOnlyList<string> FilesAt(string path);
}
