using System.Net;
using Granary.Training.Exchange;
using Granary.Training.Exchange.Links;

namespace Granary.Training.Tests;

public sealed class PeerProofTests : IDisposable
{
    private readonly PeerListener listener = new(IPAddress.Loopback, 0);
    private readonly Guid key = Guid.NewGuid();
    private readonly CancellationTokenSource timeout = new(Meshes.Patience);

    public void Dispose()
    {
        listener.Dispose();
        timeout.Dispose();
    }

    public static TheoryData<string> WrongProofs() => ["another key", "another round's key", "swapped ranks", "another direction", "the answer's own", "another nonce", "one bit"];

    [Theory]
    [MemberData(nameof(WrongProofs))]
    public async Task Caller_WithAWrongProof_IsHungUpOn_AndTheRoundMeetsTheRightOne(string wrong)
    {
        var meeting = MeetAsync();
        using var caller = FakePeer.Call(listener.Port);
        var mine = FakePeer.Greeting(key, from: 1, to: 0);
        caller.Send(mine.ToBytes());
        var right = FakePeer.Answer(caller, key, mine);
        caller.Send(wrong switch
        {
            "another key" => (right with { Key = default }).Of(Side.Caller),
            "another round's key" => (right with { Key = Guid.NewGuid() }).Of(Side.Caller),
            "swapped ranks" => (right with { Caller = mine with { From = mine.To, To = mine.From } }).Of(Side.Caller),
            "another direction" => (right with { Caller = right.Called, Called = right.Caller }).Of(Side.Caller),
            "the answer's own" => right.Of(Side.Called),
            "another nonce" => (right with { Called = right.Called with { Nonce = Digest.Random() } }).Of(Side.Caller),
            _ => [.. right.Of(Side.Caller).Select((value, index) => index == 31 ? (byte)(value ^ 1) : value)],
        });
        await FakePeer.WaitAsync(() => FakePeer.IsHungUp(caller));
        await AssertMeetsAsync(meeting);
    }

    [Fact]
    public async Task Caller_WithSwappedRanks_IsHungUpOn()
    {
        var meeting = MeetAsync();
        using var caller = FakePeer.Call(listener.Port);
        caller.Send(FakePeer.Greeting(key, from: 1, to: 2).ToBytes());
        await FakePeer.WaitAsync(() => FakePeer.IsHungUp(caller));
        await AssertMeetsAsync(meeting);
    }

    [Fact]
    public async Task Connection_SaidAgainWordForWord_IsHungUpOn()
    {
        var meeting = MeetAsync();
        var said = FakePeer.Greeting(key, from: 1, to: 0);
        using var first = FakePeer.Call(listener.Port);
        first.Send(said.ToBytes());
        var proof = FakePeer.Answer(first, key, said).Of(Side.Caller);
        // Before the first one uses it.
        using var second = FakePeer.Call(listener.Port);
        second.Send([.. said.ToBytes(), .. proof]);
        await FakePeer.WaitAsync(() => second.Available == Greeting.Bytes + PeerProof.Bytes || FakePeer.IsHungUp(second));
        _ = PeerTalk.Read(second, Greeting.Bytes + PeerProof.Bytes);
        await FakePeer.WaitAsync(() => FakePeer.IsHungUp(second));
        first.Send(proof);
        Assert.NotNull((await meeting)[1]);
    }

    [Fact]
    public async Task Key_OfARound_NeverTravels()
    {
        using var called = FakePeer.Listen();
        var meeting = listener.MeetAsync(key, 1, [new("127.0.0.1", FakePeer.PortOf(called)), new("", 0)], timeout.Token);
        using var connection = await called.AcceptAsync(timeout.Token);
        var greeting = PeerTalk.Read(connection, Greeting.Bytes);
        Assert.Equal(-1, greeting.AsSpan().IndexOf(key.ToByteArray()));
        Assert.NotEqual(key, Greeting.Read(greeting).Round);
        await timeout.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => meeting);
    }

    [Theory]
    [InlineData("another key")]
    [InlineData("reflected")]
    [InlineData("another rank")]
    [InlineData("the caller's own")]
    public async Task Called_WithoutTheRightProof_IsNoPeer(string wrong)
    {
        using var called = FakePeer.Listen();
        var meeting = listener.MeetAsync(key, 1, [new("127.0.0.1", FakePeer.PortOf(called)), new("", 0)], timeout.Token);
        using var connection = await called.AcceptAsync(timeout.Token);
        var theirs = Greeting.Read(PeerTalk.Read(connection, Greeting.Bytes));
        var right = new PeerProof(key, theirs, FakePeer.Greeting(key, from: wrong == "another rank" ? 2 : 0, to: 1));
        var (answer, proof) = wrong switch
        {
            "another key" => (right.Called, (right with { Key = Guid.NewGuid() }).Of(Side.Called)),
            "reflected" => (theirs, (right with { Called = theirs }).Of(Side.Called)),
            "the caller's own" => (right.Called, right.Of(Side.Caller)),
            _ => (right.Called, right.Of(Side.Called)),
        };
        connection.Send([.. answer.ToBytes(), .. proof]);
        var refused = await Assert.ThrowsAsync<IOException>(() => meeting);
        Assert.Contains("has not proved to be process 0 of the round", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Caller_HungUpOnBeforeAnAnswer_TriesAgainWithAnotherNonce()
    {
        using var called = FakePeer.Listen();
        var meeting = listener.MeetAsync(key, 1, [new("127.0.0.1", FakePeer.PortOf(called)), new("", 0)], timeout.Token);
        Digest first;
        using (var connection = await called.AcceptAsync(timeout.Token))
        {
            first = Greeting.Read(PeerTalk.Read(connection, Greeting.Bytes)).Nonce;
        }
        using var again = await called.AcceptAsync(timeout.Token);
        FakePeer.Welcome(again, key, theirs =>
        {
            Assert.NotEqual(first, theirs.Nonce);
            return FakePeer.Greeting(key, from: 0, to: 1);
        });
        Assert.Equal(Transport.Tcp, (await meeting)[0]!.Transport);
    }

    [Fact]
    public async Task Caller_HungUpOnAgainAndAgain_GivesUpAndSaysSo()
    {
        using var called = FakePeer.Listen();
        var meeting = listener.MeetAsync(key, 1, [new("127.0.0.1", FakePeer.PortOf(called)), new("", 0)], timeout.Token);
        while (!meeting.IsCompleted)
        {
            var connection = called.AcceptAsync(timeout.Token).AsTask();
            if (await Task.WhenAny(connection, meeting) == connection)
            {
                (await connection).Dispose();
            }
        }
        var refused = await Assert.ThrowsAsync<IOException>(() => meeting);
        Assert.Contains("has hung up 10 times without an answer", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Words_OfSomebodyInBetween_EndTheMeeting()
    {
        var host = Guid.NewGuid();
        using var local = new PeerListener(IPAddress.Loopback, 0, host: host);
        using var called = FakePeer.Listen();
        var meeting = local.MeetAsync(key, 1, [new("127.0.0.1", FakePeer.PortOf(called)), new("", 0)], timeout.Token);
        using var connection = await called.AcceptAsync(timeout.Token);
        FakePeer.Welcome(connection, key, _ => FakePeer.Greeting(key, from: 0, to: 1) with { Host = host });
        connection.Send([3, .. "tcp"u8, .. new byte[32]]);
        var refused = await Assert.ThrowsAsync<IOException>(() => meeting);
        Assert.Contains("something between the two changes it", refused.Message, StringComparison.Ordinal);
    }

    private Task<PeerLink?[]> MeetAsync() => listener.MeetAsync(key, 0, [new("", 0), new("", 0)], timeout.Token);

    private async Task AssertMeetsAsync(Task<PeerLink?[]> meeting)
    {
        Assert.False(meeting.IsCompleted);
        using var peer = FakePeer.Call(listener.Port);
        FakePeer.Prove(peer, key, FakePeer.Greeting(key, from: 1, to: 0));
        using var link = (await meeting)[1]!;
        Assert.Equal(1, link.Process);
    }
}
