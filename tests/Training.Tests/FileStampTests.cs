using Granary.Training.Files;

namespace Granary.Training.Tests;

public sealed class FileStampTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Stamp_OfALink_ChangesWithItsFile()
    {
        var (file, link) = (Path.Combine(folder, "file"), Path.Combine(folder, "link"));
        File.WriteAllText(file, "one");
        File.CreateSymbolicLink(link, file);
        var before = FileStamp.Of(link);
        Assert.Equal(3, before.Length);
        File.WriteAllText(file, "two and a half");
        Assert.NotEqual(before, FileStamp.Of(link));
    }
}
