using System.Text.Json;
using Granary.Training.Checkpoints;
using Granary.Training.Tasks;

namespace Granary.Torch.Data;

/// <summary>The names of the classes that a model knows, as a file of its checkpoints.</summary>
public static class ClassNames
{
    private const string FileName = "classes.json";

    /// <summary>What a classifier keeps, see <see cref="ReplicaState.Assets"/>.</summary>
    public static IReadOnlyDictionary<string, byte[]> ToAssets(IReadOnlyList<string> classes) => new Dictionary<string, byte[]> { [FileName] = JsonSerializer.SerializeToUtf8Bytes(classes) };

    /// <summary>The classes that a model was trained with.</summary>
    /// <exception cref="CheckpointException">The file is missing or damaged.</exception>
    public static IReadOnlyList<string> FromAssets(Func<string, byte[]> asset)
    {
        Exception? damage = null;
        try
        {
            if (JsonSerializer.Deserialize<string[]>(asset(FileName)) is { Length: > 0 } classes && classes.All(name => name is not null))
            {
                return classes;
            }
        }
        catch (JsonException error)
        {
            damage = error;
        }
        throw new CheckpointException($"The checkpoint's {FileName} is damaged: it does not list the names of classes. Use another checkpoint, or train anew.", damage);
    }
}
