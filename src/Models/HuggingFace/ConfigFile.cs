using System.Text.Json;
using System.Text.Json.Nodes;
using Granary.Training.Tasks;

namespace Granary.Models.HuggingFace;

/// <summary>What the formats of several networks have in common.</summary>
internal static class ConfigFile
{
    private static readonly JsonSerializerOptions indented = new() { WriteIndented = true };

    public static byte[] Json(JsonObject content) => JsonSerializer.SerializeToUtf8Bytes(content, indented);

    /// <summary>The shapes of the model's tensors, by name.</summary>
    public static Dictionary<string, long[]> ShapesOf(ReplicaState state) => state.Tensors.Where(tensor => tensor.Kind == StateKind.Model).ToDictionary(tensor => tensor.Name, tensor => tensor.Shape);

    /// <summary>How many layers there are, by names in which a number follows the same beginning.</summary>
    public static string Layers(IEnumerable<string> names, string start) => $"{names.Where(name => name.StartsWith(start, StringComparison.Ordinal)).Select(name => name[start.Length..].Split('.')[0]).Distinct().Count()}";
}
