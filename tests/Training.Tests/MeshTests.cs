using Granary.Training.Exchange.Links;

namespace Granary.Training.Tests;

public class MeshTests
{
    public static TheoryData<Transport, int[]> Rounds()
    {
        var rounds = new TheoryData<Transport, int[]>();
        foreach (var transport in (Transport[])[Transport.Tcp, Transport.Unix, Transport.SharedMemory])
        {
            foreach (var counts in (int[][])[[1, 1], [3, 4], [1, 5, 1], [2, 1, 3, 5], [1, 1, 1, 1, 1]])
            {
                rounds.Add(transport, counts);
            }
        }
        return rounds;
    }

    [Theory]
    [MemberData(nameof(Rounds))]
    public async Task Sum_OverAnyTransport_HasTheBitsOfTheTree(Transport transport, int[] counts)
    {
        using var meshes = await Meshes.ConnectAsync(counts, transport);
        foreach (var values in (int[])[0, 12, 1000, 40_000, 500_003])
        {
            AssertSums(meshes, values);
        }
    }

    [Theory]
    [InlineData(Transport.Tcp)]
    [InlineData(Transport.SharedMemory)]
    public async Task Sum_OfRows_HasTheBitsOfTheTree(Transport transport)
    {
        using var meshes = await Meshes.ConnectAsync([3, 1, 2], transport);
        AssertSums(meshes, values: 3, rowWidth: 300);
        AssertSums(meshes, values: 3, rowWidth: 300, seed: 2);
    }

    [Theory]
    [InlineData(Transport.Tcp)]
    [InlineData(Transport.SharedMemory)]
    public async Task Sum_OfRows_AfterAStepInWhichAProcessHasNone_IsWithoutThoseOfTheStepBefore(Transport transport)
    {
        using var meshes = await Meshes.ConnectAsync([1, 1, 1], transport);
        var sums = new int[3][];
        var failures = meshes.InEach(mesh =>
        {
            var partials = meshes.Partials(mesh.Rank, 3, rowWidth: 20);
            mesh.Sum(partials, step: 0, phase: 0);
            partials[0].Frame.Rows!.Reset(mesh.Rank == 1 ? [] : [mesh.Rank]);
            partials[0].Frame.Rows!.Values.Fill(1);
            mesh.Sum(partials, step: 1, phase: 0);
            sums[mesh.Rank] = partials[0].Frame.Rows!.Numbers.ToArray();
        });
        Assert.All(failures, Assert.Null);
        Assert.All(sums, numbers => Assert.Equal([0, 2], numbers));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 1, 3, 5)]
    public async Task Sum_OverEncryptedLinks_HasTheBitsOfTheTree(params int[] counts)
    {
        using var meshes = await Meshes.ConnectAsync(counts, Transport.Tcp, encryption: _ => Certificates.Encryption());
        Assert.All(meshes.Links.SelectMany(links => links).OfType<PeerLink>(), link => Assert.True(link.IsEncrypted));
        foreach (var values in (int[])[0, 12, 1000, 40_000, 500_003])
        {
            AssertSums(meshes, values);
        }
        AssertSums(meshes, values: 3, rowWidth: 300);
    }

    [Fact]
    public async Task Links_BetweenAndWithinMachines_AreTheFastestThereAre_AndMix()
    {
        using var meshes = await Meshes.ConnectAsync([2, 1, 3, 1], machines: [0, 0, 1, 1]);
        Assert.Equal(Transport.SharedMemory, meshes.Links[0][1]!.Transport);
        Assert.Equal(Transport.Tcp, meshes.Links[1][2]!.Transport);
        Assert.Equal(Transport.Tcp, meshes.Links[3][0]!.Transport);
        Assert.Equal(Transport.SharedMemory, meshes.Links[3][2]!.Transport);
        AssertSums(meshes, values: 300_000, rowWidth: 20);
    }

    [Theory]
    [InlineData(Transport.Tcp)]
    [InlineData(Transport.Tcp, true)]
    [InlineData(Transport.Unix)]
    [InlineData(Transport.SharedMemory)]
    public async Task Sum_WhenAProcessEnds_FailsForAllOthers(Transport transport, bool encrypted = false)
    {
        using var meshes = await Meshes.ConnectAsync([1, 1, 1], transport, encryption: _ => encrypted ? Certificates.Encryption() : null);
        var failures = meshes.InEach(mesh =>
        {
            if (mesh.Rank == 1)
            {
                // What the kernel does for a killed process.
                Array.ForEach(meshes.Links[1], link => link?.Socket.Dispose());
            }
            else
            {
                mesh.Sum(meshes.Partials(mesh.Rank, 100_000), 0, 0);
            }
        });
        Assert.IsType<ExchangeAbortedException>(failures[0]);
        Assert.IsType<ExchangeAbortedException>(failures[2]);
    }

    [Theory]
    [InlineData(Transport.Tcp)]
    [InlineData(Transport.Tcp, true)]
    [InlineData(Transport.SharedMemory)]
    public async Task Sum_WhenAProcessLeavesAfterItsPart_StillSucceeds(Transport transport, bool encrypted = false)
    {
        using var meshes = await Meshes.ConnectAsync([1, 1], transport, encryption: _ => encrypted ? Certificates.Encryption() : null);
        var failures = meshes.InEach(mesh =>
        {
            mesh.Sum(meshes.Partials(mesh.Rank, 100_000), 0, 0);
            mesh.Dispose();
        });
        Assert.All(failures, Assert.Null);
    }

    [Theory]
    [InlineData(Transport.Tcp)]
    [InlineData(Transport.SharedMemory)]
    public async Task Sum_WhenAProcessIsSilent_FailsAfterItsPatience(Transport transport)
    {
        using var meshes = await Meshes.ConnectAsync([1, 1], transport, patience: TimeSpan.FromMilliseconds(50));
        var failure = Assert.Throws<ExchangeAbortedException>(() => meshes.All[0].Sum(meshes.Partials(0, 100_000), 0, 0));
        Assert.Contains("Processes 1 have been silent", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Transport.Tcp)]
    [InlineData(Transport.SharedMemory)]
    public async Task Sum_WhenAbortedFromAnotherThread_FailsWithTheReason(Transport transport)
    {
        using var meshes = await Meshes.ConnectAsync([1, 1], transport);
        var failures = meshes.InEach(mesh =>
        {
            if (mesh.Rank == 0)
            {
                mesh.Sum(meshes.Partials(0, 100_000), 0, 0);
            }
            else
            {
                meshes.All[0].Abort("Enough.");
            }
        });
        Assert.Equal("Enough.", Assert.IsType<ExchangeAbortedException>(failures[0]).Message);
    }

    [Theory]
    [InlineData(Transport.Tcp, 0, 1000)]
    [InlineData(Transport.Tcp, 1, 100_000)]
    [InlineData(Transport.SharedMemory, 0, 1000)]
    [InlineData(Transport.SharedMemory, 1, 100_000)]
    [InlineData(Transport.Tcp, 0, 1000, true)]
    [InlineData(Transport.Tcp, 1, 100_000, true)]
    public async Task Sum_WhenProcessesStandElsewhere_FailsAndSaysWhere(Transport transport, int phase, int values, bool encrypted = false)
    {
        using var meshes = await Meshes.ConnectAsync([1, 1], transport, encryption: _ => encrypted ? Certificates.Encryption() : null);
        var failures = meshes.InEach(mesh =>
        {
            using var left = mesh;
            mesh.Sum(meshes.Partials(mesh.Rank, mesh.Rank == 0 ? 100_000 : values), step: 7, phase: mesh.Rank == 0 ? 0 : phase);
        });
        Assert.All(failures, failure => Assert.IsType<ExchangeAbortedException>(failure));
        string[] places = [$"step 7, phase {phase}, {values + 5} floats", "step 7, phase 0, 100005 floats"];
        Assert.Contains(failures, failure => places.All(place => failure!.Message.Contains(place, StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(Transport.Tcp)]
    [InlineData(Transport.Tcp, true)]
    [InlineData(Transport.SharedMemory)]
    public async Task Sum_OnceWarm_AllocatesNothing(Transport transport, bool encrypted = false)
    {
        using var meshes = await Meshes.ConnectAsync([3, 2], transport, encryption: _ => encrypted ? Certificates.Encryption() : null);
        var allocated = new long[2];
        var failures = meshes.InEach(mesh =>
        {
            var partials = meshes.Partials(mesh.Rank, 100_000, rowWidth: 30);
            // Of several, as the first one that has to sleep warms up what the others did not need.
            allocated[mesh.Rank] = Enumerable.Range(0, 10).Min(step =>
            {
                var before = GC.GetAllocatedBytesForCurrentThread();
                mesh.Sum(partials, step, 0);
                return GC.GetAllocatedBytesForCurrentThread() - before;
            });
        });
        Assert.All(failures, Assert.Null);
        Assert.Equal([0, 0], allocated);
    }

    private static void AssertSums(Meshes meshes, int values, int rowWidth = 0, ulong seed = 1)
    {
        using var expected = meshes.Expected(values, rowWidth, seed);
        var failures = meshes.InEach(mesh =>
        {
            var partials = meshes.Partials(mesh.Rank, values, rowWidth, seed);
            mesh.Sum(partials, step: values, phase: 0);
            var sum = partials[0].Frame;
            Assert.True(sum.Dense.SequenceEqual(expected.Dense), $"The bits of process {mesh.Rank} differ.");
            if (sum.Rows is { } rows)
            {
                Assert.Equal(expected.Rows!.Numbers, rows.Numbers);
                Assert.True(rows.Values.SequenceEqual(expected.Rows.Values), $"The rows' bits of process {mesh.Rank} differ.");
            }
            partials.ForEach(partial => partial.Frame.Dispose());
        });
        Assert.All(failures, Assert.Null);
    }
}
