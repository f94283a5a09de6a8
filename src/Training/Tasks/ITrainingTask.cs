using Granary.Training.Wording;

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

    /// <summary>
    /// Whether a step depends on how many there are in all, as with a learning rate that falls until the last one. A run that is
    /// resumed with another end then takes another course than one begun with it. Default: no.
    /// </summary>
    bool EndMatters(TrainingSpec spec) => false;

    /// <summary>The files that training reads of these data, whose content the result depends on.</summary>
    /// <param name="data">The path of a file or a folder. Default: the file itself, or all files below the folder that are not hidden.</param>
    /// <exception cref="TrainingDataException">There is nothing of the kind that the task wants.</exception>
    IReadOnlyList<string> DataFiles(string data) => TaskData.FilesAt(data);

    /// <summary>What its models can be used for: interfaces such as <see cref="IPredictor"/> that <see cref="ITrainingReplica.Model"/> has. Default: none is known.</summary>
    IReadOnlyList<Type> Uses => [];

    /// <summary>
    /// Which tensor of the weights that a run begins with becomes which of the model, where the run gives no rules of its own: that the last
    /// layer of a classifier begins anew, say. See <see cref="Runs.WeightMap"/>. Default: none.
    /// </summary>
    IReadOnlyList<string> InitMap => [];

    /// <summary>How Hugging Face's transformers keep such a model: names that <c>--init</c> understands and <c>granary export</c> writes. Default: they do not know it.</summary>
    HuggingFaceFormat? HuggingFace => null;

    /// <summary>The settings record: every property carries a <see cref="SettingAttribute"/> and its default value.</summary>
    Type Settings { get; }

    /// <summary>Loads the data and builds a replica at step 0. The same spec gives the same bits on every call.</summary>
    /// <exception cref="TrainingDataException">The data are missing, truncated or of another kind.</exception>
    ITrainingReplica CreateReplica(TrainingSpec spec);

    /// <summary>Whether its replicas can live on other devices than the processor. Default: no.</summary>
    bool UsesDevices => false;

    /// <summary>The same on a device, such as <c>cuda:0</c>. A task that does not use devices trains on the processor all the same.</summary>
    /// <exception cref="TaskSettingException">There is no such device here, or the settings ask for what it lacks.</exception>
    ITrainingReplica CreateReplica(TrainingSpec spec, string device) => CreateReplica(spec);

    /// <summary>
    /// Builds a replica for a model that is trained already. Its data may be gone or have changed: what training derived from
    /// them comes from the assets, and they are loaded only when an evaluation or training asks for them.
    /// </summary>
    /// <param name="spec">The run's spec, except that its data may be others to be measured on.</param>
    /// <param name="asset">Gives an asset of the model by name.</param>
    /// <returns><see langword="null"/>, the default: it is built as for training, with its data, which must be what they were.</returns>
    /// <exception cref="Checkpoints.CheckpointException">An asset is missing or damaged.</exception>
    ITrainingReplica? OpenReplica(TrainingSpec spec, Func<string, byte[]> asset) => null;
}

/// <summary>The data of a run cannot be used. The message names the path and the cure.</summary>
public class TrainingDataException(string message, Exception? inner = null) : Exception(Shown.OneLine(message), inner);
