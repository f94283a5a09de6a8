using System.Text.Json;
using System.Text.Json.Nodes;

namespace Granary.Models.HuggingFace;

/// <summary>What the formats of several networks have in common.</summary>
internal static class ConfigFile
{
    private static readonly JsonSerializerOptions indented = new() { WriteIndented = true };

    public static byte[] Json(JsonObject content) => JsonSerializer.SerializeToUtf8Bytes(content, indented);

    /// <summary>How many layers there are, by names in which a number follows the same beginning.</summary>
    public static string Layers(IEnumerable<string> names, string start) => $"{names.Where(name => name.StartsWith(start, StringComparison.Ordinal)).Select(name => name[start.Length..].Split('.')[0]).Distinct().Count()}";
}
