namespace Granary.Training.Tasks;

/// <summary>
/// How Hugging Face's transformers keep a network that a task trains: what its tensors are called there, and which of the task's settings its
/// <c>config.json</c> tells. A class of this kind has a constructor without parameters.
/// </summary>
public abstract class HuggingFaceFormat
{
    /// <summary>
    /// What transformers call a tensor and what the task does, as rules of <see cref="Runs.WeightMap"/>; read from right to left they name what is
    /// exported. A name that no rule fits is the same in both.
    /// </summary>
    public abstract IReadOnlyList<string> Names { get; }

    /// <summary>More rules for reading: names of older files, and what is of no use to the task. Default: none.</summary>
    public virtual IReadOnlyList<string> OtherNames => [];

    /// <summary>The settings with which the task's network is the one in a folder.</summary>
    /// <exception cref="TrainingDataException">The task has no such network.</exception>
    public abstract IReadOnlyDictionary<string, string> SettingsOf(HuggingFaceConfig config);

    /// <summary>The settings that follow from the shapes of tensors alone: advice where those of a run do not fit.</summary>
    /// <param name="shapes">By the task's own names; some may lack.</param>
    public abstract IReadOnlyDictionary<string, string> SettingsOf(IReadOnlyDictionary<string, long[]> shapes);

    /// <summary>The files beside the weights, by name: <c>config.json</c>, and what transformers read besides.</summary>
    /// <param name="spec">The run's, with all its settings.</param>
    /// <exception cref="Wording.UserErrorException">Transformers have no such network.</exception>
    public abstract IReadOnlyDictionary<string, byte[]> FilesOf(TrainingSpec spec, ReplicaState state);
}
