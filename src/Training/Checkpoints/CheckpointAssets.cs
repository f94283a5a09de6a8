using Granary.Training.Tasks;

namespace Granary.Training.Checkpoints;

/// <summary>A checkpoint's assets: all files of it but those of the tensors.</summary>
public static class CheckpointAssets
{
    /// <summary>The content of an asset.</summary>
    /// <exception cref="CheckpointException">The checkpoint has none of this name.</exception>
    public static byte[] ReadAsset(this Checkpoint checkpoint, string name) => checkpoint.Manifest.Files.ContainsKey(name)
        ? File.ReadAllBytes(PathOf(checkpoint, name))
        : throw new CheckpointException($"{checkpoint.Directory} holds no {name}, without which the model is of no use. Was it written by another version of Granary? Use it with that one, or train anew.");

    /// <summary>Tensors that fit are not enough: a word's vector is the right one only with the vocabulary that it was trained with.</summary>
    /// <exception cref="CheckpointException">The state's assets are not the checkpoint's, byte for byte.</exception>
    internal static void DemandAssetsOf(this Checkpoint checkpoint, ReplicaState state)
    {
        foreach (var (name, content) in state.Assets)
        {
            if (!checkpoint.ReadAsset(name).AsSpan().SequenceEqual(content))
            {
                throw new CheckpointException($"{PathOf(checkpoint, name)} is not what the run's data give now: they are not those it was trained on. Bring these back, or begin a new run.");
            }
        }
        if (checkpoint.Manifest.Files.Keys.Except([CheckpointStore.ModelFile, CheckpointStore.TrainingFile, .. state.Assets.Keys]).FirstOrDefault() is { } surplus)
        {
            throw new CheckpointException($"{PathOf(checkpoint, surplus)} is nothing that task '{checkpoint.Manifest.Spec.Task}' knows. Was it written by another version of Granary? Use it with that one, or train anew.");
        }
    }

    /// <exception cref="ArgumentException">The state has an asset with the name of a file that every checkpoint has.</exception>
    internal static void DemandNames(ReplicaState state)
    {
        if (state.Assets.Keys.FirstOrDefault(name => name is CheckpointManifest.FileName or CheckpointStore.ModelFile or CheckpointStore.TrainingFile) is { } taken)
        {
            throw new ArgumentException($"An asset cannot be named '{taken}': every checkpoint has a file of that name.");
        }
    }

    private static string PathOf(Checkpoint checkpoint, string name) => Path.Combine(checkpoint.Directory, name);
}
