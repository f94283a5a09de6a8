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
    public void Event_OverTheWire_IsTheSame_AndOfAnOlderServerHasAKind()
    {
        var status = new RunStatus { Spec = spec, State = RunState.Running, Step = 7, LowerIsBetter = true, Started = DateTimeOffset.UnixEpoch };
        foreach (var kind in Enum.GetValues<EventKind>())
        {
            var entry = new RunEvent(3, DateTimeOffset.UnixEpoch, "Something.", status) { Kind = kind };
            var wire = entry.ToWire();
            Assert.Equal((kind, true, DateTimeOffset.UnixEpoch), (wire.FromWire().Kind, wire.FromWire().Status.LowerIsBetter, wire.FromWire().Status.Started!.Value));
            Assert.Equal(entry.ToJournal(), entry.ToJournal().ToWire().FromWire());
            Assert.Equal(new JournalEntry(3, DateTimeOffset.UnixEpoch, 7, "running", kind.ToString().ToLowerInvariant(), "Something."), entry.ToJournal());
            wire.Kind = V1.EventKind.Unspecified;
            Assert.Equal(EventKind.Remark, wire.FromWire().Kind);
        }
        Assert.Null((status with { Started = null }).ToWire().FromWire().Started);
    }

    [Fact]
    public void Value_OfANewerVersion_IsRefusedByName()
    {
        var wire = spec.ToWire();
        wire.Exchange = (V1.Exchange)77;
        Assert.Contains("No ExchangeKind is named '77'", Assert.Throws<SpecException>(() => wire.FromWire()).Message);
    }
}
