namespace Granary.Training.Files;

/// <summary>Where a path leads when every link on it has been followed.</summary>
internal static class RealPath
{
    /// <summary>As many as Linux follows.</summary>
    private const int MostLinks = 40;

    /// <param name="path">From the root of the file system on. What is not there is taken by its name.</param>
    /// <exception cref="IOException">Links lead in a circle.</exception>
    public static string Of(string path)
    {
        var real = Path.GetPathRoot(path)!;
        var ahead = Parts(path);
        for (var links = 0; ahead.TryPop(out var part);)
        {
            if (part == "..")
            {
                real = Path.GetDirectoryName(real) ?? real;
            }
            else if (new FileInfo(Path.Combine(real, part)).LinkTarget is { } target)
            {
                if (++links > MostLinks)
                {
                    throw new IOException($"More than {MostLinks} links lead from one to another.");
                }
                real = Path.IsPathRooted(target) ? Path.GetPathRoot(target)! : real;
                foreach (var next in Parts(target).Reverse())
                {
                    ahead.Push(next);
                }
            }
            else
            {
                real = Path.Combine(real, part);
            }
        }
        return real;
    }

    /// <summary>The first is on top.</summary>
    private static Stack<string> Parts(string path) => new(path[Path.GetPathRoot(path)!.Length..]
        .Split([Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar], StringSplitOptions.RemoveEmptyEntries).Where(part => part != ".").Reverse());
}
