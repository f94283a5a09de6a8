namespace Granary.Cluster.Tests;

/// <summary>Code in the documentation is code that is built: every block of C# stands, line by line, in a source file of the repository.</summary>
public class DocumentedCodeTests
{
    private const string Begin = "```csharp", End = "```";
    private static readonly string[] folders = ["src", "samples", "tests", "bench"];

    public static TheoryData<string> Pages =>
        [.. Directory.EnumerateFiles(Repository.PathOf("docs"), "*.md", SearchOption.AllDirectories).Append(Repository.PathOf("README.md")).Where(page => File.ReadAllText(page).Contains(Begin, StringComparison.Ordinal)).Select(page => Path.GetRelativePath(Repository.Root, page))];

    [Theory]
    [MemberData(nameof(Pages))]
    public void Code_OfAPage_StandsInASourceFile(string page)
    {
        var sources = folders.SelectMany(folder => Directory.EnumerateFiles(Repository.PathOf(folder), "*.cs", SearchOption.AllDirectories))
            .Where(path => !path.Contains("/obj/", StringComparison.Ordinal)).Select(path => Joined(File.ReadAllLines(path))).ToList();
        var lines = Repository.Read(page).Split('\n');
        for (var i = Array.IndexOf(lines, Begin); i >= 0; i = Array.IndexOf(lines, Begin, i + 1))
        {
            var block = lines[(i + 1)..Array.IndexOf(lines, End, i)];
            Assert.True(sources.Exists(source => source.Contains(Joined(block), StringComparison.Ordinal)), $"{page}, line {i + 2}: this code stands in no source file:\n{string.Join('\n', block)}");
        }
    }

    private static string Joined(IEnumerable<string> lines) => $"\n{string.Join('\n', lines.Select(line => line.Trim()).Where(line => line.Length > 0))}\n";
}
