using Granary.Training.Files;

namespace Granary.Training.Tests;

public sealed class OutputFileTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Path_ThatCanBeWritten_IsLeftAsItIs()
    {
        OutputFile.Check("--out", Path.Combine(folder, "new", "file"));
        Assert.Empty(Directory.GetFiles(Path.Combine(folder, "new")));
        File.WriteAllText(Path.Combine(folder, "old"), "years of work");
        OutputFile.Check("--out", Path.Combine(folder, "old"));
        Assert.Equal("years of work", File.ReadAllText(Path.Combine(folder, "old")));
        OutputFile.Check("--out", "/dev/null");
    }

    [Theory]
    [InlineData("/dev/null/file")]
    [InlineData("/proc/file")]
    [InlineData("/tmp")]
    public void Path_ThatCannotBeWritten_IsNamedWithItsOption(string path)
    {
        var error = Assert.Throws<OutputFileException>(() => OutputFile.Check("--summary", path));
        Assert.StartsWith($"--summary {path} cannot be written: ", error.Message, StringComparison.Ordinal);
    }
}
