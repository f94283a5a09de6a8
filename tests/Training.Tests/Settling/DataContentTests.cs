using System.Security.Cryptography;
using Granary.Tests.Fakes;
using Granary.Training.Settling;
using Granary.Training.Tasks;

namespace Granary.Training.Tests.Settling;

public sealed class DataContentTests : IDisposable
{
    private static readonly ITrainingTask task = new PointsTask();
    private readonly string folder = Directory.CreateTempSubdirectory("granary-tests-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Data_OfARun_AreToldByTheHashOfEachFile()
    {
        Write("a.txt", "one");
        Write("deep/b.txt", "two");
        Write(".hidden", "x");
        var found = DataContent.Confirm(Spec(), task);
        Assert.Equal(["a.txt", Path.Combine("deep", "b.txt")], found.Keys);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData("one"u8)), found["a.txt"]);
    }

    [Fact]
    public void Data_ThatDiffer_AreRefusedByTheFilesName()
    {
        Write("a.txt", "one");
        Write("b.txt", "two");
        var begun = Spec() with { DataFiles = DataContent.Confirm(Spec(), task) };
        Write("b.txt", "tow");
        Assert.Contains($"'{In("b.txt")}' is not what the run began with", Refusal(begun));
        File.Delete(In("b.txt"));
        Assert.Contains("reads 'b.txt'", Refusal(begun));
        Write("b.txt", "two");
        Assert.Equal(begun.DataFiles, DataContent.Confirm(begun, task));
        Write("c.txt", "three");
        Assert.Contains("'c.txt' has been added", Refusal(begun));
    }

    [Fact]
    public void File_WithTheSameContentUnderAnotherName_IsTheSameData()
    {
        Write("text8", "one two");
        var begun = Spec("text8") with { DataFiles = DataContent.Confirm(Spec("text8"), task) };
        File.Move(In("text8"), In("wiki"));
        Assert.Single(DataContent.Confirm(begun with { Data = In("wiki") }, task));
    }

    [Fact]
    public void File_ThatIsEmptyOrNoPlainFile_IsRefused()
    {
        Write("empty", "");
        Assert.Contains("is empty.", Refusal(Spec("empty")));
        Assert.Contains("'/dev/zero' is a device, not a file.", Refusal(new() { Task = "points", Data = "/dev/zero" }));
        Assert.Contains("There is nothing at", Refusal(Spec("nowhere")));
    }

    [Fact]
    public void Data_OfVeryManyFiles_AreToldAsOne()
    {
        for (var i = 0; i < 100; i++)
        {
            Write($"{i}.png", $"{i}");
        }
        var begun = Spec() with { DataFiles = DataContent.Confirm(Spec(), task) };
        Assert.Equal(["100 files"], begun.DataFiles.Keys);
        Write("5.png", "6");
        Assert.Contains("100 files' is not what the run began with", Refusal(begun));
    }

    [Fact]
    public void FilesThatASettingNames_BelongToTheRun_AsItsDataDo()
    {
        Write("vectors.txt", "one");
        var spec = new TrainingSpec { Task = "naming", Settings = new Dictionary<string, string> { ["vectors"] = In("vectors.txt"), ["other"] = "" } };
        var begun = spec with { SettingFiles = DataContent.ConfirmSettings(spec, new NamingTask()) };
        Assert.Equal(["vectors/vectors.txt"], begun.SettingFiles.Keys);
        Write("vectors.txt", "two");
        Assert.Contains("vectors.txt' is not what the run began with", Assert.Throws<TrainingDataException>(() => DataContent.ConfirmSettings(begun, new NamingTask())).Message);
    }

    private string Refusal(TrainingSpec spec) => Assert.Throws<TrainingDataException>(() => DataContent.Confirm(spec, task)).Message;

    private TrainingSpec Spec(string? file = null) => new() { Task = "points", Data = file is null ? folder : In(file) };

    private string In(string name) => Path.Combine(folder, name);

    private void Write(string name, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(In(name))!);
        File.WriteAllText(In(name), text);
        // Of the same length and, on a coarse clock, of the same moment as before.
        File.SetLastWriteTimeUtc(In(name), DateTime.UtcNow.AddSeconds(Random.Shared.Next(1, 1_000_000)));
    }
}
