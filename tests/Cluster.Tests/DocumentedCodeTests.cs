namespace Granary.Cluster.Tests;

/// <summary>Code in the documentation is code that is built: every block of C# stands, line by line, in a source file of the repository.</summary>
public class DocumentedCodeTests
{
    private const string Language = "csharp";
    private static readonly string[] folders = ["src", "samples", "tests", "bench"];

    public static TheoryData<string> Pages => Documentation.PagesWith(Language);

    [Theory]
    [MemberData(nameof(Pages))]
    public void Code_OfAPage_StandsInASourceFile(string page)
    {
        var sources = folders.SelectMany(folder => Directory.EnumerateFiles(Repository.PathOf(folder), "*.cs", SearchOption.AllDirectories))
            .Where(path => !path.Contains("/obj/", StringComparison.Ordinal)).Select(path => Joined(File.ReadAllLines(path))).ToList();
        foreach (var (line, text) in Documentation.BlocksOf(page, Language))
        {
            Assert.True(sources.Exists(source => source.Contains(Joined(text), StringComparison.Ordinal)), $"{page}, line {line}: this code stands in no source file:\n{string.Join('\n', text)}");
        }
    }

    private static string Joined(IEnumerable<string> lines) => $"\n{string.Join('\n', lines.Select(line => line.Trim()).Where(line => line.Length > 0))}\n";
}
