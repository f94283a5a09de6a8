using System.Globalization;
using System.Text.RegularExpressions;
using Granary.Training.Files;

namespace Granary.Silo.Directories;

/// <summary>What the file of a sample holds.</summary>
internal enum SampleKind
{
    /// <summary>Plain text, UTF-8 (<c>.txt</c>).</summary>
    Text,

    /// <summary>A PNG file.</summary>
    Picture,

    /// <summary>A table with named rows and columns, such as what was taken for what (<c>.json</c>).</summary>
    Table,
}

/// <summary>Something that a run shows besides numbers.</summary>
/// <param name="Name">Of its file.</param>
/// <param name="Step">After which step it was made: the last number in the name; 0: there is none.</param>
internal sealed record RunSample(string Name, long Step, SampleKind Kind);

/// <summary>The files in <c>samples</c> of a run directory, whoever has written them.</summary>
internal static partial class RunSamples
{
    /// <summary>The folder's name within a run directory.</summary>
    public const string Folder = "samples";

    /// <summary>Of more, the newest are known.</summary>
    public const int Most = 2_000;

    /// <summary>By step, then by name. Links and files of other kinds are passed over.</summary>
    public static IReadOnlyList<RunSample> List(string runDirectory)
    {
        var folder = new DirectoryInfo(Path.Combine(runDirectory, Folder));
        try
        {
            return !folder.Exists || folder.LinkTarget is not null ? [] :
            [
                .. folder.EnumerateFiles().Where(file => file.LinkTarget is null).Select(file => Of(file.Name)).OfType<RunSample>()
                    .OrderBy(sample => sample.Step).ThenBy(sample => sample.Name, StringComparer.Ordinal).TakeLast(Most),
            ];
        }
        catch (Exception error) when (error.IsStorageFault())
        {
            return [];
        }
    }

    /// <summary>The content of one; <see langword="null"/>: there is none of this name.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static (RunSample Sample, FileStream Content)? Open(string runDirectory, string name) =>
        // A name is one of those that are there, or none: nothing that leads elsewhere is ever made a path.
        List(runDirectory).FirstOrDefault(sample => sample.Name == name) is { } found
            ? (found, RegularFile.Open(Path.Combine(runDirectory, Folder, found.Name), followLink: false))
            : null;

    private static RunSample? Of(string name)
    {
        SampleKind? kind = Path.GetExtension(name) switch
        {
            ".txt" => SampleKind.Text,
            ".png" => SampleKind.Picture,
            ".json" => SampleKind.Table,
            _ => null,
        };
        var step = LastNumber().Match(Path.GetFileNameWithoutExtension(name)).Value;
        return kind is { } known ? new(name, long.TryParse(step, CultureInfo.InvariantCulture, out var number) ? number : 0, known) : null;
    }

    [GeneratedRegex(@"[0-9]+(?=[^0-9]*$)")]
    private static partial Regex LastNumber();
}
