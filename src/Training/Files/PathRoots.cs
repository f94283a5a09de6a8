using Granary.Training.Wording;

namespace Granary.Training.Files;

/// <summary>Where a silo lets runs read and write that others have asked for.</summary>
/// <param name="data">What runs read.</param>
/// <param name="runs">What runs write. They may read there, too: the weights of another run, say.</param>
public sealed class PathRoots(PathRoot data, PathRoot runs)
{
    /// <summary>The run directory that is meant by a name.</summary>
    /// <inheritdoc cref="PathRoot.Resolve"/>
    public string Output(string what, string name) => runs.Resolve(what, name);

    /// <summary>The file or folder to be read that is meant by a name: below the data, or else below the runs.</summary>
    /// <inheritdoc cref="PathRoot.Resolve"/>
    public string Input(string what, string name) => new[] { data.Resolve(what, name), runs.Resolve(what, name) }.FirstOrDefault(Path.Exists)
        ?? throw new PathRootException($"'{what}' cannot be '{Shown.Value(name)}': nothing of that name lies below {data}, nor below {runs}.");

    /// <summary>Refuses a run directory that leads out, by itself or by what lies in it: somebody may have put links there.</summary>
    /// <exception cref="PathRootException"/>
    public void ConfirmOutput(string what, string directory)
    {
        runs.Confirm(what, directory);
        foreach (var link in new DirectoryInfo(directory) is { Exists: true } folder ? LinksIn(folder, deeper: true) : [])
        {
            runs.Confirm(what, link);
        }
    }

    /// <summary>Refuses what is to be read and leads out: a file, or a folder by itself or by one of these files in it.</summary>
    /// <exception cref="PathRootException"/>
    public void ConfirmInput(string what, string path, IEnumerable<string> files)
    {
        var confirmed = new HashSet<string>(StringComparer.Ordinal);
        foreach (var one in files.Prepend(path))
        {
            // Many files of few folders: each folder is followed once.
            if ((confirmed.Add(Path.GetDirectoryName(one)!) || new FileInfo(one).LinkTarget is not null) && !data.Holds(one))
            {
                runs.Confirm(what, one);
            }
        }
    }

    private static IEnumerable<string> LinksIn(DirectoryInfo folder, bool deeper) => folder.EnumerateFileSystemInfos().SelectMany(entry =>
        entry.LinkTarget is not null ? [entry.FullName] : deeper && entry is DirectoryInfo inner ? LinksIn(inner, deeper: false) : []);
}
