using Granary.Training.Tasks;

namespace Granary.Torch;

/// <summary>What a learner is made for: a run's training, or the use of a model that is trained already.</summary>
public sealed class LearnerContext
{
    private readonly Func<string, byte[]>? asset;

    /// <param name="defaultEpochs">Passes over the data where the spec names neither steps nor epochs.</param>
    /// <param name="asset">Gives an asset of a trained model by name; <see langword="null"/>: the model is to be trained.</param>
    public LearnerContext(TrainingSpec spec, double defaultEpochs, Func<string, byte[]>? asset = null)
    {
        (Spec, DefaultEpochs, this.asset) = (spec, defaultEpochs, asset);
    }

    /// <summary>The run's spec; for a model that is used, with the data that it is to be measured on.</summary>
    public TrainingSpec Spec { get; }

    /// <summary>Passes over the data where the spec names neither steps nor epochs.</summary>
    public double DefaultEpochs { get; }

    /// <summary>Whether the model is trained already. Its data may then be gone: only measuring and training may ask for them.</summary>
    public bool ForUse => asset is not null;

    /// <summary>A file that belongs to the trained model; see <see cref="Learner.Assets"/>.</summary>
    /// <exception cref="InvalidOperationException">The model is to be trained, and has none yet.</exception>
    public byte[] Asset(string name) => asset is not null ? asset(name) : throw new InvalidOperationException($"A model that is to be trained has no {name} yet.");
}
