using Granary.Grains.Coordinator;
using Granary.Grains.Slots;

namespace Granary.Grains.Tests;

public sealed class PlainReasonTests
{
    public static TheoryData<string, Exception> Losses => new()
    {
        { "No silo of the cluster is node 'a' now.", new SlotGoneException("No silo of the cluster is node 'a' now.") },
        { "its silo cannot be reached", new SiloUnavailableException("The target silo became unavailable for message: Request [S10.244.0.16:11111:154863790 coordinator/big]->...") },
        { "it has not answered in time", new TimeoutException("Response did not arrive on time in 00:15:00 for message: ...") },
        { "Something broke.", new InvalidOperationException("Something broke.\n   at Granary.Somewhere()\n   at Granary.Elsewhere()") },
    };

    [Theory]
    [MemberData(nameof(Losses))]
    public void Loss_OfAnyKind_IsToldInOnePlainLine(string told, Exception error) => Assert.Equal(told, PlainReason.Of(error));
}
