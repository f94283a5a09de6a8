namespace Granary.Training.Tasks;

/// <summary>A task as users see it.</summary>
/// <param name="Summary">One line.</param>
/// <param name="DataSet">The public data set that it is usually trained on; <see langword="null"/>: none.</param>
public sealed record TaskDescription(string Name, string Summary, string? DataSet, IReadOnlyList<SettingDescription> Settings)
{
    /// <summary>What users see of a task.</summary>
    public static TaskDescription Of(ITrainingTask task) => new(task.Name, task.Summary, task.DataSet, TaskSettings.Describe(task));
}
