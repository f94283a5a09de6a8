namespace Granary.Training.Tasks;

/// <summary>Which files make up a task's data.</summary>
public static class TaskData
{
    /// <summary>The file itself, or all files below the folder that are not hidden, in ordinal order.</summary>
    /// <exception cref="TrainingDataException">There is nothing at the path.</exception>
    public static IReadOnlyList<string> FilesAt(string data)
    {
        if (File.Exists(data))
        {
            return [data];
        }
        if (!Directory.Exists(data))
        {
            throw new TrainingDataException($"There is nothing at '{data}'. Give the path of a file or a folder, as the silo sees it.");
        }
        var visible = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.Hidden | FileAttributes.System };
        return [.. Directory.EnumerateFiles(data, "*", visible).Order(StringComparer.Ordinal)];
    }
}
