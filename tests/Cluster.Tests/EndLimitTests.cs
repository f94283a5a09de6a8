using Granary.Silo;

namespace Granary.Cluster.Tests;

public class EndLimitTests
{
    [Fact]
    public async Task EndLimit_OfAProcessThatWasToldToEndAndDoesNot_SaysForWhatItWaited()
    {
        var said = new TaskCompletionSource<string>();
        using var stopping = new CancellationTokenSource();
        using var limit = new EndLimit(stopping.Token, TimeSpan.FromMilliseconds(1), said.SetResult);
        limit.WaitsFor("a thread");
        await stopping.CancelAsync();
        Assert.Equal("The silo did not end within 0 s of being told to: it waited for a thread.", await said.Task.WaitAsync(TimeSpan.FromSeconds(20)));
    }
}
