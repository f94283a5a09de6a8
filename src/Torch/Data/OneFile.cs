using Granary.Training.Tasks;

namespace Granary.Torch.Data;

/// <summary>A file that a folder may have under one of several names.</summary>
internal static class OneFile
{
    /// <param name="names">In capitals or not.</param>
    /// <returns><see langword="null"/>: there is none.</returns>
    /// <exception cref="TrainingDataException">There are several.</exception>
    public static string? In(string folder, params IEnumerable<string> names)
    {
        var files = Directory.GetFiles(folder).Order(StringComparer.Ordinal).ToLookup(file => Path.GetFileName(file), StringComparer.OrdinalIgnoreCase);
        var found = names.SelectMany(name => files[name]).ToList();
        return found.Count < 2 ? found.FirstOrDefault() : throw new TrainingDataException(
            $"'{folder}' has both {Path.GetFileName(found[0])} and {Path.GetFileName(found[1])}, which are for the same purpose. Leave one there.");
    }
}
