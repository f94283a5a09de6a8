using Granary.Training.Runs;
using Granary.Training.Tasks;
using Granary.Training.Wording;

namespace Granary.Training.Checkpoints;

/// <summary>A model as a folder that Hugging Face's transformers open: <c>granary export --format huggingface</c>.</summary>
public static class HuggingFaceFolder
{
    private const string MeanEnd = ".running_mean", BatchCount = ".num_batches_tracked";

    /// <summary>Writes it.</summary>
    /// <param name="folder">A new folder, or an empty one.</param>
    /// <param name="spec">The run's, with all its settings.</param>
    /// <param name="steps">Updates that the model has had.</param>
    /// <exception cref="UserErrorException">The folder holds something, or transformers have no such network.</exception>
    /// <exception cref="IOException"/>
    public static void Write(string folder, TrainingSpec spec, ReplicaState state, HuggingFaceFormat format, long steps)
    {
        if (File.Exists(folder) || (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any()))
        {
            throw new UserErrorException($"'{folder}' is there already. Name a new folder.");
        }
        var files = format.FilesOf(spec, state);
        var theirs = new WeightMap(format.Names.Select(Backwards));
        var (tensors, counts) = (new List<StateTensor>(), new Dictionary<string, long>());
        foreach (var tensor in state.Tensors.Where(tensor => tensor.Kind == StateKind.Model))
        {
            tensors.Add(Renamed(tensor, theirs.NameInModel(tensor.Name)!));
            if (tensor.Name.EndsWith(MeanEnd, StringComparison.Ordinal))
            {
                counts.Add(tensors[^1].Name[..^MeanEnd.Length] + BatchCount, steps);
            }
        }
        Directory.CreateDirectory(folder);
        using (var stream = File.Create(Path.Combine(folder, CheckpointStore.ModelFile)))
        {
            Safetensors.Write(stream, tensors, counts);
        }
        foreach (var (name, content) in files)
        {
            File.WriteAllBytes(Path.Combine(folder, name), content);
        }
    }

    private static string Backwards(string rule) => rule.Split('=') is [var theirs, var ours] ? $"?{ours}={theirs}" : throw new ArgumentException($"'{rule}' is no rule from=to.");

    private static unsafe StateTensor Renamed(StateTensor tensor, string name) => new(name, tensor.Shape, tensor.Kind, tensor.Pointer);
}
