using Granary.LocalClusters;

namespace Granary.Cluster.Tests;

public class LastWordsTests
{
    [Theory]
    [InlineData("The port is taken.", "2026-11-28T12:00:00.000Z warn: A.B[1] Something else.", "granary: The port is taken.", "   at System.CommandLine.Invoke()")]
    [InlineData("Too many open files", "Unhandled exception. System.IO.IOException: Too many open files", "   at System.IO.File.Open()", "   at System.CommandLine.Invoke()")]
    [InlineData("The table is gone.", "2026-11-28T12:00:00.000Z fail: A.B[1] The table is gone.", "2026-11-28T12:00:00.100Z info: A.B[2] Stopping.")]
    [InlineData("b c d", "a", "b", "c", "d")]
    [InlineData("it said nothing.")]
    public void LastWords_AreTheCauseOfTheEnd(string expected, params string[] lines) => Assert.Equal(expected, LastWords.Of(lines));
}
