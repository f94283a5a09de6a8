using Granary.Client.Commands;
using Granary.Contracts;
using Granary.Training.Wording;

namespace Granary.Cluster.Tests.Client;

/// <summary>Which run is meant by what stands for it on a command line.</summary>
public sealed class RunArgumentTests
{
    // Newest first, as a cluster lists them.
    private static readonly RunStatus[] runs =
    [
        Run("lm-again", "/runs/mine/lm"), Run("lm-x3k9", "/runs/mine/lm"), Run("mine", "/runs/other"), Run("gpt-ab12", "/runs/gpt"), Run("gpt-ab34", "/elsewhere/gpt"), Run("bert-77", "/runs/mine"),
    ];

    [Theory]
    [InlineData("mine", "mine")] // an id counts for more than a directory
    [InlineData("lm", "lm-again")] // the newest run has the directory
    [InlineData("mine/lm", "lm-again")]
    [InlineData("/runs/mine/lm/", "lm-again")]
    [InlineData("elsewhere/gpt", "gpt-ab34")]
    [InlineData("lm-x", "lm-x3k9")]
    [InlineData("bert", "bert-77")]
    [InlineData("uns/mine", null)]
    [InlineData("77", null)]
    public void Name_StandsForOneRun(string named, string? id) => Assert.Equal(id, RunArgument.IdOf(named, runs));

    [Theory]
    [InlineData("gpt", "'gpt' may be gpt-ab12, gpt-ab34. Give the id of one; see: granary list")]
    [InlineData("lm-", "'lm-' may be lm-again, lm-x3k9. Give the id of one; see: granary list")]
    public void Name_ThatMayBeSeveralRuns_IsRefusedWithThem(string named, string message) =>
        Assert.Equal(message, Assert.Throws<UserErrorException>(() => RunArgument.IdOf(named, runs)).Message);

    [Fact]
    public void Name_ThatMayBeManyRuns_IsRefusedWithSome() =>
        Assert.EndsWith(" run-4, run-5 or 3 more. Give the id of one; see: granary list", Assert.Throws<UserErrorException>(() => RunArgument.IdOf("run", [.. Enumerable.Range(1, 8).Select(number => Run($"run-{number}", $"/runs/{number}"))])).Message, StringComparison.Ordinal);

    private static RunStatus Run(string id, string output) => new() { Spec = new() { RunId = id, Task = "lm", Output = output }, State = RunState.Running };
}
