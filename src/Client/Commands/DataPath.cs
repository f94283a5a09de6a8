using Granary.Client.Views;
using Granary.Training;
using Granary.Training.Tasks;

namespace Granary.Client.Commands;

/// <summary>Where a task's data lie.</summary>
internal static class DataPath
{
    /// <summary>
    /// What was asked for: a path, or the name of a data set in the folder. Else the task's own data set in the folder, if
    /// there. Else <see langword="null"/>: built-in data.
    /// </summary>
    /// <exception cref="TrainingDataException">What was asked for does not exist.</exception>
    /// <param name="dataSet">The task's own.</param>
    public static string? Resolve(string? asked, string? dataSet)
    {
        if (asked is not null)
        {
            return Resolve(asked);
        }
        var folder = EnvironmentVariable.Read(EnvironmentVariable.Data);
        return folder is not null && dataSet is { } name && Exists(Path.Combine(folder, name)) is { } own ? own : null;
    }

    /// <summary>A path, or the name of a data set in the folder.</summary>
    /// <exception cref="TrainingDataException">It does not exist.</exception>
    public static string Resolve(string asked)
    {
        var folder = EnvironmentVariable.Read(EnvironmentVariable.Data);
        return Exists(asked)
            ?? (folder is null ? null : Exists(Path.Combine(folder, asked)))
            ?? throw new TrainingDataException($"There are no data at {Path.GetFullPath(asked)}{(folder is null ? "" : $", nor in {folder} ({EnvironmentVariable.Data})")}. Known public data sets can be fetched: granary data get NAME");
    }

    private static string? Exists(string path)
    {
        using var reminder = new Reminder($"{path} to be looked for");
        return File.Exists(path) || Directory.Exists(path) ? Path.GetFullPath(path) : null;
    }
}
