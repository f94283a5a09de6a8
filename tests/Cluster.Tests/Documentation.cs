namespace Granary.Cluster.Tests;

/// <summary>The pages of the documentation, and what they show between fences.</summary>
internal static class Documentation
{
    private const string Fence = "```";

    /// <summary>The pages that have blocks in a language.</summary>
    public static TheoryData<string> PagesWith(string language) =>
    [
        .. Directory.EnumerateFiles(Repository.PathOf("docs"), "*.md", SearchOption.AllDirectories).Append(Repository.PathOf("README.md"))
            .Select(path => Path.GetRelativePath(Repository.Root, path)).Where(page => BlocksOf(page, language).Count > 0),
    ];

    /// <summary>A page's blocks in a language, each with the number of the line on which it begins.</summary>
    public static IReadOnlyList<(int Line, string[] Text)> BlocksOf(string page, string language)
    {
        var lines = Repository.Read(page).Split('\n');
        return [.. lines.Index().Where(line => line.Item == Fence + language).Select(line => (line.Index + 2, lines[(line.Index + 1)..Array.IndexOf(lines, Fence, line.Index)]))];
    }
}
