using Granary.Training.Files;
using Granary.Training.Tasks;

namespace Granary.Torch.Data;

/// <summary>Tells whether files that were read are still the same ones.</summary>
internal static class FileStamps
{
    /// <summary>The path, length and time of each, in one text.</summary>
    /// <exception cref="TrainingDataException">One has gone.</exception>
    public static string Of(IEnumerable<string> paths)
    {
        try
        {
            return string.Join('\n', paths.Select(path => $"{path} {FileStamp.Of(path)}"));
        }
        catch (FileNotFoundException error)
        {
            throw new TrainingDataException(error.Message, error);
        }
    }
}
