using System.Net;
using Granary.Silo.Security;
using Microsoft.Extensions.Time.Testing;

namespace Granary.Cluster.Tests.Security;

public sealed class FailedTriesTests
{
    private static readonly IPAddress one = IPAddress.Parse("10.0.0.1"), other = IPAddress.Parse("10.0.0.2");
    private readonly FakeTimeProvider time = new();
    private readonly FailedTries tries;

    public FailedTriesTests() => tries = new(time);

    [Fact]
    public void Wait_DoublesUpToAMinute_ForThatAddressOnly()
    {
        Fail(FailedTries.Free);
        Assert.Equal(TimeSpan.Zero, tries.WaitOf(one));
        foreach (var seconds in new[] { 1, 2, 4, 8, 16, 32, 64, 64 })
        {
            Fail(1);
            Assert.Equal(TimeSpan.FromSeconds(seconds), tries.WaitOf(one));
        }
        Assert.Equal(TimeSpan.Zero, tries.WaitOf(other));
        time.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(TimeSpan.FromSeconds(4), tries.WaitOf(one));
    }

    [Fact]
    public void Failures_AreForgottenWithTimeAndWithASuccess()
    {
        Fail(20);
        time.Advance(TimeSpan.FromMinutes(10));
        Fail(1);
        Assert.Equal(TimeSpan.Zero, tries.WaitOf(one));
        Fail(20);
        tries.Succeeded(one);
        Fail(FailedTries.Free);
        Assert.Equal(TimeSpan.Zero, tries.WaitOf(one));
    }

    [Fact]
    public void Memory_HasABound()
    {
        for (var i = 0; i < 3 * FailedTries.MostAddresses; i++)
        {
            tries.Failed(new IPAddress(i));
            Assert.InRange(tries.Count, 1, FailedTries.MostAddresses);
        }
    }

    private void Fail(int times)
    {
        for (var i = 0; i < times; i++)
        {
            tries.Failed(one);
        }
    }
}
