using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Granary.Training.Exchange;
using Granary.Training.Exchange.Links;

namespace Granary.Training.Tests;

/// <summary>What strangers cost. Nothing else of these tests runs meanwhile: it would use memory and file handles, too.</summary>
[CollectionDefinition(nameof(PeerFloodTests), DisableParallelization = true)]
[Collection(nameof(PeerFloodTests))]
public sealed partial class PeerFloodTests : IDisposable
{
    private const int Silent = 1000, Babbling = 1000, Slow = 20, MostBytes = 50_000_000;
    private readonly PeerListener[] listeners = [.. Enumerable.Range(0, 2).Select(_ => new PeerListener(IPAddress.Loopback, 0, Transport.Tcp))];
    private readonly List<Socket> connections = [];

    public void Dispose()
    {
        connections.ForEach(connection => connection.Dispose());
        Array.ForEach(listeners, listener => listener.Dispose());
    }

    [Fact]
    public async Task Exchange_WhileThousandsAreSilentOrBabble_GoesOn_AndTheyCostLittle()
    {
        using var meshes = await Meshes.MeetAsync(listeners, [1, 2]);
        Sum(meshes);
        var before = UsedBytes();
        var crowd = Task.Run(Crowd);
        var most = 0;
        do
        {
            Sum(meshes);
            most = Math.Max(most, listeners.Max(listener => listener.Strangers));
        }
        while (!crowd.IsCompleted);
        await crowd;
        using (var others = await Meshes.MeetAsync(listeners, [2, 1]))
        {
            Sum(others);
        }
        Assert.InRange(UsedBytes() - before, long.MinValue, MostBytes);
        Assert.InRange(most, 1, PeerAdmission.MostStrangers + PeerAdmission.MostWaiting);
        connections.ForEach(connection => connection.Dispose());
        await FakePeer.WaitAsync(() => listeners.All(listener => listener.Strangers == 0));
        Sum(meshes);
    }

    [Fact]
    public async Task Listener_OutOfFileHandles_GoesOnWhenThereAreSome()
    {
        var waiting = Enumerable.Range(0, 20).Select(_ => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)).ToList();
        connections.AddRange(waiting);
        List<Socket> handles = [];
        Assert.Equal(0, GetLimit(OpenFiles, out var limit));
        var most = Directory.GetFiles("/proc/self/fd").Max(file => int.Parse(Path.GetFileName(file)));
        Assert.Equal(0, SetLimit(OpenFiles, limit with { Soft = (nuint)most + 1 }));
        try
        {
            Assert.Throws<SocketException>(() => handles.AddRange(Enumerable.Range(0, int.MaxValue).Select(_ => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))));
            waiting.ForEach(connection => connection.Connect(IPAddress.Loopback, listeners[0].Port));
            Assert.Equal(0, listeners[0].Strangers);
        }
        finally
        {
            handles.ForEach(handle => handle.Dispose());
            Assert.Equal(0, SetLimit(OpenFiles, limit));
        }
        await FakePeer.WaitAsync(() => listeners[0].Strangers == waiting.Count);
        using var meshes = await Meshes.MeetAsync(listeners, [1, 2]);
        Sum(meshes);
    }

    private static void Sum(Meshes meshes)
    {
        using var expected = meshes.Expected(40_000);
        var failures = meshes.InEach(mesh =>
        {
            var partials = meshes.Partials(mesh.Rank, 40_000);
            mesh.Sum(partials, 0, 0);
            Assert.True(partials[0].Frame.Dense.SequenceEqual(expected.Dense), "The sum is another.");
            partials.ForEach(partial => partial.Frame.Dispose());
        });
        Assert.All(failures, Assert.Null);
    }

    private static long UsedBytes()
    {
        GC.Collect();
        return Environment.WorkingSet;
    }

    private void Crowd()
    {
        foreach (var listener in listeners)
        {
            for (var i = 0; i < Silent / 2; i++)
            {
                Connect(listener);
            }
            for (var i = 0; i < Babbling / 4; i++)
            {
                Say(Connect(listener), RandomNumberGenerator.GetBytes(1000));
                Say(Connect(listener), FakePeer.Greeting(Guid.NewGuid(), from: 1, to: 0).ToBytes());
            }
            var slow = Enumerable.Range(0, Slow).Select(_ => Connect(listener)).ToList();
            foreach (var letter in FakePeer.Greeting(Guid.NewGuid(), from: 1, to: 0).ToBytes())
            {
                slow.ForEach(connection => Say(connection, [letter]));
            }
        }
    }

    private Socket Connect(PeerListener listener)
    {
        connections.Add(FakePeer.Call(listener.Port));
        return connections[^1];
    }

    /// <summary>Also to those who have hung up.</summary>
    private static void Say(Socket connection, byte[] words) => connection.Send(words, SocketFlags.None, out _);

    private const int OpenFiles = 7;

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    private static partial int GetLimit(int resource, out Limit limit);

    [LibraryImport("libc", EntryPoint = "setrlimit")]
    private static partial int SetLimit(int resource, in Limit limit);

    private readonly record struct Limit(nuint Soft, nuint Hard);
}
