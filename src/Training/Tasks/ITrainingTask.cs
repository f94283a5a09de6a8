namespace Granary.Training.Tasks;

/// <summary>What can be trained: a model, its data, its loss and its measure. Found by reflection; a new task is one new file.</summary>
public interface ITrainingTask
{
    /// <summary>The name users type, lower-case, such as <c>lm</c>.</summary>
    string Name { get; }

    /// <summary>One line for the list of tasks.</summary>
    string Summary { get; }

    /// <summary>The public data set it is usually trained on, such as <c>mnist</c>; <see langword="null"/>: none.</summary>
    string? DataSet => null;

    /// <summary>The settings record: every property carries a <see cref="SettingAttribute"/> and its default value.</summary>
    Type Settings { get; }

    /// <summary>Loads the data and builds a replica at step 0. The same spec gives the same bits on every call.</summary>
    /// <exception cref="TrainingDataException">The data are missing, truncated or of another kind.</exception>
    ITrainingReplica CreateReplica(TrainingSpec spec);
}

/// <summary>The data of a run cannot be used. The message names the path and the cure.</summary>
public class TrainingDataException(string message, Exception? inner = null) : Exception(message, inner);
