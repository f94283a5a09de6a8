using Granary.Tests.Fakes;
using Granary.Training.Runs;
using Granary.Training.Settling;
using Granary.Training.Tasks;

namespace Granary.Training.Tests.Runs;

public sealed class SpecRulesTests
{
    private static readonly TaskCatalog tasks = new([new PointsTask()]);
    private static readonly RunSpec good = new() { RunId = "a-1", Task = "points", Output = "/runs/a", Steps = 10, Workers = 2 };

    public static TheoryData<string, RunSpec> Wrong => new()
    {
        { "'id' cannot be ''", good with { RunId = "" } },
        { "'id' cannot be '?[2J'", good with { RunId = "\u001b[2J" } },
        { "'id' cannot be '../x'", good with { RunId = "../x" } },
        { "'id' cannot be 'xxxx", good with { RunId = new('x', 100_000) } },
        { "'output' cannot be ''", good with { Output = "" } },
        { "'output' cannot be 'runs/a': it takes a path from the root on", good with { Output = "runs/a" } },
        { "'output' cannot be '/runs/?'", good with { Output = "/runs/\0" } },
        { "'data' cannot be 'text8'", good with { Data = "text8" } },
        { "'steps' cannot be '-5': it takes 1 to 1000000000000", good with { Steps = -5 } },
        { "'steps' cannot be '0'", good with { Steps = 0 } },
        { "'steps' cannot be '9223372036854775807'", good with { Steps = long.MaxValue } },
        { "'epochs' cannot be 'NaN'", good with { Steps = null, Epochs = double.NaN } },
        { "'epochs' cannot be 'Infinity'", good with { Steps = null, Epochs = double.PositiveInfinity } },
        { "'epochs' cannot be '0'", good with { Steps = null, Epochs = 0 } },
        { "A run has steps or epochs, not both.", good with { Epochs = 1 } },
        { "'shards' cannot be '2147483647': it takes 1 to 4096", good with { Shards = int.MaxValue } },
        { "'shards' cannot be '0'", good with { Shards = 0 } },
        { "'workers' cannot be '5': it takes 1 to 4: a worker needs a shard at least.", good with { Workers = 5 } },
        { "'workers' cannot be '0'", good with { Workers = 0 } },
        { "'min-workers' cannot be '3': it takes 0 to 2", good with { MinWorkers = 3 } },
        { "'keep' cannot be '-1': it takes 1 to", good with { Keep = -1 } },
        { "'checkpoint-every' cannot be '-1'", good with { CheckpointEvery = -1 } },
        { "'verify-every' cannot be '0': it takes 1 to", good with { VerifyEvery = 0 } },
        { "'histograms-every' cannot be '-1': it takes 0 to", good with { HistogramsEvery = -1 } },
        { "'exchange' cannot be '77': it takes PeerToPeer or Coordinator", good with { Exchange = (ExchangeKind)77 } },
        { "'size' cannot be", good with { Settings = new Dictionary<string, string> { ["size"] = new('9', 5000) } } },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void Spec_WithAWrongValue_IsRefusedByName(string message, RunSpec spec)
    {
        var refused = Assert.ThrowsAny<Exception>(() => SpecSettlement.Settle(spec, tasks, new Dictionary<string, string>()));
        Assert.True(refused is SpecException or TaskSettingException, $"{refused}");
        Assert.Contains(message, refused.Message);
        Assert.DoesNotContain(refused.Message, char.IsControl);
        Assert.InRange(refused.Message.Length, 1, 600);
    }

    [Fact]
    public void Spec_Settled_HasItsSettingsItsVersionsAndNothingElseChanged()
    {
        var settled = SpecSettlement.Settle(good, tasks, new Dictionary<string, string> { ["granary"] = "1.2.3" });
        Assert.Equal("1000", settled.Settings["size"]);
        Assert.Equal("1.2.3", settled.Versions["granary"]);
        Assert.True(settled.AsksTheSameAs(SpecSettlement.Settle(settled, tasks, settled.Versions)));
        Assert.False(settled.AsksTheSameAs(settled with { Keep = 4 }));
        Assert.True(settled.AsksTheSameAs(RunSpec.FromJson(settled.ToJson())));
    }

    [Theory]
    [InlineData("/a/first")]
    [InlineData("/b/first/")]
    [InlineData("/")]
    [InlineData("r[1]")]
    [InlineData("..")]
    public void Name_OfARun_IsAnIdThatNoOtherHas(string path)
    {
        var name = RunNames.New(path);
        SpecRules.CheckId(name);
        Assert.NotEqual(name, RunNames.New(path));
    }
}
