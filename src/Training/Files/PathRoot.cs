using Granary.Training.Wording;

namespace Granary.Training.Files;

/// <summary>A path leads where a run may not read or write. The message names the root and the cure.</summary>
public sealed class PathRootException(string message) : Exception(message);

/// <summary>
/// A folder below which everything lies that others name: they say where by names relative to it. Links are followed to where they
/// lead, every one on the way, before anything is compared; the root itself may be one.
/// </summary>
public sealed class PathRoot
{
    private const int LongestName = 4096;
    private readonly string folder;

    /// <param name="setting">The setting that gives the folder, for the complaint.</param>
    /// <param name="folder">From the root of the file system on.</param>
    public PathRoot(string setting, string folder) => (Setting, this.folder) = (setting, Path.TrimEndingDirectorySeparator(folder));

    /// <summary>The setting that gives the folder.</summary>
    public string Setting { get; }

    /// <inheritdoc/>
    public override string ToString() => $"{Setting} ({folder} on the silos)";

    /// <summary>The whole path that a name stands for, without the links below the root. Nothing needs to be there yet.</summary>
    /// <param name="what">What the name is for, for the complaint.</param>
    /// <exception cref="PathRootException">It is not relative, has control characters, or leads out of the root or to the root itself.</exception>
    public string Resolve(string what, string name)
    {
        if (name.Length is 0 or > LongestName || name.Any(char.IsControl))
        {
            throw Refused(what, name, $"it takes 1 to {LongestName} letters, none of them a control character");
        }
        if (Path.IsPathRooted(name))
        {
            throw Refused(what, name, $"paths are relative to {this}. {Relative(name)}");
        }
        return name.Split(Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar).Contains("..")
            ? throw Refused(what, name, $"'..' may lead out of {this}. Write the path from there on.")
            : Confirm(what, Path.Combine(folder, name), name);
    }

    /// <summary>Whether a whole path leads below the root.</summary>
    internal bool Holds(string path) => Below(RealPath.Of(path)) is not null;

    /// <summary>The whole path, without the links below the root.</summary>
    /// <inheritdoc cref="Resolve"/>
    public string Confirm(string what, string path) => Confirm(what, path, path);

    private string Confirm(string what, string path, string name)
    {
        try
        {
            // By the root's own name: on other machines it may be a link to another place, or none.
            return Below(RealPath.Of(path)) is { } rest ? Path.Combine(folder, rest) : throw Refused(what, name, $"it does not lead below {this}. Take a name below it, and no link that leads out.");
        }
        catch (Exception error) when (error.IsStorageFault())
        {
            throw Refused(what, name, $"it cannot be followed below {this}: {error.Message}");
        }
    }

    /// <summary>The path from the root on; <see langword="null"/>: it is not below it.</summary>
    private string? Below(string real)
    {
        var root = RealPath.Of(folder);
        var start = Path.EndsInDirectorySeparator(root) ? root : root + Path.DirectorySeparatorChar;
        return real.Length > start.Length && real.StartsWith(start, StringComparison.Ordinal) ? real[start.Length..] : null;
    }

    private string Relative(string path) => Path.GetFullPath(path) is var whole && whole.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal)
        ? $"Write '{Shown.Value(Path.GetRelativePath(folder, whole))}'."
        : "Write the path from there on.";

    private static PathRootException Refused(string what, string name, string why) => new($"'{what}' cannot be '{Shown.Value(name)}': {why}");
}
