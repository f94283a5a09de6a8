using Granary.Grains.Coordinator;

namespace Granary.Grains.Tests;

public sealed class MemoryRuleTests
{
    [Fact]
    public void Suspect_OfASiloThatHadTakenNearlyAll_SaysSoWithTheSizes() => Assert.Equal(
        "a took 950 MiB of the 1 GiB that it may take when it was last heard: the kernel may have ended it (exit code 137). Give it more memory, or train a smaller model.",
        MemoryRule.Suspect(SlotQueueTests.Node("a", 1).Single().Node with { MemoryUsed = 950L << 20, MemoryLimit = 1L << 30 }));

    [Theory]
    [InlineData(700, 1024)]
    [InlineData(700, 0)]
    public void Suspect_OfASiloThatHadEnough_OrDidNotTell_IsNothing(long used, long limit) =>
        Assert.Null(MemoryRule.Suspect(SlotQueueTests.Node("a", 1).Single().Node with { MemoryUsed = used << 20, MemoryLimit = limit << 20 }));
}
