using System.Text.Json;
using Granary.Client.Commands;
using Granary.Client.Views;
using Granary.Silo.Diagnosis;

namespace Granary.Cluster.Tests.Client;

public sealed class DoctorTests
{
    private const long MiB = 1 << 20;

    [Fact]
    public async Task Doctor_OnAMachineThatIsWell_SaysSoInALineAFinding()
    {
        var result = await CommandLine.RunProcessAsync("doctor");
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        var lines = result.Output.TrimEnd().Split('\n');
        Assert.All(lines, line => Assert.Matches("^(ok|warning) +[^ ]", line));
        foreach (var said in new[] { "processor", "memory", "open files", "libtorch", "2.10.0, from ", "none missing", "threads=1", "all as expected", "GPUs", "NCCL", "Redis" })
        {
            Assert.Contains(said, result.Output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Doctor_WhoseRedisIsAway_FailsAndTellsTheCure()
    {
        var result = await CommandLine.RunProcessAsync("doctor", "--redis", "127.0.0.1:1", "--json");
        Assert.Equal((1, "granary: Broken: Redis.\n"), (result.ExitCode, result.Error));
        using var findings = JsonDocument.Parse(result.Output);
        var redis = findings.RootElement.EnumerateArray().Single(finding => finding.GetProperty("subject").GetString() == "Redis");
        Assert.Equal("no answer at 127.0.0.1:1: it does not take connections", redis.GetProperty("fact").GetString());
        Assert.Equal("broken", redis.GetProperty("level").GetString());
        Assert.Contains("redis-server", redis.GetProperty("cure").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Cure_StandsBehindTheFact() => Assert.Equal(
        "warning  memory  little. Buy some.\nok       disk    large",
        Screen.Plain(DoctorCommand.List([new("memory", "little", FindingLevel.Warning, "Buy some."), new("disk", "large")])));

    [Theory]
    [InlineData(FindingLevel.Good, 0)]
    [InlineData(FindingLevel.Warning, 0)]
    [InlineData(FindingLevel.Broken, 1)]
    public void ExitCode_IsThatOfTheWorstFinding(FindingLevel level, int exitCode) =>
        Assert.Equal(exitCode, DoctorCommand.Conclude([new("memory", "some", level), new("disk", "large")]));

    [Theory]
    [InlineData(64L, 64L, FindingLevel.Good)]
    [InlineData(64L, 8L, FindingLevel.Warning)]
    public void SharedMemory_IsEnoughOrNot(long size, long free, FindingLevel level) => Assert.Equal(level, MachineFindings.SharedMemoryOf((size * MiB, free * MiB)).Level);

    [Fact]
    public void SharedMemory_ThatIsNotThere_IsNoFailure() => Assert.Equal(FindingLevel.Warning, MachineFindings.SharedMemoryOf(null).Level);

    [Theory]
    [InlineData(256L, FindingLevel.Broken)]
    [InlineData(1024L, FindingLevel.Good)]
    [InlineData(null, FindingLevel.Good)]
    public void OpenFiles_AreEnoughOrNot(long? limit, FindingLevel level) => Assert.Equal(level, MachineFindings.OpenFilesOf(limit).Level);

    [Fact]
    public void Symbols_ThatAreMissing_AreCountedAndSomeNamed()
    {
        Assert.Equal(FindingLevel.Good, LibtorchFindings.SymbolsOf([]).Level);
        var finding = LibtorchFindings.SymbolsOf(["a", "b", "c", "d"]);
        Assert.Equal(FindingLevel.Broken, finding.Level);
        Assert.Equal("4 missing of those that TorchSharp wants of libtorch: a, b, c, ...", finding.Fact);
    }

    [Theory]
    [InlineData(0, null, "none", FindingLevel.Good)]
    [InlineData(0, "570.86.15", "none that this libtorch can use, though there is NVIDIA's driver 570.86.15", FindingLevel.Warning)]
    [InlineData(2, "570.86.15", "2, driver 570.86.15", FindingLevel.Good)]
    public void Gpus_AreToldWithTheirDriver(int count, string? driver, string fact, FindingLevel level)
    {
        var finding = GpuFindings.Gpus(count, driver);
        Assert.Equal((fact, level), (finding.Fact, finding.Level));
    }

    [Theory]
    [InlineData("NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\nGCC version:  gcc version 12.2.0", "550.54.15")]
    [InlineData("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build", "570.86.15")]
    [InlineData("", "of an unknown version")]
    public void Driver_IsFoundInItsFile(string text, string version) => Assert.Equal(version, GpuFindings.VersionIn(text));

    [Fact]
    public void Nccl_ThatIsOfNoUse_IsABreakWithTheCure()
    {
        var found = GpuFindings.Nccl(null, "libnccl.so.2 is NCCL 2.7.8, and 2.18 is the oldest that will do");
        Assert.Equal((FindingLevel.Broken, "Name the file of NCCL 2.18 or later in GRANARY_NCCL, or unset it."), (found.Level, found.Cure));
        Assert.Equal(FindingLevel.Good, GpuFindings.Nccl(null, null).Level);
        Assert.Equal("2.28.9", GpuFindings.Nccl("2.28.9", null).Fact);
    }

    [Theory]
    [InlineData(0.5, 0.1, null)]
    [InlineData(-0.9, 0.1, null)]
    [InlineData(4.0, 3.5, null)] // it may have read its clock when it answered
    [InlineData(4.0, 0.5, "7.2, whose clock is 3.5 s ahead of that of this machine")]
    [InlineData(-2.0, 0.5, "7.2, whose clock is 2.0 s behind that of this machine")]
    public void Clocks_ThatAreApart_AreToldBeyondWhatTheAnswerTook(double ahead, double roundTrip, string? told)
    {
        var finding = RedisFindings.Of("7.2", TimeSpan.FromSeconds(ahead), TimeSpan.FromSeconds(roundTrip));
        Assert.Equal((told ?? "7.2", told is null ? FindingLevel.Good : FindingLevel.Warning), (finding.Fact, finding.Level));
    }
}
