using Granary.Contracts;
using Granary.Training.Runs;

namespace Granary.Cluster.Tests;

public sealed class WireTests
{
    private static readonly RunSpec spec = new() { RunId = "a", Task = "lm", Output = "/runs/a", Keep = 7, VerifyEvery = 9, HistogramsEvery = 11, Epochs = 1.5, Data = "/data", DataFiles = new Dictionary<string, string> { ["a.txt"] = "00" } };

    public static TheoryData<RunState> States => [.. Enum.GetValues<RunState>()];

    [Theory]
    [MemberData(nameof(States))]
    public void State_OverTheWire_KeepsItsName(RunState state)
    {
        var wire = new RunStatus { Spec = spec, State = state }.ToWire();
        Assert.Equal($"{state}", $"{wire.State}");
        Assert.Equal(state, wire.FromWire().State);
    }

    [Theory]
    [InlineData(ExchangeKind.PeerToPeer)]
    [InlineData(ExchangeKind.Coordinator)]
    public void Spec_OverTheWire_IsTheSame(ExchangeKind exchange)
    {
        var sent = spec with { Exchange = exchange, Resume = true, Priority = -3, Seed = ulong.MaxValue };
        Assert.True(sent.AsksTheSameAs(sent.ToWire().FromWire()));
    }

    [Fact]
    public void Value_OfANewerVersion_IsRefusedByName()
    {
        var wire = spec.ToWire();
        wire.Exchange = (V1.Exchange)77;
        Assert.Contains("No ExchangeKind is named '77'", Assert.Throws<SpecException>(() => wire.FromWire()).Message);
    }
}
